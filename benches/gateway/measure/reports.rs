//! A flood of reports from TWS: stored and shown, none missed.

use std::time::{Duration, Instant};

use ibkr_orders::simulator::switches::Acknowledgement;
use ibkr_orders::simulator::{Simulator, SimulatorConfig, Switches};
use tokio_rusqlite::rusqlite::Connection;

use crate::load::{Until, closed_loop, place_resting};
use crate::peers::pb::{WatchRequest, order_state, watch_response::Event};
use crate::report::{Report, Target};
use crate::rig::{Disk, GatewayOptions, gateway_at};
use crate::{Effort, Fallible, Stub};

/// Reports that the simulator sends for an order that fills at once: openOrder, execution, orderStatus, commission.
const REPORTS_OF_A_FILL: f64 = 4.0;
const PATIENCE: Duration = Duration::from_secs(120);

pub(crate) async fn flood(effort: Effort, report: &mut Report) -> Fallible<()> {
    let orders = if effort.pairs > 3 { 30_000 } else { 5_000 };
    let simulator = Simulator::start(SimulatorConfig {
        buying_power: None,
        switches: Switches {
            second_filled_pair: false,
            acknowledgement: Acknowledgement::Submitted,
            ..Switches::default()
        },
        messages_max: 0,
        ..SimulatorConfig::explicit()
    })
    .await?;
    let server = gateway_at(
        GatewayOptions {
            disk: Disk::Fixed,
            ..GatewayOptions::default()
        },
        None,
        simulator.address(),
    )
    .await?;
    let channels = server.channels(4).await?;
    closed_loop(&channels, 64, Until::Calls(orders), place_resting).await?;
    let watching = tokio::spawn(filled(server.stub().await?, orders));
    tokio::time::sleep(Duration::from_secs(1)).await;
    let control = simulator.control();
    let start = Instant::now();
    for order_id in 1..=i32::try_from(orders)? {
        control.fill(order_id).await?;
    }
    let sent = start.elapsed();
    let (shown, breaks) = tokio::time::timeout(PATIENCE, watching)
        .await??
        .map_err(|error| error.to_string())?;
    let took = start.elapsed().as_secs_f64();
    let reports = orders as f64 * REPORTS_OF_A_FILL;
    let store = Connection::open(server.dir.path().join("orders.db"))?;
    let executions: i64 =
        store.query_row("SELECT count(*) FROM executions", [], |row| row.get(0))?;
    report.add(
        "Reports from TWS, stored and shown (1 ms fsync)",
        reports / took,
        "/s",
        Target::AtLeast(20_000.0),
        format!(
            "{orders} orders filled in {took:.2} s (TWS sent them in {:.2} s); {shown} shown as filled, {executions} executions \
             stored, {breaks} link or lag notices",
            sent.as_secs_f64()
        ),
    );
    simulator.shutdown().await;
    Ok(())
}

/// Watches until so many orders showed as filled; how many did, and how many link events came between.
async fn filled(mut stub: Stub, orders: u64) -> Result<(u64, u64), tonic::Status> {
    let mut stream = stub.watch(WatchRequest::default()).await?.into_inner();
    let mut seen = std::collections::HashSet::new();
    let mut breaks = 0;
    while (seen.len() as u64) < orders {
        match stream.message().await?.and_then(|message| message.event) {
            Some(Event::Order(order)) if order.status == i32::from(order_state::Status::Filled) => {
                seen.insert(order.order_id);
            }
            Some(Event::Link(_)) => breaks += 1,
            Some(_) => {}
            None => break,
        }
    }
    Ok((seen.len() as u64, breaks))
}
