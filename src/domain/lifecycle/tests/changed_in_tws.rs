//! What TWS, or somebody at it, makes of an order: its terms follow, and what filled follows evidence.

use super::super::*;
use super::scene::{NOW, amount, assert_state, execution, in_status, open_order, play};
use crate::domain::{
    Amount, CompletedReport, ExecutionReport, OpenOrderReport, OrderType, Pricing, ReportedTerms,
    StatusReport, TimeInForce,
};

/// An openOrder that shows a quantity and a limit.
fn shown(word: &str, quantity: &str, limit: &str) -> OrderReport {
    let OrderReport::OpenOrder(report) = open_order(word, Origin::Live) else {
        unreachable!()
    };
    OrderReport::OpenOrder(OpenOrderReport {
        terms: ReportedTerms {
            order_type: Some("LMT".to_owned()),
            quantity: Some(amount(quantity)),
            limit_price: Some(amount(limit)),
            tif: Some("DAY".to_owned()),
            ..ReportedTerms::default()
        },
        ..report
    })
}

fn status(word: &str, filled: &str, remaining: &str) -> OrderReport {
    let OrderReport::Status(report) = super::scene::status(word, filled) else {
        unreachable!()
    };
    OrderReport::Status(StatusReport {
        remaining: amount(remaining),
        ..report
    })
}

fn counted(exec_id: &str, quantity: &str, cumulative: &str) -> OrderReport {
    let OrderReport::Execution(report) = execution(exec_id, quantity, "10") else {
        unreachable!()
    };
    OrderReport::Execution(ExecutionReport {
        cumulative_quantity: Some(amount(cumulative)),
        ..report
    })
}

fn working() -> TrackedOrder {
    let mut order = in_status(Status::Submitted);
    order.record.state.perm_id = Some(77);
    order.record.worked = true;
    order
}

#[test]
fn a_raised_order_works_on_after_its_first_quantity_filled() {
    let mut order = working();
    play(
        &mut order,
        &[
            shown("Submitted", "200", "11"),
            status("Submitted", "0", "200"),
        ],
    );
    let state = &order.record.state;
    assert_eq!(state.terms.quantity, amount("200"));
    assert_eq!(
        state.terms.pricing,
        Pricing::Limit {
            limit: amount("11")
        }
    );
    assert_eq!(state.terms_revision, 2);
    play(
        &mut order,
        &[
            counted("a.01", "100", "100"),
            status("Submitted", "100", "100"),
        ],
    );
    assert_state(&order, Status::Submitted, "100");
    assert_eq!(order.record.state.remaining, amount("100"));
    play(
        &mut order,
        &[counted("b.01", "100", "200"), status("Filled", "200", "0")],
    );
    assert_state(&order, Status::Filled, "200");
}

#[test]
fn a_lowered_order_fills_what_was_left_of_it() {
    let mut order = working();
    play(
        &mut order,
        &[
            shown("Submitted", "50", "10"),
            counted("a.01", "50", "50"),
            shown("Filled", "50", "10"),
            status("Filled", "50", "0"),
        ],
    );
    assert_state(&order, Status::Filled, "50");
    assert_eq!(order.record.state.remaining, Amount::ZERO);
    assert!(!order.record.state.fill_quantity_unknown);

    // While no gateway ran, the completed row is all there is.
    let mut away = working();
    let OrderReport::Completed(row) = super::scene::completed("Filled", Some("0"), "") else {
        unreachable!()
    };
    let row = CompletedReport {
        filled: Some(amount("50")),
        ..row
    };
    apply(&mut away, &OrderReport::Completed(row), NOW);
    assert_state(&away, Status::Filled, "50");
    assert_eq!(away.record.state.remaining, Amount::ZERO);
}

#[test]
fn an_order_that_ib_reduced_fills_its_new_size() {
    let mut order = working();
    play(
        &mut order,
        &[
            shown("Submitted", "70", "10"),
            counted("a.01", "70", "70"),
            shown("Filled", "70", "10"),
        ],
    );
    assert_state(&order, Status::Filled, "70");

    // Without an openOrder that shows it: the status alone says how much and that nothing remains.
    let mut unseen = working();
    play(
        &mut unseen,
        &[counted("a.01", "70", "70"), status("Filled", "70", "0")],
    );
    assert_state(&unseen, Status::Filled, "70");
    assert_eq!(unseen.record.state.remaining, Amount::ZERO);
}

#[test]
fn a_filled_without_a_number_is_shown_as_that() {
    let mut order = working();
    play(&mut order, &[open_order("Filled", Origin::Live)]);
    assert_state(&order, Status::Filled, "0");
    assert!(order.record.state.fill_quantity_unknown);
    play(&mut order, &[status("Filled", "100", "0")]);
    assert_state(&order, Status::Filled, "100");
    assert!(!order.record.state.fill_quantity_unknown);

    let mut zero = working();
    play(&mut zero, &[status("Filled", "0", "0")]);
    assert_state(&zero, Status::Filled, "0");
    assert!(zero.record.state.fill_quantity_unknown);
    play(&mut zero, &[counted("a.01", "40", "40")]);
    assert!(zero.record.state.fill_quantity_unknown);
    assert!(executions_complete(&mut zero, NOW));
    assert_state(&zero, Status::Filled, "40");
    assert!(!zero.record.state.fill_quantity_unknown);
}

#[test]
fn what_filled_without_an_execution_is_unexplained_until_it_comes() {
    let mut order = working();
    play(&mut order, &[status("Submitted", "60", "40")]);
    assert_eq!(order.record.state.filled_unexplained, None);
    assert!(executions_complete(&mut order, NOW));
    assert_eq!(order.record.state.filled_unexplained, Some(amount("60")));
    play(&mut order, &[counted("a.01", "20", "20")]);
    assert_eq!(order.record.state.filled_unexplained, Some(amount("40")));
    play(&mut order, &[counted("b.01", "40", "60")]);
    assert_eq!(order.record.state.filled_unexplained, None);
    assert!(!executions_complete(&mut order, NOW));
}

#[test]
fn the_same_shares_under_other_execution_ids_count_once() {
    let mut order = working();
    play(
        &mut order,
        &[
            counted("a.01", "60", "60"),
            counted("b.01", "60", "60"),
            status("Submitted", "60", "40"),
        ],
    );
    assert_state(&order, Status::Submitted, "60");
    assert_eq!(order.record.state.remaining, amount("40"));
    assert_eq!(order.record.state.avg_fill_price, Some(amount("10")));

    // A master's execution and its allocations.
    let mut allocated = working();
    play(
        &mut allocated,
        &[
            counted("m.01", "100", "100"),
            counted("x.01", "60", "60"),
            counted("y.01", "40", "100"),
            status("Filled", "100", "0"),
        ],
    );
    assert_state(&allocated, Status::Filled, "100");

    // As the next process reads them, and then hears one more.
    let fills = order_fills(&["60", "60"]);
    let mut restarted = TrackedOrder::stored(order.record.clone(), fills);
    play(&mut restarted, &[counted("c.01", "60", "60")]);
    assert_state(&restarted, Status::Submitted, "60");
    play(&mut restarted, &[counted("d.01", "40", "100")]);
    assert_state(&restarted, Status::Submitted, "100");
}

fn order_fills(quantities: &[&str]) -> Vec<crate::domain::Fill> {
    quantities
        .iter()
        .zip('a'..)
        .map(|(quantity, letter)| crate::domain::Fill {
            order_id: 5,
            exec_id: format!("{letter}.01"),
            perm_id: None,
            quantity: amount(quantity),
            price: amount("10"),
            time: None,
            exchange: "NASDAQ".to_owned(),
            commission: None,
            currency: None,
        })
        .collect()
}

#[test]
fn shares_executed_in_another_order_than_they_are_told_all_count() {
    let mut order = working();
    play(
        &mut order,
        &[counted("b.01", "40", "100"), counted("a.01", "60", "60")],
    );
    assert_state(&order, Status::Submitted, "100");
}

#[test]
fn what_a_correction_adds_counts_whatever_the_counts_from_before_it_say() {
    let mut order = working();
    play(
        &mut order,
        &[
            counted("a.1.01", "40", "40"),
            counted("a.1.02", "45", "40"),
            counted("b.1.01", "30", "70"),
        ],
    );
    assert_state(&order, Status::Submitted, "75");

    // Heard for the first time as corrected.
    let mut late = working();
    play(
        &mut late,
        &[counted("a.1.02", "45", "40"), counted("b.1.01", "30", "70")],
    );
    assert_state(&late, Status::Submitted, "75");
}

#[test]
fn a_busted_fill_leaves_no_average_price() {
    let mut order = working();
    play(
        &mut order,
        &[counted("a.1.01", "40", "40"), counted("a.1.02", "0", "0")],
    );
    assert_state(&order, Status::Submitted, "0");
    assert_eq!(order.record.state.avg_fill_price, None);
    assert_eq!(order.record.state.remaining, amount("100"));
}

#[test]
fn commissions_of_two_currencies_are_two_sums() {
    let charge = |exec_id: &str, paid: &str, currency: &str| {
        OrderReport::Commission(crate::domain::CommissionReport {
            origin: Origin::Live,
            exec_id: exec_id.to_owned(),
            amount: amount(paid),
            currency: currency.to_owned(),
        })
    };
    let mut order = working();
    play(
        &mut order,
        &[counted("a.01", "40", "40"), charge("a.01", "1", "USD")],
    );
    assert_eq!(order.record.state.commission, Some(amount("1")));
    play(
        &mut order,
        &[counted("b.01", "40", "80"), charge("b.01", "100", "JPY")],
    );
    let state = &order.record.state;
    assert_eq!(state.commission, None);
    let sums: Vec<_> = state
        .commissions
        .iter()
        .map(|sum| (sum.currency.as_str(), sum.amount))
        .collect();
    assert_eq!(sums, [("JPY", amount("100")), ("USD", amount("1"))]);
    // A correction of the commission's currency leaves one sum again.
    play(&mut order, &[charge("b.01", "2", "USD")]);
    assert_eq!(order.record.state.commission, Some(amount("3")));
}

#[test]
fn an_order_type_that_this_version_does_not_have_shows_as_other() {
    let mut order = working();
    let OrderReport::OpenOrder(mut report) = shown("Submitted", "100", "12") else {
        unreachable!()
    };
    report.terms.order_type = Some("PEG MID".to_owned());
    report.terms.tif = Some("GTC".to_owned());
    apply(&mut order, &OrderReport::OpenOrder(report.clone()), NOW);
    let terms = &order.record.state.terms;
    assert_eq!(terms.pricing.order_type(), OrderType::Other);
    assert_eq!(terms.pricing.limit_price(), None);
    assert_eq!(terms.tif, TimeInForce::GoodTillCancelled);
    assert_eq!(order.record.state.terms_revision, 2);
    // A total of 0 and a missing price say nothing.
    report.terms.order_type = Some("LMT".to_owned());
    report.terms.quantity = Some(Amount::ZERO);
    apply(&mut order, &OrderReport::OpenOrder(report), NOW);
    assert_eq!(order.record.state.terms.quantity, amount("100"));
}

#[test]
fn a_staged_order_that_was_released_by_hand_is_transmitted() {
    for report in [
        open_order("PreSubmitted", Origin::Snapshot),
        status("Submitted", "0", "100"),
        counted("a.01", "10", "10"),
    ] {
        let mut order = in_status(Status::Staged);
        order.record.state.transmit = false;
        apply(&mut order, &report, NOW);
        assert!(order.record.state.transmit, "{report:?}");
    }
    // One that was discarded never was.
    let mut order = in_status(Status::Staged);
    play(&mut order, &[status("Cancelled", "0", "100")]);
    assert_state(&order, Status::Cancelled, "0");
    assert!(!order.record.state.transmit);
}

#[test]
fn a_working_word_with_a_rest_opens_a_filled_order_again() {
    let mut order = working();
    play(
        &mut order,
        &[counted("a.01", "100", "100"), status("Filled", "100", "0")],
    );
    assert_state(&order, Status::Filled, "100");
    // Late ones do not.
    play(
        &mut order,
        &[
            status("Submitted", "0", "100"),
            status("Submitted", "60", "40"),
            shown("Submitted", "100", "10"),
        ],
    );
    assert_state(&order, Status::Filled, "100");
    play(&mut order, &[status("Submitted", "100", "50")]);
    assert_state(&order, Status::Submitted, "100");
    assert_eq!(order.record.state.remaining, amount("50"));
}

#[test]
fn an_order_that_worked_is_cancelled_and_never_rejected() {
    let refused = "Order rejected - reason:Order has been cancelled already, too late to replace";
    for end in ["PendingCancel", "Cancelled"] {
        let mut order = in_status(Status::Submitting);
        play(
            &mut order,
            &[
                status("PreSubmitted", "0", "100"),
                status(end, "0", "100"),
                super::scene::error(201, refused),
            ],
        );
        assert_state(&order, Status::Cancelled, "0");
        assert_eq!(order.record.state.last_error.as_deref(), Some(refused));
    }
    // The reason of a cancel that nobody here asked for is kept.
    let mut band = working();
    let beyond = "Order Canceled - reason:We cannot accept an order at a limit price beyond 250";
    play(
        &mut band,
        &[
            status("Cancelled", "0", "100"),
            super::scene::error(202, beyond),
        ],
    );
    assert_eq!(band.record.state.last_error_code, Some(202));
    assert_eq!(band.record.state.last_error.as_deref(), Some(beyond));
}

#[test]
fn another_unknown_word_after_an_unknown_one_is_a_change() {
    let mut order = working();
    assert!(apply(&mut order, &status("WarnState", "0", "100"), NOW).changed);
    assert!(!apply(&mut order, &status("WarnState", "0", "100"), NOW).changed);
    assert!(apply(&mut order, &status("Wobbly", "0", "100"), NOW).changed);
    assert!(
        order
            .record
            .state
            .raw_state
            .as_deref()
            .is_some_and(|raw| raw.contains("Wobbly"))
    );
}
