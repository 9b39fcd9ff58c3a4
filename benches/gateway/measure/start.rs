//! From exec to the first answer.

use std::path::Path;
use std::time::{Duration, Instant};

use super::Stage;
use super::stored::{copy, kill_with_log, serve_on, stub_when_up};
use crate::Fallible;
use crate::load::{place_for, resting_order};
use crate::peers::pb::HealthRequest;
use crate::report::{Report, Target};
use crate::rig::{scratch, simulator};
use crate::stats::{median, millis, percentile};

const LOG_BYTES: u64 = 256 << 20;
const PATIENCE: Duration = Duration::from_secs(30);

pub(crate) async fn times(stage: &mut Stage, report: &mut Report) -> Fallible<()> {
    let rounds = stage.effort.pairs;
    let mut empty = Vec::new();
    for _ in 0..rounds {
        empty.push(started(scratch()?.path()).await?.first_answer);
    }
    report.add_median(
        "Start to the first answer",
        (median(&mut empty), rounds),
        "ms",
        Target::AtMost(100.0),
        format!(
            "exec to Health with the TWS session up; empty store; worst {:.0} ms",
            percentile(&mut empty, 1.0)
        ),
    );
    let stored = stage.million().await?;
    let mut full = Vec::new();
    for _ in 0..rounds {
        full.push(started(stored.dir.path()).await?.first_answer);
    }
    report.add_median(
        "Start with 1,000,000 orders stored, 1,000 open",
        (median(&mut full), rounds),
        "ms",
        Target::AtMost(250.0),
        format!("the same; worst {:.0} ms", percentile(&mut full, 1.0)),
    );
    let killed = kill_with_log(stored, LOG_BYTES).await?;
    let (mut first_answers, mut first_orders) = (Vec::new(), Vec::new());
    for _ in 0..rounds {
        let dir = copy(stored)?;
        let start = started(dir.path()).await?;
        first_answers.push(start.first_answer);
        first_orders.push(start.first_order);
    }
    // The store is no longer what other groups expect.
    stage.million = None;
    report.add_median(
        "Start after a kill -9 that left a write-ahead log of 256 MB",
        (median(&mut first_answers), rounds),
        "ms",
        Target::AtMost(1_000.0),
        format!(
            "the same store, {} orders later; a log of {:.0} MB; worst {:.0} ms; the first order after it is \
             answered in {:.0} ms (worst {:.0}); all in memory's file system",
            killed.orders,
            killed.log_bytes as f64 / 1e6,
            percentile(&mut first_answers, 1.0),
            median(&mut first_orders),
            percentile(&mut first_orders, 1.0)
        ),
    );
    Ok(())
}

/// Milliseconds.
struct Started {
    /// From starting the program to a Health answer with TWS connected and the store in order.
    first_answer: f64,
    /// From the call to the answer of an order placed then.
    first_order: f64,
}

async fn started(dir: &Path) -> Fallible<Started> {
    let (_tws, tws_address) = simulator(&[])?;
    let start = Instant::now();
    let (process, address) = serve_on(dir, tws_address)?;
    let mut stub = stub_when_up(address).await?;
    let health = stub.health(HealthRequest::default()).await?.into_inner();
    let first_answer = millis(start.elapsed());
    if !health.connected || !health.store_ok {
        return Err(format!("not in order: {}", health.error()).into());
    }
    let asked = Instant::now();
    let request_id = format!("start-{}", address.port());
    place_for(stub, request_id, resting_order(), PATIENCE).await?;
    let first_order = millis(asked.elapsed());
    process.terminate()?;
    Ok(Started {
        first_answer,
        first_order,
    })
}
