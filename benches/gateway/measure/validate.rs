//! Validate against a bare tonic service with the same messages.

use std::time::Duration;

use crate::load::{Until, closed_loop, validate};
use crate::report::{Report, Target};
use crate::rig::{GatewayOptions, echo, gateway};
use crate::stats::Pairs;
use crate::{Effort, Fallible};

const IN_FLIGHT: usize = 64;
const CONNECTIONS: usize = 4;

pub(crate) async fn against_echo(effort: Effort, report: &mut Report) -> Fallible<()> {
    let ours = gateway(GatewayOptions::default()).await?;
    let bare = echo()?;
    let (ours_at, bare_at) = (
        ours.channels(CONNECTIONS).await?,
        bare.channels(CONNECTIONS).await?,
    );
    let round = Until::Time(Duration::from_secs_f64(effort.seconds));
    let mut pairs = Pairs::default();
    let mut server_cpu = Pairs::default();
    for _ in 0..effort.pairs {
        let before = (ours.process.cpu_time()?, bare.process.cpu_time()?);
        let a = closed_loop(&ours_at, IN_FLIGHT, round, validate).await?;
        let b = closed_loop(&bare_at, IN_FLIGHT, round, validate).await?;
        pairs.push(a.per_second, b.per_second);
        let cpu = |spent: Duration, calls: u64| spent.as_secs_f64() * 1e6 / calls as f64;
        server_cpu.push(
            cpu(ours.process.cpu_time()? - before.0, a.calls),
            cpu(bare.process.cpu_time()? - before.1, b.calls),
        );
    }
    report.add_ratio(
        "Validate, 64 in flight, against bare tonic echo",
        &pairs,
        Target::AtLeast(0.9),
        format_args!(
            "{:.0}/s against {:.0}/s",
            pairs.median_a(),
            pairs.median_b()
        ),
    );
    report.add_median(
        "Validate, server CPU",
        (server_cpu.median_a(), server_cpu.len()),
        "µs",
        Target::None,
        format!("echo {:.1} µs", server_cpu.median_b()),
    );
    Ok(())
}
