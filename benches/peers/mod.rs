//! What the gateway is measured against. Each peer is a process of its own: this program starts itself again as
//! `gateway peer NAME ARGUMENTS`, and the Python gateway runs in a virtual environment under `target/`.

pub(crate) mod commits;
pub(crate) mod echo;
pub(crate) mod one_commit;
pub(crate) mod pb;
pub(crate) mod simulator;

use std::io::Write;
use std::net::SocketAddr;
use std::path::Path;

/// Tells the harness where a peer listens.
fn say_ready(address: SocketAddr) -> std::io::Result<()> {
    let mut out = std::io::stdout().lock();
    writeln!(out, "ready {address}")?;
    out.flush()
}

/// Runs the peer that the arguments name, until it is killed.
pub(crate) fn run(arguments: &[String]) -> Result<(), Box<dyn std::error::Error>> {
    if let [name, database, seconds] = arguments
        && name == "commits"
    {
        return commits::run(Path::new(database), seconds.parse()?);
    }
    let runtime = tokio::runtime::Runtime::new()?;
    match arguments {
        [name] if name == "echo" => runtime.block_on(echo::serve()),
        [name, tws, database] if name == "one-commit" => {
            runtime.block_on(one_commit::serve(tws, Path::new(database)))
        }
        [name, options @ ..] if name == "simulator" => runtime.block_on(simulator::serve(options)),
        _ => Err(format!("no peer {arguments:?}").into()),
    }
}
