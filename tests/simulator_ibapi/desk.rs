//! A client at its desk, and the orders it types.

use std::time::Duration;

use ibapi::contracts::Contract;
use ibapi::orders::{Order, OrderUpdate, Orders};
use ibapi::prelude::{StreamExt, Subscription};
use ibapi::{Client, Error};
use ibkr_orders::simulator::{Mode, Simulator, SimulatorConfig};

use crate::words::next_words;

pub(crate) use test_support::waiting::LIMIT;

/// A client with its stream of updates open.
pub(crate) struct Desk {
    pub(crate) client: Client,
    pub(crate) updates: Subscription<OrderUpdate>,
}

impl Desk {
    pub(crate) async fn open(simulator: &Simulator, client_id: i32) -> Self {
        let client = connect(simulator, client_id).await.expect("connects");
        let updates = client
            .order_update_stream()
            .await
            .expect("opens the update stream");
        Self { client, updates }
    }

    pub(crate) async fn place(&self, order: &Order, symbol: &str) -> i32 {
        let id = self.client.next_order_id();
        self.place_as(id, order, symbol).await;
        id
    }

    pub(crate) async fn place_as(&self, id: i32, order: &Order, symbol: &str) {
        self.client
            .submit_order(id, &stock(symbol), order)
            .await
            .expect("is sent");
    }

    /// The next `count` things that TWS said, each in a few words.
    pub(crate) async fn hear(&mut self, count: usize) -> Vec<String> {
        next_words(&mut self.updates, count).await
    }

    /// Asserts that nothing is said, by asking for ids and seeing only the answer come back: TWS answers each such request, in turn.
    pub(crate) async fn hears_nothing(&mut self) {
        self.client
            .next_valid_order_id()
            .await
            .expect("TWS tells the next id");
        let next = tokio::time::timeout(Duration::from_millis(50), self.updates.next()).await;
        assert!(next.is_err(), "TWS said {next:?}");
    }

    pub(crate) async fn cancel(&self, id: i32) {
        drop(self.client.cancel_order(id, "").await.expect("is sent"));
    }
}

pub(crate) async fn connect(simulator: &Simulator, client_id: i32) -> Result<Client, Error> {
    let builder = Client::builder()
        .address(simulator.address().to_string())
        .client_id(client_id);
    let connecting = builder.max_reconnect_attempts(0).connect();
    tokio::time::timeout(LIMIT, connecting)
        .await
        .expect("the handshake ends")
}

pub(crate) fn stock(symbol: &str) -> Contract {
    Contract::stock(symbol).build()
}

pub(crate) fn limit(quantity: f64, price: f64) -> Order {
    let mut order =
        ibapi::orders::order_builder::limit_order(ibapi::orders::Action::Buy, quantity, price);
    order.account = "DU1234567".to_owned();
    order
}

pub(crate) fn market(quantity: f64) -> Order {
    ibapi::orders::order_builder::market_order(ibapi::orders::Action::Buy, quantity)
}

pub(crate) fn staged(mut order: Order) -> Order {
    order.transmit = false;
    order
}

pub(crate) async fn quiet() -> Simulator {
    let config = SimulatorConfig {
        mode: Mode::Automatic {
            tick: Duration::ZERO,
        },
        ..SimulatorConfig::on_free_port()
    };
    Simulator::start(config).await.expect("listens")
}

/// Rows of an open-orders query, in a few words each.
pub(crate) async fn open_rows(client: &Client, all: bool) -> Vec<String> {
    let mut rows = match all {
        true => client.all_open_orders().await,
        false => client.open_orders().await,
    }
    .expect("is sent");
    let rows = rows.collect_to_end_within(LIMIT).await.expect("ends");
    rows.iter()
        .map(|row| match row {
            Orders::OrderData(data) => format!("order {} {}", data.order_id, data.order.order_ref)
                .trim_end()
                .to_owned(),
            Orders::OrderStatus(status) => format!("status {} {}", status.order_id, status.status),
        })
        .collect()
}
