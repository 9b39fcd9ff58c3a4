//! Callers in this process: `ibapi` alone, with no store and no gRPC, and the gateway as a library.

use std::net::SocketAddr;
use std::time::{Duration, Instant};

use ibapi::Client;
use ibapi::contracts::Contract;
use ibapi::orders::{Action, OrderUpdate, order_builder};
use ibapi::subscriptions::SubscriptionItem;
use ibkr_orders::{Config, Gateway, HealthIn, OrderRequest, PlaceIn};
use tempfile::TempDir;
use tokio_stream::StreamExt;

use crate::Fallible;
use crate::rig::scratch;

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

/// The gateway in this process, with a store in memory's file system.
pub(crate) struct Library {
    gateway: Gateway,
    sent: u64,
    _dir: TempDir,
}

impl Library {
    pub(crate) async fn open(tws: SocketAddr) -> Fallible<Self> {
        let dir = scratch()?;
        let gateway = Gateway::open(&Config {
            ib_port: tws.port(),
            order_db_path: dir.path().join("orders.db"),
            ib_max_messages_per_second: 1_000_000,
            ..Config::default()
        })
        .await?;
        let health = gateway.health(HealthIn::default()).await?;
        if !health.connected {
            return Err(format!("the library did not connect: {:?}", health.error).into());
        }
        Ok(Self {
            gateway,
            sent: 0,
            _dir: dir,
        })
    }

    /// Milliseconds of each order, one after the other: stored, sent, and TWS's first word stored.
    pub(crate) async fn place(&mut self, time: Duration) -> Fallible<Vec<f64>> {
        let price = "1.25".parse().map_err(|_| "a price")?;
        let order = OrderRequest::limit(ibkr_orders::Action::Buy, "AAPL", 1.into(), price);
        let mut millis = Vec::new();
        let start = Instant::now();
        while start.elapsed() < time {
            self.sent += 1;
            let input = PlaceIn {
                transmit: true,
                request_id: Some(format!("library-{}", self.sent)),
                ..PlaceIn::new(order.clone())
            };
            let began = Instant::now();
            let placed = self.gateway.place(input).await?;
            millis.push(began.elapsed().as_secs_f64() * 1e3);
            if !placed.submitted {
                return Err(format!("the library placed nothing: {:?}", placed.error).into());
            }
        }
        Ok(millis)
    }

    pub(crate) async fn close(self) {
        self.gateway.close(Duration::from_secs(5)).await;
    }
}
