//! Other orders under the order's number, a second one of ours, and orders that TWS holds.

use super::super::*;
use super::scene::{
    NOW, amount, assert_state, error, execution, in_status, open_order, play, status,
};
use crate::domain::{
    Action, ExecutionReport, OpenOrderReport, ReportedContract, ReportedTerms, StatusReport,
};

/// A working order that TWS knows as 77.
fn working() -> TrackedOrder {
    let mut order = in_status(Status::Submitted);
    order.record.state.perm_id = Some(77);
    order.record.state.created_at = NOW;
    order.record.worked = true;
    order
}

fn contract(symbol: &str) -> ReportedContract {
    ReportedContract {
        con_id: Some(1),
        symbol: Some(symbol.to_owned()),
        sec_type: Some("STK".to_owned()),
        currency: Some("USD".to_owned()),
    }
}

fn executed(perm_id: i64, symbol: &str, side: Action, order_ref: Option<&str>) -> ExecutionReport {
    let OrderReport::Execution(report) = execution("z.01", "100", "10") else {
        unreachable!()
    };
    ExecutionReport {
        perm_id: Some(perm_id),
        contract: contract(symbol),
        side: Some(side),
        order_ref: order_ref.map(str::to_owned),
        ..report
    }
}

fn opened(perm_id: i64, symbol: &str, action: Action) -> OpenOrderReport {
    let OrderReport::OpenOrder(report) = open_order("Submitted", Origin::Live) else {
        unreachable!()
    };
    OpenOrderReport {
        perm_id: Some(perm_id),
        contract: contract(symbol),
        terms: ReportedTerms {
            action: Some(action),
            ..ReportedTerms::default()
        },
        ..report
    }
}

fn held(word: &str, why: Option<&str>) -> OrderReport {
    let OrderReport::Status(report) = status(word, "0") else {
        unreachable!()
    };
    OrderReport::Status(StatusReport {
        why_held: why.map(str::to_owned),
        ..report
    })
}

#[test]
fn another_order_under_our_number_changes_nothing() {
    let yesterday = Timestamp::from_unix_micros(NOW.unix_micros() - 86_400_000_000);
    let reports = [
        OrderReport::Execution(executed(555, "TSLA", Action::Sell, None)),
        OrderReport::Execution(executed(555, "AAPL", Action::Sell, None)),
        OrderReport::Execution(ExecutionReport {
            time: Some(yesterday),
            ..executed(555, "AAPL", Action::Buy, None)
        }),
        OrderReport::Execution(ExecutionReport {
            account: Some("DU2".to_owned()),
            ..executed(555, "AAPL", Action::Buy, None)
        }),
        OrderReport::OpenOrder(opened(555, "TSLA", Action::Buy)),
        OrderReport::OpenOrder(opened(555, "AAPL", Action::Sell)),
        OrderReport::OpenOrder(opened(77, "TSLA", Action::Buy)),
        OrderReport::Status(StatusReport {
            perm_id: Some(555),
            ..match status("Filled", "100") {
                OrderReport::Status(report) => report,
                _ => unreachable!(),
            }
        }),
    ];
    for report in reports {
        let mut order = working();
        let before = order.clone();
        let out = apply(&mut order, &report, NOW);
        assert!(out.foreign.is_some(), "{report:?}");
        assert!(!out.acknowledged_by_broker && !out.seen_at_broker);
        assert_eq!(order, before, "{report:?}");
    }
}

#[test]
fn an_order_ref_that_came_back_changed_does_not_hide_a_fill() {
    for (sent, came_back) in [
        ("my tag ", "my tag"),
        ("Grün", "Gr?n"),
        ("anything", "something else"),
    ] {
        let mut order = working();
        order.record.state.order_ref = sent.to_owned();
        let report = executed(77, "AAPL", Action::Buy, Some(came_back));
        apply(&mut order, &OrderReport::Execution(report), NOW);
        assert_state(&order, Status::Submitted, "100");
    }
}

#[test]
fn a_second_permanent_id_is_a_second_order_and_its_fills_are_kept_apart() {
    let mut order = working();
    let first = apply(
        &mut order,
        &OrderReport::OpenOrder(opened(78, "AAPL", Action::Buy)),
        NOW,
    );
    assert_eq!(
        first.second_order,
        Some(SecondOrder {
            perm_id: 78,
            ended: Some(false),
            is_new: true
        })
    );
    assert_eq!(order.record.state.other_perm_ids, [78]);
    let fill = apply(
        &mut order,
        &OrderReport::Execution(executed(78, "AAPL", Action::Buy, None)),
        NOW,
    );
    assert!(matches!(
        &fill.execution,
        Some(ExecutionChange::New(fill)) if fill.perm_id == Some(78)
    ));
    assert_state(&order, Status::Submitted, "0");
    let ended = apply(
        &mut order,
        &OrderReport::Status(StatusReport {
            perm_id: Some(78),
            ..match status("Filled", "100") {
                OrderReport::Status(report) => report,
                _ => unreachable!(),
            }
        }),
        NOW,
    );
    assert_eq!(
        ended.second_order.and_then(|second| second.ended),
        Some(true)
    );
    assert_state(&order, Status::Submitted, "0");
    // Also as the next process reads it.
    let mut restarted = TrackedOrder::stored(
        order.record.clone(),
        vec![match fill.execution {
            Some(ExecutionChange::New(fill)) => fill,
            _ => unreachable!(),
        }],
    );
    assert_eq!(restarted.executions.quantity(), rust_decimal::Decimal::ZERO);
    play(&mut restarted, &[status("Submitted", "0")]);
    assert_state(&restarted, Status::Submitted, "0");
}

#[test]
fn an_order_held_for_shares_is_alive() {
    let mut order = working();
    play(
        &mut order,
        &[
            open_order("Inactive", Origin::Live),
            held("Inactive", Some("locate")),
            error(404, "Order held while securities are located."),
        ],
    );
    let state = &order.record.state;
    assert_eq!((state.status, state.terminal), (Status::Inactive, false));
    assert_eq!(state.why_held.as_deref(), Some("locate"));
    // What TWS says to its cancel leaves a trace, and asks for a reconcile.
    for code in [10147, 161, 10148] {
        let mut cancelled = order.clone();
        let out = apply(&mut cancelled, &error(code, "no"), NOW);
        assert_eq!(out.cancel_verdict, Some((code, "no".to_owned())));
        assert_eq!(cancelled.record.state.last_error_code, Some(code));
        assert!(!cancelled.record.state.terminal);
    }
    play(&mut order, &[held("Submitted", None)]);
    let state = &order.record.state;
    assert_eq!(
        (state.status, state.why_held.as_deref()),
        (Status::Submitted, None)
    );

    // The message alone says it as well.
    let mut told = working();
    play(
        &mut told,
        &[
            error(404, "Order held while securities are located."),
            held("Inactive", None),
        ],
    );
    assert!(!told.record.state.terminal);
    // An Inactive of which nothing says that it is held is the end.
    let mut ended = working();
    play(&mut ended, &[held("Inactive", None)]);
    assert!(ended.record.state.terminal);
}

#[test]
fn an_unlisted_refusal_of_an_order_that_tws_never_acknowledged_ends_it_after_a_reconcile_without_a_trace()
 {
    for code in [10318, 10243, 10250, 406, 438, 463, 10289, 114, 132, 426] {
        let mut order = in_status(Status::Submitting);
        let out = apply(&mut order, &error(code, "cannot be placed"), NOW);
        assert!(out.refused_unlisted, "{code}");
        assert_state(&order, Status::Submitting, "0");
        assert!(refused_without_trace(&mut order, NOW));
        assert_state(&order, Status::Rejected, "0");
        assert_eq!(order.record.state.last_error_code, Some(code));

        let mut working = working();
        let out = apply(&mut working, &error(code, "said of a working order"), NOW);
        assert!(!out.refused_unlisted);
        assert!(!refused_without_trace(&mut working, NOW));
    }
}

#[test]
fn a_day_order_that_is_gone_after_its_day_expired() {
    let mut order = working();
    assert!(absent_after_its_time(&mut order, NOW));
    assert_state(&order, Status::Cancelled, "0");
    assert!(
        order
            .record
            .state
            .last_error
            .as_deref()
            .is_some_and(|text| text.starts_with("expired"))
    );
    assert_eq!(order.record.state.remaining, amount("100"));
    assert!(!absent_after_its_time(&mut order, NOW));
}
