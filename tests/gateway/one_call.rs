//! The functions for one call, which open a gateway, do one thing and close it: with TWS there, away, or taken.

use std::time::Duration;

use ibkr_orders as api;
use ibkr_orders::domain::{HealthIn, ListIn, PlaceIn, Status, WatchEvent, WatchIn};
use ibkr_orders::error::Reason;
use ibkr_orders::gateway::Gateway;
use ibkr_orders::simulator::{Simulator, SimulatorConfig};
use tempfile::TempDir;
use test_support::ports::ClosedPort;

use crate::support::{buy_market, config, resting, rig};

#[tokio::test]
async fn a_dry_run_needs_neither_tws_nor_store() {
    let directory = TempDir::new().unwrap();
    let config = config(1, &directory);
    let out = api::run_place(
        &config,
        PlaceIn {
            dry_run: true,
            ..buy_market(3)
        },
    )
    .await;
    assert!(out.dry_run && !out.submitted);
    assert_eq!(out.error, None);
    assert_eq!(out.order_request.unwrap().terms.quantity, 3.into());
    assert!(out.contract.is_some() && out.order_payload.is_some());
    assert!(!config.order_db_path.exists());
}

#[tokio::test]
async fn nothing_answers_and_every_operation_says_so_in_the_same_words() {
    let directory = TempDir::new().unwrap();
    let nobody = ClosedPort::new();
    let config = config(nobody.port(), &directory);
    let health = api::run_health(&config, HealthIn::default()).await;
    assert_eq!(health.error.as_deref(), Some("could not connect to TWS"));
    assert!(!health.connected);
    let placed = api::run_place(
        &config,
        PlaceIn {
            timeout: 0.3,
            ..buy_market(1)
        },
    )
    .await;
    assert_eq!(placed.error.as_deref(), Some("could not connect to TWS"));
    assert!(!placed.submitted);
    let gateway = Gateway::open(&config).await.unwrap();
    let error = gateway
        .place(PlaceIn {
            timeout: 0.2,
            ..buy_market(1)
        })
        .await
        .unwrap_err();
    assert_eq!(error.reason, Reason::TwsUnavailable);
    assert!(error.retry_after.is_some());
    assert!(
        gateway
            .list(ListIn::default())
            .await
            .unwrap()
            .orders
            .is_empty()
    );
    gateway.close(Duration::from_secs(1)).await;
}

#[tokio::test]
async fn a_client_id_in_use_is_said() {
    let rig = rig(SimulatorConfig::on_free_port()).await;
    rig.healthy().await;
    let directory = TempDir::new().unwrap();
    let config = config(rig.simulator.address().port(), &directory);
    let health = api::run_health(&config, HealthIn::default()).await;
    assert_eq!(
        health.error.as_deref(),
        Some("could not connect to TWS: client id 7 is in use")
    );
    rig.end().await;
}

#[tokio::test]
async fn an_ended_order_is_watched_without_tws_and_beside_a_gateway() {
    let rig = rig(SimulatorConfig::on_free_port()).await;
    let state = rig.place(buy_market(1)).await;
    rig.until(state.order_id, Status::Filled).await;
    let mut seen = 0;
    let out = api::run_watch(&rig.config, WatchIn::new(state.order_id), |_| seen += 1).await;
    assert_eq!(out.error, None);
    assert!(out.terminal);
    assert_eq!(out.status, Some(Status::Filled));
    assert!(seen > 0);
    let out = api::run_watch(&rig.config, WatchIn::new(999), |_| {}).await;
    assert!(out.error.is_some_and(|error| error.contains("999")));
    rig.end().await;
}

#[tokio::test]
async fn a_known_request_is_answered_within_tighter_limits_and_a_new_one_opens_nothing() {
    let simulator = Simulator::start(SimulatorConfig::on_free_port())
        .await
        .unwrap();
    let directory = TempDir::new().unwrap();
    let mut config = config(simulator.address().port(), &directory);
    let request = |request_id: &str| PlaceIn {
        request_id: Some(request_id.to_owned()),
        ..resting(5)
    };
    let limited = ibkr_orders::Config {
        max_order_quantity: Some(1.into()),
        ..config.clone()
    };
    let out = api::run_place(&limited, request("one")).await;
    assert!(!out.submitted && out.errors.is_some(), "{out:?}");
    assert!(!config.order_db_path.exists());

    let first = api::run_place(&config, request("one")).await;
    config = limited;
    let again = api::run_place(&config, request("one")).await;
    assert!(again.replayed, "{again:?}");
    assert_eq!(again.order_id, first.order_id);
    // Beside a gateway that has the store: only opening it would fail.
    let gateway = Gateway::open(&config).await.unwrap();
    let other = api::run_place(&config, request("two")).await;
    assert!(!other.submitted && other.errors.is_some(), "{other:?}");
    gateway.close(Duration::from_secs(1)).await;
    simulator.shutdown().await;
}

#[tokio::test]
async fn one_call_functions_place_and_watch_against_tws() {
    let simulator = Simulator::start(SimulatorConfig::on_free_port())
        .await
        .unwrap();
    let directory = TempDir::new().unwrap();
    let config = config(simulator.address().port(), &directory);
    let placed = api::run_place(&config, resting(1)).await;
    assert!(placed.submitted, "{placed:?}");
    let order_id = placed.order_id.unwrap();
    let control = simulator.control();
    let mut asked = false;
    let out = api::run_watch(&config, WatchIn::new(order_id), |update| {
        if let WatchEvent::SnapshotEnd {} = update.event
            && !std::mem::replace(&mut asked, true)
        {
            let control = control.clone();
            tokio::spawn(async move { control.fill(order_id).await });
        }
    })
    .await;
    assert_eq!(out.status, Some(Status::Filled), "{out:?}");
    simulator.shutdown().await;
}
