//! Late reports, reports of others, and what leaves memory.

use std::time::Duration;

use super::bench::{Bench, execution, status};
use crate::domain::{Amount, CommissionReport, OrderReport, Origin, Status};

fn commission(exec_id: &str) -> OrderReport {
    OrderReport::Commission(CommissionReport {
        origin: Origin::Live,
        exec_id: exec_id.to_owned(),
        amount: Amount::from(2),
        currency: "USD".to_owned(),
    })
}

#[test]
fn a_commission_before_its_execution_is_kept_for_it() {
    let mut bench = Bench::connected();
    bench.place(true);
    bench.report(commission("x.01"));
    assert_eq!(bench.state(1).commission, None);
    bench.report(execution(1, "x.01", 100));
    assert_eq!(bench.state(1).commission, Some(Amount::from(2)));
    assert!(bench.core.engine_state.early_commissions.is_empty());
    let kept: Vec<_> = (0..2_000)
        .map(|n| commission(&format!("y{n:05}")))
        .collect();
    for report in kept {
        bench.report(report);
    }
    assert!(bench.core.engine_state.early_commissions.len() <= 1_024);
}

#[test]
fn ended_orders_leave_memory_and_late_reports_find_them_in_the_store() {
    let mut bench = Bench::connected();
    bench.place(true);
    bench.place(true);
    bench.report(status(1, "Cancelled"));
    bench.report(status(2, "Submitted"));
    bench.wait(Duration::from_secs(62));
    let in_memory: Vec<i32> = bench.core.cache.entries().map(|(id, _)| id).collect();
    assert_eq!(in_memory, [2]);
    bench.report(execution(1, "x.01", 40));
    bench.report(commission("x.01"));
    assert_eq!(bench.state(1).filled, Amount::from(40));
    bench.assert_status(1, Status::Cancelled);
    assert_eq!(bench.state(1).commission, Some(Amount::from(2)));
    bench.wait(Duration::from_secs(62));
    assert_eq!(bench.core.cache.entries().count(), 1);
    // Known executions stay known.
    bench.report(execution(1, "x.01", 40));
    assert_eq!(bench.state(1).filled, Amount::from(40));
}

#[test]
fn ten_thousand_ended_orders_do_not_stay() {
    let mut bench = Bench::with_rate(1_000_000);
    bench.connect(1);
    for order_id in 1..=10_000 {
        bench.place(true);
        bench.report(status(order_id, "Cancelled"));
    }
    bench.wait(Duration::from_secs(2));
    assert!(bench.core.cache.entries().count() <= 4_096);
    bench.wait(Duration::from_secs(90));
    assert_eq!(bench.core.cache.entries().count(), 0);
}

#[test]
fn reports_of_others_and_of_manual_orders_touch_nothing() {
    let mut bench = Bench::connected();
    bench.place(true);
    let commits = bench.commits;
    let mut foreign = Vec::new();
    for (order_id, client_id) in [(1, 8), (0, 7), (-5, 7), (99, 7), (0, 0)] {
        let OrderReport::Status(mut report) = status(order_id, "Filled") else {
            panic!("not a status");
        };
        report.client_id = client_id;
        foreign.push(OrderReport::Status(report));
    }
    for report in foreign {
        bench.report(report);
    }
    bench.report(commission("theirs.01"));
    assert_eq!(bench.commits, commits);
    bench.assert_status(1, Status::Submitting);
}

#[test]
fn a_report_that_says_nothing_new_is_not_written() {
    let mut bench = Bench::connected();
    bench.place(true);
    bench.report(status(1, "Submitted"));
    let (commits, events) = (bench.commits, bench.store.events.len());
    for _ in 0..5 {
        bench.report(status(1, "Submitted"));
    }
    assert_eq!((bench.commits, bench.store.events.len()), (commits, events));
}
