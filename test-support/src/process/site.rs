//! The program itself as a process, in front of a simulator in this one.

use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use ibkr_orders::client::{Client, ClientOptions};
use ibkr_orders::domain::{HealthIn, OrderKey, OrderState, Status};
use ibkr_orders::simulator::{Control, Simulator, SimulatorConfig};
use tempfile::TempDir;

use crate::preload::Faults;
use crate::world::{LIMIT, eventually, resting};

/// A simulator and a directory, for one gateway process after another.
pub struct Site {
    pub simulator: Simulator,
    pub directory: TempDir,
}

/// A running `ibkr-orders serve`. Dropping it kills it.
pub struct Process {
    child: Child,
    said: Arc<Mutex<Vec<String>>>,
    pub client: Client,
    pub address: String,
}

impl Site {
    pub async fn new() -> Self {
        Self::with(SimulatorConfig::explicit()).await
    }

    pub async fn with(simulator: SimulatorConfig) -> Self {
        Self {
            simulator: Simulator::start(simulator).await.unwrap(),
            directory: TempDir::new().unwrap(),
        }
    }

    pub fn control(&self) -> Control {
        self.simulator.control()
    }

    pub fn store(&self) -> PathBuf {
        self.directory.path().join("orders.db")
    }

    /// The command of a gateway on a store, with nothing of this process's environment in it.
    pub fn command(&self, store: &Path) -> Command {
        let mut command = Command::new(super::program());
        command
            .args(["serve", "--grpc-listen", "127.0.0.1:0"])
            .current_dir(self.directory.path())
            .env_clear()
            .env("PATH", std::env::var_os("PATH").unwrap_or_default())
            .env("IB_PORT", self.simulator.address().port().to_string())
            .env("ORDER_DB_PATH", store)
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::piped());
        command
    }

    /// Starts one on the usual store, and waits until it is connected to TWS and reconciled.
    pub async fn start(&self) -> Process {
        self.start_with(|_| {}).await
    }

    pub async fn start_with(&self, change: impl FnOnce(&mut Command)) -> Process {
        let mut command = self.command(&self.store());
        change(&mut command);
        let process = Process::serve(&mut command).await;
        process.connected().await;
        process.reconciled().await;
        process
    }

    pub async fn start_under(&self, faults: &Faults) -> Process {
        self.start_with(|command| {
            faults.apply(command).unwrap();
        })
        .await
    }

    /// Runs a gateway that cannot start, and gives its exit code and what it said.
    pub async fn refused(&self, change: impl FnOnce(&mut Command)) -> (Option<i32>, String) {
        let mut command = self.command(&self.store());
        change(&mut command);
        let mut process = Running::start(&mut command);
        let status = process.ended().await;
        (status.code(), process.said())
    }

    /// Waits until the first placeOrder frame has come.
    pub async fn placed(&self) {
        self.control()
            .wait_until(|view| view.place_messages_total() == 1)
            .await
            .unwrap();
    }

    /// The next gateway finds the order of request "a" in TWS, answers with it, and did not send it again.
    pub async fn adopts(&self) {
        let gateway = self.start().await;
        let again = gateway.client.place(resting("a")).await.unwrap();
        assert!(again.replayed);
        gateway
            .until_status(again.order_id.unwrap(), Status::Submitted)
            .await;
        assert_eq!(self.orders_and_frames("a").await, (1, 1));
        gateway.end().await;
    }

    /// How often somebody logged in to TWS.
    pub async fn look_at_logins(&self) -> u64 {
        self.control()
            .inspect(|view| view.logins_total())
            .await
            .unwrap()
    }

    /// How many orders TWS has under a reference, and how many placeOrder frames came in all.
    pub async fn orders_and_frames(&self, order_ref: &str) -> (usize, u64) {
        let order_ref = order_ref.to_owned();
        self.control()
            .inspect(move |view| {
                (
                    view.orders_with_ref(&order_ref).len(),
                    view.place_messages_total(),
                )
            })
            .await
            .unwrap()
    }
}

impl Process {
    /// Starts a gateway and waits until it listens.
    pub async fn serve(command: &mut Command) -> Self {
        let running = Running::start(command);
        eventually("the gateway listens", async || {
            running.address().is_some()
                || running
                    .said
                    .lock()
                    .unwrap()
                    .iter()
                    .any(|line| line.contains("serve: "))
        })
        .await;
        let Some(address) = running.address() else {
            panic!("the gateway did not start: {}", running.said());
        };
        let client = Client::connect(format!("http://{address}"), ClientOptions::default())
            .await
            .unwrap();
        let Running { child, said } = running;
        Self {
            child,
            said,
            client,
            address,
        }
    }

    pub async fn connected(&self) {
        eventually("the gateway is connected to TWS", async || {
            let health = self.client.health(HealthIn::default()).await;
            health.is_ok_and(|health| health.connected)
        })
        .await;
    }

    /// Waits until it has said that the reconcile of its first session ended well: from then on it commits and asks TWS only for what the
    /// test causes.
    pub async fn reconciled(&self) {
        eventually("the gateway is reconciled with TWS", async || {
            self.said().contains("Reconciled")
        })
        .await;
    }

    pub fn pid(&self) -> u32 {
        self.child.id()
    }

    /// Everything it has written to stderr.
    pub fn said(&self) -> String {
        self.said.lock().unwrap().join("\n")
    }

    /// Ends it as `kill -9` does.
    pub fn kill(mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }

    pub fn signal(&self, signal: &str) {
        let status = Command::new("kill")
            .args([format!("-{signal}"), self.pid().to_string()])
            .status()
            .unwrap();
        assert!(status.success());
    }

    /// Waits until it has ended by itself.
    pub async fn ended(&mut self) -> ExitStatus {
        wait(&mut self.child, &self.said).await
    }

    /// Asks it to end, and checks that it ended well.
    pub async fn end(mut self) {
        self.signal("TERM");
        let status = self.ended().await;
        assert_eq!(status.code(), Some(0), "{}", self.said());
    }

    pub async fn get(&self, order_id: i32) -> OrderState {
        self.client
            .get(OrderKey::OrderId(order_id))
            .await
            .unwrap()
            .order
    }

    pub async fn until_status(&self, order_id: i32, status: Status) -> OrderState {
        eventually(&format!("order {order_id} {status}"), async || {
            self.get(order_id).await.status == status
        })
        .await;
        self.get(order_id).await
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// A started program and what it says.
struct Running {
    child: Child,
    said: Arc<Mutex<Vec<String>>>,
}

impl Running {
    fn start(command: &mut Command) -> Self {
        let mut child = command.spawn().unwrap();
        let said = Arc::new(Mutex::new(Vec::new()));
        let lines = BufReader::new(child.stderr.take().unwrap()).lines();
        let hearing = Arc::clone(&said);
        std::thread::spawn(move || {
            for line in lines.map_while(Result::ok) {
                hearing.lock().unwrap().push(line);
            }
        });
        Self { child, said }
    }

    fn address(&self) -> Option<String> {
        self.said
            .lock()
            .unwrap()
            .iter()
            .find_map(|line| line.strip_prefix("listening on ").map(str::to_owned))
    }

    fn said(&self) -> String {
        self.said.lock().unwrap().join("\n")
    }

    async fn ended(&mut self) -> ExitStatus {
        wait(&mut self.child, &self.said).await
    }
}

async fn wait(child: &mut Child, said: &Arc<Mutex<Vec<String>>>) -> ExitStatus {
    let waited = tokio::time::timeout(LIMIT, async {
        loop {
            if let Some(status) = child.try_wait().unwrap() {
                // The thread that reads lets go of it after the last line.
                if Arc::strong_count(said) == 1 {
                    return status;
                }
            }
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    });
    match waited.await {
        Ok(status) => status,
        Err(_) => panic!(
            "the process did not end: {}",
            said.lock().unwrap().join("\n")
        ),
    }
}
