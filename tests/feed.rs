//! The feed over a real store: what each watcher sees, in which order, and when it ends.

#![allow(clippy::unwrap_used)]

#[path = "support/orders.rs"]
mod orders;

use std::future::Future;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::{Duration, Instant};

use ibkr_orders::domain::{
    EventKind, LinkChange, LinkState, OrderRecord, Status, StoredEvent, WatchEvent, WatchUpdate,
};
use ibkr_orders::error::{Error, Reason};
use ibkr_orders::feed::{Feed, FeedEvent, FeedLimits, FeedUpdate, Watch, WatchSpec};
use ibkr_orders::store::{Store, StoreSettings};
use tokio::task::JoinSet;

use orders::{amount, fill, order_event, record};

/// Longest wait for something that must happen.
const SOON: Duration = Duration::from_secs(20);

/// A store, its feed, and an engine that commits and then publishes.
struct World {
    store: Store,
    feed: Feed,
    base: u64,
    head: u64,
    _directory: tempfile::TempDir,
}

impl World {
    async fn new() -> Self {
        Self::with(FeedLimits::default()).await
    }

    async fn with(limits: FeedLimits) -> Self {
        let directory = tempfile::tempdir().unwrap();
        let opened = Store::open(StoreSettings {
            path: directory.path().join("orders.db"),
            client_id: 7,
            address: "test".to_owned(),
        })
        .await
        .unwrap();
        Self {
            feed: Feed::new(opened.store.reader(), opened.head_sequence, limits),
            store: opened.store,
            base: opened.head_sequence + 1,
            head: opened.head_sequence,
            _directory: directory,
        }
    }

    /// A new working order.
    async fn place(&mut self, order_id: i32) -> OrderRecord {
        self.head += 1;
        let row = record(order_id, self.head);
        let stored = row.clone();
        self.store
            .transact(move |t| {
                t.insert_order(&stored)?;
                t.append_event(&order_event(&stored))
            })
            .await
            .unwrap();
        self.feed.publish(vec![Arc::new(order_event(&row))]);
        row
    }

    /// An order's next state.
    async fn change(&mut self, row: &mut OrderRecord, change: impl FnOnce(&mut OrderRecord)) {
        let events = self.commit(row, None, change).await;
        self.feed.publish(events);
    }

    async fn status(&mut self, row: &mut OrderRecord, status: Status) {
        self.change(row, |row| row.state.status = status).await;
    }

    /// A fill and the state that counts it.
    async fn fill(&mut self, row: &mut OrderRecord, exec_id: &str, status: Status) {
        let events = self
            .commit(row, Some(exec_id), |row| {
                row.state.filled = row.state.quantity;
                row.state.status = status;
            })
            .await;
        self.feed.publish(events);
    }

    /// Commits without publishing.
    async fn commit(
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

    async fn watch(&self, order_id: i32) -> Watch {
        self.feed.watch(quiet(order_id)).await.unwrap()
    }

    async fn watch_after(&self, order_id: i32, after_sequence: u64) -> Result<Watch, Error> {
        self.feed
            .watch(WatchSpec {
                after_sequence,
                ..quiet(order_id)
            })
            .await
    }
}

/// A watch without heartbeats, which lingers long enough to be noticed.
fn quiet(order_id: i32) -> WatchSpec {
    WatchSpec {
        poll_interval: Duration::from_secs(3600),
        ..WatchSpec::new(order_id)
    }
}

async fn soon<T>(what: impl Future<Output = T>) -> T {
    tokio::time::timeout(SOON, what).await.unwrap()
}

async fn next(watch: &mut Watch) -> FeedUpdate {
    soon(watch.next()).await.unwrap().unwrap()
}

async fn end(watch: &mut Watch) -> Option<Error> {
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

async fn take(watch: &mut Watch, count: usize, base: u64) -> Vec<String> {
    let mut seen = Vec::new();
    for _ in 0..count {
        seen.push(short(&next(watch).await, base));
    }
    seen
}

fn link(state: LinkState) -> LinkChange {
    LinkChange {
        state,
        peer: "127.0.0.1:7497".to_owned(),
        text: String::new(),
    }
}

#[tokio::test]
async fn a_watch_shows_the_current_state_then_what_happens_until_the_order_ends() {
    let mut world = World::new().await;
    let mut row = world.place(1).await;
    world.place(2).await;
    let mut watch = world.watch(1).await;
    assert_eq!(
        take(&mut watch, 2, world.base).await,
        ["0:1:SUBMITTED", "0:snapshot_end"]
    );
    world.status(&mut row, Status::PendingCancel).await;
    world.status(&mut row, Status::Cancelled).await;
    assert_eq!(
        take(&mut watch, 2, world.base).await,
        ["2:1:PENDING_CANCEL", "3:1:CANCELLED"]
    );
    let before = Instant::now();
    assert_eq!(end(&mut watch).await, None);
    assert!(before.elapsed() < ibkr_orders::feed::LINGER, "at once");
    assert_eq!(watch.status(), Some(Status::Cancelled));
    drop(watch);
    assert_eq!((world.feed.watchers(), world.feed.channels()), (0, 0));
}

#[tokio::test]
async fn a_filled_order_is_watched_until_its_commission_is_known() {
    let mut world = World::new().await;
    let mut row = world.place(1).await;
    let mut watch = world
        .feed
        .watch(WatchSpec {
            linger: SOON * 2,
            ..quiet(1)
        })
        .await
        .unwrap();
    take(&mut watch, 2, world.base).await;
    world.fill(&mut row, "e1", Status::Filled).await;
    assert_eq!(
        take(&mut watch, 2, world.base).await,
        ["1:1:e1", "2:1:FILLED"]
    );
    world
        .change(&mut row, |row| row.state.commission = Some(amount("1")))
        .await;
    assert_eq!(take(&mut watch, 1, world.base).await, ["3:1:FILLED"]);
    assert_eq!(end(&mut watch).await, None, "long before its time");
    // Who comes later sees an order whose end is complete.
    let mut late = world
        .feed
        .watch(WatchSpec {
            linger: SOON * 2,
            after_sequence: world.base,
            ..quiet(1)
        })
        .await
        .unwrap();
    assert_eq!(
        take(&mut late, 3, world.base).await,
        ["1:1:e1", "2:1:FILLED", "3:1:FILLED"]
    );
    // Its stored executions have no commission of their own, so only time ends it: the state is from long ago.
    assert_eq!(end(&mut late).await, None);
}

#[tokio::test]
async fn a_filled_order_without_a_commission_is_watched_for_its_time_and_no_longer() {
    let mut world = World::new().await;
    let mut row = world.place(1).await;
    let linger = Duration::from_millis(300);
    let mut watch = world
        .feed
        .watch(WatchSpec { linger, ..quiet(1) })
        .await
        .unwrap();
    world.fill(&mut row, "e1", Status::Filled).await;
    take(&mut watch, 4, world.base).await;
    let before = Instant::now();
    assert_eq!(end(&mut watch).await, None);
    assert!(before.elapsed() >= linger / 2, "{:?}", before.elapsed());
}

#[tokio::test]
async fn an_inactive_order_that_comes_back_is_watched_on() {
    let mut world = World::new().await;
    let mut row = world.place(1).await;
    let mut watch = world.watch(1).await;
    world.status(&mut row, Status::Inactive).await;
    take(&mut watch, 3, world.base).await;
    world.status(&mut row, Status::Submitted).await;
    assert_eq!(take(&mut watch, 1, world.base).await, ["2:1:SUBMITTED"]);
    tokio::time::timeout(ibkr_orders::feed::LINGER * 3 / 2, watch.next())
        .await
        .expect_err("it does not end when the time of INACTIVE is over");
    world
        .change(&mut row, |row| {
            row.state.status = Status::Rejected;
            row.state.last_error_code = Some(201);
        })
        .await;
    assert_eq!(take(&mut watch, 1, world.base).await, ["3:1:REJECTED"]);
    assert_eq!(end(&mut watch).await, None);
}

#[tokio::test]
async fn a_resumed_watch_gets_each_later_event_once_and_ends_where_the_order_ended() {
    let mut world = World::new().await;
    let mut row = world.place(1).await;
    let mut other = world.place(2).await;
    for n in 0..200 {
        world
            .change(&mut row, |row| row.state.last_error_code = Some(n))
            .await;
        world.status(&mut other, Status::Submitted).await;
    }
    world.status(&mut row, Status::Rejected).await;
    let last = world.head;
    let mut watch = world.watch_after(1, world.base).await.unwrap();
    let seen = take(&mut watch, 201, 0).await;
    let expected: Vec<u64> = (0..200)
        .map(|n| world.base + 2 + 2 * n)
        .chain([last])
        .collect();
    let got: Vec<u64> = seen
        .iter()
        .map(|text| text.split(':').next().unwrap().parse().unwrap())
        .collect();
    assert_eq!(got, expected);
    assert_eq!(end(&mut watch).await, None);
    // Past its end.
    let mut watch = world.watch_after(1, last).await.unwrap();
    assert_eq!(end(&mut watch).await, None);
    assert_eq!(watch.status(), Some(Status::Rejected));
}

#[tokio::test]
async fn what_cannot_be_watched_is_refused_with_its_reason() {
    let mut world = World::with(FeedLimits {
        watchers_max: 1,
        ..FeedLimits::default()
    })
    .await;
    let refused = |outcome: Result<Watch, Error>| outcome.unwrap_err().reason;
    assert_eq!(
        refused(world.watch_after(1, 0).await),
        Reason::OrderNotFound
    );
    // An empty store's cursor is its base less one.
    drop(world.watch_after(0, world.base - 1).await.unwrap());
    assert_eq!(
        refused(world.watch_after(0, world.base).await),
        Reason::Sequence
    );
    world.place(1).await;
    for foreign in [1, world.base - 2, world.base + 1, u64::MAX] {
        assert_eq!(
            refused(world.watch_after(1, foreign).await),
            Reason::Sequence,
            "{foreign}"
        );
    }
    assert_eq!(
        (world.feed.watchers(), world.feed.channels()),
        (0, 0),
        "a refused watch leaves nothing"
    );
    let only = world.watch(1).await;
    assert_eq!(refused(world.watch_after(1, 0).await), Reason::Overloaded);
    drop(only);
    drop(world.watch(1).await);
}

#[tokio::test]
async fn watching_all_shows_every_live_order_once_and_never_ends() {
    let mut world = World::new().await;
    let mut rows = Vec::new();
    for id in 1..=300 {
        rows.push(world.place(id).await);
    }
    world.status(&mut rows[0], Status::Cancelled).await;
    world.status(&mut rows[1], Status::PreSubmitted).await;
    let mut watch = world.watch(0).await;
    let seen = take(&mut watch, 300, world.base).await;
    assert_eq!(seen[0], "2:3:SUBMITTED", "by sequence");
    assert_eq!(seen[297], "299:300:SUBMITTED");
    assert_eq!(seen[298], "301:2:PRE_SUBMITTED");
    assert_eq!(seen[299], "301:snapshot_end");
    world.status(&mut rows[0], Status::Filled).await;
    world.status(&mut rows[2], Status::Cancelled).await;
    assert_eq!(
        take(&mut watch, 2, world.base).await,
        ["302:1:FILLED", "303:3:CANCELLED"]
    );
    tokio::time::timeout(Duration::from_millis(50), watch.next())
        .await
        .expect_err("it goes on");
    assert_eq!(watch.status(), None);
}

#[tokio::test]
async fn an_empty_snapshot_carries_a_cursor_that_can_be_resumed() {
    let mut world = World::new().await;
    let mut watch = world.watch(0).await;
    let mark = next(&mut watch).await;
    assert_eq!(mark.event, FeedEvent::SnapshotEnd);
    world.place(1).await;
    let mut resumed = world.watch_after(0, mark.sequence).await.unwrap();
    assert_eq!(take(&mut resumed, 1, world.base).await, ["0:1:SUBMITTED"]);
}

#[tokio::test]
async fn an_event_committed_but_not_yet_published_is_shown_once() {
    let mut world = World::new().await;
    let mut row = world.place(1).await;
    let pending = world
        .commit(&mut row, None, |row| {
            row.state.status = Status::PreSubmitted
        })
        .await;
    let mut one = world.watch(1).await;
    let mut all = world.watch(0).await;
    world.feed.publish(pending);
    world.status(&mut row, Status::Submitted).await;
    for watch in [&mut one, &mut all] {
        assert_eq!(
            take(watch, 3, world.base).await,
            ["1:1:PRE_SUBMITTED", "1:snapshot_end", "2:1:SUBMITTED"]
        );
    }
}

#[tokio::test]
async fn link_changes_stand_in_their_place_among_the_events_even_for_a_slow_watcher() {
    let mut world = World::new().await;
    let mut row = world.place(1).await;
    let other = world.place(2).await;
    let mut watches = [
        world.watch(1).await,
        world.watch(0).await,
        world.watch(2).await,
    ];
    world.feed.publish_link(link(LinkState::Lost));
    // More events than a channel holds.
    for _ in 0..40 {
        world.status(&mut row, Status::Submitted).await;
    }
    world.feed.publish_link(link(LinkState::Restored));
    world.status(&mut row, Status::Submitted).await;
    world.feed.publish_link(link(LinkState::Reconciled));

    let one = take(&mut watches[0], 46, world.base).await;
    assert_eq!(one[1..3], ["0:snapshot_end", "0:Lost"]);
    assert_eq!(
        one[42..],
        [
            "41:1:SUBMITTED",
            "41:Restored",
            "42:1:SUBMITTED",
            "42:Reconciled"
        ]
    );
    let all = take(&mut watches[1], 47, world.base).await;
    assert_eq!(all[2..4], ["1:snapshot_end", "1:Lost"]);
    assert_eq!(
        all[43..],
        [
            "41:1:SUBMITTED",
            "41:Restored",
            "42:1:SUBMITTED",
            "42:Reconciled"
        ]
    );
    let n = other.state.sequence - world.base;
    assert_eq!(
        take(&mut watches[2], 5, world.base).await[1..],
        [
            format!("{n}:snapshot_end"),
            format!("{n}:Lost"),
            format!("{n}:Restored"),
            format!("{n}:Reconciled"),
        ]
    );
}

#[tokio::test]
async fn a_watcher_who_missed_too_many_link_changes_is_told_to_resume() {
    let mut world = World::new().await;
    world.place(1).await;
    let mut watch = world.watch(1).await;
    for _ in 0..300 {
        world.feed.publish_link(link(LinkState::Lost));
    }
    take(&mut watch, 2, world.base).await;
    assert_eq!(end(&mut watch).await.unwrap().reason, Reason::Lagged);
}

#[tokio::test]
async fn silence_is_broken_by_heartbeats_that_carry_the_cursor_and_the_link() {
    let mut world = World::new().await;
    world.place(1).await;
    let mut watch = world
        .feed
        .watch(WatchSpec {
            poll_interval: Duration::from_millis(30),
            ..WatchSpec::new(1)
        })
        .await
        .unwrap();
    take(&mut watch, 2, world.base).await;
    let before = Instant::now();
    assert_eq!(take(&mut watch, 1, world.base).await, ["0:connected=false"]);
    assert!(before.elapsed() >= Duration::from_millis(20));
    world.feed.set_connected(true);
    let update = WatchUpdate::from(next(&mut watch).await);
    assert_eq!(update.event, WatchEvent::Heartbeat { connected: true });
    assert_eq!(update.sequence, world.base);
}

#[tokio::test]
async fn a_watch_ends_when_max_wait_has_passed() {
    let mut world = World::new().await;
    world.place(1).await;
    let mut watch = world
        .feed
        .watch(WatchSpec {
            max_wait: Some(Duration::from_millis(100)),
            ..quiet(1)
        })
        .await
        .unwrap();
    take(&mut watch, 2, world.base).await;
    let error = end(&mut watch).await.unwrap();
    assert_eq!(error.reason, Reason::MaxWait);
    assert!(error.message.contains(&world.base.to_string()), "{error}");
}

#[tokio::test]
async fn a_watcher_that_fell_behind_catches_up_from_the_store_without_a_gap() {
    let mut world = World::new().await;
    let mut row = world.place(1).await;
    let mut one = world.watch(1).await;
    let mut all = world.watch(0).await;
    let mut events = Vec::new();
    // More than either channel holds.
    for n in 0..5000 {
        let sequence = world.head + 1 + n;
        row.state.sequence = sequence;
        events.push(order_event(&row));
    }
    let stored = events.clone();
    world
        .store
        .transact(move |t| stored.iter().try_for_each(|event| t.append_event(event)))
        .await
        .unwrap();
    world.head += 5000;
    world
        .feed
        .publish(events.into_iter().map(Arc::new).collect());
    for watch in [&mut one, &mut all] {
        take(watch, 2, world.base).await;
        for n in 1..=5000 {
            assert_eq!(next(watch).await.sequence, world.base + n);
        }
        tokio::time::timeout(Duration::from_millis(20), watch.next())
            .await
            .expect_err("each event once");
    }
}

#[tokio::test]
async fn a_watcher_behind_its_bound_ends_and_can_resume() {
    let mut world = World::with(FeedLimits {
        lag_events_max: 5000,
        ..FeedLimits::default()
    })
    .await;
    let mut row = world.place(1).await;
    let mut one = world.watch(1).await;
    let mut all = world.watch(0).await;
    let mut events = Vec::new();
    for n in 1..=10_000 {
        row.state.sequence = world.head + n;
        events.push(order_event(&row));
    }
    let stored = events.clone();
    world
        .store
        .transact(move |t| stored.iter().try_for_each(|event| t.append_event(event)))
        .await
        .unwrap();
    world
        .feed
        .publish(events.into_iter().map(Arc::new).collect());
    for watch in [&mut one, &mut all] {
        take(watch, 2, world.base).await;
        let error = end(watch).await.unwrap();
        assert_eq!(error.reason, Reason::Lagged);
        assert!(
            error
                .message
                .contains(&format!("resume after sequence {}", world.base)),
            "{error}"
        );
    }
    // Who resumes is not behind: it reads what it missed.
    let mut resumed = world.watch_after(0, world.base).await.unwrap();
    for n in 1..=10_000 {
        assert_eq!(next(&mut resumed).await.sequence, world.base + n);
    }
}

#[tokio::test]
async fn a_thousand_watches_opened_and_dropped_leave_nothing() {
    let mut world = World::new().await;
    for id in 1..=50 {
        world.place(id).await;
    }
    let mut watches = Vec::new();
    for n in 0..1000 {
        let mut watch = world.watch(n % 51).await;
        if n % 3 == 0 {
            next(&mut watch).await;
        }
        watches.push(watch);
    }
    assert_eq!((world.feed.watchers(), world.feed.channels()), (1000, 51));
    while let Some(watch) = watches.pop() {
        drop(watch);
        if watches.len() == 500 {
            assert_eq!(world.feed.watchers(), 500);
        }
    }
    assert_eq!((world.feed.watchers(), world.feed.channels()), (0, 0));
}

#[tokio::test]
async fn at_shutdown_a_watch_shows_what_it_has_and_says_where_to_resume() {
    let mut world = World::new().await;
    let mut row = world.place(1).await;
    let mut waiting = world.watch(1).await;
    take(&mut waiting, 2, world.base).await;
    let mut behind = world.watch(1).await;
    let asleep = tokio::spawn(async move { end(&mut waiting).await });
    tokio::task::yield_now().await;
    world.feed.close();
    assert_eq!(
        soon(asleep).await.unwrap().unwrap().reason,
        Reason::ShuttingDown
    );
    world.status(&mut row, Status::PreSubmitted).await;
    assert_eq!(
        take(&mut behind, 3, world.base).await,
        ["0:1:SUBMITTED", "0:snapshot_end", "1:1:PRE_SUBMITTED"]
    );
    let error = end(&mut behind).await.unwrap();
    assert_eq!(error.reason, Reason::ShuttingDown);
    assert!(error.message.contains(&world.head.to_string()), "{error}");
    let refused = world.feed.watch(quiet(1)).await.unwrap_err();
    assert_eq!(refused.reason, Reason::ShuttingDown);
    assert_eq!(
        (world.feed.watchers(), world.feed.channels()),
        (0, 0),
        "an ended watch holds nothing"
    );
}

/// Numbers from a seed (xorshift), so that a storm can be run again.
#[derive(Clone)]
struct Dice(u64);

impl Dice {
    fn below(&mut self, n: u64) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0 % n
    }
}

const STORM_ORDERS: i32 = 6;
const STORM_WATCHERS: u64 = 32;
const STORM_STEPS: u64 = 600;

/// Every watcher of a storm sees exactly the events after its cursor, once and in order, whenever it joins, however slow it reads and
/// however often it goes away and resumes.
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn in_a_storm_every_watcher_sees_each_event_after_its_cursor_once_and_in_order() {
    for seed in [1, 2, 3, 0x9E37_79B9] {
        println!("seed {seed}");
        storm(seed).await;
    }
}

async fn storm(seed: u64) {
    let mut dice = Dice(seed);
    let mut world = World::new().await;
    let mut rows = Vec::new();
    for id in 1..=STORM_ORDERS {
        rows.push(world.place(id).await);
    }
    let base = world.base;
    let head = Arc::new(AtomicU64::new(world.head));
    let first_storm_event = world.head + 1;
    let done = Arc::new(AtomicBool::new(false));

    let mut watchers = JoinSet::new();
    for n in 0..STORM_WATCHERS {
        let order_id =
            i32::try_from(dice.below(u64::from(STORM_ORDERS.unsigned_abs()) + 2)).unwrap();
        let order_id = if order_id > STORM_ORDERS { 0 } else { order_id };
        let join_at = first_storm_event + dice.below(STORM_STEPS * 2);
        let feed = world.feed.clone();
        let dice = Dice(seed.wrapping_mul(1000) + n + 1);
        let (head, done) = (Arc::clone(&head), Arc::clone(&done));
        watchers.spawn(async move {
            while head.load(Ordering::Acquire) < join_at && !done.load(Ordering::Acquire) {
                tokio::task::yield_now().await;
            }
            (
                order_id,
                watch_through(feed, order_id, base, &head, dice).await,
            )
        });
    }

    // The engine: batches of steps, each a commit and then the publication.
    let mut all: Vec<StoredEvent> = rows.iter().map(order_event).collect();
    let mut steps = 0;
    while steps < STORM_STEPS {
        let mut events = Vec::new();
        let batch = 1 + dice.below(40);
        for _ in 0..batch {
            let index = usize::try_from(dice.below(rows.len() as u64)).unwrap();
            let row = &mut rows[index];
            if dice.below(3) == 0 {
                world.head += 1;
                events.push(StoredEvent {
                    sequence: world.head,
                    order_id: row.state.order_id,
                    kind: EventKind::Fill(fill(
                        row.state.order_id,
                        &format!("x{}", world.head),
                        "1",
                    )),
                });
            }
            world.head += 1;
            row.state.sequence = world.head;
            row.state.last_error_code = Some(i32::try_from(steps).unwrap());
            events.push(order_event(row));
        }
        steps += batch;
        all.extend(events.iter().cloned());
        commit_and_publish(&world, &rows, events).await;
        head.store(world.head, Ordering::Release);
        if dice.below(4) == 0 {
            tokio::task::yield_now().await;
        }
    }
    let mut events = Vec::new();
    for row in &mut rows {
        world.head += 1;
        row.state.sequence = world.head;
        row.state.status = Status::Cancelled;
        row.state.terminal = true;
        events.push(order_event(row));
    }
    all.extend(events.iter().cloned());
    commit_and_publish(&world, &rows, events).await;
    head.store(world.head, Ordering::Release);
    done.store(true, Ordering::Release);

    let last = world.head;
    // Watches of all orders do not end by themselves: what comes after the storm tells them.
    world.place(STORM_ORDERS + 1).await;
    while let Some(done) = soon(watchers.join_next()).await {
        let (order_id, seen) = done.unwrap();
        for watch in seen {
            check(order_id, &watch, &all, last, seed);
        }
    }
    assert_eq!((world.feed.watchers(), world.feed.channels()), (0, 0));
}

async fn commit_and_publish(world: &World, rows: &[OrderRecord], events: Vec<StoredEvent>) {
    let (stored, rows) = (events.clone(), rows.to_vec());
    world
        .store
        .transact(move |t| {
            rows.iter().try_for_each(|row| t.update_order(row))?;
            stored.iter().try_for_each(|event| t.append_event(event))
        })
        .await
        .unwrap();
    world
        .feed
        .publish(events.into_iter().map(Arc::new).collect());
}

/// One connection of a watcher.
struct Seen {
    after: u64,
    snapshot: Vec<StoredEvent>,
    snapshot_ended: bool,
    events: Vec<StoredEvent>,
    /// Whether it went to the end rather than away.
    ended: bool,
}

/// Watches to the end of the storm, going away and resuming now and then.
async fn watch_through(
    feed: Feed,
    order_id: i32,
    base: u64,
    head: &AtomicU64,
    mut dice: Dice,
) -> Vec<Seen> {
    let mut after = match dice.below(2) {
        0 => 0,
        _ => base - 1 + dice.below(head.load(Ordering::Acquire) - base + 2),
    };
    let mut connections = Vec::new();
    loop {
        let spec = WatchSpec {
            after_sequence: after,
            ..quiet(order_id)
        };
        let mut watch = feed.watch(spec).await.unwrap();
        let mut seen = Seen {
            after,
            snapshot: Vec::new(),
            snapshot_ended: after != 0,
            events: Vec::new(),
            ended: false,
        };
        let stay = 1 + dice.below(400);
        let slow = dice.below(20);
        for _ in 0..stay {
            let Some(update) = soon(watch.next()).await else {
                seen.ended = true;
                break;
            };
            let update = update.unwrap();
            after = update.sequence;
            match update.event {
                FeedEvent::Stored(event) if event.order_id > STORM_ORDERS => {
                    seen.ended = true;
                    break;
                }
                FeedEvent::Stored(event) if seen.snapshot_ended => {
                    seen.events.push((*event).clone())
                }
                FeedEvent::Stored(event) => seen.snapshot.push((*event).clone()),
                FeedEvent::SnapshotEnd => seen.snapshot_ended = true,
                FeedEvent::Link(_) | FeedEvent::Heartbeat { .. } => panic!("{:?}", update.event),
            }
            for _ in 0..slow {
                tokio::task::yield_now().await;
            }
        }
        let ended = seen.ended;
        connections.push(seen);
        if ended {
            return connections;
        }
    }
}

fn check(order_id: i32, seen: &Seen, all: &[StoredEvent], last: u64, seed: u64) {
    let mine: Vec<&StoredEvent> = all
        .iter()
        .filter(|event| order_id == 0 || event.order_id == order_id)
        .collect();
    // Where the live part begins.
    let begin = if seen.after != 0 {
        seen.after
    } else if order_id != 0 {
        seen.snapshot[0].sequence
    } else {
        match seen.events.first() {
            Some(first) => first.sequence - 1,
            None => return,
        }
    };
    let expected: Vec<&StoredEvent> = mine
        .iter()
        .copied()
        .filter(|event| event.sequence > begin)
        .take(if seen.ended {
            usize::MAX
        } else {
            seen.events.len()
        })
        .collect();
    let got: Vec<&StoredEvent> = seen.events.iter().collect();
    assert_eq!(
        got, expected,
        "seed {seed}, order {order_id}, after {}, last {last}",
        seen.after
    );
    if seen.after == 0 && seen.snapshot_ended {
        let current: Vec<&StoredEvent> = {
            let mut ids: Vec<i32> = mine.iter().map(|event| event.order_id).collect();
            ids.sort_unstable();
            ids.dedup();
            let mut current: Vec<&StoredEvent> = ids
                .into_iter()
                .filter_map(|id| {
                    mine.iter().copied().rev().find(|event| {
                        event.order_id == id
                            && event.sequence <= begin
                            && matches!(event.kind, EventKind::Order(_))
                    })
                })
                .filter(|event| {
                    order_id != 0
                        || matches!(&event.kind, EventKind::Order(state) if !state.terminal)
                })
                .collect();
            current.sort_by_key(|event| event.sequence);
            current
        };
        assert_eq!(
            seen.snapshot.iter().collect::<Vec<_>>(),
            current,
            "seed {seed}, order {order_id}"
        );
    }
}
