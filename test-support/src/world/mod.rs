//! The whole product in one process: store, gateway, gRPC service, client, and a simulator to break things with.

mod checks;

use std::path::PathBuf;
use std::time::Duration;

use ibkr_orders::client::{Client, ClientOptions, WatchStream};
use ibkr_orders::config::Config;
use ibkr_orders::domain::{
    HealthIn, HealthOut, LinkState, OrderDetail, OrderKey, OrderState, PlaceIn, PlaceOut, Status,
    WatchEvent, WatchIn, WatchUpdate,
};
use ibkr_orders::error::Error;
use ibkr_orders::gateway::Gateway;
use ibkr_orders::grpc::ServerSettings;
use ibkr_orders::simulator::{Control, MessageKind, Simulator, SimulatorConfig, View};
use rust_decimal::Decimal;
use tempfile::TempDir;

use crate::link;
use crate::service::Service;

pub use crate::orders::{limit_order, resting, staged};
pub use crate::waiting::{LIMIT, eventually};

/// A gateway that serves gRPC, and the client that every call goes through.
pub struct World {
    pub simulator: Simulator,
    pub config: Config,
    pub client: Client,
    pub gateway: Gateway,
    /// None while the gateway is stopped.
    service: Option<Service>,
    _directory: TempDir,
}

impl World {
    /// Connected and reconciled, in front of an exchange that does nothing unless told to.
    pub async fn start() -> Self {
        Self::with(SimulatorConfig::explicit(), |_| {}).await
    }

    /// The same with another simulator or configuration.
    pub async fn with(simulator: SimulatorConfig, change: impl FnOnce(&mut Config)) -> Self {
        let world = Self::unconnected(simulator, change).await;
        link::settled(&world.gateway).await;
        world
    }

    /// The same, and nobody waits for the session.
    pub async fn unconnected(simulator: SimulatorConfig, change: impl FnOnce(&mut Config)) -> Self {
        let simulator = Simulator::start(simulator).await.unwrap();
        let directory = TempDir::new().unwrap();
        let mut config = quick(&simulator, directory.path().join("orders.db"));
        change(&mut config);
        let (gateway, client, service) = open(&config).await;
        Self {
            simulator,
            config,
            client,
            gateway,
            service: Some(service),
            _directory: directory,
        }
    }

    pub fn control(&self) -> Control {
        self.simulator.control()
    }

    pub fn url(&self) -> String {
        self.service.as_ref().expect("the gateway serves").url()
    }

    /// Waits until the session with TWS stands as said.
    pub async fn connected(&self, connected: bool) {
        link::connected(&self.gateway, connected).await;
    }

    /// Places an order that is expected to be stored.
    pub async fn place(&self, input: PlaceIn) -> OrderState {
        let out = self.client.place(input).await.expect("placed");
        assert!(out.submitted, "{out:?}");
        out.state.expect("a submitted order has a state")
    }

    /// Places an order that TWS gets and says nothing about in time.
    pub async fn place_unanswered(&self, input: PlaceIn) -> OrderState {
        let state = self
            .place(PlaceIn {
                timeout: 0.2,
                ..input
            })
            .await;
        assert_eq!(state.status, Status::Submitting);
        let order_id = state.order_id;
        self.tws_shows(move |view| view.place_messages(order_id) > 0)
            .await;
        state
    }

    pub async fn detail(&self, order_id: i32) -> OrderDetail {
        self.client
            .get(OrderKey::OrderId(order_id))
            .await
            .expect("the order exists")
    }

    pub async fn get(&self, order_id: i32) -> OrderState {
        self.detail(order_id).await.order
    }

    pub async fn cancel(&self, order_id: i32, timeout: f64) -> Result<OrderState, Error> {
        self.client
            .cancel(OrderKey::OrderId(order_id), timeout)
            .await
    }

    pub async fn transmit(&self, order_id: i32, timeout: f64) -> Result<OrderState, Error> {
        self.client
            .transmit(OrderKey::OrderId(order_id), timeout)
            .await
    }

    pub async fn health(&self) -> HealthOut {
        self.client.health(HealthIn::default()).await.unwrap()
    }

    /// Waits until something holds of an order.
    pub async fn until(
        &self,
        order_id: i32,
        what: &str,
        check: impl Fn(&OrderState) -> bool,
    ) -> OrderState {
        let mut last = None;
        let reached = async {
            let mut watch = self.watch_all(0).await;
            loop {
                let state = self.get(order_id).await;
                if check(&state) {
                    return state;
                }
                last = Some(state);
                watch.next().await.expect("no end").expect("no error");
            }
        };
        match tokio::time::timeout(LIMIT, reached).await {
            Ok(state) => state,
            Err(_) => panic!("order {order_id} did not become {what}: {last:#?}"),
        }
    }

    pub async fn until_status(&self, order_id: i32, status: Status) -> OrderState {
        self.until(order_id, status.as_str(), |state| state.status == status)
            .await
    }

    pub async fn watch(&self, order_id: i32, after_sequence: u64) -> WatchStream {
        let input = WatchIn {
            after_sequence,
            poll_interval: 0.2,
            ..WatchIn::new(order_id)
        };
        self.client.watch(input).await.expect("a watch")
    }

    pub async fn watch_all(&self, after_sequence: u64) -> WatchStream {
        self.watch(0, after_sequence).await
    }

    /// Reads a watch up to a change of the link.
    pub async fn link_shown(&self, watch: &mut WatchStream, state: LinkState) {
        let shown = async {
            loop {
                let update = watch.next().await.expect("no end").expect("no error");
                if matches!(update.event, WatchEvent::Link(change) if change.state == state) {
                    return;
                }
            }
        };
        tokio::time::timeout(LIMIT, shown)
            .await
            .unwrap_or_else(|_| panic!("the watch did not show {state:?}"));
    }

    /// Drops every connection, and waits until a new session has been reconciled.
    pub async fn reconnect(&self) {
        let mut watch = self.watch_all(0).await;
        // The first update says that the watch stands.
        watch.next().await.unwrap().unwrap();
        self.control().drop_connections().await.unwrap();
        for state in [LinkState::Lost, LinkState::Restored, LinkState::Reconciled] {
            self.link_shown(&mut watch, state).await;
        }
    }

    /// How many placeOrder frames came for an order of this gateway.
    pub async fn place_frames(&self, order_id: i32) -> u32 {
        let client_id = self.config.ib_client_id;
        self.look(move |view| view.place_messages((client_id, order_id)))
            .await
    }

    pub async fn cancel_frames(&self, order_id: i32) -> u32 {
        let client_id = self.config.ib_client_id;
        self.look(move |view| view.cancel_messages((client_id, order_id)))
            .await
    }

    /// Orders that TWS has under a reference.
    pub async fn orders_in_tws(&self, order_ref: &str) -> usize {
        let order_ref = order_ref.to_owned();
        self.look(move |view| view.orders_with_ref(&order_ref).len())
            .await
    }

    pub async fn look<T: Send + 'static>(
        &self,
        look: impl FnOnce(&View<'_>) -> T + Send + 'static,
    ) -> T {
        self.control().inspect(look).await.unwrap()
    }

    /// How often executions were asked for, which every reconcile does.
    pub async fn reconciles(&self) -> usize {
        self.look(|view| {
            let messages = view.messages().iter();
            messages
                .filter(|message| message.kind == MessageKind::Executions)
                .count()
        })
        .await
    }

    /// Waits until something is true of the simulator.
    pub async fn tws_shows(&self, check: impl FnMut(&View<'_>) -> bool + Send + 'static) {
        self.control().wait_until(check).await.unwrap();
    }

    /// Ends the service and the gateway, and opens them again on the same store.
    pub async fn restart(&mut self) {
        self.stop_gateway().await;
        self.start_gateway().await;
        link::settled(&self.gateway).await;
    }

    pub async fn stop_gateway(&mut self) {
        if let Some(service) = self.service.take() {
            service.end().await;
        }
        tokio::time::timeout(LIMIT, self.gateway.clone().close(Duration::from_secs(1)))
            .await
            .expect("the gateway did not end");
    }

    pub async fn start_gateway(&mut self) {
        let service;
        (self.gateway, self.client, service) = open(&self.config).await;
        self.service = Some(service);
    }

    /// Ends everything, and looks at what must hold after every fault.
    pub async fn end(mut self) {
        self.fills_add_up().await;
        self.stop_gateway().await;
        self.nothing_was_sent_twice().await;
        self.simulator.shutdown().await;
    }
}

async fn open(config: &Config) -> (Gateway, Client, Service) {
    let gateway = Gateway::open(config).await.unwrap();
    let service = Service::start(&gateway, ServerSettings::from(config)).await;
    let client = Client::connect(service.url(), ClientOptions::default())
        .await
        .unwrap();
    (gateway, client, service)
}

/// A configuration in which waits are short; everything else is the default.
pub fn quick(simulator: &Simulator, store: PathBuf) -> Config {
    let mut config = Config {
        ib_port: simulator.address().port(),
        order_db_path: store,
        ..Config::default()
    };
    let timers = &mut config.timers;
    timers.tws_reconnect_delay_min = Duration::from_millis(20);
    timers.tws_reconnect_delay_max = Duration::from_millis(100);
    timers.shutdown_grace = Duration::from_secs(1);
    config
}

/// Places through a client that may be cut off, and says how it went.
pub async fn try_place(client: &Client, input: PlaceIn) -> Result<PlaceOut, Error> {
    tokio::time::timeout(LIMIT, client.place(input))
        .await
        .expect("Place has a limit of its own")
}

/// Everything a watch shows until it ends, but heartbeats.
pub async fn to_the_end(mut watch: WatchStream) -> (Vec<WatchUpdate>, Option<Error>) {
    let all = async {
        let mut updates = Vec::new();
        loop {
            match watch.next().await {
                Some(Ok(update)) if matches!(update.event, WatchEvent::Heartbeat { .. }) => {}
                Some(Ok(update)) => updates.push(update),
                Some(Err(error)) => return (updates, Some(error)),
                None => return (updates, None),
            }
        }
    };
    tokio::time::timeout(LIMIT, all)
        .await
        .expect("the watch ends in time")
}

pub fn decimal(text: &str) -> Decimal {
    text.parse().unwrap()
}
