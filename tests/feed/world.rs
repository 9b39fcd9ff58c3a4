//! A store, its feed and an engine that commits and publishes, and how to read a watch.

use std::future::Future;
use std::sync::Arc;
use std::time::Duration;

use ibkr_orders::domain::{EventKind, LinkChange, LinkState, OrderRecord, Status, StoredEvent};
use ibkr_orders::error::Error;
use ibkr_orders::feed::{Feed, FeedEvent, FeedLimits, FeedUpdate, Watch, WatchSpec};
use ibkr_orders::store::Store;

use test_support::waiting::LIMIT;

use crate::orders::{fill, order_event, record};
use crate::stores::{insert, open};

/// Bounds that no test reaches which does not want to.
pub(crate) const LIMITS: FeedLimits = FeedLimits {
    watchers_max: 1_000,
    lag_events_max: 100_000,
};
/// How long a watch stays after FILLED or INACTIVE.
pub(crate) const LINGER: Duration = Duration::from_secs(1);
/// Longest wait for something that must happen.
pub(crate) const SOON: Duration = LIMIT;

/// A store, its feed, and an engine that commits and then publishes.
pub(crate) struct World {
    pub(crate) store: Store,
    pub(crate) feed: Feed,
    pub(crate) base: u64,
    pub(crate) head: u64,
    _directory: tempfile::TempDir,
}

impl World {
    pub(crate) async fn new() -> Self {
        Self::with(LIMITS).await
    }

    pub(crate) async fn with(limits: FeedLimits) -> Self {
        let directory = tempfile::tempdir().unwrap();
        let opened = open(&directory.path().join("orders.db")).await;
        Self {
            feed: Feed::new(
                opened.store.reader(),
                opened.recovered.head_sequence,
                limits,
            ),
            store: opened.store,
            base: opened.recovered.head_sequence + 1,
            head: opened.recovered.head_sequence,
            _directory: directory,
        }
    }

    /// A new working order.
    pub(crate) async fn place(&mut self, order_id: i32) -> OrderRecord {
        self.head += 1;
        let row = record(order_id, self.head);
        insert(&self.store, &row).await;
        self.feed.publish(vec![Arc::new(order_event(&row))]);
        row
    }

    /// A new working order of a bracket.
    pub(crate) async fn place_leg(&mut self, order_id: i32, bracket_id: i32) -> OrderRecord {
        self.head += 1;
        let mut row = record(order_id, self.head);
        row.state.bracket_id = Some(bracket_id);
        insert(&self.store, &row).await;
        self.feed.publish(vec![Arc::new(order_event(&row))]);
        row
    }

    /// An order's next state.
    pub(crate) async fn change(
        &mut self,
        row: &mut OrderRecord,
        change: impl FnOnce(&mut OrderRecord),
    ) {
        let events = self.commit(row, None, change).await;
        self.feed.publish(events);
    }

    pub(crate) async fn status(&mut self, row: &mut OrderRecord, status: Status) {
        self.change(row, |row| row.state.status = status).await;
    }

    /// A fill and the state that counts it.
    pub(crate) async fn fill(&mut self, row: &mut OrderRecord, exec_id: &str, status: Status) {
        let events = self
            .commit(row, Some(exec_id), |row| {
                row.state.filled = row.state.terms.quantity;
                row.state.status = status;
            })
            .await;
        self.feed.publish(events);
    }

    /// Commits without publishing.
    pub(crate) async fn commit(
        &mut self,
        row: &mut OrderRecord,
        exec_id: Option<&str>,
        change: impl FnOnce(&mut OrderRecord),
    ) -> Vec<Arc<StoredEvent>> {
        let mut events = Vec::new();
        let execution = exec_id.map(|id| fill(row.state.order_id, id, "100"));
        if let Some(execution) = &execution {
            self.head += 1;
            events.push(StoredEvent {
                sequence: self.head,
                order_id: row.state.order_id,
                kind: EventKind::Fill(execution.clone()),
            });
        }
        change(row);
        self.head += 1;
        row.state.terminal = row.state.status.is_terminal();
        row.state.sequence = self.head;
        events.push(order_event(row));
        let (stored, new) = (row.clone(), events.clone());
        self.store
            .transact(move |t| {
                t.update_order(&stored)?;
                if let Some(execution) = &execution {
                    t.insert_execution(execution)?;
                }
                new.iter().try_for_each(|event| t.append_event(event))
            })
            .await
            .unwrap();
        events.into_iter().map(Arc::new).collect()
    }

    pub(crate) async fn watch(&self, order_id: i32) -> Watch {
        self.feed.watch(quiet(order_id)).await.unwrap()
    }

    pub(crate) async fn watch_after(
        &self,
        order_id: i32,
        after_sequence: u64,
    ) -> Result<Watch, Error> {
        self.feed
            .watch(WatchSpec {
                after_sequence,
                ..quiet(order_id)
            })
            .await
    }
}

/// A watch without heartbeats, which lingers long enough to be noticed.
pub(crate) fn quiet(order_id: i32) -> WatchSpec {
    WatchSpec {
        poll_interval: Duration::from_secs(3600),
        ..WatchSpec::new(order_id, LINGER)
    }
}

pub(crate) async fn soon<T>(what: impl Future<Output = T>) -> T {
    tokio::time::timeout(SOON, what).await.unwrap()
}

pub(crate) async fn next(watch: &mut Watch) -> FeedUpdate {
    soon(watch.next()).await.unwrap().unwrap()
}

pub(crate) async fn end(watch: &mut Watch) -> Option<Error> {
    match soon(watch.next()).await {
        None => None,
        Some(Err(error)) => {
            assert_eq!(soon(watch.next()).await, None, "an error is the last word");
            Some(error)
        }
        Some(Ok(update)) => panic!("the watch goes on: {update:?}"),
    }
}

/// What an update is, in a word, with its sequence counted from the base of the store.
fn short(update: &FeedUpdate, base: u64) -> String {
    let n = update.sequence as i64 - base as i64;
    match &update.event {
        FeedEvent::Stored(event) => match &event.kind {
            EventKind::Order(state) => format!("{n}:{}:{}", state.order_id, state.status),
            EventKind::Fill(fill) => format!("{n}:{}:{}", fill.order_id, fill.exec_id),
        },
        FeedEvent::SnapshotEnd => format!("{n}:snapshot_end"),
        FeedEvent::Link(change) => format!("{n}:{:?}", change.state),
        FeedEvent::Heartbeat { connected } => format!("{n}:connected={connected}"),
    }
}

pub(crate) async fn take(watch: &mut Watch, count: usize, base: u64) -> Vec<String> {
    let mut seen = Vec::new();
    for _ in 0..count {
        seen.push(short(&next(watch).await, base));
    }
    seen
}

pub(crate) fn link(state: LinkState) -> LinkChange {
    LinkChange {
        state,
        peer: "127.0.0.1:7497".to_owned(),
        text: String::new(),
    }
}
