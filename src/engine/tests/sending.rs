//! Placing, staging, releasing, cancelling, and the order in which it goes out.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use super::bench::{Bench, error, place, status};
use crate::domain::Status;
use crate::engine::input::Input;
use crate::error::Reason;
use crate::tws::{SendKind, Sent, TwsCommand, TwsEvent};

fn names(commands: &[TwsCommand]) -> Vec<String> {
    let name = |command: &TwsCommand| match command {
        TwsCommand::Place { ticket, .. } => format!("place {}", ticket.order_id),
        TwsCommand::Preview { .. } => "preview".to_owned(),
        TwsCommand::Cancel { order_id, .. } => format!("cancel {order_id}"),
        TwsCommand::Barrier { token, .. } => format!("time {token}"),
        TwsCommand::Reconcile { .. } => "reconcile".to_owned(),
        TwsCommand::Account { .. } => "account".to_owned(),
        TwsCommand::Restart { .. } => "restart".to_owned(),
    };
    commands.iter().map(name).collect()
}

#[test]
fn a_batch_of_orders_is_one_commit() {
    let mut bench = Bench::connected();
    let before = bench.commits;
    let asks: Vec<Input> = (0..50)
        .map(|n| {
            Input::Request(bench.asking(place(&format!("q{n}"), true), Duration::from_secs(5)))
        })
        .collect();
    bench.process(&asks);
    assert_eq!(bench.commits - before, 1);
    assert_eq!(bench.commands.len(), 50);
}

#[test]
fn staged_orders_are_followed_by_one_time_request_whose_answer_stages_them() {
    let mut bench = Bench::connected();
    let asks =
        ["a", "b"].map(|id| Input::Request(bench.asking(place(id, false), Duration::from_secs(5))));
    bench.process(&asks);
    assert_eq!(names(&bench.commands), ["place 1", "place 2", "time 1"]);
    bench.assert_status(1, Status::Submitting);
    bench.report(error(2, 110));
    bench.tws(TwsEvent::BarrierAnswered {
        session: 1,
        token: 1,
        next_valid_id: None,
    });
    bench.assert_status(1, Status::Staged);
    bench.assert_status(2, Status::Rejected);
    assert_eq!(bench.told(1), Some(Ok(Status::Staged)));
    // And an error that follows flips it.
    bench.report(error(1, 201));
    bench.assert_status(1, Status::Rejected);
}

#[test]
fn a_release_sends_the_same_order_with_transmit_alone_changed() {
    let mut bench = Bench::connected();
    bench.place(false);
    bench.tws(TwsEvent::BarrierAnswered {
        session: 1,
        token: 1,
        next_valid_id: None,
    });
    let TwsCommand::Place { ticket: staged, .. } = bench.commands.remove(0) else {
        panic!("not a place");
    };
    bench.commands.clear();
    let waiter = bench.transmit(1);
    let TwsCommand::Place {
        ticket: released, ..
    } = bench.commands.remove(0)
    else {
        panic!("not a place");
    };
    assert!(released.transmit && !staged.transmit);
    assert_eq!(
        crate::domain::OrderTicket {
            transmit: false,
            ..released
        },
        staged
    );
    assert_eq!(bench.told(waiter), None);
    bench.report(status(1, "Submitted"));
    assert_eq!(bench.told(waiter), Some(Ok(Status::Submitted)));
    let again = bench.transmit(1);
    assert_eq!(bench.told(again), Some(Ok(Status::Submitted)));
    assert!(bench.commands.is_empty());
}

#[test]
fn cancels_go_before_orders_and_an_unsent_order_is_only_taken_out() {
    let mut bench = Bench::with_rate(4);
    bench.connect(1);
    bench.place(true);
    bench.report(status(1, "Submitted"));
    bench.commands.clear();
    // The second is used up: these wait for theirs.
    bench.place(true);
    bench.place(true);
    bench.cancel(1);
    let unsent = bench.cancel(2);
    assert_eq!(names(&bench.commands), Vec::<String>::new());
    assert_eq!(bench.told(unsent), Some(Ok(Status::Cancelled)));
    bench.wait(Duration::from_secs(2));
    assert_eq!(names(&bench.commands), ["cancel 1", "place 3"]);
}

#[test]
fn an_order_beyond_its_callers_patience_is_refused_and_not_stored() {
    let mut bench = Bench::with_rate(4);
    bench.connect(1);
    let first = bench.ask(place("a", true), Duration::ZERO);
    let second = bench.ask(place("b", true), Duration::from_millis(500));
    assert_eq!(bench.told(first), None);
    let refused = bench.told(second).unwrap().unwrap_err();
    assert_eq!(refused.reason, Reason::Pacing);
    assert!(
        refused
            .retry_after
            .is_some_and(|wait| wait <= Duration::from_millis(1_100))
    );
    assert_eq!(bench.store.orders.len(), 1);
}

#[test]
fn an_inactive_order_waits_a_second_for_its_reason() {
    let mut bench = Bench::connected();
    let with_reason = bench.place(true);
    bench.report(status(1, "Inactive"));
    assert_eq!(bench.told(with_reason), None);
    bench.report(error(1, 201));
    assert_eq!(bench.told(with_reason), Some(Ok(Status::Rejected)));
    let without = bench.place(true);
    bench.report(status(2, "Inactive"));
    bench.wait(Duration::from_secs(1));
    assert_eq!(bench.told(without), Some(Ok(Status::Inactive)));
}

#[test]
fn a_caller_is_answered_at_its_deadline_with_the_state_as_it_is() {
    let mut bench = Bench::connected();
    let waiter = bench.place(true);
    bench.wait(Duration::from_secs(4));
    assert_eq!(bench.told(waiter), None);
    bench.wait(Duration::from_secs(1));
    assert_eq!(bench.told(waiter), Some(Ok(Status::Submitting)));
}

#[test]
fn an_order_known_not_to_have_left_is_rejected() {
    let mut bench = Bench::connected();
    let waiter = bench.place(true);
    bench.tws(TwsEvent::Sent {
        session: 1,
        order_id: 1,
        kind: SendKind::Place,
        outcome: Sent::NotSent {
            reason: "broken pipe".to_owned(),
        },
    });
    assert_eq!(bench.told(waiter), Some(Ok(Status::Rejected)));
    assert_eq!(
        bench.state(1).last_error.as_deref(),
        Some("not sent: broken pipe")
    );
}

#[test]
fn the_same_request_waits_with_the_first_and_another_under_its_id_is_refused() {
    let mut bench = Bench::connected();
    let first = bench.ask(place("same", true), Duration::from_secs(5));
    let second = bench.ask(place("same", true), Duration::from_secs(5));
    let other = bench.ask(place("same", false), Duration::from_secs(5));
    assert_eq!(
        bench.told(other).unwrap().unwrap_err().reason,
        Reason::RequestIdReused
    );
    bench.report(status(1, "Submitted"));
    assert_eq!(bench.told(first), Some(Ok(Status::Submitted)));
    assert_eq!(bench.told(second), Some(Ok(Status::Submitted)));
    let replayed: Vec<bool> = bench
        .replies
        .iter()
        .filter_map(|(_, outcome)| outcome.as_ref().ok())
        .map(|answer| answer.replayed)
        .collect();
    assert_eq!(replayed, [false, true]);
    assert_eq!(bench.store.orders.len(), 1);
}

#[test]
fn beyond_the_bound_of_an_order_a_caller_is_answered_at_once_and_its_wish_is_taken() {
    let mut bench = Bench::connected();
    let placed = bench.place(true);
    bench.report(status(1, "Submitted"));
    assert_eq!(bench.told(placed), Some(Ok(Status::Submitted)));
    bench.commands.clear();
    let waiters_max = bench.core.settings.waiters_per_order_max;
    let cancels: Vec<u64> = (0..waiters_max + 3).map(|_| bench.cancel(1)).collect();
    assert_eq!(names(&bench.commands), ["cancel 1"]);
    let (waiting, answered) = cancels.split_at(waiters_max);
    for waiter in answered {
        assert_eq!(bench.told(*waiter), Some(Ok(Status::Submitted)));
    }
    assert_eq!(bench.core.engine_state.answered_early, 3);
    assert!(waiting.iter().all(|waiter| bench.told(*waiter).is_none()));
    bench.report(status(1, "Cancelled"));
    for waiter in waiting {
        assert_eq!(bench.told(*waiter), Some(Ok(Status::Cancelled)));
    }
}

#[test]
fn callers_who_have_gone_away_leave_nothing_behind() {
    let mut bench = Bench::new();
    // Some wait for a session, with a day's timeout.
    let day = Duration::from_secs(86_400);
    let parked: BTreeSet<u64> = (0..3)
        .map(|n| bench.ask(place(&format!("p{n}"), true), day))
        .collect();
    bench.process(&[Input::Gone(Arc::new(parked))]);
    assert!(bench.core.is_quiet());

    bench.connect(1);
    let first = bench.place(true);
    let gone: BTreeSet<u64> = (0..3).map(|_| bench.cancel(1)).collect();
    let stays = bench.cancel(1);
    let all = gone.iter().copied().chain([first]).collect();
    bench.process(&[Input::Gone(Arc::new(all))]);
    let waiters = |bench: &Bench| -> Vec<u64> {
        let entry = bench.core.cache.get(1).unwrap();
        entry
            .runtime
            .waiters
            .iter()
            .map(|waiter| waiter.id)
            .collect()
    };
    // Who placed it stays: a repeated request waits for TWS's word as long as that one would.
    assert_eq!(waiters(&bench), [first, stays]);
    assert_eq!(bench.store.orders.len(), 1);
}

#[test]
fn deadlines_of_callers_who_were_answered_are_thrown_away() {
    let mut bench = Bench::connected();
    let day = Duration::from_secs(86_400);
    for n in 1..=3 {
        for _ in 0..2_000 {
            bench.ask(place(&format!("a{n}"), true), day);
            bench.report(status(n, "Submitted"));
        }
        bench.wait(Duration::from_secs(1));
    }
    assert!(
        bench.core.deadlines.len() <= 4_096,
        "{}",
        bench.core.deadlines.len()
    );
}

#[test]
fn a_staged_order_that_is_taken_goes_out_within_the_callers_patience() {
    const PATIENCE: Duration = Duration::from_secs(5);
    let mut bench = Bench::with_rate(45);
    bench.connect(1);
    bench.commands.clear();
    let begun = bench.now.monotonic;
    for n in 0..300 {
        bench.ask(place(&format!("s{n}"), false), PATIENCE);
    }
    let taken = bench.store.orders.len();
    assert!(taken > 150, "only {taken}");
    let refused = bench.replies.iter().filter(|(_, outcome)| outcome.is_err());
    assert_eq!(taken + refused.count(), 300);
    while bench.core.queue.len() > 0 {
        let placed = |bench: &Bench| {
            let places = bench.commands.iter();
            places
                .filter(|command| matches!(command, TwsCommand::Place { .. }))
                .count()
        };
        let before = placed(&bench);
        bench.now.monotonic += Duration::from_millis(1);
        bench.process(&[]);
        assert!(placed(&bench) == before || bench.now.monotonic - begun <= PATIENCE);
    }
}
