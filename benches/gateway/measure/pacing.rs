//! TWS's pacing: the limit held to the full, nothing refused, cancels and heartbeats not behind the places. What TWS gets is seen by a
//! tap before it, not by what the gateway says.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use crate::load::{Until, closed_loop, place_for, resting_order};
use crate::peers::pb::{CancelRequest, HealthRequest};
use crate::report::{Report, Target};
use crate::rig::{GatewayOptions, gateway_at, simulator};
use crate::stats::{median, millis, percentile};
use crate::tap::{Tap, Way};
use crate::tws_wire::{Arrived, CANCEL, START_API, connections, messages, most_in_a_second};
use crate::{Effort, Fallible, Stub};

/// Messages a second that TWS takes, by its default, and that the gateway is set to.
const LIMIT: u32 = 50;
const IN_FLIGHT: usize = 100;
/// The first seconds spend what had gathered while nothing was sent: they do not count.
const WARM: Duration = Duration::from_secs(3);
/// How long an order may take: it waits 2 s for its turn, and one that TWS refused is never answered.
const PATIENCE: Duration = Duration::from_secs(8);
/// The gateway's own interval between heartbeats.
const HEARTBEAT: Duration = Duration::from_secs(10);

pub(crate) async fn at_fifty(effort: Effort, report: &mut Report) -> Fallible<()> {
    // TWS complains at each second with more, and closes the connection at the third.
    let (tws, tws_address) = simulator(&[&format!("rate={LIMIT}")])?;
    let tap = Tap::before(tws_address).await?;
    let options = GatewayOptions {
        messages_per_second: LIMIT,
        ..GatewayOptions::default()
    };
    let server = gateway_at(options, Some(tws), tap.address).await?;
    let watched = Duration::from_secs_f64(effort.pacing_seconds);
    let channels = server.channels(4).await?;
    let from = Instant::now() + WARM;
    let until = from + watched;
    let cancelling = tokio::spawn(cancels(server.stub().await?, from, until));
    let failed = Arc::new(AtomicU64::new(0));
    let failures = failed.clone();
    closed_loop(
        &channels,
        IN_FLIGHT,
        Until::Time(WARM + watched),
        move |stub, number| {
            let failures = failures.clone();
            async move {
                let placed = place_for(stub, format!("paced-{number}"), resting_order(), PATIENCE);
                if placed.await.is_err() {
                    failures.fetch_add(1, Ordering::Relaxed);
                    tokio::time::sleep(Duration::from_millis(50)).await;
                }
                Ok(())
            }
        },
    )
    .await?;
    let mut cancel_millis = cancelling.await?.map_err(|error| error.to_string())?;
    let health = server
        .stub()
        .await?
        .health(HealthRequest::default())
        .await?
        .into_inner();
    let pieces = tap.pieces();
    let requests = messages(&pieces, Way::ToServer);
    let steady: Vec<&Arrived> = requests
        .iter()
        .filter(|request| (from..until).contains(&request.at))
        .collect();
    let counted = steady.iter().filter(|request| request.is_order_or_cancel());
    let cancels = steady.iter().filter(|request| request.number == CANCEL);
    let (counted, cancels) = (counted.count(), cancels.count());
    let times: Vec<Instant> = requests.iter().map(|request| request.at).collect();
    report.add(
        format!("Pacing at {LIMIT}/s: orders and cancels per second that reach TWS"),
        counted as f64 / watched.as_secs_f64(),
        "/s",
        Target::AtLeast(49.0),
        format!(
            "{} orders and {cancels} cancels in {:.0} s after the first {:.0} s",
            counted - cancels,
            watched.as_secs_f64(),
            WARM.as_secs_f64()
        ),
    );
    let answers = messages(&pieces, Way::ToClient);
    let refusals: Vec<&Arrived> = answers
        .iter()
        .filter(|answer| answer.is_rate_refusal())
        .collect();
    let when: Vec<String> = refusals
        .iter()
        .map(|refusal| format!("{:.1}", (refusal.at - times[0]).as_secs_f64()))
        .collect();
    let sessions_lost = connections(&pieces) - 1;
    report.add(
        format!("Pacing at {LIMIT}/s: refused by TWS"),
        (refusals.len() + sessions_lost) as f64,
        "",
        Target::AtMost(0.0),
        format!(
            "{} times error 100 (seconds after the login: {}), {sessions_lost} sessions closed; at most {} messages of every kind in a \
             second, {} after the first {:.0} s; {} orders failed, connected at the end: {}",
            refusals.len(),
            if when.is_empty() { "none".to_owned() } else { when.join(", ") },
            most_in_a_second(&times),
            most_in_a_second(&steady.iter().map(|request| request.at).collect::<Vec<_>>()),
            WARM.as_secs_f64(),
            failed.load(Ordering::Relaxed),
            health.connected
        ),
    );
    let worst = percentile(&mut cancel_millis, 1.0);
    report.add_median(
        format!("Pacing at {LIMIT}/s: a cancel behind {IN_FLIGHT} waiting orders, p50"),
        (median(&mut cancel_millis), cancel_millis.len()),
        "ms",
        Target::AtMost(100.0),
        format!("worst {worst:.0} ms; an order waits 2 s"),
    );
    let late = lateness(&requests);
    report.add_median(
        format!("Pacing at {LIMIT}/s: how late a heartbeat reaches TWS behind {IN_FLIGHT} waiting orders, worst"),
        (late.iter().copied().fold(f64::NAN, f64::max), late.len()),
        "ms",
        Target::AtMost(100.0),
        format!("due every {} s; an order waits 2 s", HEARTBEAT.as_secs()),
    );
    Ok(())
}

/// Milliseconds by which each time request came later than its interval after the one before it in its session.
fn lateness(requests: &[Arrived]) -> Vec<f64> {
    let mut before = None;
    let mut late = Vec::new();
    for request in requests {
        if request.number == START_API {
            before = None;
        } else if request.is_time_request()
            && let Some(last) = before.replace(request.at)
        {
            late.push(millis(request.at - last) - millis(HEARTBEAT));
        }
    }
    late
}

/// Cancels an order now and then while others wait; milliseconds of each.
async fn cancels(mut stub: Stub, from: Instant, until: Instant) -> Result<Vec<f64>, tonic::Status> {
    let mut millis = Vec::new();
    let mut order_id = 0;
    tokio::time::sleep_until(from.into()).await;
    while Instant::now() < until {
        order_id += 1;
        let began = Instant::now();
        let request = CancelRequest {
            order: Some(crate::peers::pb::cancel_request::Order::OrderId(order_id)),
            ..CancelRequest::default()
        };
        // One that fails because the session is lost shows among the refusals.
        if stub.cancel(request).await.is_ok() {
            millis.push(began.elapsed().as_secs_f64() * 1e3);
        }
        tokio::time::sleep(Duration::from_millis(300)).await;
    }
    Ok(millis)
}
