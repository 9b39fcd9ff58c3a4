//! A reconcile that TWS answers as it should: its steps in their order, its rows, and what goes on meanwhile.

use std::time::Duration;

use ibkr_orders::domain::{Amount, OrderReport, Origin};
use ibkr_orders::tws::{Answers, TwsCommand, TwsSettings};

use super::{
    nothing_completed_or_executed, nothing_open_or_completed, reconcile, reconciled, summary,
};
use crate::adapter::{connected, connected_with, settings, start};
use crate::frames::{self, order};
use crate::peer::{
    ALL_OPEN_ORDERS, COMPLETED_ORDERS, EXECUTIONS, FakeTws, OPEN_ORDERS, PLACE_ORDER,
};

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

    let (reports, answers) = reconciled(&mut adapter, 1).await;
    assert_eq!(answers, Answers::whole());
    assert_eq!(
        summary(&reports),
        [
            ("open", 90, Origin::Snapshot),
            ("status", 90, Origin::Snapshot),
            ("execution", 90, Origin::Live),
            ("completed", -1, Origin::Snapshot),
            ("completed", -1, Origin::Snapshot),
            ("status", 90, Origin::Live),
            ("execution", 80, Origin::Snapshot),
            ("commission", 0, Origin::Snapshot),
            ("execution", 90, Origin::Live),
        ],
        "in the order of TWS"
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
    reconcile(&adapter, 1);
    peer.expect(ALL_OPEN_ORDERS).await;
    peer.send(&order(5, "Submitted").of_client(0).open()).await;
    peer.send(&order(6, "Submitted").of_client(3).open()).await;
    peer.send(&frames::open_orders_end()).await;
    nothing_completed_or_executed(&mut peer).await;
    let (reports, answers) = reconciled(&mut adapter, 1).await;
    assert_eq!(answers, Answers::whole());
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
async fn orders_go_out_while_a_reconcile_is_under_way() {
    let (_tws, mut peer, mut adapter) = connected().await;
    reconcile(&adapter, 1);
    peer.expect(OPEN_ORDERS).await;
    adapter.place(1, crate::adapter::ticket(90));
    assert_eq!(peer.expect(PLACE_ORDER).await.number(), 90);
    peer.send(&frames::open_orders_end()).await;
    nothing_completed_or_executed(&mut peer).await;
    assert_eq!(reconciled(&mut adapter, 1).await.1, Answers::whole());
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
        let (reports, answers) = reconciled(&mut adapter, token).await;
        assert_eq!((reports.len(), answers), (1, Answers::whole()));
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
    let (reports, answers) = reconciled(&mut adapter, 1).await;
    assert_eq!(
        (reports.len(), answers),
        (2 * EXECUTED as usize, Answers::whole())
    );
}
