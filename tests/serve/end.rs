//! How it ends, and what outlives it.

use std::net::TcpStream;

use ibkr_orders::domain::{
    Action, Amount, HealthIn, OrderKey, OrderRequest, PlaceIn, Status, WatchIn,
};
use ibkr_orders::error::Reason;

use crate::process::{Served, dir};

#[tokio::test]
async fn sigterm_ends_it_within_the_grace_with_open_watches_and_mute_connections() {
    let dir = dir();
    let served = Served::start(&dir, &[]).await;
    let client = served.client().await;
    let mut watch = client.watch(WatchIn::new(0)).await.unwrap();
    watch.next().await.unwrap().unwrap();
    let mute = TcpStream::connect(&served.address).unwrap();
    served.signal("-TERM");
    let error = loop {
        match watch.next().await.unwrap() {
            Ok(_) => {}
            Err(error) => break error,
        }
    };
    assert_eq!(error.reason, Reason::ShuttingDown);
    let (code, said) = served.end().await;
    assert_eq!(code, Some(0), "{said}");
    // What it says when it waited out the grace.
    assert!(!said.contains("did not finish in time"), "{said}");
    drop(mute);
}

#[tokio::test]
async fn an_order_survives_a_kill_of_gateway_and_simulator() {
    let dir = dir();
    let served = Served::start(&dir, &[]).await;
    let order = OrderRequest::limit(Action::Buy, "AAPL", Amount::from(1), Amount::from(1));
    let placed = served
        .client()
        .await
        .place(PlaceIn {
            transmit: true,
            ..PlaceIn::new(order)
        })
        .await
        .unwrap();
    served.signal("-KILL");
    assert_eq!(served.end().await.0, None);
    let served = Served::start(&dir, &[]).await;
    let key = OrderKey::OrderId(placed.order_id.unwrap());
    let client = served.client().await;
    client.health(HealthIn::default()).await.unwrap();
    let cancelled = client.cancel(key, 10.0).await.unwrap();
    assert_eq!(cancelled.status, Status::Cancelled);
    served.signal("-TERM");
    assert_eq!(served.end().await.0, Some(0));
}
