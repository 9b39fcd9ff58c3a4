//! A gateway inside a program of its own: one session with TWS for as long as the program runs, a cheap clone for every task.
//!
//! Here the tasks answer requests that come in over a channel, as handlers of a web server would. Runs on the simulator:
//! `cargo run --example embed`.

#![allow(clippy::print_stdout, reason = "a program talks to people")]

use std::error::Error;
use std::time::Duration;

use ibkr_orders::simulator::{Simulator, SimulatorConfig};
use ibkr_orders::{
    Action, Amount, Config, Gateway, HealthIn, ListIn, OrderRequest, OrderState, PlaceIn,
};
use tokio::sync::{mpsc, oneshot};

/// Requests that may wait.
const REQUESTS_MAX: usize = 64;

/// How long orders under way may take when the program ends.
const GRACE: Duration = Duration::from_secs(5);

/// What a caller of the program wants: shares of a symbol, under a name that makes it safe to ask again.
struct Buy {
    symbol: &'static str,
    shares: i64,
    request_id: String,
    answer: oneshot::Sender<Result<OrderState, String>>,
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let simulator = Simulator::start(SimulatorConfig::on_free_port()).await?;
    let directory = std::env::temp_dir().join(format!("embed-{}", std::process::id()));
    let config = Config {
        ib_port: simulator.address().port(),
        order_db_path: directory.join("orders.db"),
        ..Config::default()
    };
    let bought = embed(&config).await?;
    println!("{} orders", bought.len());
    simulator.shutdown().await;
    std::fs::remove_dir_all(directory)?;
    Ok(())
}

/// Opens a gateway, buys three times through it at once, and closes it.
pub(crate) async fn embed(config: &Config) -> Result<Vec<OrderState>, Box<dyn Error>> {
    let gateway = Gateway::open(config).await?;
    let health = gateway.health(HealthIn::default()).await?;
    println!(
        "connected: {}, accounts: {:?}",
        health.connected, health.accounts
    );

    let (requests, incoming) = mpsc::channel(REQUESTS_MAX);
    let handling = tokio::spawn(handle(gateway.clone(), incoming));
    let mut answers = Vec::new();
    for (n, symbol) in ["AAPL", "MSFT", "SPY"].into_iter().enumerate() {
        let (answer, answered) = oneshot::channel();
        let request_id = format!("embed-{n}");
        requests
            .send(Buy {
                symbol,
                shares: 1,
                request_id,
                answer,
            })
            .await?;
        answers.push(answered);
    }
    for answer in answers {
        let order = answer.await??;
        println!(
            "{} {} is {}",
            order.order_id,
            order.terms.symbol(),
            order.status
        );
    }
    drop(requests);
    handling.await?;

    let stored = gateway.list(ListIn::default()).await?;
    // Says goodbye to TWS and closes the store; the clones are of no use after it.
    gateway.close(GRACE).await;
    Ok(stored.orders)
}

/// A task per request, all on the same session.
async fn handle(gateway: Gateway, mut incoming: mpsc::Receiver<Buy>) {
    while let Some(Buy {
        symbol,
        shares,
        request_id,
        answer,
    }) = incoming.recv().await
    {
        let gateway = gateway.clone();
        tokio::spawn(async move {
            let order = OrderRequest::market(Action::Buy, symbol, Amount::from(shares));
            let placed = gateway
                .place(PlaceIn {
                    transmit: true,
                    request_id: Some(request_id),
                    ..PlaceIn::new(order)
                })
                .await;
            // The order is stored by now: a caller that went away changes nothing for it.
            let _ = answer.send(match placed {
                Ok(placed) => placed.state.ok_or_else(|| "no state".to_owned()),
                Err(error) => Err(error.message),
            });
        });
    }
}
