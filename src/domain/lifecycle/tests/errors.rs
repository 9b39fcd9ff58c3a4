//! Refusals and warnings.

use super::super::*;
use super::scene::{
    NOW, assert_state, completed, error, execution, in_status, order, play, status,
};

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
        assert!(out.acknowledged_by_broker && out.changed);
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
fn the_reason_of_a_completed_order_is_worse_than_a_warning() {
    let mut order = in_status(Status::PreSubmitted);
    apply(&mut order, &error(399, "Warning: tomorrow"), NOW);
    apply(
        &mut order,
        &completed("Cancelled", None, "Rejected: no margin"),
        NOW,
    );
    assert_state(&order, Status::Cancelled, "0");
    let state = &order.record.state;
    assert_eq!(state.last_error_code, None);
    assert_eq!(state.last_error.as_deref(), Some("Rejected: no margin"));
}

#[test]
fn a_warned_order_still_fills() {
    let mut order = order();
    play(
        &mut order,
        &[
            error(399, "Warning: tomorrow"),
            execution("a.01", "100", "10"),
            status("Filled", "100"),
        ],
    );
    assert_state(&order, Status::Filled, "100");
    assert_eq!(order.record.state.last_error_code, Some(399));
}
