//! A commit whose outcome is unknown stops the gateway: nothing is answered as done, nothing is sent, and the next start finds out.
//! Needs the feature `failpoints`; in a program of its own, because a fail point concerns the whole process.
#![cfg(feature = "failpoints")]

use std::time::Duration;

use ibkr_orders::config::Config;
use ibkr_orders::domain::{HealthIn, PlaceIn, Status};
use ibkr_orders::error::Reason;
use ibkr_orders::gateway::Gateway;
use ibkr_orders::simulator::{Simulator, SimulatorConfig};
use serde_json::json;
use tempfile::TempDir;
use test_support::waiting::LIMIT;

fn order() -> PlaceIn {
    PlaceIn {
        transmit: true,
        request_id: Some("once".to_owned()),
        ..PlaceIn::new(
            json!({"action": "BUY", "symbol": "AAPL", "order_type": "LMT", "quantity": 1, "limit_price": 1}),
        )
    }
}

#[tokio::test]
async fn the_gateway_stops_rather_than_guess() {
    let simulator = Simulator::start(SimulatorConfig::explicit()).await.unwrap();
    let directory = TempDir::new().unwrap();
    let config = Config {
        ib_port: simulator.address().port(),
        order_db_path: directory.path().join("orders.db"),
        ..Config::default()
    };
    let gateway = Gateway::open(&config).await.unwrap();
    let health = gateway.health(HealthIn::default()).await.unwrap();
    assert_eq!(health.error, None);

    fail::cfg("store-commit-fails", "return").unwrap();
    let error = gateway.place(order()).await.unwrap_err();
    assert_eq!(error.reason, Reason::Internal);
    assert!(
        error.message.contains("outcome of this call is unknown"),
        "{error}"
    );
    let last_word = tokio::time::timeout(LIMIT, gateway.stopped())
        .await
        .unwrap()
        .expect("a last word");
    assert!(
        last_word.contains("may or may not be on disk"),
        "{last_word}"
    );
    let error = gateway.place(order()).await.unwrap_err();
    assert_eq!(error.reason, Reason::Internal);
    assert!(!gateway.link().borrow().connected);
    gateway.close(Duration::from_secs(1)).await;
    fail::remove("store-commit-fails");
    let sent = simulator
        .control()
        .inspect(|view| view.place_messages_total())
        .await
        .unwrap();
    assert_eq!(sent, 0);

    // The same request finds out: the order was stored and lost, or it was not stored and is placed now.
    let gateway = Gateway::open(&config).await.unwrap();
    let placed = gateway.place(order()).await.unwrap();
    let state = placed.state.unwrap();
    let sent = simulator
        .control()
        .inspect(|view| view.place_messages_total())
        .await
        .unwrap();
    assert_eq!(sent, u64::from(!placed.replayed));
    assert_ne!(state.status, Status::Rejected);
    gateway.close(Duration::from_secs(5)).await;
    simulator.shutdown().await;
}
