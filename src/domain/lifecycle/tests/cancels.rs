//! What TWS answers to a cancel.

use super::super::*;
use super::scene::{NOW, amount, assert_state, error, execution, in_status, play, status};

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
