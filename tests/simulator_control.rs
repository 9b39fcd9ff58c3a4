//! The control of the simulated exchange as a test in another language uses it: over its socket, with a gateway between.

#![allow(clippy::unwrap_used)]

use std::time::Duration;

use ibkr_orders::simulator::{Simulator, SimulatorConfig};
use ibkr_orders::simulator_control::pb::set_mode_request::Mode;
use ibkr_orders::simulator_control::pb::simulator_control_client::SimulatorControlClient;
use ibkr_orders::simulator_control::{ControlServeError, bind, pb, serve};
use ibkr_orders::{
    Action, Amount, Config, Gateway, OrderKey, OrderRequest, OrderState, PlaceIn, Status,
};
use tokio_util::sync::CancellationToken;
use tonic::transport::Channel;

/// Longest wait for anything here.
const LIMIT: Duration = Duration::from_secs(10);

struct World {
    client: SimulatorControlClient<Channel>,
    gateway: Gateway,
    simulator: Simulator,
    _directory: tempfile::TempDir,
}

impl World {
    /// A gateway on a simulator in explicit mode, and the control of that.
    async fn start() -> Self {
        let simulator = Simulator::start(SimulatorConfig::on_free_port())
            .await
            .unwrap();
        let listener = bind("127.0.0.1:0".parse().unwrap()).await.unwrap();
        let address = listener.local_addr().unwrap();
        tokio::spawn(serve(
            listener,
            simulator.control(),
            CancellationToken::new(),
        ));
        let mut client = SimulatorControlClient::connect(format!("http://{address}"))
            .await
            .unwrap();
        let mode = Mode::Explicit.into();
        client.set_mode(pb::SetModeRequest { mode }).await.unwrap();
        let directory = tempfile::tempdir().unwrap();
        let config = Config {
            ib_port: simulator.address().port(),
            order_db_path: directory.path().join("orders.db"),
            ..Config::default()
        };
        Self {
            client,
            gateway: Gateway::open(&config).await.unwrap(),
            simulator,
            _directory: directory,
        }
    }

    /// Buys ten above the market, within what IB takes: in automatic mode that fills at once.
    async fn place(&self) -> i32 {
        let order = OrderRequest::limit(Action::Buy, "AAPL", Amount::from(10), Amount::from(232));
        let place = PlaceIn {
            transmit: true,
            ..PlaceIn::new(order)
        };
        self.gateway.place(place).await.unwrap().order_id.unwrap()
    }

    /// The order once it is as wanted.
    async fn until(&self, order_id: i32, wanted: impl Fn(&OrderState) -> bool) -> OrderState {
        tokio::time::timeout(LIMIT, async {
            loop {
                let order = self
                    .gateway
                    .get(OrderKey::OrderId(order_id))
                    .await
                    .unwrap()
                    .order;
                if wanted(&order) {
                    return order;
                }
                tokio::time::sleep(Duration::from_millis(5)).await;
            }
        })
        .await
        .unwrap()
    }
}

fn of(order_id: i32) -> Option<pb::OrderRef> {
    Some(pb::OrderRef {
        order_id,
        client_id: None,
    })
}

#[tokio::test(flavor = "multi_thread")]
async fn in_explicit_mode_an_order_fills_when_it_is_told_to() {
    let mut world = World::start().await;
    let order_id = world.place().await;
    let listed = world.client.list_orders(pb::ListOrdersRequest {}).await;
    let listed = listed.unwrap().into_inner().orders;
    assert_eq!(listed.len(), 1);
    assert_eq!(
        (listed[0].filled.as_str(), listed[0].limit_price.as_deref()),
        ("0", Some("232"))
    );
    assert_eq!(listed[0].place_messages, 1);
    let part = pb::FillRequest {
        order: of(order_id),
        quantity: Some("4".to_owned()),
        price: Some("229.5".to_owned()),
    };
    world.client.fill(part).await.unwrap();
    let part = world
        .until(order_id, |order| order.filled == Amount::from(4))
        .await;
    assert_eq!(part.avg_fill_price, Some("229.5".parse().unwrap()));
    let rest = pb::FillRequest {
        order: of(order_id),
        ..pb::FillRequest::default()
    };
    world.client.fill(rest).await.unwrap();
    world
        .until(order_id, |order| order.status == Status::Filled)
        .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_test_refuses_expires_halts_and_breaks() {
    let mut world = World::start().await;
    let next = pb::RejectNextRequest {
        code: Some(201),
        text: "no".to_owned(),
    };
    world.client.reject_next(next).await.unwrap();
    let refused = world.place().await;
    let refused = world
        .until(refused, |order| order.last_error_code.is_some())
        .await;
    assert_eq!(refused.last_error_code, Some(201));

    let expired = world.place().await;
    let order = of(expired);
    world
        .client
        .expire(pb::ExpireRequest { order })
        .await
        .unwrap();
    world
        .until(expired, |order| order.status == Status::Cancelled)
        .await;

    world
        .client
        .halt_exchange(pb::HaltExchangeRequest {})
        .await
        .unwrap();
    let waits = world.place().await;
    world
        .until(waits, |order| order.status == Status::PreSubmitted)
        .await;
    world
        .client
        .resume_exchange(pb::ResumeExchangeRequest {})
        .await
        .unwrap();
    world
        .until(waits, |order| order.status == Status::Submitted)
        .await;

    let mut link = world.gateway.link();
    let cut = pb::CutLinkRequest { stay_down: true };
    world.client.cut_link(cut).await.unwrap();
    tokio::time::timeout(LIMIT, link.wait_for(|link| !link.connected))
        .await
        .unwrap()
        .unwrap();
    world
        .client
        .restore_link(pb::RestoreLinkRequest {})
        .await
        .unwrap();
    tokio::time::timeout(LIMIT, link.wait_for(|link| link.connected))
        .await
        .unwrap()
        .unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn what_cannot_be_done_is_said_with_its_own_code() {
    let mut world = World::start().await;
    let unknown = pb::RejectRequest {
        order: of(77),
        ..pb::RejectRequest::default()
    };
    let error = world.client.reject(unknown).await.unwrap_err();
    assert_eq!(error.code(), tonic::Code::NotFound);
    for (symbol, price, code) in [
        ("AAPL", "-1", tonic::Code::InvalidArgument),
        ("AAPL", "x", tonic::Code::InvalidArgument),
        ("NOSUCH", "1", tonic::Code::NotFound),
    ] {
        let request = pb::MovePriceRequest {
            symbol: symbol.to_owned(),
            price: price.to_owned(),
        };
        let error = world.client.move_price(request).await.unwrap_err();
        assert_eq!(error.code(), code, "{symbol} {price}");
    }
    let order_id = world.place().await;
    let expire = pb::ExpireRequest {
        order: of(order_id),
    };
    world.client.expire(expire).await.unwrap();
    let error = world.client.expire(expire).await.unwrap_err();
    assert_eq!(error.code(), tonic::Code::FailedPrecondition);
    for request in [None, Some(0), Some(9)] {
        let error = match request {
            None => world
                .client
                .fill(pb::FillRequest::default())
                .await
                .map(drop),
            Some(mode) => {
                let request = pb::SetModeRequest { mode };
                world.client.set_mode(request).await.map(drop)
            }
        };
        let error = error.unwrap_err();
        assert_eq!(error.code(), tonic::Code::InvalidArgument, "{request:?}");
    }
}

#[tokio::test]
async fn a_test_sets_what_an_account_holds() {
    let mut world = World::start().await;
    let position =
        |account: &str, symbol: &str, quantity: &str, cost: &str| pb::SetPositionRequest {
            account: account.to_owned(),
            symbol: symbol.to_owned(),
            quantity: quantity.to_owned(),
            average_cost: cost.to_owned(),
        };
    let short = position("", "AAPL", "-25", "229.5");
    world.client.set_position(short).await.unwrap();
    let control = world.simulator.control();
    let held = control.inspect(|view| view.positions("DU1234567"));
    let (symbol, quantity, cost) = held.await.unwrap().remove(0);
    let told = (symbol, quantity.to_string(), cost.to_string());
    assert_eq!(told, ("AAPL".into(), "-25".into(), "229.5".into()));
    let closed = position("DU1234567", "AAPL", "0", "");
    world.client.set_position(closed).await.unwrap();
    for (wrong, code) in [
        (position("DU9", "AAPL", "1", "1"), tonic::Code::NotFound),
        (position("", "ZZZZ", "1", "1"), tonic::Code::NotFound),
        (
            position("", "AAPL", "many", "1"),
            tonic::Code::InvalidArgument,
        ),
        (
            position("", "AAPL", "1", "-1"),
            tonic::Code::InvalidArgument,
        ),
    ] {
        let refused = world.client.set_position(wrong).await.unwrap_err();
        assert_eq!(refused.code(), code, "{refused}");
    }
    let ready = pb::SetAccountReadyRequest { ready: false };
    world.client.set_account_ready(ready).await.unwrap();
}

#[tokio::test]
async fn it_listens_on_loopback_only() {
    for address in ["0.0.0.0:0", "[::]:0", "192.0.2.1:0"] {
        let error = bind(address.parse().unwrap()).await.unwrap_err();
        assert!(
            matches!(error, ControlServeError::NotLoopback(_)),
            "{address}: {error}"
        );
    }
}
