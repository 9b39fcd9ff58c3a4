//! The typed client against the real service.

use ibkr_orders::client::{Client, ClientOptions};
use ibkr_orders::domain::{
    Action, Amount, HealthIn, LinkState, ListIn, OrderKey, OrderRequest, PlaceIn, Status,
    ValidateIn, WatchEvent, WatchIn,
};
use ibkr_orders::error::Reason;
use serde_json::json;
use tokio::io::AsyncReadExt as _;
use tokio::net::TcpListener;

use test_support::ports::ClosedPort;

use crate::world::{LIMIT, Plan, World};

async fn client(world: &World) -> Client {
    Client::connect(world.url(), ClientOptions::default())
        .await
        .unwrap()
}

fn placing(order: impl Into<ibkr_orders::domain::OrderInput>) -> PlaceIn {
    PlaceIn {
        transmit: true,
        ..PlaceIn::new(order)
    }
}

#[tokio::test]
async fn every_operation_goes_through() {
    let world = World::start().await;
    let client = client(&world).await;
    assert!(client.health(HealthIn::default()).await.unwrap().connected);

    let order = OrderRequest::limit(Action::Buy, "AAPL", Amount::from(1), Amount::from(1));
    let staged = client.place(PlaceIn::new(order.clone())).await.unwrap();
    let state = staged.state.unwrap();
    assert_eq!(state.status, Status::Staged);
    let key = OrderKey::OrderId(state.order_id);
    let working = client.transmit(key.clone(), 5.0).await.unwrap();
    assert!(working.transmit);
    let cancelled = client.cancel(key.clone(), 5.0).await.unwrap();
    assert_eq!(cancelled.status, Status::Cancelled);
    assert_eq!(
        client.get(key).await.unwrap().order.status,
        Status::Cancelled
    );
    assert_eq!(
        client.list(ListIn::default()).await.unwrap().orders.len(),
        1
    );

    let filled = client
        .place(placing(OrderRequest::market(
            Action::Sell,
            "MSFT",
            Amount::from(2),
        )))
        .await
        .unwrap();
    let mut watch = client
        .watch(WatchIn::new(filled.order_id.unwrap()))
        .await
        .unwrap();
    let mut last = None;
    while let Some(update) = watch.next().await {
        if let WatchEvent::Order(state) = update.unwrap().event {
            last = Some(state);
        }
    }
    let last = last.unwrap();
    assert_eq!(
        (last.status, last.filled),
        (Status::Filled, Amount::from(2))
    );
    // What a caller of the gateway itself would read, field by field.
    assert_eq!(
        world
            .gateway
            .get(OrderKey::OrderId(last.order_id))
            .await
            .unwrap()
            .order,
        last
    );
    world.end().await;
}

#[tokio::test]
async fn a_break_of_the_link_shows_in_the_watch() {
    let world = World::start().await;
    let mut watch = client(&world).await.watch(WatchIn::new(0)).await.unwrap();
    world.control().drop_connections().await.unwrap();
    let mut seen = Vec::new();
    // The end of the first session's reconcile may show before.
    while seen.len() < 3 {
        let update = tokio::time::timeout(LIMIT, watch.next()).await;
        let update = update.expect("nothing came in time");
        if let WatchEvent::Link(change) = update.unwrap().unwrap().event
            && (change.state == LinkState::Lost || !seen.is_empty())
        {
            seen.push(change.state);
        }
    }
    assert_eq!(
        seen,
        [LinkState::Lost, LinkState::Restored, LinkState::Reconciled]
    );
    drop(watch);
    world.end().await;
}

#[tokio::test]
async fn violations_come_back_with_what_was_typed() {
    let world = World::plan(Plan {
        config: Some(Box::new(|config| {
            config.max_order_quantity = Some(Amount::from(10))
        })),
        ..Plan::default()
    })
    .await;
    let client = client(&world).await;
    let orders = [
        json!({"action": "BUY", "symbol": "AAPL", "order_type": "MKT", "quantity": 0}),
        json!({"action": "BUY", "symbol": "AAPL", "order_type": "MKT", "quantity": 11}),
        json!({"action": "HOLD", "symbol": "", "order_type": "LMT", "quantity": "x", "colour": 7}),
        json!([]),
    ];
    for order in orders {
        let here = world.gateway.validate(ValidateIn::new(order.clone()));
        let there = client
            .validate(ValidateIn::new(order.clone()))
            .await
            .unwrap();
        assert_eq!(there, here);
        let error = client.place(placing(order.clone())).await.unwrap_err();
        let direct = world.gateway.place(placing(order)).await.unwrap_err();
        assert!(matches!(
            direct.reason,
            Reason::OrderInvalid | Reason::RiskLimit
        ));
        assert_eq!(
            (error.reason, error.violations, error.broken),
            (direct.reason, direct.violations, direct.broken)
        );
    }
    world.end().await;
}

#[tokio::test]
async fn a_gateway_that_is_away_is_named() {
    let nobody = ClosedPort::new();
    let url = format!("http://{}", nobody.address());
    let error = Client::connect(url.clone(), ClientOptions::default())
        .await
        .unwrap_err();
    assert_eq!(error.reason, Reason::GatewayUnavailable);
    assert!(error.message.contains(&url), "{error}");
    let lazy = Client::connect_lazy(url, ClientOptions::default()).unwrap();
    let error = lazy
        .place(placing(OrderRequest::market(
            Action::Buy,
            "AAPL",
            Amount::from(1),
        )))
        .await
        .unwrap_err();
    assert_eq!(error.reason, Reason::GatewayUnavailable);
    assert!(error.message.contains("nothing was sent"), "{error}");
}

#[tokio::test]
async fn a_connection_that_breaks_during_a_place_leaves_its_outcome_open() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    // A peer that reads what is said and hangs up.
    let peer = tokio::spawn(async move {
        let (mut stream, _) = listener.accept().await.unwrap();
        let mut bytes = vec![0; 512];
        let _ = stream.read(&mut bytes).await;
        let _ = tokio::time::timeout(
            std::time::Duration::from_millis(200),
            stream.read(&mut bytes),
        )
        .await;
    });
    let client =
        Client::connect_lazy(format!("http://{address}"), ClientOptions::default()).unwrap();
    let error = client
        .place(placing(OrderRequest::market(
            Action::Buy,
            "AAPL",
            Amount::from(1),
        )))
        .await
        .unwrap_err();
    assert_eq!(error.reason, Reason::GatewayUnavailable);
    assert!(error.message.contains("outcome is unknown"), "{error}");
    // The client made a request id for the call; the error names it, since only under it the call can be repeated.
    let (_, made) = error.message.split_once("with request id ").unwrap();
    let made = made.split(',').next().unwrap();
    assert!(uuid::Uuid::parse_str(made).is_ok(), "{error}");
    peer.await.unwrap();
}
