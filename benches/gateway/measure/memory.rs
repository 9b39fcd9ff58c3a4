//! Memory: idle, for each watch, for watchers that do not read, and over many orders.

use std::time::{Duration, Instant};

use super::fanout::Watchers;
use crate::load::{Until, closed_loop, place_market};
use crate::peers::pb::order_service_client::OrderServiceClient;
use crate::peers::pb::{WatchRequest, WatchResponse};
use crate::report::{Report, Target};
use crate::rig::{GatewayOptions, Server, connect, gateway};
use crate::{Effort, Fallible};

const WATCHES: usize = 10_000;
const STUCK: usize = 20;
const ORDERS: u64 = 30_000;
/// The long run ends with the tenth that is under way then.
const FLAT_SECONDS_MAX: Duration = Duration::from_secs(420);

pub(crate) async fn watches(report: &mut Report) -> Fallible<()> {
    let server = gateway(GatewayOptions::default()).await?;
    let idle = server.process.resident_bytes()?;
    report.add(
        "Memory, idle and connected",
        idle as f64 / 1e6,
        "MB",
        Target::AtMost(15.0),
        format!(
            "{:.1} MB of it its own, the rest pages of the program's file",
            server.process.anonymous_bytes()? as f64 / 1e6
        ),
    );
    let watchers = Watchers::open(&server, WATCHES).await?;
    let with = server.process.resident_bytes()?;
    report.add(
        "Memory of an idle watch",
        (with - idle) as f64 / WATCHES as f64 / 1024.0,
        "KiB",
        Target::AtMost(12.0),
        format!("{WATCHES} watches on {} connections", WATCHES / 100),
    );
    watchers.close().await;

    let without = after_orders(0).await?;
    let with = after_orders(STUCK).await?;
    report.add(
        "Memory of a watcher that never reads",
        (with as f64 - without as f64) / STUCK as f64 / 1e6,
        "MB",
        Target::AtMost(1.0),
        format!("{STUCK} of them, each on its own connection, while {ORDERS} orders fill"),
    );
    Ok(())
}

/// Resident bytes after a load of orders with so many watchers that do not read.
async fn after_orders(stuck: usize) -> Fallible<u64> {
    let server = gateway(GatewayOptions::default()).await?;
    let mut unread = Vec::new();
    for _ in 0..stuck {
        unread.push(stuck_watch(&server).await?);
    }
    let channels = server.channels(4).await?;
    closed_loop(&channels, 64, Until::Calls(ORDERS), place_market).await?;
    tokio::time::sleep(Duration::from_secs(1)).await;
    server.process.resident_bytes().map_err(Into::into)
}

async fn stuck_watch(server: &Server) -> Fallible<tonic::Streaming<WatchResponse>> {
    let mut stub = OrderServiceClient::new(connect(server.address).await?);
    let stream = stub.watch(WatchRequest::default()).await?;
    Ok(stream.into_inner())
}

/// Resident bytes while very many orders are placed and filled. Orders that rest stay in memory, as live orders must; these end.
pub(crate) async fn flat(effort: Effort, report: &mut Report) -> Fallible<()> {
    let server = gateway(GatewayOptions::default()).await?;
    let channels = server.channels(4).await?;
    let tenth = effort.many / 10;
    let mut tenths: Vec<Reading> = Vec::new();
    let start = Instant::now();
    for step in 0..10 {
        let load = closed_loop(&channels, 64, Until::Calls(tenth), move |stub, number| {
            place_market(stub, step * tenth + number)
        })
        .await?;
        let reading = Reading {
            resident: server.process.resident_bytes()? as f64 / 1e6,
            anonymous: server.process.anonymous_bytes()? as f64 / 1e6,
            per_second: load.per_second,
        };
        eprintln!(
            "    {} orders: {:.1} MB, {:.1} MB its own, {:.0}/s",
            (step + 1) * tenth,
            reading.resident,
            reading.anonymous,
            reading.per_second
        );
        tenths.push(reading);
        if start.elapsed() > FLAT_SECONDS_MAX {
            break;
        }
    }
    let done = tenths.len();
    let (Some(first), Some(middle), Some(last)) = (
        tenths.first(),
        tenths.get(done.div_ceil(2) - 1),
        tenths.last(),
    ) else {
        return Err("nothing was placed".into());
    };
    // What has a bound fills up to it in the first half: queues, caches, the orders that ended within the last second.
    report.add(
        format!(
            "Memory growth over the second half of {} filled orders",
            done as u64 * tenth
        ),
        last.resident - middle.resident,
        "MB",
        Target::AtMost(5.0),
        format!(
            "{:.1} MB after {tenth}, {:.1} MB after {}, {:.1} MB at the end; its own {:.1}, {:.1}, {:.1} MB; {:.0}/s at first, {:.0}/s \
             at last (tmpfs); market orders: an order that rests stays in memory",
            first.resident,
            middle.resident,
            done.div_ceil(2) as u64 * tenth,
            last.resident,
            first.anonymous,
            middle.anonymous,
            last.anonymous,
            first.per_second,
            last.per_second
        ),
    );
    Ok(())
}

/// Megabytes, and orders per second.
struct Reading {
    resident: f64,
    anonymous: f64,
    per_second: f64,
}
