//! One event to many watchers.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use tokio::sync::mpsc;
use tonic::transport::Channel;

use crate::load::{place_for, resting_order};
use crate::peers::pb::order_service_client::OrderServiceClient;
use crate::peers::pb::{WatchRequest, order_state, watch_response::Event};
use crate::report::{Report, Target};
use crate::rig::{GatewayOptions, Server, gateway};
use crate::stats::{median, percentile};
use crate::{Effort, Fallible};

/// Streams of one connection.
const STREAMS: usize = 100;
/// How long a TWS that says nothing is waited for.
const SILENCE: Duration = Duration::from_millis(400);
const PATIENCE: Duration = Duration::from_secs(30);

/// Watches that are open and read.
pub(crate) struct Watchers {
    count: usize,
    /// When each saw a new order, in the order of arrival here.
    seen: mpsc::UnboundedReceiver<(i32, Instant)>,
    tasks: tokio::task::JoinSet<()>,
}

impl Watchers {
    /// Opens watches of every order, and waits until each has seen the end of the current state.
    pub(crate) async fn open(server: &Server, count: usize) -> Fallible<Self> {
        let channels = server.channels(count.div_ceil(STREAMS)).await?;
        let (tell, seen) = mpsc::unbounded_channel();
        let live = Arc::new(AtomicUsize::new(0));
        let mut tasks = tokio::task::JoinSet::new();
        for (_, channel) in (0..count).zip(channels.iter().cycle()) {
            tasks.spawn(watch(channel.clone(), tell.clone(), live.clone()));
        }
        let start = Instant::now();
        while live.load(Ordering::Relaxed) < count {
            if start.elapsed() > PATIENCE {
                let live = live.load(Ordering::Relaxed);
                return Err(format!("only {live} of {count} watches came up").into());
            }
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
        Ok(Self { count, seen, tasks })
    }

    /// When each watcher saw the next new order.
    async fn all_see(&mut self) -> Fallible<Vec<Instant>> {
        let mut times = Vec::with_capacity(self.count);
        while times.len() < self.count {
            match tokio::time::timeout(PATIENCE, self.seen.recv()).await {
                Ok(Some((_, time))) => times.push(time),
                _ => return Err(format!("{} of {} saw it", times.len(), self.count).into()),
            }
        }
        Ok(times)
    }

    pub(crate) async fn close(mut self) {
        self.tasks.shutdown().await;
    }
}

async fn watch(
    channel: Channel,
    tell: mpsc::UnboundedSender<(i32, Instant)>,
    live: Arc<AtomicUsize>,
) {
    let request = WatchRequest {
        poll_interval: Some(prost_types::Duration {
            seconds: 300,
            nanos: 0,
        }),
        ..WatchRequest::default()
    };
    let Ok(stream) = OrderServiceClient::new(channel).watch(request).await else {
        return;
    };
    let mut stream = stream.into_inner();
    let mut live_yet = false;
    while let Ok(Some(message)) = stream.message().await {
        match message.event {
            Some(Event::SnapshotEnd(_)) => {
                live_yet = true;
                live.fetch_add(1, Ordering::Relaxed);
            }
            Some(Event::Order(order))
                if live_yet && order.status == i32::from(order_state::Status::Submitting) =>
            {
                let _ = tell.send((order.order_id, Instant::now()));
            }
            _ => {}
        }
    }
}

/// Times from the call that makes the event to its arrival at each watcher, and the server's CPU for each.
pub(crate) async fn to_watchers(effort: Effort, report: &mut Report) -> Fallible<()> {
    let mut p50_line = Vec::new();
    let mut p99_line = Vec::new();
    for count in [1, 10, 100, 1_000, 3_000, 10_000] {
        let measured = rounds(count, effort.pairs).await?;
        p50_line.push((count as f64, measured.p50));
        p99_line.push((count as f64, measured.p99));
        let detail = format!("p99 {:.1} ms, last {:.1} ms", measured.p99, measured.last);
        if count == 1_000 {
            report.add_median(
                "One event to 1,000 watchers, p50",
                (measured.p50, effort.pairs),
                "ms",
                Target::AtMost(10.0),
                detail,
            );
            report.add_median(
                "One event to 1,000 watchers, server CPU per delivery",
                (measured.cpu_micros, effort.pairs),
                "µs",
                Target::AtMost(10.0),
                "",
            );
        } else if count == 10_000 {
            report.add_median(
                "One event to 10,000 watchers, p99",
                (measured.p99, effort.pairs),
                "ms",
                Target::AtMost(500.0),
                format!(
                    "p50 {:.1} ms, {:.1} µs CPU per delivery",
                    measured.p50, measured.cpu_micros
                ),
            );
        }
    }
    report.add_plot(
        "fanout-latency",
        vec![("p50".to_owned(), p50_line), ("p99".to_owned(), p99_line)],
    );
    Ok(())
}

struct Measured {
    p50: f64,
    p99: f64,
    last: f64,
    cpu_micros: f64,
}

async fn rounds(count: usize, rounds: usize) -> Fallible<Measured> {
    // TWS says nothing, so that an order is one event and no more.
    let server = gateway(GatewayOptions {
        simulator: &["silent"],
        ..GatewayOptions::default()
    })
    .await?;
    let mut watchers = Watchers::open(&server, count).await?;
    let stub = server.stub().await?;
    let (mut p50, mut p99, mut last, mut cpu) = (vec![], vec![], vec![], vec![]);
    for round in 0..=rounds {
        let cpu_before = server.process.cpu_time()?;
        let start = Instant::now();
        let placing = tokio::spawn(place_for(
            stub.clone(),
            format!("fanout-{round}"),
            resting_order(),
            SILENCE,
        ));
        let mut millis: Vec<f64> = watchers
            .all_see()
            .await?
            .into_iter()
            .map(|time| time.duration_since(start).as_secs_f64() * 1e3)
            .collect();
        placing.await??;
        let spent = server.process.cpu_time()? - cpu_before;
        if round == 0 {
            continue; // the first one warms up
        }
        p50.push(percentile(&mut millis, 0.5));
        p99.push(percentile(&mut millis, 0.99));
        last.push(percentile(&mut millis, 1.0));
        cpu.push(spent.as_secs_f64() * 1e6 / count as f64);
    }
    watchers.close().await;
    Ok(Measured {
        p50: median(&mut p50),
        p99: median(&mut p99),
        last: median(&mut last),
        cpu_micros: median(&mut cpu),
    })
}
