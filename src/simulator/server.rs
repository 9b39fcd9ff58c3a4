//! The one task that owns the exchange, and the task that accepts connections.

use std::collections::BTreeMap;
use std::time::Duration;

use tokio::net::TcpListener;
use tokio::sync::{mpsc, oneshot};
use tokio::time::{Instant, Interval, MissedTickBehavior};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use super::clock::Now;
use super::config::{Mode, SimulatorConfig};
use super::connection::{self, Limits, Outbox};
use super::exchange::Exchange;
use super::frame::Hello;
use super::journal::Journal;
use super::message::Request;
use super::session::ConnectionId;
use super::view::View;

/// Inputs that may wait for the exchange; then whoever reads from a socket waits too.
pub(crate) const INPUTS_MAX: usize = 1024;
/// Inputs taken into one step.
const BATCH_MAX: usize = 256;

/// What a control asks to be done.
pub(crate) type Act = Box<dyn FnOnce(&mut Exchange, Now) + Send>;

/// Something the exchange has to deal with.
pub(crate) enum Input {
    Accepted {
        connection: ConnectionId,
        outbox: Outbox,
    },
    Hello {
        connection: ConnectionId,
        hello: Hello,
    },
    Requests {
        connection: ConnectionId,
        requests: Vec<Request>,
    },
    Ended {
        connection: ConnectionId,
    },
    Run(Act),
    Wait(Waiter),
}

/// Somebody who waits for something to become true.
pub(crate) struct Waiter {
    pub(crate) check: Box<dyn FnMut(&View<'_>) -> bool + Send>,
    pub(crate) done: oneshot::Sender<()>,
}

/// Owns the exchange until told to stop.
pub(crate) struct Owner {
    pub(crate) exchange: Exchange,
    pub(crate) inputs: mpsc::Receiver<Input>,
    pub(crate) journal: Option<Journal>,
    pub(crate) mode: Mode,
    pub(crate) outbox_bytes_max: usize,
}

impl Owner {
    pub(crate) async fn run(mut self, stop: CancellationToken) {
        let mut outboxes: BTreeMap<ConnectionId, Outbox> = BTreeMap::new();
        let mut waiters: Vec<Waiter> = Vec::new();
        let mut batch: Vec<Input> = Vec::with_capacity(BATCH_MAX);
        let mut ticker = ticker(self.mode);
        loop {
            let due = self.exchange.next_due();
            let mut ticked = false;
            tokio::select! {
                biased;
                () = stop.cancelled() => break,
                taken = self.inputs.recv_many(&mut batch, BATCH_MAX) => if taken == 0 { break },
                () = sleep_until(due) => {}
                () = next_tick(&mut ticker) => ticked = true,
            }
            let now = Now::read();
            self.exchange.run_due(now);
            if ticked {
                self.exchange.tick(now);
            }
            for input in batch.drain(..) {
                self.apply(input, &mut outboxes, &mut waiters, now);
            }
            self.keep();
            self.deliver(&mut outboxes);
            let view = View::new(&self.exchange);
            let pending = std::mem::take(&mut waiters);
            waiters.extend(pending.into_iter().filter_map(|waiter| waiter.look(&view)));
        }
        self.exchange.journal_all_walks();
        self.keep();
    }

    fn apply(
        &mut self,
        input: Input,
        outboxes: &mut BTreeMap<ConnectionId, Outbox>,
        waiters: &mut Vec<Waiter>,
        now: Now,
    ) {
        match input {
            Input::Accepted { connection, outbox } => {
                outboxes.insert(connection, outbox);
                self.exchange.connected(connection);
            }
            Input::Hello { connection, hello } => self.exchange.hello(connection, &hello, now),
            Input::Requests {
                connection,
                requests,
            } => {
                for request in requests {
                    self.exchange.request(connection, request, now);
                }
            }
            Input::Ended { connection } => {
                self.exchange.disconnected(connection);
                outboxes.remove(&connection);
            }
            Input::Run(act) => act(&mut self.exchange, now),
            Input::Wait(waiter) => waiters.push(waiter),
        }
    }

    /// Writes what happened before anyone is told, so that a kill cannot unsay it.
    fn keep(&mut self) {
        let records = self.exchange.take_journal();
        if records.is_empty() {
            return;
        }
        let Some(journal) = &mut self.journal else {
            return;
        };
        let mut kept = journal.append(&records);
        if kept.is_ok() && journal.is_overgrown() {
            kept = Journal::start(journal.path(), &self.exchange.snapshot())
                .map(|anew| *journal = anew);
        }
        if let Err(error) = kept {
            tracing::error!(%error, "the simulator's state file cannot be written");
        }
    }

    fn deliver(&mut self, outboxes: &mut BTreeMap<ConnectionId, Outbox>) {
        let latency = self.exchange.conditions.latency;
        for handover in self.exchange.hand_over() {
            let Some(outbox) = outboxes.get(&handover.connection) else {
                continue;
            };
            let fits = handover.bytes.is_empty()
                || outbox.send(handover.bytes, latency, self.outbox_bytes_max);
            if !fits {
                tracing::warn!(
                    connection = handover.connection,
                    "a peer that does not read is dropped"
                );
                outbox.kill();
                self.exchange.disconnected(handover.connection);
                outboxes.remove(&handover.connection);
            } else if handover.close {
                outbox.finish();
                outboxes.remove(&handover.connection);
            }
        }
    }
}

impl Waiter {
    /// Keeps waiting, or is done, or was given up.
    fn look(mut self, view: &View<'_>) -> Option<Self> {
        if self.done.is_closed() {
            return None;
        }
        if (self.check)(view) {
            // The one who waited may have timed out this instant.
            let _gone = self.done.send(());
            return None;
        }
        Some(self)
    }
}

/// Accepts until told to stop.
pub(crate) async fn accept(
    listener: TcpListener,
    inputs: mpsc::Sender<Input>,
    config: SimulatorConfig,
    stop: CancellationToken,
    tasks: TaskTracker,
) {
    let limits = Limits {
        frame_bytes_max: config.frame_bytes_max,
        handshake: config.handshake_timeout,
        server_version_max: config.server_version_max,
    };
    let places = std::sync::Arc::new(tokio::sync::Semaphore::new(config.connections_max));
    let mut connection: ConnectionId = 0;
    loop {
        let accepted = tokio::select! {
            () = stop.cancelled() => return,
            accepted = listener.accept() => accepted,
        };
        let socket = match accepted {
            Ok((socket, _)) => socket,
            Err(error) => {
                // Out of file descriptors, most likely: it passes when a peer leaves.
                tracing::warn!(%error, "a connection could not be accepted");
                tokio::time::sleep(Duration::from_millis(50)).await;
                continue;
            }
        };
        let Ok(place) = places.clone().try_acquire_owned() else {
            tracing::warn!("too many connections; one more is closed");
            continue;
        };
        connection += 1;
        let (outbox, ends) = connection::outbox(stop.child_token());
        if inputs
            .send(Input::Accepted { connection, outbox })
            .await
            .is_err()
        {
            return;
        }
        let inputs = inputs.clone();
        tasks.spawn(async move {
            connection::serve(socket, connection, ends, limits, inputs).await;
            drop(place);
        });
    }
}

fn ticker(mode: Mode) -> Option<Interval> {
    let Mode::Automatic { tick } = mode else {
        return None;
    };
    if tick.is_zero() {
        return None;
    }
    let mut interval = tokio::time::interval_at(Instant::now() + tick, tick);
    interval.set_missed_tick_behavior(MissedTickBehavior::Delay);
    Some(interval)
}

async fn next_tick(ticker: &mut Option<Interval>) {
    match ticker {
        Some(interval) => drop(interval.tick().await),
        None => std::future::pending().await,
    }
}

async fn sleep_until(due: Option<i64>) {
    match due {
        Some(at) => {
            let left = at.saturating_sub(Now::read().micros()).max(0);
            tokio::time::sleep(Duration::from_micros(u64::try_from(left).unwrap_or(0))).await;
        }
        None => std::future::pending().await,
    }
}
