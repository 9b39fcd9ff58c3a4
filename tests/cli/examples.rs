//! The programs and orders in `examples/` do what they say.

use std::path::{Path, PathBuf};
use std::process::Command;

use ibkr_orders::Config;
use ibkr_orders::simulator::{Simulator, SimulatorConfig};

use crate::run::Shell;

#[allow(
    dead_code,
    reason = "its main starts a simulator, which the test does itself"
)]
#[path = "../../examples/embed.rs"]
mod embed;
#[allow(
    dead_code,
    reason = "its main starts a simulator, which the test does itself"
)]
#[path = "../../examples/place_and_watch.rs"]
mod place_and_watch;

fn examples() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("examples")
}

async fn on_a_simulator() -> (Simulator, tempfile::TempDir, Config) {
    let simulator = Simulator::start(SimulatorConfig::on_free_port())
        .await
        .unwrap();
    let directory = tempfile::tempdir().unwrap();
    let config = Config {
        ib_port: simulator.address().port(),
        order_db_path: directory.path().join("orders.db"),
        ..Config::default()
    };
    (simulator, directory, config)
}

#[tokio::test(flavor = "multi_thread")]
async fn place_and_watch_buys_a_share() {
    let (simulator, _directory, config) = on_a_simulator().await;
    place_and_watch::place_and_watch(&config).await.unwrap();
    simulator.shutdown().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn embed_answers_three_requests_at_once() {
    let (simulator, _directory, config) = on_a_simulator().await;
    let orders = embed::embed(&config).await.unwrap();
    assert_eq!(orders.len(), 3);
    simulator.shutdown().await;
}

#[test]
fn every_example_order_is_valid() {
    let shell = Shell::new();
    let mut orders = 0;
    for entry in std::fs::read_dir(examples().join("orders")).unwrap() {
        let path = entry.unwrap().path();
        let ran = shell.run(&["validate", "--json-file", path.to_str().unwrap()]);
        assert_eq!(ran.code, 0, "{}: {ran:?}", path.display());
        orders += 1;
    }
    assert!(orders >= 5);
}

#[test]
fn every_example_bracket_is_valid() {
    let shell = Shell::new();
    let mut brackets = 0;
    for entry in std::fs::read_dir(examples().join("brackets")).unwrap() {
        let path = entry.unwrap().path();
        let file = path.to_str().unwrap();
        let ran = shell.run(&["bracket", "--dry-run", "--json-file", file]);
        assert_eq!(ran.code, 0, "{}: {ran:?}", path.display());
        brackets += 1;
    }
    assert!(brackets >= 2);
}

#[test]
fn the_shell_script_trades_on_the_simulator() {
    let directory = tempfile::tempdir().unwrap();
    let ran = Command::new("sh")
        .arg(examples().join("trade.sh"))
        .arg(examples().join("orders/mkt_buy_aapl.json"))
        .env("IBKR_ORDERS", env!("CARGO_BIN_EXE_ibkr-orders"))
        .current_dir(directory.path())
        .output()
        .unwrap();
    assert!(ran.status.success(), "{ran:?}");
    let told = String::from_utf8(ran.stdout).unwrap();
    assert!(
        told.contains("FILLED") && told.contains("BUY 1 AAPL MKT DAY"),
        "{told}"
    );
}
