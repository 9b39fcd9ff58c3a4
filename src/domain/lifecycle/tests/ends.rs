//! What can still come after an end.

use super::super::*;
use super::scene::{assert_state, execution, in_status, open_order, play, status};
use crate::domain::Amount;

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
            if ended == Status::Filled {
                order.record.state.filled = order.record.state.terms.quantity;
                order.record.state.remaining = Amount::ZERO;
            }
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
