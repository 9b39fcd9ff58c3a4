//! Places a market order and follows it until it has filled, with nothing but a configuration.
//!
//! `cargo run --example place_and_watch` runs it on the simulator; `cargo run --example place_and_watch 7497` on the paper account of the
//! TWS at that port.

#![allow(clippy::print_stdout, reason = "a program talks to people")]

use std::error::Error;

use ibkr_orders::simulator::{Simulator, SimulatorConfig};
use ibkr_orders::{
    Action, Amount, Config, OrderRequest, PlaceIn, WatchEvent, WatchIn, run_place, run_watch,
};

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    match std::env::args().nth(1) {
        Some(port) => {
            let config = Config {
                ib_port: port.parse()?,
                ..Config::default()
            };
            place_and_watch(&config).await
        }
        None => {
            let simulator = Simulator::start(SimulatorConfig::on_free_port()).await?;
            let directory =
                std::env::temp_dir().join(format!("place_and_watch-{}", std::process::id()));
            let config = Config {
                ib_port: simulator.address().port(),
                order_db_path: directory.join("orders.db"),
                ..Config::default()
            };
            let done = place_and_watch(&config).await;
            simulator.shutdown().await;
            std::fs::remove_dir_all(directory)?;
            done
        }
    }
}

/// Buys one share and waits for it.
pub(crate) async fn place_and_watch(config: &Config) -> Result<(), Box<dyn Error>> {
    let order = OrderRequest::market(Action::Buy, "AAPL", Amount::from(1));
    let placed = run_place(
        config,
        PlaceIn {
            transmit: true,
            ..PlaceIn::new(order)
        },
    )
    .await;
    // Nothing here is an Err: what went wrong is in the outcome, as on the command line.
    let Some(order_id) = placed.order_id else {
        return Err(format!("not placed: {:?} {:?}", placed.error, placed.errors).into());
    };

    let watched = run_watch(
        config,
        WatchIn {
            max_wait: Some(60.0),
            ..WatchIn::new(order_id)
        },
        |update| match &update.event {
            WatchEvent::Order(order) => {
                println!("{} {}/{}", order.status, order.filled, order.terms.quantity)
            }
            WatchEvent::Fill(fill) => println!("{} at {}", fill.quantity, fill.price),
            WatchEvent::Link(link) => println!("{:?}: {}", link.state, link.text),
            WatchEvent::SnapshotEnd {} | WatchEvent::Heartbeat { .. } => {}
        },
    )
    .await;
    match watched.error {
        None => Ok(()),
        Some(error) => Err(error.into()),
    }
}
