//! Orders that live: acknowledged, filled, cancelled, held back, changed, ended at once.

use ibapi::orders::{Order, TimeInForce};

use crate::desk::{Desk, limit, market, open_rows, quiet, staged};

#[tokio::test]
async fn a_market_order_is_acknowledged_executed_filled_and_charged() {
    let simulator = quiet().await;
    let mut desk = Desk::open(&simulator, 7).await;
    desk.place(&market(100.0), "AAPL").await;
    assert_eq!(
        desk.hear(10).await,
        [
            "open PreSubmitted",
            "status PreSubmitted 0+100",
            "open Submitted",
            "status Submitted 0+100",
            "execution 100",
            "open Filled",
            "status Filled 100+0",
            "open Filled",
            "status Filled 100+0",
            "commission",
        ]
    );
    desk.hears_nothing().await;
}

#[tokio::test]
async fn a_limit_order_far_from_the_market_rests_until_it_is_cancelled() {
    let simulator = quiet().await;
    let mut desk = Desk::open(&simulator, 7).await;
    let id = desk.place(&limit(100.0, 100.25), "AAPL").await;
    let acknowledged = desk.hear(4).await;
    assert_eq!(
        acknowledged[2..],
        ["open Submitted", "status Submitted 0+100"]
    );
    desk.cancel(id).await;
    assert_eq!(
        desk.hear(2).await,
        ["status Cancelled 0+100", "202 Order Canceled - reason:"]
    );
    desk.cancel(id).await;
    let again = desk.hear(1).await;
    let expected = format!(
        "10148 OrderId {id} that needs to be cancelled cannot be cancelled, state: Cancelled."
    );
    assert_eq!(again, [expected]);
}

#[tokio::test]
async fn a_large_order_fills_in_parts_at_worse_and_worse_prices() {
    let simulator = quiet().await;
    let mut desk = Desk::open(&simulator, 7).await;
    desk.place(&market(2000.0), "AAPL").await;
    let mut heard = Vec::new();
    while heard.last().map(String::as_str) != Some("open Filled") {
        heard.extend(desk.hear(1).await);
    }
    let executions: Vec<&String> = heard
        .iter()
        .filter(|word| word.starts_with("execution"))
        .collect();
    assert!(executions.len() > 1, "{heard:?}");
    assert!(
        heard
            .iter()
            .any(|word| word.starts_with("status Submitted") && !word.ends_with("0+2000")),
        "{heard:?}"
    );
}

#[tokio::test]
async fn a_staged_order_is_silent_until_it_is_placed_again_with_transmit() {
    let simulator = quiet().await;
    let mut desk = Desk::open(&simulator, 7).await;
    let id = desk.place(&staged(limit(1.0, 100.0)), "AAPL").await;
    desk.hears_nothing().await;
    assert!(open_rows(&desk.client, false).await.is_empty());
    assert!(open_rows(&desk.client, true).await.is_empty());
    desk.place_as(id, &limit(1.0, 100.0), "AAPL").await;
    assert_eq!(desk.hear(4).await[3], "status Submitted 0+1");
}

#[tokio::test]
async fn cancelling_a_staged_order_discards_it_and_its_id_is_spent() {
    let simulator = quiet().await;
    let mut desk = Desk::open(&simulator, 7).await;
    let id = desk.place(&staged(limit(1.0, 100.0)), "AAPL").await;
    desk.cancel(id).await;
    let heard = desk.hear(3).await;
    assert_eq!(
        heard[..2],
        [
            "status Cancelled 0+1",
            "202 Order Canceled - reason:Order was discarded."
        ]
    );
    assert!(heard[2].starts_with("161 "), "{heard:?}");
    desk.place_as(id, &limit(1.0, 100.0), "AAPL").await;
    assert_eq!(desk.hear(1).await, ["103 Duplicate order id"]);
}

#[tokio::test]
async fn a_working_order_is_modified_by_placing_its_id_again() {
    let simulator = quiet().await;
    let mut desk = Desk::open(&simulator, 7).await;
    let id = desk.place(&limit(100.0, 100.0), "AAPL").await;
    desk.hear(4).await;
    desk.place_as(id, &limit(150.0, 101.0), "AAPL").await;
    let echo = ["open Submitted", "status Submitted 0+150"];
    assert_eq!(desk.hear(4).await, [echo, echo].concat());
    desk.place_as(id, &limit(150.0, 101.001), "AAPL").await;
    assert!(desk.hear(1).await[0].starts_with("110 "));
    desk.place_as(id, &limit(150.0, 101.0), "MSFT").await;
    assert!(desk.hear(1).await[0].starts_with("105 "));
    let rows = open_rows(&desk.client, false).await;
    assert_eq!(rows.len(), 2, "the order still works: {rows:?}");
    desk.hear(2).await;
    desk.place_as(
        id,
        &Order {
            order_type: "MKT".to_owned(),
            limit_price: None,
            ..limit(150.0, 0.0)
        },
        "AAPL",
    )
    .await;
    let filled = desk.hear(10).await;
    assert_eq!(filled[4], "execution 150", "{filled:?}");
    desk.place_as(id, &limit(150.0, 101.0), "AAPL").await;
    assert!(desk.hear(1).await[0].starts_with("104 "));
}

#[tokio::test]
async fn orders_that_may_not_wait_end_at_once() {
    let simulator = quiet().await;
    let mut desk = Desk::open(&simulator, 7).await;
    desk.place(
        &Order {
            tif: TimeInForce::ImmediateOrCancel,
            ..limit(10.0, 100.0)
        },
        "AAPL",
    )
    .await;
    let heard = desk.hear(8).await;
    assert_eq!(
        heard[4..],
        [
            "open PendingCancel",
            "status PendingCancel 0+10",
            "status Cancelled 0+10",
            "202 Order Canceled - reason:"
        ]
    );
    desk.place(
        &Order {
            tif: TimeInForce::FillOrKill,
            ..limit(10.0, 100.0)
        },
        "AAPL",
    )
    .await;
    let heard = desk.hear(5).await;
    assert_eq!(heard[..2], ["open Inactive", "status Inactive 0+10"]);
    assert!(heard[2].starts_with("201 "), "{heard:?}");
    desk.place(
        &Order {
            tif: TimeInForce::FillOrKill,
            ..market(10.0)
        },
        "AAPL",
    )
    .await;
    assert_eq!(desk.hear(10).await[6], "status Filled 10+0");
    desk.place(
        &Order {
            tif: TimeInForce::OnOpen,
            ..market(10.0)
        },
        "AAPL",
    )
    .await;
    let heard = desk.hear(7).await;
    assert!(
        heard
            .iter()
            .all(|word| word.contains("PreSubmitted") || word.starts_with("399 ")),
        "{heard:?}"
    );
}
