//! Halts: nothing but cancels leaves, whatever the disk says, and what waits for its slot does not leave either.

use std::sync::Arc;
use std::time::Duration;

use super::bench::{Bench, error, open_order, place, status};
use crate::domain::limits::{Cents, Limits};
use crate::domain::{
    AccountReport, Amount, Caller, CallerName, Halt, LinkState, OrderKey, Origin,
    ReplacementStatus, Role, Status, TermsChange, Timestamp,
};
use crate::engine::halts::HaltChange;
use crate::engine::input::{Command, Input, ReplaceCommand};
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
        caller: Some(Arc::new(Caller::LOCAL)),
        waiter: 0,
    }
}

fn named(name: &str) -> Caller {
    Caller {
        name: CallerName::new(name),
        role: Role::Trade,
        address: None,
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
    ask.caller = Arc::new(named("algo"));
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

/// One that TWS rejects at once.
fn rejected(bench: &mut Bench) {
    let waiter = bench.place(true);
    assert_eq!(bench.told(waiter), None, "it was not taken");
    let order_id = *bench.store.orders.keys().last().unwrap();
    bench.report(error(order_id, 201));
    bench.assert_status(order_id, Status::Rejected);
}

fn limited(set: impl FnOnce(&mut Limits)) -> Bench {
    let mut bench = Bench::connected();
    let mut limits = Limits::default();
    set(&mut limits);
    bench.process(&[Input::Limits(Arc::new(limits))]);
    bench
}

#[test]
fn orders_that_tws_rejects_in_a_row_halt_everybody_by_the_default_s_limit() {
    let mut bench = limited(|limits| limits.default.refuse.max_consecutive_rejections = Some(3));
    rejected(&mut bench);
    rejected(&mut bench);
    // One that works ends the row, one that TWS only has does not.
    bench.place(true);
    let order_id = *bench.store.orders.keys().last().unwrap();
    bench.report(status(order_id, "PendingSubmit"));
    rejected(&mut bench);
    let placed = bench.place(true);
    assert!(is_halted(&bench, placed));
    let why = bench.told(placed).unwrap().unwrap_err().message;
    assert!(why.contains("3 orders in a row"), "{why}");
    assert_eq!(bench.links.last(), Some(&LinkState::Halted));
    // It is lifted with its count.
    bench.process(&[lift_all()]);
    rejected(&mut bench);
    rejected(&mut bench);
    bench.place(true);
    let order_id = *bench.store.orders.keys().last().unwrap();
    bench.report(status(order_id, "Submitted"));
    rejected(&mut bench);
    rejected(&mut bench);
    let placed = bench.place(true);
    assert!(!is_halted(&bench, placed));
}

#[test]
fn an_account_s_limit_of_rejections_halts_the_caller_there_alone() {
    let mut bench = limited(|limits| {
        let table = limits.accounts.entry("DU1".to_owned()).or_default();
        table.refuse.max_consecutive_rejections = Some(1);
    });
    rejected(&mut bench);
    let placed = bench.place(true);
    assert!(is_halted(&bench, placed));
    let mut ask = bench.asking(place("of algo", true), PATIENCE);
    ask.caller = Arc::new(named("algo"));
    let waiter = ask.waiter;
    bench.process(&[Input::Request(ask)]);
    assert!(!is_halted(&bench, waiter));
    assert_eq!(
        bench.core.engine_state.halts[0].caller.as_deref(),
        Some("local")
    );
}

#[test]
fn a_halt_by_rejections_holds_what_was_taken_in_the_same_batch_and_what_waits() {
    let mut bench = Bench::with_rate(1);
    bench.connect(1);
    let mut limits = Limits::default();
    limits.default.refuse.max_consecutive_rejections = Some(1);
    bench.process(&[Input::Limits(Arc::new(limits))]);
    bench.wait(Duration::from_secs(10));
    bench.place(true);
    let first = *bench.store.orders.keys().last().unwrap();
    bench.wait(Duration::from_secs(2));
    for _ in 0..3 {
        bench.place(true);
    }
    let sent = frames(&bench);
    let asks: Vec<Input> = std::iter::once(Input::Tws(TwsEvent::Report {
        session: 1,
        report: error(first, 201),
    }))
    .chain((0..3).map(|n| Input::Request(bench.asking(place(&format!("late{n}"), true), PATIENCE))))
    .collect();
    bench.process(&asks);
    bench.wait(Duration::from_secs(20));
    assert_eq!(frames(&bench), sent, "something left after the halt");
    assert_eq!(bench.core.queue.len(), 0);
}

#[test]
fn a_loss_beyond_the_limit_halts_its_account_and_one_just_inside_does_not() {
    let mut bench = limited(|limits| {
        limits.default.refuse.max_daily_loss = Some(Cents::of(20_000.into()));
    });
    let profit = |bench: &mut Bench, text: &str| {
        bench.tws(TwsEvent::Account {
            session: 1,
            report: AccountReport::DailyProfit {
                account: "DU1".to_owned(),
                daily: Some(Amount::new(text.parse().unwrap())),
            },
        });
        let due = bench.core.due(bench.now);
        bench.process(&due);
    };
    profit(&mut bench, "-20000");
    let placed = bench.place(true);
    assert!(!is_halted(&bench, placed));
    profit(&mut bench, "-20000.01");
    let placed = bench.place(true);
    assert!(is_halted(&bench, placed));
    let [halt] = &bench.core.engine_state.halts[..] else {
        panic!("{:?}", bench.core.engine_state.halts);
    };
    assert_eq!(halt.account.as_deref(), Some("DU1"));
    assert!(halt.reason.contains("20000.01"), "{}", halt.reason);
    assert_eq!(bench.core.halts.unstored, []);
    // It is put in force once, and again only where it was lifted while the loss stands.
    profit(&mut bench, "-30000");
    assert_eq!(bench.core.engine_state.halts.len(), 1);
    profit(&mut bench, "-1");
    bench.process(&[lift_all()]);
    let placed = bench.place(true);
    assert!(!is_halted(&bench, placed));
    let left = bench.core.limits(bench.now).limits;
    assert_eq!(
        (
            left[0].of.as_deref(),
            left[0].used.as_deref(),
            left[0].left.as_deref()
        ),
        (Some("DU1"), Some("1"), Some("19999"))
    );
}

#[test]
fn a_halt_of_a_caller_without_a_name_finds_what_it_has_waiting() {
    let mut bench = Bench::with_rate(1);
    bench.connect(1);
    bench.wait(Duration::from_secs(10));
    let unnamed = Caller {
        name: None,
        role: Role::Trade,
        address: Some("10.0.0.1".parse().unwrap()),
    };
    for n in 0..4 {
        let mut ask = bench.asking(place(&format!("w{n}"), true), PATIENCE);
        ask.caller = Arc::new(unnamed.clone());
        bench.process(&[Input::Request(ask)]);
    }
    let sent = frames(&bench);
    assert!(sent < 4);
    bench.process(&[add(Some("10.0.0.1"), None)]);
    bench.wait(Duration::from_secs(10));
    assert_eq!(frames(&bench), sent);
    bench.assert_status(4, Status::Cancelled);
}

#[test]
fn a_replacement_that_waits_is_refused_by_a_halt_unless_it_only_lowers() {
    for (quantity, goes) in [("200", false), ("50", true)] {
        let mut bench = Bench::with_rate(1);
        bench.connect(1);
        bench.wait(Duration::from_secs(10));
        bench.place(true);
        bench.report(open_order(1, "Submitted", Origin::Live));
        // Its slot is taken.
        bench.place(true);
        let change = TermsChange {
            quantity: Some(Amount::new(quantity.parse().unwrap())),
            ..TermsChange::default()
        };
        let waiter = bench.ask(
            Command::Replace(Arc::new(ReplaceCommand {
                key: OrderKey::OrderId(1),
                change,
                expected_revision: None,
                request_id: "change".to_owned(),
                request_id_given: true,
            })),
            Duration::from_secs(60),
        );
        let sent = frames(&bench);
        bench.process(&[add(None, None)]);
        bench.wait(Duration::from_secs(10));
        assert_eq!(frames(&bench) > sent, goes, "{quantity}");
        let replacement = bench.state(1).replacement.clone().unwrap();
        let refused = replacement.status == ReplacementStatus::Refused;
        assert_eq!(refused, !goes, "{replacement:?}");
        if refused {
            assert!(bench.told(waiter).is_some());
            assert!(replacement.error.unwrap().contains("halted"));
        }
    }
}
