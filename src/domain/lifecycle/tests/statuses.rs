//! The words of TWS: statuses, open orders and completed orders.

use super::super::*;
use super::scene::{
    NOW, amount, assert_state, commission, completed, error, execution, in_status, open_order,
    order, play, status,
};

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
fn a_submitted_status_with_nothing_remaining_is_a_fill() {
    let mut order = order();
    play(&mut order, &[status("Submitted", "100")]);
    assert_state(&order, Status::Filled, "100");
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
    // Its quantity is no evidence of a fill: somebody may have lowered the order.
    assert_state(&cancelled, Status::Cancelled, "0");
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
