//! Logins, client ids, reconnects and restarts.

use ibapi::Error;
use ibapi::orders::{ExecutionFilter, Executions, Order, Orders};
use ibkr_orders::simulator::Restart;
use ibkr_orders::simulator::switches::MillisRequests;

use crate::desk::{Desk, LIMIT, connect, limit, market, open_rows, quiet, staged};

#[tokio::test]
async fn a_login_gets_version_accounts_and_the_next_id() {
    let simulator = quiet().await;
    let client = connect(&simulator, 7).await.expect("connects");
    assert_eq!(client.server_version(), 226);
    assert_eq!(client.next_order_id(), 1);
    assert_eq!(client.handshake_managed_accounts(), ["DU1234567"]);
    assert!(client.connection_time().is_some());
    assert_eq!(client.managed_accounts().await.unwrap(), ["DU1234567"]);
    let skew = client.server_time().await.unwrap() - time::OffsetDateTime::now_utc();
    assert!(skew.abs() < time::Duration::seconds(5), "{skew}");
    let control = simulator.control();
    control
        .set_switches(|switches| switches.millis_requests = MillisRequests::Apart)
        .await
        .unwrap();
    assert!(client.server_time_millis().await.is_ok());
    assert_eq!(client.next_valid_order_id().await.unwrap(), 1);
}

#[tokio::test]
async fn a_client_id_in_use_is_refused_and_free_again_when_its_session_ends() {
    let simulator = quiet().await;
    let first = connect(&simulator, 7).await.expect("connects");
    let second = connect(&simulator, 7).await;
    assert!(
        matches!(second, Err(Error::ClientIdInUse { client_id: 7 })),
        "{:?}",
        second.err()
    );
    let other = connect(&simulator, 8).await.expect("another id is free");
    assert_eq!(other.next_order_id(), 1);
    first.disconnect().await;
    simulator
        .control()
        .wait_until(|view| view.clients() == [8])
        .await
        .unwrap();
    connect(&simulator, 7).await.expect("the id is free");
}

#[tokio::test]
async fn a_restart_of_tws_forgets_staged_orders_and_may_roll_ids_back() {
    let simulator = quiet().await;
    let mut desk = Desk::open(&simulator, 7).await;
    desk.place(&limit(1.0, 100.0), "AAPL").await;
    desk.hear(4).await;
    let held = desk.place(&staged(limit(1.0, 100.0)), "AAPL").await;
    desk.hears_nothing().await;
    simulator
        .control()
        .restart(Restart {
            roll_back_ids: 1,
            keep_orders: true,
        })
        .await
        .unwrap();
    simulator
        .control()
        .wait_until(|view| view.connections() == 0)
        .await
        .unwrap();
    let mut desk = Desk::open(&simulator, 7).await;
    assert_eq!(desk.client.next_order_id(), held);
    assert_eq!(open_rows(&desk.client, false).await.len(), 2);
    desk.hear(2).await;
    desk.cancel(held).await;
    assert!(desk.hear(1).await[0].starts_with("10147 "));
}

#[tokio::test]
async fn after_a_reconnect_open_orders_ids_executions_and_completed_orders_are_there() {
    let simulator = quiet().await;
    let mut desk = Desk::open(&simulator, 7).await;
    let working = desk
        .place(
            &Order {
                order_ref: "rests".to_owned(),
                ..limit(10.0, 100.0)
            },
            "AAPL",
        )
        .await;
    let filled = desk
        .place(
            &Order {
                order_ref: "fills".to_owned(),
                ..market(10.0)
            },
            "MSFT",
        )
        .await;
    let cancelled = desk
        .place(
            &Order {
                order_ref: "ends".to_owned(),
                ..limit(30.0, 100.0)
            },
            "AAPL",
        )
        .await;
    desk.hear(4 + 10 + 4).await;
    desk.cancel(cancelled).await;
    desk.hear(2).await;
    desk.client.disconnect().await;
    simulator
        .control()
        .wait_until(|view| view.connections() == 0)
        .await
        .unwrap();

    let client = connect(&simulator, 7).await.expect("connects");
    assert_eq!(client.next_order_id(), 4);
    let rows = open_rows(&client, false).await;
    assert_eq!(
        rows,
        [
            format!("order {working} rests"),
            format!("status {working} Submitted")
        ]
    );

    let mut executions = client.executions(ExecutionFilter::default()).await.unwrap();
    let rows = executions.collect_to_end_within(LIMIT).await.unwrap();
    assert_eq!(rows.len(), 2);
    let Executions::ExecutionData(data) = &rows[0] else {
        panic!("{rows:?}")
    };
    assert_eq!(
        (
            data.execution.order_id,
            data.execution.client_id,
            data.execution.shares
        ),
        (filled, 7, 10.0)
    );
    let Executions::CommissionReport(fee) = &rows[1] else {
        panic!("{rows:?}")
    };
    assert_eq!(fee.execution_id, data.execution.execution_id);
    assert!(fee.commission >= 1.0 && fee.realized_pnl.is_none());

    let completed = client
        .completed_orders(false)
        .await
        .unwrap()
        .collect_to_end_within(LIMIT)
        .await
        .unwrap();
    let rows: Vec<_> = completed
        .iter()
        .map(|row| match row {
            Orders::OrderData(data) => (
                data.order.order_ref.clone(),
                data.order_state.status.to_string(),
                data.order.total_quantity,
                data.order_state.completed_status.clone(),
            ),
            Orders::OrderStatus(status) => panic!("{status:?}"),
        })
        .collect();
    let expected = [
        (
            "fills".to_owned(),
            "Filled".to_owned(),
            0.0,
            "Filled Size: 10".to_owned(),
        ),
        (
            "ends".to_owned(),
            "Cancelled".to_owned(),
            30.0,
            "Cancelled by Trader".to_owned(),
        ),
    ];
    assert_eq!(rows, expected);
}
