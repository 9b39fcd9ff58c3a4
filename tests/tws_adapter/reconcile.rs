//! What TWS holds, asked for step by step.

use std::time::Duration;

use ibkr_orders::domain::{Amount, OrderReport, Origin};
use ibkr_orders::tws::{TwsCommand, TwsEvent, TwsSettings};

use crate::adapter::{Adapter, connected, connected_with, settings, start};
use crate::frames::{self, order};
use crate::peer::{
    ALL_OPEN_ORDERS, COMPLETED_ORDERS, EXECUTIONS, FakeTws, OPEN_ORDERS, PLACE_ORDER, Peer,
};

fn reconcile(adapter: &Adapter, token: u64) {
    adapter.command(TwsCommand::Reconcile {
        session: 1,
        token,
        days_back: 0,
    });
}

/// Everything up to the end of the reconcile, and its result.
async fn reconciled(adapter: &mut Adapter, of: u64) -> (Vec<OrderReport>, Result<(), String>) {
    let mut events = adapter
        .until(|event| matches!(event, TwsEvent::Reconciled { token, .. } if *token == of))
        .await;
    let Some(TwsEvent::Reconciled { result, .. }) = events.pop() else {
        panic!()
    };
    let reports = events
        .into_iter()
        .filter_map(|event| match event {
            TwsEvent::Report { report, .. } => Some(report),
            _ => None,
        })
        .collect();
    (reports, result)
}

fn impatient(port: u16) -> TwsSettings {
    TwsSettings {
        reconcile_step_timeout: Duration::from_secs(1),
        ..settings(port)
    }
}

/// Answers the first two queries of a reconcile with nothing but their end marks.
async fn nothing_open_or_completed(peer: &mut Peer) {
    peer.expect(OPEN_ORDERS).await;
    peer.send(&frames::open_orders_end()).await;
    peer.expect(COMPLETED_ORDERS).await;
    peer.send(&frames::completed_orders_end()).await;
}

/// Answers the steps from completed orders on with nothing.
async fn nothing_completed_or_executed(peer: &mut Peer) {
    peer.expect(COMPLETED_ORDERS).await;
    peer.send(&frames::completed_orders_end()).await;
    let id = peer.expect(EXECUTIONS).await.number();
    peer.send(&frames::executions_end(id)).await;
}

fn summary(reports: &[OrderReport]) -> Vec<(&'static str, i32, Origin)> {
    reports
        .iter()
        .map(|report| match report {
            OrderReport::OpenOrder(r) => ("open", r.order_id, r.origin),
            OrderReport::Status(r) => ("status", r.order_id, r.origin),
            OrderReport::Execution(r) => ("execution", r.order_id, r.origin),
            OrderReport::Commission(r) => ("commission", 0, r.origin),
            OrderReport::Completed(r) => ("completed", r.order_id.unwrap_or(-1), Origin::Snapshot),
            OrderReport::Error(r) => ("error", r.order_id, Origin::Live),
        })
        .collect()
}

#[tokio::test]
async fn the_three_steps_follow_each_other_and_every_row_comes_before_the_end() {
    let (_tws, mut peer, mut adapter) = connected().await;
    reconcile(&adapter, 1);
    let asked = peer.expect(OPEN_ORDERS).await;
    assert_eq!(asked.bytes, [0, 0, 0, 4, 0, 0, 0, 205]);
    peer.send(&order(90, "Submitted").open()).await;
    peer.send(&order(90, "Submitted").status("40", "60")).await;
    peer.send(&order(90, "Submitted").execution(-1, "e.1.01"))
        .await;
    peer.send(&frames::open_orders_end()).await;

    let asked = peer.expect(COMPLETED_ORDERS).await;
    assert_eq!(
        asked.bytes,
        [0, 0, 0, 4, 0, 0, 1, 43],
        "not only orders of the API"
    );
    peer.send(&order(80, "Filled").completed("0", "100")).await;
    peer.send(&order(81, "Cancelled").completed("75", "0"))
        .await;
    peer.send(&order(90, "Submitted").status("41", "59")).await;
    peer.send(&frames::completed_orders_end()).await;

    let asked = peer.expect(EXECUTIONS).await;
    let id = asked.number();
    assert_eq!(id, 1_500_000_000);
    assert_eq!(asked.bytes.len(), 16, "an empty filter");
    peer.send(&order(80, "Filled").execution(id, "e.2.01"))
        .await;
    peer.send(&frames::commission("e.2.01", 1.0)).await;
    peer.send(&order(90, "Submitted").execution(-1, "e.1.02"))
        .await;
    peer.send(&frames::executions_end(id)).await;

    let (reports, result) = reconciled(&mut adapter, 1).await;
    assert_eq!(result, Ok(()));
    let mut rows = summary(&reports);
    // Completed orders come through another channel than what happens meanwhile.
    let at = rows
        .iter()
        .position(|row| *row == ("status", 90, Origin::Live))
        .unwrap();
    assert!((3..=5).contains(&at), "{rows:?}");
    rows.remove(at);
    assert_eq!(
        rows,
        [
            ("open", 90, Origin::Snapshot),
            ("status", 90, Origin::Snapshot),
            ("execution", 90, Origin::Live),
            ("completed", -1, Origin::Snapshot),
            ("completed", -1, Origin::Snapshot),
            ("execution", 80, Origin::Snapshot),
            ("commission", 0, Origin::Snapshot),
            ("execution", 90, Origin::Live),
        ]
    );
    let completed: Vec<_> = reports
        .iter()
        .filter_map(|report| match report {
            OrderReport::Completed(row) => Some(row),
            _ => None,
        })
        .collect();
    assert_eq!(completed[0].perm_id, Some(1_080));
    assert_eq!(completed[0].order_ref.as_deref(), Some("gw-80"));
    assert_eq!(
        (completed[0].unfilled, completed[0].filled),
        (Some(Amount::ZERO), Some(Amount::from(100)))
    );
    assert_eq!(
        (completed[1].unfilled, completed[1].filled),
        (Some(Amount::from(75)), None)
    );
    assert_eq!(
        completed[0].completed_status.as_deref(),
        Some("Filled Size: 100")
    );
}

#[tokio::test]
async fn executions_of_earlier_days_are_asked_for_when_wanted() {
    let (_tws, mut peer, adapter) = connected().await;
    adapter.command(TwsCommand::Reconcile {
        session: 1,
        token: 1,
        days_back: 2,
    });
    nothing_open_or_completed(&mut peer).await;
    let asked = peer.expect(EXECUTIONS).await;
    assert!(
        asked.bytes.ends_with(&[3]),
        "today and two days before: {:?}",
        asked.bytes
    );
}

#[tokio::test]
async fn client_0_does_not_bind_manual_orders_by_reconciling() {
    let tws = FakeTws::bind().await;
    let mut adapter = start(TwsSettings {
        client_id: 0,
        ..settings(tws.port)
    });
    let mut peer = tws.session().await;
    adapter.up().await;
    adapter.first_heartbeat(&mut peer).await;
    reconcile(&adapter, 1);
    peer.expect(ALL_OPEN_ORDERS).await;
    peer.send(&order(5, "Submitted").of_client(0).open()).await;
    peer.send(&order(6, "Submitted").of_client(3).open()).await;
    peer.send(&frames::open_orders_end()).await;
    nothing_completed_or_executed(&mut peer).await;
    let (reports, result) = reconciled(&mut adapter, 1).await;
    assert_eq!(result, Ok(()));
    let clients: Vec<_> = reports
        .iter()
        .map(|report| match report {
            OrderReport::OpenOrder(row) => (row.order_id, row.client_id, row.origin),
            other => panic!("{other:?}"),
        })
        .collect();
    assert_eq!(
        clients,
        [(5, 0, Origin::Snapshot), (6, 3, Origin::Snapshot)]
    );
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
async fn executions_that_never_end_are_taken_for_whole_the_second_time() {
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
        assert_eq!(result.is_ok(), token > 1, "{result:?}");
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

#[tokio::test]
async fn orders_go_out_while_a_reconcile_is_under_way() {
    let (_tws, mut peer, mut adapter) = connected().await;
    reconcile(&adapter, 1);
    peer.expect(OPEN_ORDERS).await;
    adapter.place(1, crate::adapter::ticket(90));
    assert_eq!(peer.expect(PLACE_ORDER).await.number(), 90);
    peer.send(&frames::open_orders_end()).await;
    nothing_completed_or_executed(&mut peer).await;
    assert_eq!(reconciled(&mut adapter, 1).await.1, Ok(()));
}

#[tokio::test]
async fn a_second_reconcile_waits_for_the_first() {
    let (_tws, mut peer, mut adapter) = connected().await;
    reconcile(&adapter, 1);
    reconcile(&adapter, 2);
    for token in 1..=2 {
        peer.expect(OPEN_ORDERS).await;
        peer.send(&order(90, "Submitted").open()).await;
        peer.send(&frames::open_orders_end()).await;
        nothing_completed_or_executed(&mut peer).await;
        let (reports, result) = reconciled(&mut adapter, token).await;
        assert_eq!((reports.len(), result), (1, Ok(())));
    }
}

#[tokio::test]
async fn thousands_of_executions_are_read_whole() {
    const EXECUTED: i32 = 10_000;
    let (_tws, mut peer, mut adapter) = connected_with(|port| TwsSettings {
        reconcile_step_timeout: Duration::from_secs(60),
        ..settings(port)
    })
    .await;
    reconcile(&adapter, 1);
    nothing_open_or_completed(&mut peer).await;
    let id = peer.expect(EXECUTIONS).await.number();
    let mut bytes = Vec::new();
    for order_id in 1..=EXECUTED {
        let exec_id = format!("e.{order_id}.01");
        bytes.extend(order(order_id, "Filled").execution(id, &exec_id));
        bytes.extend(frames::commission(&exec_id, 1.0));
    }
    bytes.extend(frames::executions_end(id));
    peer.send(&bytes).await;
    let (reports, result) = reconciled(&mut adapter, 1).await;
    assert_eq!((reports.len(), result), (2 * EXECUTED as usize, Ok(())));
}
