//! `ibapi` alone: a caller in this process that places and waits for the first word of TWS. No store, no gRPC.

use std::net::SocketAddr;
use std::time::{Duration, Instant};

use ibapi::Client;
use ibapi::contracts::Contract;
use ibapi::orders::{Action, OrderUpdate, order_builder};
use ibapi::subscriptions::SubscriptionItem;
use tokio_stream::StreamExt;

use crate::Fallible;

/// Milliseconds from placing each order to the first word about it, one order after the other.
pub(crate) async fn place_alone(tws: SocketAddr, time: Duration) -> Fallible<Vec<f64>> {
    let client = Client::connect(&tws.to_string(), 7).await?;
    let mut updates = client.order_update_stream().await?;
    let contract = Contract::stock("AAPL").build();
    let order = order_builder::limit_order(Action::Buy, 1.0, 1.25);
    let mut millis = Vec::new();
    let start = Instant::now();
    while start.elapsed() < time {
        let id = client.next_order_id();
        let began = Instant::now();
        client.submit_order(id, &contract, &order).await?;
        loop {
            let about = match updates.next().await.ok_or("the update stream ended")?? {
                SubscriptionItem::Data(OrderUpdate::OrderStatus(status)) => status.order_id,
                SubscriptionItem::Data(OrderUpdate::OpenOrder(open)) => open.order_id,
                _ => 0,
            };
            if about == id {
                break;
            }
        }
        millis.push(began.elapsed().as_secs_f64() * 1e3);
    }
    client.disconnect().await;
    Ok(millis)
}
