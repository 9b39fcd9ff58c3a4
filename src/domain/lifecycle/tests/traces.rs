//! Whose report it is, and orders of which there is none.

use super::super::*;
use super::scene::{NOW, assert_state, execution, in_status, open_order, order};

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
    for report in [foreign, theirs] {
        let foreign = Transition {
            foreign: Some("another orderRef"),
            ..Transition::default()
        };
        assert_eq!(apply(&mut order, &report, NOW), foreign);
    }
    assert_eq!(order, before);
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
