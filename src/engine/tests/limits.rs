//! Limits, held in the batch that stores what they are held against.

use std::sync::Arc;
use std::time::Duration;

use super::bench::{Bench, execution, place, status};
use crate::domain::Status;
use crate::domain::limits::{Cents, Limits, Rules, Shares};
use crate::engine::input::Input;
use crate::error::{Error, Reason};
use crate::tws::{TwsCommand, TwsEvent};

const PATIENCE: Duration = Duration::from_secs(5);

fn limits(set: impl FnOnce(&mut Rules)) -> Arc<Limits> {
    let mut limits = Limits::default();
    set(&mut limits.default.refuse);
    Arc::new(limits)
}

/// Connected, with these limits.
fn limited(set: impl FnOnce(&mut Rules)) -> Bench {
    let mut bench = Bench::connected();
    bench.process(&[Input::Limits(limits(set))]);
    bench
}

fn rules(error: &Error) -> Vec<&str> {
    assert_eq!(error.reason, Reason::RiskLimit, "{error}");
    error.broken.iter().map(|b| b.rule.as_str()).collect()
}

fn refused(bench: &Bench, waiter: u64) -> Error {
    bench.told(waiter).expect("an answer").unwrap_err()
}

#[test]
fn of_callers_in_one_batch_not_one_gets_an_order_too_many() {
    let mut bench = limited(|rules| rules.max_open_orders = Some(10));
    let asks: Vec<Input> = (0..64)
        .map(|n| Input::Request(bench.asking(place(&format!("q{n}"), true), PATIENCE)))
        .collect();
    bench.process(&asks);
    assert_eq!(bench.commands.len(), 10);
    let errors = bench.replies.iter().filter(|(_, outcome)| outcome.is_err());
    assert_eq!(errors.count(), 54);
    // One that ends makes room for one.
    bench.report(status(1, "Cancelled"));
    let (one, other) = (bench.place(true), bench.place(true));
    assert_eq!(bench.told(one), None);
    assert_eq!(rules(&refused(&bench, other)), ["max_open_orders"]);
}

#[test]
fn every_rule_that_an_order_breaks_is_named_at_once() {
    let mut bench = limited(|rules| {
        rules.max_order_quantity = Some(Shares::of(99.into()));
        rules.max_order_notional = Some(Cents::of(999.into()));
        rules.denied_symbols = Some(["AAPL".to_owned()].into());
    });
    let waiter = bench.place(true);
    let error = refused(&bench, waiter);
    assert_eq!(
        rules(&error),
        ["max_order_quantity", "max_order_notional", "denied_symbols"]
    );
    assert!(error.broken.iter().all(|b| b.subject == "DU1/AAPL"));
    assert_eq!(bench.commands.len(), 0);
}

#[test]
fn a_staged_order_counts_once_it_is_transmitted() {
    let mut bench = limited(|rules| rules.max_open_orders = Some(1));
    for token in [1, 2] {
        bench.place(false);
        bench.tws(TwsEvent::BarrierAnswered {
            session: 1,
            token,
            next_valid_id: None,
        });
    }
    bench.assert_status(1, Status::Staged);
    bench.assert_status(2, Status::Staged);
    let first = bench.transmit(1);
    assert_eq!(bench.told(first), None);
    let second = bench.transmit(2);
    assert_eq!(rules(&refused(&bench, second)), ["max_open_orders"]);
    bench.assert_status(2, Status::Staged);
}

#[test]
fn a_known_request_is_answered_before_any_limit_is_looked_at() {
    let mut bench = Bench::connected();
    bench.ask(place("one", true), PATIENCE);
    bench.report(status(1, "Submitted"));
    bench.process(&[Input::Limits(limits(|rules| {
        rules.max_order_quantity = Some(Shares::of(1.into()));
    }))]);
    let again = bench.ask(place("one", true), PATIENCE);
    assert_eq!(bench.told(again), Some(Ok(Status::Submitted)));
    let new = bench.ask(place("two", true), PATIENCE);
    assert_eq!(rules(&refused(&bench, new)), ["max_order_quantity"]);
}

#[test]
fn limits_hold_before_a_session_as_far_as_they_concern_an_order_by_itself() {
    let mut bench = Bench::new();
    bench.process(&[Input::Limits(limits(|rules| {
        rules.max_order_quantity = Some(Shares::of(1.into()));
    }))]);
    let waiter = bench.place(true);
    assert_eq!(rules(&refused(&bench, waiter)), ["max_order_quantity"]);
}

#[test]
fn each_order_of_a_batch_is_held_against_one_whole_version_of_the_limits() {
    let mut bench = limited(|rules| rules.max_order_quantity = Some(Shares::of(100.into())));
    let tight = limits(|rules| rules.max_order_quantity = Some(Shares::of(1.into())));
    let asks = ["a", "b"].map(|id| Input::Request(bench.asking(place(id, true), PATIENCE)));
    let [a, b] = asks;
    bench.process(&[a, Input::Limits(tight), b]);
    let placed = bench.commands.iter();
    let placed = placed.filter(|command| matches!(command, TwsCommand::Place { .. }));
    assert_eq!(placed.count(), 1);
    assert_eq!(rules(&refused(&bench, 2)), ["max_order_quantity"]);
}

#[test]
fn what_executed_today_and_what_still_works_count_together_in_the_days_worth() {
    // Each order is 100 shares at 10.
    let mut bench = limited(|rules| rules.max_daily_notional = Some(Cents::of(2_500.into())));
    bench.place(true);
    bench.place(true);
    bench.report(execution(1, "0000e0d5.1.01", 100));
    bench.report(status(1, "Filled"));
    let third = bench.place(true);
    assert_eq!(rules(&refused(&bench, third)), ["max_daily_notional"]);
    bench.report(status(2, "Cancelled"));
    let fourth = bench.place(true);
    assert_eq!(bench.told(fourth), None);
}

#[test]
fn orders_per_minute_are_those_of_any_sixty_seconds() {
    let mut bench = limited(|rules| rules.max_orders_per_minute = Some(2));
    bench.place(true);
    bench.wait(Duration::from_secs(30));
    bench.place(true);
    let third = bench.place(true);
    assert_eq!(rules(&refused(&bench, third)), ["max_orders_per_minute"]);
    bench.wait(Duration::from_secs(31));
    let fourth = bench.place(true);
    assert!(!matches!(bench.told(fourth), Some(Err(_))));
    let fifth = bench.place(true);
    assert_eq!(rules(&refused(&bench, fifth)), ["max_orders_per_minute"]);
}
