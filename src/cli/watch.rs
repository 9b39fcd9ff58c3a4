//! `watch`: follows an order to its end.

use std::time::Instant;

use super::args::WatchArgs;
use super::checked::{Checked, Target};
use super::exit::Exit;
use super::output::Output;
use super::progress::Progress;
use super::signals::Signals;
use super::simulated::simulated;
use super::stderr;
use crate::api::run_watch;
use crate::domain::{OrderKey, Status, WatchEvent, WatchIn, WatchOut, WatchUpdate};
use crate::error::Error;
use crate::outcome;
use tokio::sync::Notify;

pub(super) async fn watch(args: WatchArgs, checked: Checked, output: &mut Output) -> Exit {
    let WatchArgs {
        order_id,
        stream,
        poll_interval,
        max_wait,
        after_sequence,
        timeout,
        door: _,
        settings: _,
    } = args;
    let input = WatchIn {
        order_id,
        poll_interval,
        timeout: timeout.timeout,
        max_wait,
        after_sequence,
    };
    let nobody_reads = Notify::new();
    let mut seen = Seen::new(order_id, after_sequence);
    let mut progress = Progress::stderr(Instant::now());
    let on_update = |update: &WatchUpdate| {
        seen.take(update);
        if stream {
            progress.clear();
            output.json(update);
            if output.is_closed() {
                nobody_reads.notify_one();
            }
        }
        progress.update(update, Instant::now());
    };
    let ended = tokio::select! {
        out = through(&checked, input, on_update) => Ok(out),
        () = interrupted() => Err("interrupted"),
        () = nobody_reads.notified() => Err("nobody reads the updates"),
    };
    drop(progress);
    let out = match ended {
        Ok(Ok(out)) => out,
        Ok(Err(error)) => outcome::watch_failed(error, order_id, Vec::new()),
        Err(why) => seen.until(why),
    };
    stderr::hint(out.error.as_deref(), &checked);
    output.json(&out);
    Exit::of(out.terminal)
}

async fn through(
    checked: &Checked,
    input: WatchIn,
    on_update: impl FnMut(&WatchUpdate),
) -> Result<WatchOut, Error> {
    match &checked.door {
        Target::Tws => Ok(run_watch(&checked.config, input, on_update).await),
        Target::Simulator => {
            simulated(&checked.config, async |config| {
                run_watch(config, input, on_update).await
            })
            .await
        }
        Target::Server(server) => {
            let client = server.connect().await?;
            let order_id = input.order_id;
            let updates = client.watch(input).await?;
            let status = async {
                let found = client.get(OrderKey::OrderId(order_id)).await;
                found.ok().map(|found| found.order.status)
            };
            Ok(outcome::watched(updates, order_id, status, on_update).await)
        }
    }
}

/// Waits for Ctrl-C or SIGTERM; without end where they cannot be listened to.
async fn interrupted() {
    match Signals::listen() {
        Ok(mut signals) => {
            signals.end().await;
        }
        Err(_) => std::future::pending().await,
    }
}

/// What is known of a watch that is broken off.
struct Seen {
    order_id: i32,
    sequence: u64,
    status: Option<Status>,
}

impl Seen {
    fn new(order_id: i32, sequence: u64) -> Self {
        Self {
            order_id,
            sequence,
            status: None,
        }
    }

    fn take(&mut self, update: &WatchUpdate) {
        self.sequence = update.sequence;
        match &update.event {
            WatchEvent::Order(order) if order.order_id == self.order_id => {
                self.status = Some(order.status)
            }
            WatchEvent::Order(_)
            | WatchEvent::SnapshotEnd {}
            | WatchEvent::Link(_)
            | WatchEvent::Fill(_)
            | WatchEvent::Heartbeat { .. } => {}
        }
    }

    /// The outcome of breaking off here. Its updates are left out: they went by, and the cursor leads back to them.
    fn until(self, why: &str) -> WatchOut {
        let Self {
            order_id,
            sequence,
            status,
        } = self;
        WatchOut {
            order_id,
            terminal: false,
            status,
            updates: Vec::new(),
            error: Some(format!("{why}: go on with --after-sequence {sequence}")),
        }
    }
}
