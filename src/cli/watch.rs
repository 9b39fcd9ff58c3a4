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
        order,
        with_family,
        stream,
        poll_interval,
        max_wait,
        after_sequence,
        timeout,
        door: _,
        settings: _,
    } = args;
    let order = order.key();
    let input = WatchIn {
        order: order.clone(),
        poll_interval,
        timeout: timeout.timeout,
        max_wait,
        after_sequence,
        with_family,
    };
    let nobody_reads = Notify::new();
    let mut seen = Seen::new(order.clone(), after_sequence);
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
        Ok(Err(error)) => outcome::watch_failed(error, order.as_ref(), Vec::new()),
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
            let order = input.order.clone();
            let updates = client.watch(input).await?;
            let status = async {
                let found = client.get(order.clone()?).await.ok()?.order;
                Some((found.order_id, found.status))
            };
            Ok(outcome::watched(updates, order.clone(), status, on_update).await)
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
    order: Option<OrderKey>,
    order_id: i32,
    sequence: u64,
    status: Option<Status>,
}

impl Seen {
    fn new(order: Option<OrderKey>, sequence: u64) -> Self {
        Self {
            order_id: order
                .as_ref()
                .and_then(OrderKey::order_id)
                .unwrap_or_default(),
            order,
            sequence,
            status: None,
        }
    }

    fn take(&mut self, update: &WatchUpdate) {
        self.sequence = update.sequence;
        match &update.event {
            WatchEvent::Order(state)
                if self.order.as_ref().is_some_and(|order| order.names(state)) =>
            {
                (self.order_id, self.status) = (state.order_id, Some(state.status));
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
            order: _, // the outcome has the id
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
