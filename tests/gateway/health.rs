//! Health as a session begins.

use ibkr_orders as api;
use ibkr_orders::domain::HealthIn;
use ibkr_orders::simulator::SimulatorConfig;
use tempfile::TempDir;

use crate::support::{config, rig};

#[tokio::test]
async fn the_first_word_on_health_has_the_clock_of_tws() {
    let rig = rig(SimulatorConfig::on_free_port()).await;
    let health = rig.gateway.health(HealthIn::default()).await;
    assert!(health.connected);
    assert!(health.tws_time.is_some());
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
