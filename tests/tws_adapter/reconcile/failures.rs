//! What TWS fails to do in a reconcile: it refuses a step, does not end it, ends it late, or sends what cannot be read.

use std::time::Duration;

use ibkr_orders::domain::Origin;
use ibkr_orders::tws::TwsSettings;

use super::{
    nothing_completed_or_executed, nothing_open_or_completed, reconcile, reconciled, summary,
};
use crate::adapter::{connected, connected_with, settings};
use crate::frames::{self, order};
use crate::peer::{ALL_OPEN_ORDERS, COMPLETED_ORDERS, EXECUTIONS, OPEN_ORDERS, PLACE_ORDER};

fn impatient(port: u16) -> TwsSettings {
    TwsSettings {
        reconcile_step_timeout: Duration::from_secs(1),
        ..settings(port)
    }
}

#[tokio::test]
async fn a_step_without_an_end_is_named_and_the_session_goes_on() {
    let (_tws, mut peer, mut adapter) = connected_with(impatient).await;
    reconcile(&adapter, 1);
    nothing_open_or_completed(&mut peer).await;
    let id = peer.expect(EXECUTIONS).await.number();
    peer.send(&order(80, "Filled").execution(id, "e.2.01"))
        .await;
    let (reports, result) = reconciled(&mut adapter, 1).await;
    assert_eq!(summary(&reports), [("execution", 80, Origin::Snapshot)]);
    assert!(result.unwrap_err().starts_with("executions: not answered"));

    // A late end is not taken for that of the next, which has another request id.
    peer.send(&frames::executions_end(id)).await;
    reconcile(&adapter, 2);
    peer.expect(OPEN_ORDERS).await;
    peer.send(&frames::open_orders_end()).await;
    nothing_completed_or_executed(&mut peer).await;
    assert_eq!(reconciled(&mut adapter, 2).await, (Vec::new(), Ok(())));
}

#[tokio::test]
async fn executions_that_never_end_are_told_with_how_often_that_was() {
    let (_tws, mut peer, mut adapter) = connected_with(impatient).await;
    for (token, order_id) in [(1, 80), (2, 81), (3, 82)] {
        reconcile(&adapter, token);
        nothing_open_or_completed(&mut peer).await;
        let id = peer.expect(EXECUTIONS).await.number();
        let exec_id = format!("e.{order_id}.01");
        let row = order(order_id, "Filled").execution(id, &exec_id);
        peer.send(&row).await;
        let (reports, result) = reconciled(&mut adapter, token).await;
        assert_eq!(
            summary(&reports),
            [("execution", order_id, Origin::Snapshot)]
        );
        let expected = format!("executions: not answered to the end, {token}");
        assert_eq!(result, Err(expected));
    }
    // And the session goes on.
    adapter.place(1, crate::adapter::ticket(90));
    peer.expect(PLACE_ORDER).await;
}

#[tokio::test]
async fn a_late_end_of_an_earlier_query_does_not_end_a_later_one() {
    let (_tws, mut peer, mut adapter) = connected_with(|port| TwsSettings {
        reconcile_step_timeout: Duration::from_millis(1_500),
        ..settings(port)
    })
    .await;
    reconcile(&adapter, 1);
    peer.expect(OPEN_ORDERS).await;
    let (_, result) = reconciled(&mut adapter, 1).await;
    assert!(result.unwrap_err().starts_with("open orders: not answered"));

    reconcile(&adapter, 2);
    peer.expect(OPEN_ORDERS).await;
    // The answer to the first request: order 90 is not in it yet.
    peer.send(&frames::open_orders_end()).await;
    // So the step is not over, and asks once more.
    peer.expect(OPEN_ORDERS).await;
    peer.send(&order(90, "Submitted").open()).await;
    peer.send(&frames::open_orders_end()).await;
    nothing_completed_or_executed(&mut peer).await;
    let (reports, result) = reconciled(&mut adapter, 2).await;
    assert_eq!(result, Ok(()));
    assert_eq!(summary(&reports), [("open", 90, Origin::Snapshot)]);
}

#[tokio::test]
async fn a_tws_that_never_ends_its_answers_costs_the_session_at_last() {
    let (tws, mut peer, mut adapter) = connected_with(|port| TwsSettings {
        reconcile_step_timeout: Duration::from_millis(50),
        ..settings(port)
    })
    .await;
    for token in 1..=3 {
        reconcile(&adapter, token);
        peer.expect(OPEN_ORDERS).await;
        let (_, result) = reconciled(&mut adapter, token).await;
        assert!(result.is_err());
    }
    let reason = adapter.down().await;
    assert!(reason.contains("does not finish"), "{reason}");
    tws.session().await;
    adapter.up().await;
}

const READ_ONLY: &str =
    "Error validating request.-'bX' : cause - The API interface is currently in Read-Only mode.";

#[tokio::test]
async fn a_read_only_api_is_asked_for_all_open_orders_instead() {
    let (_tws, mut peer, mut adapter) = connected().await;
    reconcile(&adapter, 1);
    peer.expect(OPEN_ORDERS).await;
    peer.send(&frames::error(-1, 321, READ_ONLY)).await;
    // Twice: for all one knows an end mark of the first query may still come.
    for _ in 0..2 {
        peer.expect(ALL_OPEN_ORDERS).await;
        peer.send(&order(90, "Submitted").open()).await;
        peer.send(&frames::open_orders_end()).await;
    }
    nothing_completed_or_executed(&mut peer).await;
    let (reports, result) = reconciled(&mut adapter, 1).await;
    assert_eq!(result, Ok(()));
    assert_eq!(summary(&reports), [("open", 90, Origin::Snapshot); 2]);
}

#[tokio::test]
async fn a_refusal_fails_the_step_at_once_and_never_costs_the_session() {
    let (_tws, mut peer, mut adapter) = connected().await;
    for token in 1..=6 {
        reconcile(&adapter, token);
        peer.expect(OPEN_ORDERS).await;
        peer.send(&frames::error(-1, 321, READ_ONLY)).await;
        peer.expect(ALL_OPEN_ORDERS).await;
        peer.send(&frames::error(-1, 321, READ_ONLY)).await;
        let reason = reconciled(&mut adapter, token).await.1.unwrap_err();
        assert!(
            reason.starts_with("open orders:") && reason.contains("Read-Only"),
            "{reason}"
        );
    }
    adapter.place(1, crate::adapter::ticket(90));
    peer.expect(PLACE_ORDER).await;
}

#[tokio::test]
async fn a_refusal_of_the_executions_query_fails_its_step_at_once() {
    let (_tws, mut peer, mut adapter) = connected().await;
    reconcile(&adapter, 1);
    nothing_open_or_completed(&mut peer).await;
    let id = peer.expect(EXECUTIONS).await.number();
    let id = i32::try_from(id).unwrap();
    peer.send(&frames::error(id, 322, "Error processing request"))
        .await;
    let reason = reconciled(&mut adapter, 1).await.1.unwrap_err();
    assert!(
        reason.starts_with("executions:") && reason.contains("322"),
        "{reason}"
    );
}

#[tokio::test]
async fn a_row_that_cannot_be_read_fails_the_step_and_never_costs_the_session() {
    let (_tws, mut peer, mut adapter) = connected().await;
    for token in 1..=6 {
        reconcile(&adapter, token);
        // Asked once more where the end mark of the answer before comes late.
        let answers = async {
            loop {
                peer.expect(OPEN_ORDERS).await;
                peer.send(&order(90, "Submitted").status_without_remaining())
                    .await;
                peer.send(&frames::open_orders_end()).await;
            }
        };
        let (_, result) = tokio::select! {
            reconciled = reconciled(&mut adapter, token) => reconciled,
            () = answers => unreachable!(),
        };
        assert!(result.unwrap_err().starts_with("open orders:"));
    }
    adapter.place(1, crate::adapter::ticket(90));
    while peer.request().await.id != PLACE_ORDER {}
}

#[tokio::test]
async fn rows_lost_on_the_way_fail_the_step() {
    let (_tws, mut peer, mut adapter) = connected().await;
    reconcile(&adapter, 1);
    peer.expect(OPEN_ORDERS).await;
    peer.send(&frames::open_orders_end()).await;
    peer.expect(COMPLETED_ORDERS).await;
    // Not of this query, but what it broke may have been.
    peer.send(&order(90, "Submitted").status_without_remaining())
        .await;
    peer.send(&frames::completed_orders_end()).await;
    let (_, result) = reconciled(&mut adapter, 1).await;
    let reason = result.unwrap_err();
    assert!(
        reason.starts_with("completed orders:") && reason.contains("lost"),
        "{reason}"
    );
}
