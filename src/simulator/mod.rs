//! A TWS on loopback, for newcomers, for tests and for users' continuous integration.
//!
//! It speaks the wire protocol of server versions 157 to 226, text and protobuf, so that any client of it can connect: the
//! `ibapi` crate, IB's own Python client, `ib_async`, `@stoqey/ib`, ours. It behaves as TWS was seen to behave; `docs/simulator.md`
//! says what it does, what it does not, and where each behaviour comes from.
//!
//! ```no_run
//! # async fn example() -> Result<(), Box<dyn std::error::Error>> {
//! use ibkr_orders::simulator::{Simulator, SimulatorConfig};
//!
//! let simulator = Simulator::start(SimulatorConfig::explicit()).await?;
//! let control = simulator.control();
//! // … a client connects to simulator.address() and places order 1 …
//! control.wait_until(|view| view.place_messages(1) == 1).await?;
//! control.fill(1).await?;
//! simulator.shutdown().await;
//! # Ok(())
//! # }
//! ```
//!
//! Inside: `frame` and `message` turn bytes into requests, `exchange` is the TWS (pure and synchronous, `now` is an
//! argument), `server` is the one task that owns it, `connection` the sockets, `journal` the state file.

mod account;
mod book;
mod clock;
mod codec;
mod config;
mod connection;
mod control;
mod exchange;
mod fault;
mod feeds;
mod frame;
#[cfg(test)]
mod hostile;
mod journal;
mod ledger;
mod log;
mod market;
mod message;
mod odd;
mod order;
mod protobuf;
mod random;
mod server;
mod session;
pub mod switches;
mod symbols;
mod text;
mod times;
mod view;
mod wire;

use std::io;
use std::net::SocketAddr;
use std::time::Duration;

use tokio::net::TcpListener;
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

pub use config::{
    BaseCurrency, Hours, Mode, SERVER_VERSION_MAX, SERVER_VERSION_MIN, SimulatorConfig,
};
pub use control::{Control, ControlError, HandChange, ManualOrder, Restart};
pub use fault::{FAULT_FORMS, Fault, FaultError, Query};
pub use log::{MessageKind, ReceivedMessage};
pub use odd::OddRow;
pub use order::OrderKey;
pub use switches::{SwitchError, SwitchSetting, Switches};
pub use view::{OrderView, View};

use clock::Now;
use exchange::Exchange;
use journal::Journal;
use server::{INPUTS_MAX, Owner};

/// How long a shutdown waits for connections to end before it leaves them to the runtime.
const SHUTDOWN_MAX: Duration = Duration::from_secs(5);

/// A running simulator. Dropping it stops it.
#[derive(Debug)]
pub struct Simulator {
    address: SocketAddr,
    control: Control,
    stop: CancellationToken,
    tasks: TaskTracker,
}

impl Simulator {
    /// Starts a simulator on the current runtime, and returns when it listens.
    ///
    /// # Errors
    /// The address cannot be bound, or the state file cannot be read or written.
    pub async fn start(config: SimulatorConfig) -> io::Result<Self> {
        let listener = TcpListener::bind(config.listen).await?;
        let address = listener.local_addr()?;
        let mut exchange = Exchange::new(config.clone(), Now::read());
        let journal = match &config.state_file {
            Some(path) => {
                exchange.restore(Journal::read(path)?);
                Some(Journal::start(path, &exchange.snapshot())?)
            }
            None => None,
        };
        let (sender, inputs) = mpsc::channel(INPUTS_MAX);
        let stop = CancellationToken::new();
        let tasks = TaskTracker::new();
        let owner = Owner {
            exchange,
            inputs,
            journal,
            mode: config.mode,
            outbox_bytes_max: config.outbox_bytes_max,
        };
        tasks.spawn(owner.run(stop.clone()));
        tasks.spawn(server::accept(
            listener,
            sender.clone(),
            config,
            stop.clone(),
            tasks.clone(),
        ));
        tracing::info!(%address, "simulator listens");
        Ok(Self {
            address,
            control: Control::new(sender),
            stop,
            tasks,
        })
    }

    /// Where it listens.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// The hand on it.
    pub fn control(&self) -> Control {
        self.control.clone()
    }

    /// Closes every connection and stops; the state file is complete when this returns.
    pub async fn shutdown(self) {
        self.stop.cancel();
        self.tasks.close();
        if tokio::time::timeout(SHUTDOWN_MAX, self.tasks.wait())
            .await
            .is_err()
        {
            tracing::warn!("some connections of the simulator did not end in time");
        }
    }
}

impl Drop for Simulator {
    fn drop(&mut self) {
        self.stop.cancel();
    }
}
