//! A gateway on a free port in front of a simulator on another, and a stub to call it with.

use std::net::SocketAddr;
use std::time::Duration;

use ibkr_orders::config::Config;
use ibkr_orders::gateway::Gateway;
use ibkr_orders::grpc::{ServeError, ServerSettings};
use ibkr_orders::simulator::{Control, Simulator, SimulatorConfig};
use ibkr_orders::wire::pb;
use ibkr_orders::wire::pb::order_service_client::OrderServiceClient;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;
use tonic::Status;
use tonic::transport::{Channel, Endpoint};
use tonic_types::{ErrorDetails, StatusExt as _};

use crate::link;
use crate::ports::ClosedPort;
use crate::service::Service;

pub use crate::waiting::{LIMIT, eventually};

/// What a test makes different.
type Change<T> = Box<dyn FnOnce(&mut T)>;

pub type Stub = OrderServiceClient<Channel>;

pub struct World {
    pub config: Config,
    pub address: SocketAddr,
    pub gateway: Gateway,
    pub simulator: Option<Simulator>,
    pub stop: CancellationToken,
    pub served: JoinHandle<Result<(), ServeError>>,
    /// Keeps the port where TWS should be, so that nothing answers there.
    _nobody: Option<ClosedPort>,
    _dir: tempfile::TempDir,
}

/// What differs from a plain world.
#[derive(Default)]
pub struct Plan {
    pub simulator: Option<SimulatorConfig>,
    /// Nothing answers where TWS should be.
    pub without_tws: bool,
    pub config: Option<Change<Config>>,
    pub settings: Option<Change<ServerSettings>>,
}

impl World {
    /// TWS connected, orders can be placed, the exchange trades by itself.
    pub async fn start() -> Self {
        Self::plan(Plan::default()).await
    }

    pub async fn plan(plan: Plan) -> Self {
        let dir = tempfile::tempdir().unwrap();
        let mut config = Config {
            order_db_path: dir.path().join("orders.db"),
            ib_max_messages_per_second: 1_000,
            ..Config::default()
        };
        let mut nobody = None;
        let simulator = if plan.without_tws {
            let port = ClosedPort::new();
            config.ib_port = port.port();
            nobody = Some(port);
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
        let Service {
            address,
            stop,
            served,
        } = Service::start(&gateway, settings).await;
        let world = Self {
            config,
            address,
            gateway,
            simulator,
            stop,
            served,
            _nobody: nobody,
            _dir: dir,
        };
        if world.simulator.is_some() {
            link::settled(&world.gateway).await;
        }
        world
    }

    /// Waits until the session with TWS stands as said.
    pub async fn connected(&self, connected: bool) {
        link::connected(&self.gateway, connected).await;
    }

    pub fn control(&self) -> Control {
        self.simulator.as_ref().unwrap().control()
    }

    pub fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    pub async fn channel(&self) -> Channel {
        Endpoint::from_shared(self.url())
            .unwrap()
            .connect()
            .await
            .unwrap()
    }

    /// Every order that is stored.
    pub async fn orders(&self) -> Vec<pb::OrderState> {
        let all = self.stub().await.list(pb::ListRequest::default()).await;
        all.unwrap().into_inner().orders
    }

    pub async fn stub(&self) -> Stub {
        OrderServiceClient::new(self.channel().await)
    }

    /// Stops everything, and says whether the service ended well.
    pub async fn end(self) {
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

pub fn market() -> pb::Order {
    pb::Order {
        action: pb::order::Action::Buy.into(),
        symbol: "AAPL".to_owned(),
        order_type: pb::order::OrderType::Mkt.into(),
        quantity: "1".to_owned(),
        ..pb::Order::default()
    }
}

/// Far from the market: it rests.
pub fn resting() -> pb::Order {
    pb::Order {
        order_type: pb::order::OrderType::Lmt.into(),
        limit_price: Some("1".to_owned()),
        ..market()
    }
}

/// A request that transmits, under a request id of its own.
pub fn place(order: pb::Order) -> pb::PlaceRequest {
    pb::PlaceRequest {
        order: Some(order),
        transmit: true,
        request_id: uuid::Uuid::now_v7().to_string(),
        ..pb::PlaceRequest::default()
    }
}

pub fn seconds(seconds: i64) -> Option<prost_types::Duration> {
    Some(prost_types::Duration { seconds, nanos: 0 })
}

pub fn millis(millis: i32) -> Option<prost_types::Duration> {
    Some(prost_types::Duration {
        seconds: 0,
        nanos: millis * 1_000_000,
    })
}

/// A status as a caller with `google.rpc` types sees it.
#[derive(Debug)]
pub struct Refused {
    pub code: tonic::Code,
    pub reason: String,
    pub message: String,
    pub details: ErrorDetails,
}

/// What an answer that must be an error says.
#[track_caller]
pub fn refused<T: std::fmt::Debug>(answer: Result<T, Status>) -> Refused {
    let status = answer.expect_err("the call succeeded");
    let details = status.get_error_details();
    let info = details
        .error_info()
        .unwrap_or_else(|| panic!("no ErrorInfo in {status:?}"));
    assert_eq!(info.domain, "ibkr.orders.v1");
    Refused {
        code: status.code(),
        reason: info.reason.clone(),
        message: status.message().to_owned(),
        details,
    }
}
