//! A gateway on a free port in front of a simulator on another, and a stub to call it with.

use std::net::SocketAddr;
use std::time::Duration;

use ibkr_orders::config::Config;
use ibkr_orders::gateway::Gateway;
use ibkr_orders::grpc::{ServeError, ServerSettings, serve};
use ibkr_orders::simulator::{Control, Simulator, SimulatorConfig};
use ibkr_orders::wire::pb;
use ibkr_orders::wire::pb::order_service_client::OrderServiceClient;
use tokio::net::TcpListener;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;
use tonic::Status;
use tonic::transport::{Channel, Endpoint};
use tonic_types::{ErrorDetails, StatusExt as _};

pub(crate) use crate::waiting::{LIMIT, eventually};

/// What a test makes different.
type Change<T> = Box<dyn FnOnce(&mut T)>;

pub(crate) type Stub = OrderServiceClient<Channel>;

pub(crate) struct World {
    pub(crate) config: Config,
    pub(crate) address: SocketAddr,
    pub(crate) gateway: Gateway,
    pub(crate) simulator: Option<Simulator>,
    pub(crate) stop: CancellationToken,
    pub(crate) served: JoinHandle<Result<(), ServeError>>,
    _dir: tempfile::TempDir,
}

/// What differs from a plain world.
#[derive(Default)]
pub(crate) struct Plan {
    pub(crate) simulator: Option<SimulatorConfig>,
    /// Nothing answers where TWS should be.
    pub(crate) without_tws: bool,
    pub(crate) config: Option<Change<Config>>,
    pub(crate) settings: Option<Change<ServerSettings>>,
}

impl World {
    /// TWS connected, orders can be placed, the exchange trades by itself.
    pub(crate) async fn start() -> Self {
        Self::plan(Plan::default()).await
    }

    pub(crate) async fn plan(plan: Plan) -> Self {
        let dir = tempfile::tempdir().unwrap();
        let mut config = Config {
            order_db_path: dir.path().join("orders.db"),
            ib_max_messages_per_second: 1_000,
            ..Config::default()
        };
        let simulator = if plan.without_tws {
            config.ib_port = closed_port().await;
            None
        } else {
            let simulator = plan.simulator.unwrap_or_else(SimulatorConfig::on_free_port);
            let simulator = Simulator::start(simulator).await.unwrap();
            config.ib_port = simulator.address().port();
            Some(simulator)
        };
        if let Some(change) = plan.config {
            change(&mut config);
        }
        let gateway = Gateway::open(&config).await.unwrap();
        let mut settings = ServerSettings::from(&config);
        if let Some(change) = plan.settings {
            change(&mut settings);
        }
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let stop = CancellationToken::new();
        let served = tokio::spawn(serve(
            listener,
            gateway.clone(),
            settings,
            stop.clone().cancelled_owned(),
        ));
        let world = Self {
            config,
            address,
            gateway,
            simulator,
            stop,
            served,
            _dir: dir,
        };
        if world.simulator.is_some() {
            world.connected(true).await;
        }
        world
    }

    /// Waits until the session with TWS stands as said.
    pub(crate) async fn connected(&self, connected: bool) {
        let mut link = self.gateway.link();
        let waited =
            tokio::time::timeout(LIMIT, link.wait_for(|link| link.connected == connected)).await;
        waited.expect("the link did not change in time").unwrap();
    }

    pub(crate) fn control(&self) -> Control {
        self.simulator.as_ref().unwrap().control()
    }

    pub(crate) fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    pub(crate) async fn channel(&self) -> Channel {
        Endpoint::from_shared(self.url())
            .unwrap()
            .connect()
            .await
            .unwrap()
    }

    /// Every order that is stored.
    pub(crate) async fn orders(&self) -> Vec<pb::OrderState> {
        let all = self.stub().await.list(pb::ListRequest::default()).await;
        all.unwrap().into_inner().orders
    }

    pub(crate) async fn stub(&self) -> Stub {
        OrderServiceClient::new(self.channel().await)
    }

    /// Stops everything, and says whether the service ended well.
    pub(crate) async fn end(self) {
        self.stop.cancel();
        tokio::time::timeout(LIMIT, self.served)
            .await
            .expect("the service did not end")
            .unwrap()
            .unwrap();
        tokio::time::timeout(LIMIT, self.gateway.close(Duration::from_secs(1)))
            .await
            .expect("the gateway did not end");
        if let Some(simulator) = self.simulator {
            simulator.shutdown().await;
        }
    }
}

/// A port of loopback where nothing listens.
pub(crate) async fn closed_port() -> u16 {
    TcpListener::bind("127.0.0.1:0")
        .await
        .unwrap()
        .local_addr()
        .unwrap()
        .port()
}

pub(crate) fn market() -> pb::Order {
    pb::Order {
        action: pb::order::Action::Buy.into(),
        symbol: "AAPL".to_owned(),
        order_type: pb::order::OrderType::Mkt.into(),
        quantity: "1".to_owned(),
        ..pb::Order::default()
    }
}

/// Far from the market: it rests.
pub(crate) fn resting() -> pb::Order {
    pb::Order {
        order_type: pb::order::OrderType::Lmt.into(),
        limit_price: Some("1".to_owned()),
        ..market()
    }
}

/// A request that transmits, under a request id of its own.
pub(crate) fn place(order: pb::Order) -> pb::PlaceRequest {
    pb::PlaceRequest {
        order: Some(order),
        transmit: true,
        request_id: uuid::Uuid::now_v7().to_string(),
        ..pb::PlaceRequest::default()
    }
}

pub(crate) fn seconds(seconds: i64) -> Option<prost_types::Duration> {
    Some(prost_types::Duration { seconds, nanos: 0 })
}

pub(crate) fn millis(millis: i32) -> Option<prost_types::Duration> {
    Some(prost_types::Duration {
        seconds: 0,
        nanos: millis * 1_000_000,
    })
}

/// A status as a caller with `google.rpc` types sees it.
#[derive(Debug)]
pub(crate) struct Refused {
    pub(crate) code: tonic::Code,
    pub(crate) reason: String,
    pub(crate) message: String,
    pub(crate) details: ErrorDetails,
}

/// What an answer that must be an error says.
#[track_caller]
pub(crate) fn refused<T: std::fmt::Debug>(answer: Result<T, Status>) -> Refused {
    let status = answer.expect_err("the call succeeded");
    let details = status.get_error_details();
    let info = details
        .error_info()
        .unwrap_or_else(|| panic!("no ErrorInfo in {status:?}"));
    assert_eq!(info.domain, "ibkr-orders");
    Refused {
        code: status.code(),
        reason: info.reason.clone(),
        message: status.message().to_owned(),
        details,
    }
}
