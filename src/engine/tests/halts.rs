//! Halts: nothing but cancels leaves, whatever the disk says, and what waits for its slot does not leave either.

use std::sync::Arc;
use std::time::Duration;

use super::bench::{Bench, place, status};
use crate::domain::{Caller, CallerName, Halt, Role, Status, Timestamp};
use crate::engine::halts::HaltChange;
use crate::engine::input::Input;
use crate::error::Reason;
use crate::tws::{TwsCommand, TwsEvent};

const PATIENCE: Duration = Duration::from_secs(5);

fn halt(caller: Option<&str>, account: Option<&str>) -> Halt {
    Halt {
        reason: "a test".to_owned(),
        caller: caller.map(str::to_owned),
        account: account.map(str::to_owned),
        halted_by: None,
        since: Timestamp::from_unix_micros(0),
    }
}

fn change(change: HaltChange) -> Input {
    Input::Halt {
        change,
        caller: Arc::new(Caller::LOCAL),
        waiter: 0,
    }
}

fn add(caller: Option<&str>, account: Option<&str>) -> Input {
    change(HaltChange::Add(halt(caller, account)))
}

fn lift_all() -> Input {
    change(HaltChange::Lift {
        caller: None,
        account: None,
    })
}

fn is_halted(bench: &Bench, waiter: u64) -> bool {
    match bench.told(waiter) {
        Some(Err(error)) => {
            assert_eq!(error.reason, Reason::Halted, "{error}");
            true
        }
        Some(Ok(_)) | None => false,
    }
}

fn frames(bench: &Bench) -> usize {
    let placed = |command: &&TwsCommand| matches!(command, TwsCommand::Place { .. });
    bench.commands.iter().filter(placed).count()
}

#[test]
fn while_halted_new_orders_and_releases_are_refused_and_cancels_go() {
    let mut bench = Bench::connected();
    bench.place(true);
    bench.report(status(1, "Submitted"));
    bench.place(false);
    bench.tws(TwsEvent::BarrierAnswered {
        session: 1,
        token: 1,
        next_valid_id: None,
    });
    bench.assert_status(2, Status::Staged);
    bench.process(&[add(None, None)]);
    let before = frames(&bench);
    let (placed, released) = (bench.place(true), bench.transmit(2));
    assert!(is_halted(&bench, placed) && is_halted(&bench, released));
    bench.assert_status(2, Status::Staged);
    bench.cancel(1);
    let cancels = |command: &TwsCommand| matches!(command, TwsCommand::Cancel { order_id: 1, .. });
    assert!(bench.commands.iter().any(cancels));
    // A known request is answered all the same.
    let again = bench.ask(place("r0", true), PATIENCE);
    assert!(!is_halted(&bench, again));
    assert_eq!(frames(&bench), before);
    bench.process(&[lift_all()]);
    let placed = bench.place(true);
    assert!(!is_halted(&bench, placed));
    assert_eq!(frames(&bench), before + 1);
}

#[test]
fn what_waits_for_its_slot_is_not_sent_any_more() {
    // One message a second goes out.
    let mut bench = Bench::with_rate(1);
    bench.connect(1);
    bench.wait(Duration::from_secs(10));
    let waiters: Vec<u64> = (0..5).map(|_| bench.place(true)).collect();
    let sent = frames(&bench);
    assert!(sent < 5, "all went out at once");
    bench.process(&[add(None, None)]);
    bench.wait(Duration::from_secs(10));
    assert_eq!(frames(&bench), sent);
    for order_id in sent + 1..=5 {
        let order_id = i32::try_from(order_id).unwrap();
        bench.assert_status(order_id, Status::Cancelled);
        let why = bench.state(order_id).last_error.clone().unwrap();
        assert!(why.starts_with("not sent: new orders are halted"), "{why}");
    }
    assert_eq!(bench.told(waiters[4]), Some(Ok(Status::Cancelled)));
}

#[test]
fn a_halt_that_is_not_stored_yet_holds_all_the_same() {
    let mut bench = Bench::connected();
    bench.core.halts.unstored.push(halt(None, None));
    let placed = bench.place(true);
    assert!(is_halted(&bench, placed));
    // Once it is stored it is one of the stored ones alone.
    bench.process(&[add(None, None)]);
    assert!(bench.core.halts.unstored.is_empty());
    let placed = bench.place(true);
    assert!(is_halted(&bench, placed));
}

#[test]
fn a_halt_concerns_its_caller_and_its_account_alone() {
    let mut bench = Bench::connected();
    bench.process(&[add(Some("algo"), None), add(None, Some("DU2"))]);
    let placed = bench.place(true);
    assert!(!is_halted(&bench, placed));
    let mut ask = bench.asking(place("of algo", true), PATIENCE);
    ask.caller = Arc::new(Caller {
        name: CallerName::new("algo"),
        role: Role::Trade,
        address: None,
    });
    let waiter = ask.waiter;
    bench.process(&[Input::Request(ask)]);
    assert!(is_halted(&bench, waiter));
    bench.process(&[add(None, Some("DU1"))]);
    let placed = bench.place(true);
    assert!(is_halted(&bench, placed));
    bench.process(&[change(HaltChange::Lift {
        caller: None,
        account: Some("DU1".to_owned()),
    })]);
    let placed = bench.place(true);
    assert!(!is_halted(&bench, placed));
}

#[test]
fn the_halt_file_halts_for_as_long_as_it_is_there() {
    let mut bench = Bench::connected();
    bench.core.halts.file = Some("the halt file is there".to_owned());
    bench.process(&[Input::HaltFile]);
    let placed = bench.place(true);
    assert!(is_halted(&bench, placed));
    bench.core.halts.file = None;
    bench.process(&[Input::HaltFile]);
    let placed = bench.place(true);
    assert!(!is_halted(&bench, placed));
}
