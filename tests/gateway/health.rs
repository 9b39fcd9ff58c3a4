//! Health as a session begins.

use std::time::Duration;

use ibkr_orders as api;
use ibkr_orders::domain::HealthIn;
use ibkr_orders::error::Reason;
use ibkr_orders::simulator::SimulatorConfig;
use tempfile::TempDir;

use crate::support::{config, rig};

#[tokio::test]
async fn the_first_word_on_health_has_the_clock_of_tws() {
    let rig = rig(SimulatorConfig::on_free_port()).await;
    let health = rig.gateway.health(HealthIn::default()).await.unwrap();
    assert!(health.connected);
    assert!(health.tws_time.is_some());
    rig.end().await;
}

#[tokio::test]
async fn a_wait_longer_than_a_day_is_refused() {
    let rig = rig(SimulatorConfig::on_free_port()).await;
    let too_long = HealthIn { timeout: 86_401.0 };
    let error = rig.gateway.health(too_long.clone()).await.unwrap_err();
    assert_eq!(error.reason, Reason::RequestInvalid);
    rig.gateway.clone().close(Duration::from_secs(5)).await;
    let out = api::run_health(&rig.config, too_long).await;
    assert_eq!(out.error, Some(error.message));
    assert!(!out.connected);
    rig.end().await;
}

#[tokio::test]
async fn a_single_call_hears_the_clock_of_tws_too() {
    let rig = rig(SimulatorConfig::on_free_port()).await;
    let directory = TempDir::new().unwrap();
    let mut config = config(rig.simulator.address().port(), &directory);
    config.ib_client_id = 8;
    let health = api::run_health(&config, HealthIn::default()).await;
    assert_eq!(health.error, None);
    assert!(health.tws_time.is_some());
    rig.end().await;
}
