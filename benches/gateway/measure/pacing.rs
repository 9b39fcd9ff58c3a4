//! TWS's pacing: the limit held to the full, nothing refused, cancels and heartbeats not behind the places.

use std::time::{Duration, Instant};

use crate::load::{Until, closed_loop, place_resting};
use crate::peers::pb::{CancelRequest, HealthRequest, WatchRequest, watch_response::Event};
use crate::report::{Report, Target};
use crate::rig::{GatewayOptions, gateway};
use crate::stats::percentile;
use crate::{Effort, Fallible, Stub};

/// Messages a second that TWS takes, by its default.
const LIMIT: u32 = 50;
const IN_FLIGHT: usize = 100;
/// The first second spends what had gathered while nothing was sent.
const WARM: Duration = Duration::from_secs(3);

pub(crate) async fn at_fifty(effort: Effort, report: &mut Report) -> Fallible<()> {
    let server = gateway(GatewayOptions {
        messages_per_second: LIMIT,
        // TWS complains and then closes the connection when more comes; one message of room for the edge of its second.
        simulator: &["rate=51"],
        ..GatewayOptions::default()
    })
    .await?;
    let seconds = (effort.seconds * 14.0).max(6.0);
    let channels = server.channels(4).await?;
    let orders = (f64::from(LIMIT) * seconds) as u64;
    let watching = tokio::spawn(links(
        server.stub().await?,
        Duration::from_secs_f64(seconds),
    ));
    let cancelling = tokio::spawn(cancels(
        server.stub().await?,
        Duration::from_secs_f64(seconds),
    ));
    let load = closed_loop(
        &channels,
        IN_FLIGHT,
        Until::Time(Duration::from_secs_f64(seconds)),
        place_resting,
    )
    .await?;
    let (mut cancels, extra) = cancelling.await?.map_err(|error| error.to_string())?;
    let breaks = watching.await?.map_err(|error| error.to_string())?;
    let health = server
        .stub()
        .await?
        .health(HealthRequest::default())
        .await?
        .into_inner();
    // Cancels share the limit with the orders.
    let rate = (load.calls as f64 + extra) / load.seconds;
    report.add(
        "Pacing at 50/s: messages per second held",
        rate,
        "/s",
        Target::AtLeast(49.0),
        format!(
            "{} orders of {orders} possible and {extra} cancels, {breaks} breaks of the link, connected at the end: {}",
            load.calls, health.connected
        ),
    );
    report.add(
        "Pacing at 50/s: a cancel behind 100 waiting orders, p50",
        percentile(&mut cancels, 0.5),
        "ms",
        Target::AtMost(100.0),
        format!(
            "worst {:.0} ms; an order waits 2 s",
            percentile(&mut cancels, 1.0)
        ),
    );
    Ok(())
}

/// Cancels an order now and then while others wait; milliseconds of each, and how many messages that made.
async fn cancels(mut stub: Stub, time: Duration) -> Result<(Vec<f64>, f64), tonic::Status> {
    let start = Instant::now();
    let mut millis = Vec::new();
    let mut order_id = 0;
    tokio::time::sleep(WARM).await;
    while start.elapsed() + Duration::from_millis(500) < time {
        order_id += 1;
        let began = Instant::now();
        stub.cancel(CancelRequest {
            order_id,
            ..CancelRequest::default()
        })
        .await?;
        millis.push(began.elapsed().as_secs_f64() * 1e3);
        tokio::time::sleep(Duration::from_millis(300)).await;
    }
    let sent = millis.len() as f64;
    Ok((millis, sent))
}

/// How often the link to TWS broke.
async fn links(mut stub: Stub, time: Duration) -> Result<usize, tonic::Status> {
    let mut stream = stub
        .watch(WatchRequest {
            order_id: 0,
            ..WatchRequest::default()
        })
        .await?
        .into_inner();
    let mut breaks = 0;
    let end = tokio::time::Instant::now() + time;
    while let Ok(message) = tokio::time::timeout_at(end, stream.message()).await {
        match message? {
            Some(message) if matches!(message.event, Some(Event::Link(_))) => breaks += 1,
            Some(_) => {}
            None => break,
        }
    }
    Ok(breaks)
}
