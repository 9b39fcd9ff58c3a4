//! What an order costs the disk, counted.

use std::time::Duration;

use tokio_rusqlite::rusqlite::Connection;

use crate::Fallible;
use crate::load::{Until, closed_loop, place_market, place_resting};
use crate::report::{Report, Target};
use crate::rig::{Disk, GatewayOptions, Server, gateway};

const CONNECTIONS: usize = 4;

pub(crate) async fn count(report: &mut Report) -> Fallible<()> {
    for (what, in_flight, orders, bound) in [
        ("fsyncs per order, 1 in flight", 1, 500, 3.0),
        ("fsyncs per order, 64 in flight", 64, 20_000, 0.15),
    ] {
        let resting = counted(in_flight, orders, false).await?;
        let market = counted(in_flight, orders, true).await?;
        report.add(
            what,
            resting.fsyncs,
            "",
            Target::AtMost(bound),
            format!(
                "{orders} orders; {:.4} commits per event, {:.1} KB written; an order that fills: {:.3} fsyncs, {:.4} per event, {:.1} KB",
                resting.per_event, resting.kilobytes, market.fsyncs, market.per_event, market.kilobytes
            ),
        );
    }
    Ok(())
}

/// Per order, but for the second.
struct Counted {
    fsyncs: f64,
    per_event: f64,
    kilobytes: f64,
}

async fn counted(in_flight: usize, orders: u64, market: bool) -> Fallible<Counted> {
    let server = gateway(GatewayOptions {
        disk: Disk::Counted,
        ..GatewayOptions::default()
    })
    .await?;
    let faults = server.faults.as_ref().ok_or("no fsync counter")?;
    let channels = server.channels(CONNECTIONS.min(in_flight)).await?;
    let before = (faults.fsyncs()?, faults.bytes_written()?);
    if market {
        closed_loop(&channels, in_flight, Until::Calls(orders), place_market).await?;
    } else {
        closed_loop(&channels, in_flight, Until::Calls(orders), place_resting).await?;
    }
    settle(&server).await?;
    let fsyncs = (faults.fsyncs()? - before.0) as f64;
    let bytes = (faults.bytes_written()? - before.1) as f64;
    let store = Connection::open(server.dir.path().join("orders.db"))?;
    let events: f64 = store.query_row("SELECT count(*) FROM order_events", [], |row| row.get(0))?;
    Ok(Counted {
        fsyncs: fsyncs / orders as f64,
        per_event: fsyncs / events,
        kilobytes: bytes / 1e3 / orders as f64,
    })
}

/// Waits until the gateway stores nothing more.
async fn settle(server: &Server) -> Fallible<()> {
    let faults = server.faults.as_ref().ok_or("no fsync counter")?;
    for _ in 0..100 {
        let before = faults.fsyncs()?;
        tokio::time::sleep(Duration::from_millis(200)).await;
        if faults.fsyncs()? == before {
            return Ok(());
        }
    }
    Err("the gateway did not come to rest".into())
}
