//! The ids of new orders.

use std::time::Duration;

use super::bench::{Bench, error, open_order, place, status};
use crate::domain::{Origin, Status};
use crate::error::Reason;
use crate::tws::{TwsCommand, TwsEvent};

fn sent(bench: &Bench) -> Vec<i32> {
    bench
        .commands
        .iter()
        .filter_map(|command| match command {
            TwsCommand::Place { ticket, .. } => Some(ticket.order_id),
            _ => None,
        })
        .collect()
}

const fn named(next_valid_id: i32) -> TwsEvent {
    TwsEvent::NextValidId {
        session: 1,
        next_valid_id,
    }
}

#[test]
fn a_duplicate_id_costs_one_order_and_the_next_ones_wait_for_an_id_that_tws_takes() {
    let mut bench = Bench::connected();
    bench.place(true);
    bench.report(error(1, 103));
    bench.assert_status(1, Status::Rejected);
    let waiting: Vec<u64> = (0..2).map(|_| bench.place(true)).collect();
    assert_eq!(sent(&bench), [1], "nothing goes out under a doubtful id");
    assert!(waiting.iter().all(|waiter| bench.told(*waiter).is_none()));
    assert_eq!(bench.store.orders.len(), 1, "and nothing is stored");
    bench.tws(named(500));
    bench.wait(Duration::from_secs(1));
    assert_eq!(sent(&bench)[1..], [500, 501]);
}

#[test]
fn a_caller_who_waits_for_an_id_in_vain_is_told_that_nothing_was_sent() {
    let mut bench = Bench::connected();
    bench.place(true);
    bench.report(error(1, 103));
    let hasty = bench.ask(place("hasty", true), Duration::from_secs(1));
    let patient = bench.place(true);
    bench.wait(Duration::from_secs(1));
    let Some(Err(error)) = bench.told(hasty) else {
        panic!("{:?}", bench.told(hasty));
    };
    assert_eq!(error.reason, Reason::TwsUnavailable);
    assert!(error.message.contains("nothing was sent"), "{error}");
    assert!(error.retry_after.is_some());
    assert_eq!((sent(&bench), bench.told(patient)), (vec![1], None));
    // TWS never says it, and life goes on.
    bench.wait(Duration::from_secs(3));
    assert_eq!(sent(&bench), [1, 2]);
}

#[test]
fn a_release_refused_for_its_id_says_nothing_about_new_ones() {
    let mut bench = Bench::connected();
    bench.place(false);
    bench.tws(TwsEvent::BarrierAnswered {
        session: 1,
        token: 1,
        next_valid_id: None,
    });
    bench.assert_status(1, Status::Staged);
    bench.transmit(1);
    bench.report(error(1, 103));
    bench.place(true);
    assert_eq!(sent(&bench).last(), Some(&2));
}

#[test]
fn beyond_the_ids_of_orders_every_place_is_refused_and_says_what_to_do() {
    let mut bench = Bench::connected();
    bench.tws(named(1_499_999_999));
    bench.place(true);
    assert_eq!(sent(&bench), [1_499_999_999]);
    let waiter = bench.place(true);
    let Some(Err(error)) = bench.told(waiter) else {
        panic!("{:?}", bench.told(waiter));
    };
    assert_eq!(error.reason, Reason::TwsUnavailable);
    assert!(
        error
            .message
            .contains("reset the API order id sequence in TWS"),
        "{error}"
    );
    assert_eq!(bench.store.orders.len(), 1);
}

#[test]
fn an_id_under_which_tws_works_an_order_that_is_not_stored_is_not_used() {
    let mut bench = Bench::connected();
    // TWS's counter was rolled back below the id of an order that another store placed.
    bench.report(open_order(3, "Submitted", Origin::Live));
    bench.report(status(7, "Submitted"));
    bench.place(true);
    assert_eq!(sent(&bench), [8]);
}
