//! Instructions per call, counted by callgrind: the same for the same program and input, whatever else the machine does.

use std::future::Future;
use std::io::Read;
use std::process::{Command, Stdio};

use crate::Fallible;
use crate::rig::Server;

/// Runs a server under callgrind, once for few calls and once for many, and divides the difference: what starting and ending
/// cost falls out. `start` makes a server under the given profiler; `calls` makes so many calls.
pub(crate) async fn instructions_per_call<Starting, Calling>(
    few: u64,
    many: u64,
    start: impl Fn(Vec<String>) -> Starting,
    calls: impl Fn(Server, u64) -> Calling,
) -> Fallible<f64>
where
    Starting: Future<Output = Fallible<Server>>,
    Calling: Future<Output = Fallible<Server>>,
{
    let mut counts = Vec::new();
    for count in [few, many] {
        let dir = tempfile::tempdir()?;
        let log = dir.path().join("callgrind.log");
        let out = dir.path().join("callgrind.out");
        let server = start(vec![
            "--tool=callgrind".to_owned(),
            "--fair-sched=yes".to_owned(),
            format!("--log-file={}", log.display()),
            format!("--callgrind-out-file={}", out.display()),
        ])
        .await?;
        calls(server, count).await?.terminate()?;
        counts.push(collected(&std::fs::read_to_string(&log)?)?);
    }
    Ok((counts[1] - counts[0]) / (many - few) as f64)
}

/// The total that callgrind wrote to its log.
fn collected(log: &str) -> Fallible<f64> {
    log.lines()
        .find_map(|line| line.split_once("Collected :"))
        .and_then(|(_, count)| count.trim().parse().ok())
        .ok_or_else(|| "callgrind printed no count".into())
}

/// Whether valgrind is here.
pub(crate) fn is_here() -> bool {
    let started = Command::new("valgrind")
        .arg("--version")
        .stdout(Stdio::piped())
        .spawn();
    let Ok(mut child) = started else { return false };
    let mut text = String::new();
    let read = child
        .stdout
        .take()
        .map(|mut out| out.read_to_string(&mut text));
    let _ = child.wait();
    read.is_some() && text.starts_with("valgrind")
}
