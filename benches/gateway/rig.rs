//! What a measurement runs on: scratch directories, the gateway, TWS and the peers, each a process on loopback.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use tempfile::TempDir;
use tonic::transport::{Channel, Endpoint};

use crate::peers::pb::HealthRequest;
use crate::peers::pb::order_service_client::OrderServiceClient;
use crate::process::Process;
use crate::{Fallible, Stub};
use test_support::preload::Faults;

/// How long a server may take to answer.
const PATIENCE: Duration = Duration::from_secs(60);
/// What an fsync costs on the rig of fixed speed.
pub(crate) const FIXED_FSYNC: Duration = Duration::from_millis(1);

/// What stands for the disk.
#[derive(Clone, Copy)]
pub(crate) enum Disk {
    /// Memory: shows what the program itself costs.
    Tmpfs,
    /// Memory, and each fsync takes 1 ms: the same on every machine.
    Fixed,
    /// The same, and writes are counted too, which costs a little.
    Counted,
}

/// A directory in memory, removed with this value.
pub(crate) fn scratch() -> std::io::Result<TempDir> {
    let memory = Path::new("/dev/shm");
    let builder = tempfile::Builder::new();
    if memory.is_dir() {
        builder.tempdir_in(memory)
    } else {
        builder.tempdir()
    }
}

/// A running server and what it needs; fields end in this order.
pub(crate) struct Server {
    pub(crate) process: Process,
    pub(crate) address: SocketAddr,
    pub(crate) faults: Option<Faults>,
    _tws: Option<Process>,
    pub(crate) dir: TempDir,
}

/// A TWS of its own for each server, so that no round sees the orders of another.
pub(crate) fn simulator(options: &[&str]) -> std::io::Result<(Process, SocketAddr)> {
    Process::start_peer(itself()?.arg("simulator").args(options))
}

/// This program, to be started again as a peer.
pub(crate) fn itself() -> std::io::Result<Command> {
    let mut command = Command::new(std::env::current_exe()?);
    command.arg("peer");
    Ok(command)
}

/// The bare tonic service.
pub(crate) fn echo() -> Fallible<Server> {
    echo_under(&[])
}

/// The bare tonic service under a profiler.
pub(crate) fn echo_under(under: &[&str]) -> Fallible<Server> {
    let mut command = match under {
        [] => itself()?,
        [profiler, options @ ..] => {
            let mut command = Command::new(profiler);
            command
                .args(options)
                .arg(std::env::current_exe()?)
                .arg("peer");
            command
        }
    };
    let (process, address) = Process::start_peer(command.arg("echo"))?;
    Ok(Server {
        process,
        address,
        faults: None,
        _tws: None,
        dir: scratch()?,
    })
}

/// How a gateway is started.
pub(crate) struct GatewayOptions<'a> {
    pub(crate) disk: Disk,
    pub(crate) messages_per_second: u32,
    pub(crate) simulator: &'a [&'a str],
    /// Runs it under this program (a profiler).
    pub(crate) under: &'a [&'a str],
}

impl Default for GatewayOptions<'_> {
    fn default() -> Self {
        Self {
            disk: Disk::Tmpfs,
            messages_per_second: 1_000_000,
            simulator: &[],
            under: &[],
        }
    }
}

/// The gateway's program.
pub(crate) fn program() -> &'static Path {
    Path::new(env!("CARGO_BIN_EXE_ibkr-orders"))
}

/// `ibkr-orders serve`, set up but not started. Nothing of the caller's own environment reaches it.
pub(crate) fn serve_command(
    under: &[&str],
    dir: &Path,
    tws_port: u16,
    messages_per_second: u32,
) -> Command {
    let mut command = match under {
        [] => Command::new(program()),
        [profiler, options @ ..] => {
            let mut command = Command::new(profiler);
            command.args(options).arg(program());
            command
        }
    };
    command
        .arg("serve")
        .current_dir(dir)
        .env("IB_HOST", "127.0.0.1")
        .env("IB_PORT", tws_port.to_string())
        .env("IB_CLIENT_ID", "7")
        .env("ORDER_DB_PATH", dir.join("orders.db"))
        .env("GRPC_LISTEN", "127.0.0.1:0")
        .env(
            "IB_MAX_MESSAGES_PER_SECOND",
            messages_per_second.to_string(),
        )
        .env("RUST_LOG", "error");
    command
}

/// A gateway with a TWS and an empty store of its own, connected and ready to place orders.
pub(crate) async fn gateway(options: GatewayOptions<'_>) -> Fallible<Server> {
    let (tws, tws_address) = simulator(options.simulator)?;
    gateway_at(options, Some(tws), tws_address).await
}

/// The same with a TWS that the caller keeps.
pub(crate) async fn gateway_at(
    options: GatewayOptions<'_>,
    tws: Option<Process>,
    tws_address: SocketAddr,
) -> Fallible<Server> {
    let dir = scratch()?;
    let mut command = serve_command(
        options.under,
        dir.path(),
        tws_address.port(),
        options.messages_per_second,
    );
    let faults = with_faults(&mut command, dir.path(), options.disk)?;
    let (process, address) = Process::start_gateway(&mut command)?;
    let server = Server {
        process,
        address,
        faults,
        _tws: tws,
        dir,
    };
    server.until_connected().await?;
    Ok(server)
}

/// Puts the preload library under a program that keeps its store in `dir`, when its disk is to have a fixed speed.
pub(crate) fn with_faults(
    command: &mut Command,
    dir: &Path,
    disk: Disk,
) -> std::io::Result<Option<Faults>> {
    let faults = match disk {
        Disk::Tmpfs => return Ok(None),
        Disk::Fixed => Faults::new(dir)?.only("orders.db").syncs_only(),
        Disk::Counted => Faults::new(dir)?.only("orders.db"),
    };
    faults.set_fsync_delay(FIXED_FSYNC)?;
    faults.apply(command)?;
    Ok(Some(faults))
}

/// The peer with one commit per call.
pub(crate) fn one_commit(disk: Disk) -> Fallible<Server> {
    let dir = scratch()?;
    let (tws, tws_address) = simulator(&[])?;
    let mut command = itself()?;
    command
        .arg("one-commit")
        .arg(tws_address.to_string())
        .arg(dir.path().join("orders.db"));
    let faults = with_faults(&mut command, dir.path(), disk)?;
    let (process, address) = Process::start_peer(&mut command)?;
    Ok(Server {
        process,
        address,
        faults,
        _tws: Some(tws),
        dir,
    })
}

/// The Python peer; `durable` stores as safely as the gateway does, else with SQLite's defaults.
pub(crate) fn python(disk: Disk, durable: bool) -> Fallible<Server> {
    let home = python_home()?;
    let dir = scratch()?;
    let (tws, tws_address) = simulator(&[])?;
    let mut command = Command::new(home.join("venv/bin/python"));
    command
        .arg(peers_source().join("server.py"))
        .arg(tws_address.port().to_string())
        .arg(dir.path().join("orders.db"))
        .env("PYTHONPATH", home.join("stubs"))
        .stderr(Stdio::null());
    if durable {
        command.env("SQLITE_SYNCHRONOUS", "FULL");
    }
    let faults = with_faults(&mut command, dir.path(), disk)?;
    let (process, address) = Process::start_peer(&mut command)?;
    Ok(Server {
        process,
        address,
        faults,
        _tws: Some(tws),
        dir,
    })
}

fn peers_source() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("benches/peers/python_gateway")
}

/// The virtual environment and the stubs of the Python peer, made at first use.
fn python_home() -> Fallible<PathBuf> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let home = root.join("target/peers/python");
    let stubs = home.join("stubs");
    if stubs.join("orders_pb2_grpc.py").exists() {
        return Ok(home);
    }
    let run = |command: &mut Command| -> Fallible<()> {
        let output = command.output()?;
        if output.status.success() {
            return Ok(());
        }
        Err(format!("{command:?}: {}", String::from_utf8_lossy(&output.stderr)).into())
    };
    std::fs::create_dir_all(&stubs)?;
    run(Command::new("python3")
        .args(["-m", "venv"])
        .arg(home.join("venv")))?;
    let python = home.join("venv/bin/python");
    run(Command::new(&python)
        .args(["-m", "pip", "install", "--quiet", "-r"])
        .arg(peers_source().join("requirements.txt")))?;
    run(Command::new(&python)
        .args(["-m", "grpc_tools.protoc", "-I"])
        .arg(root.join("proto"))
        .arg(format!("--python_out={}", stubs.display()))
        .arg(format!("--grpc_python_out={}", stubs.display()))
        .arg("orders.proto"))?;
    Ok(home)
}

impl Server {
    /// Ends the server while its TWS still stands.
    pub(crate) fn terminate(self) -> std::io::Result<()> {
        self.process.terminate()
    }

    /// Connections to it.
    pub(crate) async fn channels(&self, connections: usize) -> Fallible<Vec<Channel>> {
        let mut channels = Vec::new();
        for _ in 0..connections {
            channels.push(connect(self.address).await?);
        }
        Ok(channels)
    }

    /// A stub on a connection of its own.
    pub(crate) async fn stub(&self) -> Fallible<Stub> {
        Ok(OrderServiceClient::new(connect(self.address).await?))
    }

    async fn until_connected(&self) -> Fallible<()> {
        let start = Instant::now();
        loop {
            if let Ok(mut stub) = self.stub().await
                && let Ok(health) = stub.health(HealthRequest::default()).await
                && health.get_ref().connected
            {
                return Ok(());
            }
            if start.elapsed() > PATIENCE {
                return Err("the gateway did not connect to its TWS".into());
            }
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    }
}

/// One HTTP/2 connection.
pub(crate) async fn connect(address: SocketAddr) -> Result<Channel, tonic::transport::Error> {
    Endpoint::from_shared(format!("http://{address}"))?
        .tcp_nodelay(true)
        .connect()
        .await
}
