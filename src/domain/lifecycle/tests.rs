use proptest::prelude::*;

use super::*;
use crate::domain::{
    Action, CommissionReport, CompletedReport, ErrorReport, ExecutionReport, Fill, OpenOrderReport,
    OrderRequest, OrderState, SecType, StatusReport, TimeInForce,
};

const NOW: Timestamp = Timestamp::from_unix_micros(1_795_000_000_000_000);

fn amount(text: &str) -> Amount {
    text.parse().unwrap()
}

/// An order for 100 shares, just stored.
fn order() -> TrackedOrder {
    let request = OrderRequest::limit(Action::Buy, "AAPL", amount("100"), amount("10"));
    TrackedOrder {
        record: OrderRecord {
            state: OrderState {
                order_id: 5,
                status: Status::Submitting,
                filled: Amount::ZERO,
                avg_fill_price: None,
                symbol: request.symbol,
                action: request.action,
                order_type: request.order_type,
                quantity: request.quantity,
                limit_price: request.limit_price,
                tif: TimeInForce::Day,
                transmit: true,
                order_ref: "ref-5".to_owned(),
                last_error_code: None,
                last_error: None,
                perm_id: None,
                last_update: Timestamp::default(),
                raw_state: None,
                client_id: 7,
                account: "DU1".to_owned(),
                request_id: "req-5".to_owned(),
                remaining: request.quantity,
                terminal: false,
                sequence: 1,
                commission: None,
                sec_type: SecType::Stock,
                exchange: request.exchange,
                currency: request.currency,
                primary_exch: None,
                outside_rth: false,
                client_tag: None,
                cancel_requested: false,
                created_at: Timestamp::default(),
            },
            digest: vec![0; 32],
            acknowledged: false,
        },
        executions: Executions::default(),
    }
}

fn in_status(status: Status) -> TrackedOrder {
    let mut order = order();
    order.record.state.status = status;
    order.record.state.terminal = status.is_terminal();
    order.record.state.transmit = status != Status::Staged;
    order.record.acknowledged = !matches!(status, Status::Submitting | Status::Unconfirmed);
    order
}

fn open_order(word: &str, origin: Origin) -> OrderReport {
    OrderReport::OpenOrder(OpenOrderReport {
        origin,
        order_id: 5,
        client_id: 7,
        perm_id: Some(77),
        order_ref: Some("ref-5".to_owned()),
        account: Some("DU1".to_owned()),
        status: word.to_owned(),
        what_if: false,
        reject_reason: None,
        warning_text: None,
        completed_status: None,
    })
}

fn status(word: &str, filled: &str) -> OrderReport {
    let filled = amount(filled);
    OrderReport::Status(StatusReport {
        origin: Origin::Live,
        order_id: 5,
        client_id: 7,
        perm_id: Some(77),
        status: word.to_owned(),
        filled,
        remaining: Amount::new(Decimal::from(100) - filled.value()),
        avg_fill_price: filled.is_positive().then(|| amount("10")),
        why_held: None,
    })
}

fn execution(exec_id: &str, quantity: &str, price: &str) -> OrderReport {
    OrderReport::Execution(ExecutionReport {
        origin: Origin::Live,
        order_id: 5,
        client_id: 7,
        perm_id: Some(77),
        order_ref: Some("ref-5".to_owned()),
        account: Some("DU1".to_owned()),
        exec_id: exec_id.to_owned(),
        quantity: amount(quantity),
        price: amount(price),
        exchange: "NASDAQ".to_owned(),
        time_text: String::new(),
        time: None,
        cumulative_quantity: None,
        avg_price: None,
    })
}

fn commission(exec_id: &str, paid: &str) -> OrderReport {
    OrderReport::Commission(CommissionReport {
        origin: Origin::Live,
        exec_id: exec_id.to_owned(),
        amount: amount(paid),
        currency: "USD".to_owned(),
    })
}

fn error(code: i32, text: &str) -> OrderReport {
    OrderReport::Error(ErrorReport {
        order_id: 5,
        code,
        text: text.to_owned(),
    })
}

fn completed(word: &str, unfilled: Option<&str>, completed_status: &str) -> OrderReport {
    OrderReport::Completed(CompletedReport {
        order_id: None,
        client_id: None,
        perm_id: Some(77),
        order_ref: Some("ref-5".to_owned()),
        account: None,
        symbol: "AAPL".to_owned(),
        status: word.to_owned(),
        unfilled: unfilled.map(amount),
        filled: Some(Amount::ZERO),
        completed_status: Some(completed_status.to_owned()),
    })
}

fn play(order: &mut TrackedOrder, reports: &[OrderReport]) -> Vec<Transition> {
    reports
        .iter()
        .map(|report| apply(order, report, NOW))
        .collect()
}

#[track_caller]
fn assert_state(order: &TrackedOrder, status: Status, filled: &str) {
    let state = &order.record.state;
    assert_eq!(
        (state.status, state.filled),
        (status, amount(filled)),
        "{state:#?}"
    );
    assert_eq!(state.terminal, status.is_terminal());
    assert_eq!(
        state.remaining.value(),
        state.quantity.value() - state.filled.value()
    );
}

#[test]
fn an_order_that_rests_and_fills_goes_through_the_words_of_tws() {
    let mut order = order();
    play(&mut order, &[open_order("PreSubmitted", Origin::Live)]);
    assert_state(&order, Status::PreSubmitted, "0");
    assert_eq!(order.record.state.perm_id, Some(77));
    assert!(order.record.acknowledged);
    play(&mut order, &[status("Submitted", "0")]);
    assert_state(&order, Status::Submitted, "0");
    play(
        &mut order,
        &[
            execution("a.01", "100", "10"),
            status("Filled", "100"),
            commission("a.01", "1.5"),
        ],
    );
    assert_state(&order, Status::Filled, "100");
    assert_eq!(order.record.state.commission, Some(amount("1.5")));
    assert_eq!(order.record.state.avg_fill_price, Some(amount("10")));
}

#[test]
fn the_same_report_again_changes_nothing() {
    let mut order = order();
    let reports = [
        open_order("Submitted", Origin::Live),
        status("Submitted", "0"),
        execution("a.01", "40", "10"),
        commission("a.01", "1"),
        status("Submitted", "40"),
        error(399, "Warning: later"),
    ];
    for report in &reports {
        apply(&mut order, report, NOW);
        let before = order.clone();
        let again = apply(&mut order, report, NOW);
        assert!(!again.changed, "{report:?}");
        assert_eq!(again.execution, None);
        assert_eq!(order, before);
    }
    // An old one of them, much later, is nothing either.
    let before = order.clone();
    apply(&mut order, &reports[1], NOW);
    apply(&mut order, &reports[2], NOW);
    assert_eq!(order, before);
}

#[test]
fn an_execution_before_any_status_acknowledges_the_order() {
    let mut order = order();
    let out = apply(&mut order, &execution("a.01", "30", "10"), NOW);
    assert!(out.evidence);
    assert_state(&order, Status::Submitted, "30");
}

#[test]
fn executions_alone_finish_an_order_that_never_shows_filled() {
    let mut order = order();
    play(
        &mut order,
        &[
            execution("a.01", "30", "10"),
            execution("b.01", "30", "11"),
            execution("c.01", "40", "12"),
        ],
    );
    assert_state(&order, Status::Filled, "100");
    assert_eq!(order.record.state.avg_fill_price, Some(amount("11.1")));
}

#[test]
fn a_submitted_status_with_nothing_remaining_is_a_fill() {
    let mut order = order();
    play(&mut order, &[status("Submitted", "100")]);
    assert_state(&order, Status::Filled, "100");
}

#[test]
fn a_correction_replaces_the_execution_it_names() {
    let mut order = order();
    play(
        &mut order,
        &[execution("x.1.01", "100", "10"), commission("x.1.01", "2")],
    );
    let out = apply(&mut order, &execution("x.1.02", "90", "10.5"), NOW);
    assert!(
        matches!(&out.execution, Some(ExecutionChange::Replaced { previous, .. }) if previous == "x.1.01")
    );
    assert_state(&order, Status::Filled, "90");
    assert_eq!(order.record.state.avg_fill_price, Some(amount("10.5")));
    assert_eq!(order.record.state.commission, Some(amount("2")));
    // What was counted before the correction does not come back.
    play(
        &mut order,
        &[
            execution("x.1.01", "100", "10"),
            status("Filled", "100"),
            open_order("Filled", Origin::Live),
        ],
    );
    assert_state(&order, Status::Filled, "90");
}

#[test]
fn a_restart_does_not_forget_that_a_correction_took_shares_away() {
    let mut order = order();
    play(
        &mut order,
        &[
            execution("x.1.01", "100", "10"),
            execution("x.1.02", "90", "10"),
        ],
    );
    // As the next process reads it: the corrected execution alone.
    let fills = [Fill {
        order_id: 5,
        exec_id: "x.1.02".to_owned(),
        quantity: amount("90"),
        price: amount("10"),
        time: None,
        exchange: "NASDAQ".to_owned(),
        commission: None,
        currency: None,
    }];
    order.executions = Executions::from_fills(fills);
    play(&mut order, &[status("Filled", "100")]);
    assert_state(&order, Status::Filled, "90");
}

#[test]
fn a_stale_status_neither_lowers_the_fill_nor_turns_the_status_back() {
    let mut order = order();
    play(
        &mut order,
        &[
            status("Submitted", "0"),
            execution("a.01", "50", "10"),
            status("PendingCancel", "50"),
            status("Submitted", "0"),
        ],
    );
    assert_state(&order, Status::PendingCancel, "50");
}

#[test]
fn an_ended_order_is_not_brought_back_by_a_late_status() {
    for ended in [
        Status::Filled,
        Status::Cancelled,
        Status::ApiCancelled,
        Status::Rejected,
    ] {
        for word in [
            "ApiPending",
            "PendingSubmit",
            "PreSubmitted",
            "Submitted",
            "PendingCancel",
            "Inactive",
            "Wobbly",
        ] {
            let mut order = in_status(ended);
            play(
                &mut order,
                &[status(word, "0"), open_order(word, Origin::Live)],
            );
            assert_eq!(order.record.state.status, ended, "{word}");
        }
    }
}

#[test]
fn an_inactive_order_can_come_back() {
    for word in ["PreSubmitted", "Submitted"] {
        let mut order = in_status(Status::Inactive);
        play(&mut order, &[status(word, "0")]);
        assert_eq!(order.record.state.status, Status::from_tws(word));
        assert!(!order.record.state.terminal);
    }
}

#[test]
fn a_fill_can_follow_a_cancel() {
    let mut order = in_status(Status::Cancelled);
    play(&mut order, &[execution("a.01", "40", "10")]);
    assert_state(&order, Status::Cancelled, "40");
    play(&mut order, &[execution("b.01", "60", "10")]);
    assert_state(&order, Status::Filled, "100");
}

#[test]
fn a_snapshot_that_shows_an_ended_order_working_counts() {
    for ended in [Status::Cancelled, Status::Rejected] {
        let mut order = in_status(ended);
        play(&mut order, &[open_order("Submitted", Origin::Snapshot)]);
        assert_state(&order, Status::Submitted, "0");
    }
    let mut filled = in_status(Status::Filled);
    play(&mut filled, &[open_order("Submitted", Origin::Snapshot)]);
    assert_eq!(filled.record.state.status, Status::Filled);
}

#[test]
fn a_refusal_ends_the_order_before_or_after_its_status() {
    let mut after = order();
    play(&mut after, &[status("Inactive", "0")]);
    assert_state(&after, Status::Inactive, "0");
    play(&mut after, &[error(201, "Order rejected - reason: margin")]);
    assert_state(&after, Status::Rejected, "0");
    assert_eq!(after.record.state.last_error_code, Some(201));

    let mut before = order();
    play(
        &mut before,
        &[
            error(201, "Order rejected - reason: margin"),
            status("Inactive", "0"),
            status("Cancelled", "0"),
        ],
    );
    assert_state(&before, Status::Rejected, "0");
    assert_eq!(before.record.state.last_error_code, Some(201));
}

#[test]
fn errors_without_a_status_reject_a_new_order() {
    for code in [103, 110, 200, 321, 10052, 10311] {
        let mut order = order();
        let out = apply(&mut order, &error(code, "no"), NOW);
        assert!(out.evidence && out.changed);
        assert_state(&order, Status::Rejected, "0");
        assert_eq!(order.record.state.last_error.as_deref(), Some("no"));
        let mut staged = in_status(Status::Staged);
        apply(&mut staged, &error(code, "no"), NOW);
        assert_state(&staged, Status::Rejected, "0");
    }
}

#[test]
fn an_error_about_a_change_leaves_a_working_order_working() {
    for code in [104, 105, 110, 134, 329, 2102, 103, 321] {
        let mut order = in_status(Status::Submitted);
        apply(&mut order, &error(code, "no"), NOW);
        assert_state(&order, Status::Submitted, "0");
        assert_eq!(order.record.state.last_error_code, Some(code));
    }
}

#[test]
fn a_refused_transmit_leaves_the_order_staged() {
    let mut order = in_status(Status::Staged);
    assert!(transmitting(&mut order, NOW));
    assert_state(&order, Status::Submitting, "0");
    apply(&mut order, &error(105, "does not match"), NOW);
    assert_state(&order, Status::Staged, "0");
    assert!(!order.record.state.transmit);
}

#[test]
fn a_warning_is_kept_only_while_nothing_worse_is_known() {
    let mut order = in_status(Status::PreSubmitted);
    apply(&mut order, &error(399, "Warning: tomorrow"), NOW);
    assert_state(&order, Status::PreSubmitted, "0");
    assert_eq!(order.record.state.last_error_code, Some(399));
    apply(&mut order, &error(2109, "outsideRth ignored"), NOW);
    assert_eq!(order.record.state.last_error_code, Some(2109));
    apply(
        &mut order,
        &error(201, "Order rejected - reason: late"),
        NOW,
    );
    apply(&mut order, &error(399, "Warning: tomorrow"), NOW);
    assert_eq!(order.record.state.last_error_code, Some(201));
    assert_eq!(order.record.state.status, Status::Rejected);
}

#[test]
fn a_warned_order_still_fills() {
    let mut order = order();
    play(
        &mut order,
        &[
            error(399, "Warning: tomorrow"),
            execution("a.01", "100", "10"),
        ],
    );
    assert_state(&order, Status::Filled, "100");
    assert_eq!(order.record.state.last_error_code, Some(399));
}

#[test]
fn a_confirmed_cancel_ends_the_order_without_an_error() {
    for from in [
        Status::Staged,
        Status::Submitted,
        Status::PendingCancel,
        Status::Inactive,
        Status::Unconfirmed,
    ] {
        let mut order = in_status(from);
        apply(&mut order, &error(202, "Order Canceled - reason:"), NOW);
        assert_state(&order, Status::Cancelled, "0");
        assert_eq!(order.record.state.last_error_code, None);
    }
    let mut part = in_status(Status::Submitted);
    play(
        &mut part,
        &[
            execution("a.01", "40", "10"),
            status("Cancelled", "40"),
            error(202, "Order Canceled"),
        ],
    );
    assert_state(&part, Status::Cancelled, "40");
    assert_eq!(part.record.state.remaining, amount("60"));
}

#[test]
fn a_cancel_verdict_decides_nothing_by_itself() {
    for code in [136, 161, 10147, 10148] {
        for from in [
            Status::Submitted,
            Status::Submitting,
            Status::Unconfirmed,
            Status::Inactive,
        ] {
            let mut order = in_status(from);
            let out = apply(&mut order, &error(code, "no"), NOW);
            assert!(!out.changed);
            assert_eq!(out.cancel_verdict, Some((code, "no".to_owned())));
        }
        let mut done = in_status(Status::Cancelled);
        assert_eq!(
            apply(&mut done, &error(code, "no"), NOW),
            Transition::default()
        );
    }
}

#[test]
fn a_staged_order_that_tws_does_not_know_is_cancelled() {
    let mut order = in_status(Status::Staged);
    play(
        &mut order,
        &[error(10147, "not found"), error(161, "not cancellable")],
    );
    assert_state(&order, Status::Cancelled, "0");
    assert_eq!(order.record.state.last_error_code, Some(10147));
}

#[test]
fn an_unknown_word_is_shown_and_does_not_end_the_order() {
    let mut order = order();
    apply(&mut order, &status("WarnState", "0"), NOW);
    assert_state(&order, Status::Unknown, "0");
    assert!(
        order
            .record
            .state
            .raw_state
            .as_deref()
            .is_some_and(|raw| raw.contains("WarnState"))
    );
    apply(&mut order, &status("Submitted", "0"), NOW);
    assert_state(&order, Status::Submitted, "0");
}

#[test]
fn completed_orders_tell_the_end_in_spite_of_their_odd_quantities() {
    let mut filled = order();
    apply(
        &mut filled,
        &completed("Filled", Some("0"), "Filled Size: 100"),
        NOW,
    );
    assert_state(&filled, Status::Filled, "100");

    let mut cancelled = order();
    apply(
        &mut cancelled,
        &completed("Cancelled", Some("60"), "Cancelled by Trader"),
        NOW,
    );
    assert_state(&cancelled, Status::Cancelled, "40");
    assert_eq!(cancelled.record.state.last_error, None);

    let mut refused = order();
    apply(
        &mut refused,
        &completed("Cancelled", Some("0"), "Rejected: margin"),
        NOW,
    );
    assert_state(&refused, Status::Cancelled, "0");
    assert_eq!(
        refused.record.state.last_error.as_deref(),
        Some("Rejected: margin")
    );

    let mut known = in_status(Status::Rejected);
    apply(&mut known, &completed("Cancelled", Some("100"), ""), NOW);
    assert_eq!(known.record.state.status, Status::Rejected);
}

#[test]
fn reports_of_somebody_elses_order_under_the_same_id_change_nothing() {
    let mut order = order();
    let before = order.clone();
    let mut foreign = open_order("Submitted", Origin::Snapshot);
    if let OrderReport::OpenOrder(report) = &mut foreign {
        report.order_ref = Some("theirs".to_owned());
    }
    let mut theirs = execution("z.01", "100", "1");
    if let OrderReport::Execution(report) = &mut theirs {
        report.order_ref = Some("theirs".to_owned());
    }
    let mut what_if = open_order("PreSubmitted", Origin::Live);
    if let OrderReport::OpenOrder(report) = &mut what_if {
        report.what_if = true;
    }
    for report in [foreign, theirs, what_if] {
        assert_eq!(apply(&mut order, &report, NOW), Transition::default());
    }
    assert_eq!(order, before);
}

#[test]
fn a_second_permanent_id_is_noticed_and_its_fills_count() {
    let mut order = in_status(Status::Submitted);
    order.record.state.perm_id = Some(77);
    let mut second = execution("b.01", "100", "10");
    if let OrderReport::Execution(report) = &mut second {
        report.perm_id = Some(78);
    }
    let out = apply(&mut order, &second, NOW);
    assert_eq!(out.second_perm_id, Some(78));
    assert_eq!(order.record.state.perm_id, Some(77));
    assert_state(&order, Status::Filled, "100");
}

#[test]
fn what_did_not_leave_is_rejected_and_an_unreleased_staged_order_stays_staged() {
    let mut new = order();
    assert!(not_sent(&mut new, "the session broke", NOW));
    assert_state(&new, Status::Rejected, "0");
    assert_eq!(
        new.record.state.last_error.as_deref(),
        Some("not sent: the session broke")
    );

    let mut release = in_status(Status::Staged);
    transmitting(&mut release, NOW);
    assert!(not_sent(&mut release, "the session broke", NOW));
    assert_state(&release, Status::Staged, "0");
    assert!(!release.record.state.transmit);

    let mut working = in_status(Status::Submitted);
    assert!(!not_sent(&mut working, "late", NOW));
}

#[test]
fn an_untraced_order_is_unconfirmed_unless_tws_said_that_it_is_not_there() {
    let mut order = order();
    assert!(untraced(&mut order, None, NOW));
    assert_state(&order, Status::Unconfirmed, "0");
    assert!(!untraced(&mut order, None, NOW));
    assert!(untraced(&mut order, Some((10147, "not found")), NOW));
    assert_state(&order, Status::Cancelled, "0");
    assert_eq!(order.record.state.last_error_code, Some(10147));
}

fn any_report() -> impl Strategy<Value = OrderReport> {
    let word = prop::sample::select(vec![
        "ApiPending",
        "PendingSubmit",
        "PreSubmitted",
        "Submitted",
        "PendingCancel",
        "Cancelled",
        "ApiCancelled",
        "Filled",
        "Inactive",
        "Wobbly",
    ]);
    let origin = prop_oneof![Just(Origin::Live), Just(Origin::Snapshot)];
    let code = prop::sample::select(vec![
        0, 103, 104, 110, 136, 161, 200, 201, 202, 321, 399, 404, 999, 2109, 10147, 10148,
    ]);
    prop_oneof![
        (word.clone(), origin).prop_map(|(word, origin)| open_order(word, origin)),
        (word.clone(), 0..=100_i64).prop_map(|(word, filled)| status(word, &filled.to_string())),
        (0..4_u8, 1..3_u8).prop_map(|(n, revision)| execution(
            &format!("e{n}.{revision:02}"),
            &(10 * i64::from(n) + 10).to_string(),
            "10"
        )),
        (0..4_u8, 1..3_u8)
            .prop_map(|(n, revision)| commission(&format!("e{n}.{revision:02}"), "1")),
        (word, 0..=100_i64).prop_map(|(word, left)| completed(word, Some(&left.to_string()), "")),
        code.prop_map(|code| error(code, "text")),
    ]
}

proptest! {
    #[test]
    fn whatever_comes_the_fill_never_falls_and_filled_is_for_good(reports in prop::collection::vec(any_report(), 0..60)) {
        let mut order = order();
        for report in &reports {
            let before = order.record.state.clone();
            let out = apply(&mut order, report, NOW);
            let state = &order.record.state;
            prop_assert!(state.filled >= before.filled, "{report:?}");
            prop_assert!(state.filled.value() >= order.executions.quantity());
            prop_assert_eq!(state.terminal, state.status.is_terminal());
            prop_assert_eq!(out.changed, *state != before || out.execution.is_some());
            prop_assert!(before.status != Status::Filled || state.status == Status::Filled);
            prop_assert!(state.filled < state.quantity || state.status == Status::Filled);
            prop_assert!(before.perm_id.is_none() || state.perm_id == before.perm_id);
        }
    }

    #[test]
    fn every_report_twice_is_the_same_as_once(reports in prop::collection::vec(any_report(), 0..40)) {
        let (mut once, mut twice) = (order(), order());
        for report in &reports {
            apply(&mut once, report, NOW);
            apply(&mut twice, report, NOW);
            apply(&mut twice, report, NOW);
            prop_assert_eq!(&once, &twice);
        }
    }

    #[test]
    fn executions_count_alike_in_any_order(order_of in Just((0..4_u8).flat_map(|n| (1..3_u8).map(move |r| (n, r))).collect::<Vec<_>>()).prop_shuffle()) {
        let mut order = order();
        for (n, revision) in order_of {
            apply(&mut order, &execution(&format!("e{n}.{revision:02}"), if revision == 2 { "20" } else { "15" }, "10"), NOW);
        }
        prop_assert_eq!(order.record.state.filled, amount("80"));
        prop_assert_eq!(order.executions.quantity(), Decimal::from(80));
    }
}
