//! A gateway with everything real behind it.

use std::time::Duration;

use ibkr_orders::config::Config;
use ibkr_orders::domain::{
    HealthIn, OrderKey, OrderState, PlaceIn, Status, WatchEvent, WatchIn, WatchUpdate,
};
use ibkr_orders::gateway::Gateway;
use ibkr_orders::simulator::{Control, Simulator, SimulatorConfig};
use serde_json::json;
use tempfile::TempDir;

use crate::link;

pub use crate::waiting::LIMIT;

pub struct Rig {
    pub simulator: Simulator,
    pub gateway: Gateway,
    pub config: Config,
    /// Kept while the store is in use.
    pub directory: TempDir,
}

/// A gateway connected to a simulator.
pub async fn rig(simulator: SimulatorConfig) -> Rig {
    rig_with(simulator, |_| {}).await
}

pub async fn rig_with(simulator: SimulatorConfig, change: impl FnOnce(&mut Config)) -> Rig {
    let simulator = Simulator::start(simulator).await.expect("a free port");
    let directory = TempDir::new().expect("a directory");
    let mut config = config(simulator.address().port(), &directory);
    change(&mut config);
    let gateway = Gateway::open(&config).await.expect("an empty store");
    Rig {
        simulator,
        gateway,
        config,
        directory,
    }
}

/// Quick to reconnect.
pub fn config(port: u16, directory: &TempDir) -> Config {
    let mut config = Config {
        ib_port: port,
        order_db_path: directory.path().join("orders.db"),
        ..Config::default()
    };
    config.timers.tws_reconnect_delay_min = Duration::from_millis(20);
    config.timers.tws_reconnect_delay_max = Duration::from_millis(100);
    config
}

pub fn buy_market(quantity: u32) -> PlaceIn {
    PlaceIn {
        transmit: true,
        timeout: 10.0,
        ..PlaceIn::new(
            json!({"action": "BUY", "symbol": "AAPL", "order_type": "MKT", "quantity": quantity}),
        )
    }
}

/// A limit order far below the market.
pub fn resting(quantity: u32) -> PlaceIn {
    PlaceIn {
        transmit: true,
        timeout: 10.0,
        ..PlaceIn::new(json!({
            "action": "BUY", "symbol": "AAPL", "order_type": "LMT", "quantity": quantity, "limit_price": 1,
        }))
    }
}

impl Rig {
    pub fn control(&self) -> Control {
        self.simulator.control()
    }

    pub async fn place(&self, input: PlaceIn) -> OrderState {
        let placed = self.gateway.place(input).await.expect("placed");
        assert!(placed.submitted);
        placed.state.expect("a submitted order has a state")
    }

    pub async fn get(&self, order_id: i32) -> OrderState {
        self.gateway
            .get(OrderKey::OrderId(order_id))
            .await
            .expect("the order exists")
            .order
    }

    /// Waits until the session with TWS is up.
    pub async fn connected(&self) {
        link::connected(&self.gateway, true).await;
    }

    /// Waits until an order comes to a status, also one that is not terminal.
    pub async fn until(&self, order_id: i32, status: Status) -> OrderState {
        let reached = async {
            let mut watch = self
                .gateway
                .watch(WatchIn {
                    after_sequence: 0,
                    ..WatchIn::new(0)
                })
                .await
                .expect("a watch");
            loop {
                let state = self.get(order_id).await;
                if state.status == status {
                    return state;
                }
                watch.next().await.expect("no end").expect("no error");
            }
        };
        tokio::time::timeout(LIMIT, reached).await.expect("in time")
    }

    /// Everything the watch of an order shows until it ends, without heartbeats.
    pub async fn watch_to_the_end(&self, order_id: i32) -> Vec<WatchUpdate> {
        let mut watch = self
            .gateway
            .watch(WatchIn::new(order_id))
            .await
            .expect("a watch");
        let all = async {
            let mut updates = Vec::new();
            while let Some(update) = watch.next().await {
                let update = WatchUpdate::from(update.expect("no error"));
                if !matches!(update.event, WatchEvent::Heartbeat { .. }) {
                    updates.push(update);
                }
            }
            updates
        };
        tokio::time::timeout(LIMIT, all).await.expect("in time")
    }

    /// Closes the gateway and opens another one on the same store.
    pub async fn restart(&mut self) {
        self.gateway.clone().close(Duration::from_secs(5)).await;
        self.gateway = Gateway::open(&self.config).await.expect("the same store");
    }

    /// Waits until orders can be placed and the reconcile of the first session has ended.
    pub async fn healthy(&self) {
        link::settled(&self.gateway).await;
        let health = self
            .gateway
            .health(HealthIn::default())
            .await
            .expect("a timeout");
        assert_eq!(health.error, None);
        assert!(health.connected);
    }

    pub async fn end(self) {
        self.gateway.close(Duration::from_secs(5)).await;
        self.simulator.shutdown().await;
        drop(self.directory);
    }
}

/// The states that a watch showed.
pub fn states(updates: &[WatchUpdate]) -> Vec<OrderState> {
    updates
        .iter()
        .filter_map(|update| match &update.event {
            WatchEvent::Order(state) => Some(state.clone()),
            _ => None,
        })
        .collect()
}
