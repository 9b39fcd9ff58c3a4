//! One watcher: from the store to the head, then live, and back to the store when it falls behind.

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use tokio::sync::broadcast::error::{RecvError, TryRecvError};
use tokio::sync::{OwnedSemaphorePermit, watch};
use tokio::time::Instant;

use super::completion::WatchCompletion;
use super::hub::{Hub, Published, Scope, Signal, Subscription};
use super::update::{FeedEvent, FeedUpdate};
use super::watch::WatchSpec;
use crate::domain::{OrderKey, Status, StoredEvent, Timestamp};
use crate::error::{Error, Reason};
use crate::store::Cursor;

/// Events read from the store at a time: what a watcher holds at most.
const PAGE_EVENTS: usize = 128;
/// The shortest time between heartbeats, whatever was asked.
const POLL_INTERVAL_MIN: Duration = Duration::from_millis(10);

/// The state of a watch.
#[derive(Debug)]
pub(super) struct Watcher {
    hub: Arc<Hub>,
    channel: Subscription,
    signal: watch::Receiver<Signal>,
    scope: Scope,
    phase: Phase,
    /// Sequences of the live orders when the watch began, highest first; not read yet. By sequence, so that a watch cut off in the middle
    /// can resume from any of them: what was not shown yet has a higher one.
    snapshot: Vec<u64>,
    /// Read from the store, not delivered yet.
    page: VecDeque<FeedUpdate>,
    /// Came while waiting, not looked at yet.
    arrived: Option<Arrived>,
    /// Until the end of the current state was shown.
    in_snapshot: bool,
    /// Sequence of the last event delivered: what other updates carry.
    cursor: u64,
    /// Every event up to here was delivered, or is older than the watch, or is in `page`.
    position: u64,
    links_seen: u64,
    /// When each order that is watched has ended, by its id; none: all are watched, without end.
    endings: Vec<(i32, WatchCompletion)>,
    poll_interval: Duration,
    heartbeat_at: Instant,
    deadline: Option<Instant>,
    /// Given back when the watch ends.
    _slot: OwnedSemaphorePermit,
}

/// Where the next event comes from.
#[derive(Debug, Clone, Copy)]
enum Phase {
    /// Live orders from the store.
    Snapshot,
    /// Events from the store: what was missed, and what was published meanwhile, which is lag.
    CatchUp(Goal),
    /// Events from the channel.
    Live,
}

/// How far a watcher has to read before its lag is looked at.
#[derive(Debug, Clone, Copy)]
struct Goal {
    /// The head when this began.
    sequence: u64,
    /// Events published by then.
    published: u64,
    /// Events beyond it that were read.
    beyond: u64,
}

impl Goal {
    fn at_head(hub: &Hub) -> Self {
        // The head first: an event published in between is not counted as lag.
        let sequence = hub.head();
        Self {
            sequence,
            published: hub.published(),
            beyond: 0,
        }
    }
}

impl Watcher {
    /// Subscribes first and reads the store second, so that whatever is committed after the reading comes through the channel.
    pub(super) async fn begin(
        hub: Arc<Hub>,
        spec: WatchSpec,
        slot: OwnedSemaphorePermit,
    ) -> Result<Self, Error> {
        let WatchSpec {
            order_id,
            with_family,
            after_sequence,
            poll_interval,
            max_wait,
            linger,
        } = spec;
        let now = Instant::now();
        let scope = match order_id {
            None => Scope::All,
            // Which orders a bracket has is known from its first event on and never changes.
            Some(order_id) if with_family => Scope::Family {
                order_id,
                orders: hub.reader.family(order_id).await?.into(),
            },
            Some(order_id) => Scope::Order(order_id),
        };
        let channel = hub.subscribe(scope.clone());
        let signal = hub.signal();
        let links_seen = hub.links_published();
        let snapshot = hub.reader.snapshot(scope.orders()).await?;
        let head = snapshot.head_sequence;
        if after_sequence != 0 {
            match hub.reader.locate(after_sequence).await? {
                Cursor::Known => {}
                unknown => return Err(not_ours(after_sequence, unknown)),
            }
        }
        let (mut live, mut details) = (snapshot.live, snapshot.details);
        if let Some(order_id) = order_id
            && details.is_empty()
        {
            return Err(Error::order_not_found(&OrderKey::OrderId(order_id)));
        }
        let times = (now, wall_clock());
        let endings = details
            .iter()
            .map(|detail| {
                let ending = WatchCompletion::of(detail, head, linger, times);
                (detail.order.order_id, ending)
            })
            .collect();
        let mut page = VecDeque::new();
        live.reverse();
        // For the same reason as the live orders.
        details.sort_by_key(|detail| detail.order.sequence);
        let first = details.first().map(|detail| detail.order.sequence);
        let (phase, cursor, position) = match (after_sequence, first) {
            (0, Some(first)) => {
                let states = details.into_iter().map(|detail| detail.order);
                page.extend(states.map(FeedUpdate::from));
                page.push_back(snapshot_end());
                (Phase::Live, first, head)
            }
            (0, None) => (Phase::Snapshot, head, head),
            (after, _) if after == head => (Phase::Live, after, head),
            (after, _) => (Phase::CatchUp(Goal::at_head(&hub)), after, after),
        };
        let poll_interval = poll_interval.max(POLL_INTERVAL_MIN);
        Ok(Self {
            channel,
            signal,
            scope,
            phase,
            snapshot: live,
            page,
            arrived: None,
            in_snapshot: after_sequence == 0,
            cursor,
            position,
            links_seen,
            endings,
            poll_interval,
            heartbeat_at: later(now, poll_interval),
            deadline: max_wait.map(|wait| later(now, wait)),
            hub,
            _slot: slot,
        })
    }

    /// The id of the order; `None` when all are watched.
    pub(super) const fn order_id(&self) -> Option<i32> {
        self.scope.order_id()
    }

    /// The last status known of the order.
    pub(super) fn status(&self) -> Option<Status> {
        let order_id = self.order_id()?;
        let of_order = self.endings.iter().find(|(id, _)| *id == order_id);
        of_order.map(|(_, ending)| ending.status())
    }

    /// Whether every order that is watched has ended.
    fn is_over(&self, now: Instant) -> bool {
        !self.endings.is_empty() && self.endings.iter().all(|(_, ending)| ending.is_over(now))
    }

    /// The next update; `None` at the end of the order.
    pub(super) async fn next(&mut self) -> Option<Result<FeedUpdate, Error>> {
        loop {
            if self.deadline.is_some_and(|at| at <= Instant::now()) {
                return Some(Err(Error::new(
                    Reason::MaxWait,
                    format!(
                        "max_wait passed: resume after sequence {} to go on",
                        self.cursor
                    ),
                )));
            }
            if let Some(update) = self.page.pop_front() {
                return Some(self.in_turn(update));
            }
            let outcome = match self.phase {
                Phase::Snapshot => self.read_snapshot().await,
                Phase::CatchUp(goal) => self.read_events(goal).await,
                Phase::Live => match self.live().await {
                    Live::Update(update) => return Some(update),
                    Live::End => return None,
                    Live::Again => Ok(()),
                },
            };
            if let Err(error) = outcome {
                return Some(Err(error));
            }
        }
    }

    async fn live(&mut self) -> Live {
        let signal = *self.signal.borrow_and_update();
        match self.take() {
            Taken::Event(event) => return Live::Update(self.in_turn(FeedUpdate::from(event))),
            Taken::Behind(missed) if missed > self.hub.limits.lag_events_max => {
                self.hub.stats.watchers_lagged.add_one();
                return Live::Update(Err(self.lagged(missed)));
            }
            Taken::Behind(_) if !signal.closed => {
                self.hub.stats.watcher_fallbacks.add_one();
                self.phase = Phase::CatchUp(Goal::at_head(&self.hub));
                return Live::Again;
            }
            Taken::Behind(_) | Taken::Nothing => {}
        }
        // Only those published before the channel was looked at: of a later one, the events before it may be in the channel by now.
        if let Some(link) = self.link_before(u64::MAX, signal.links) {
            return Live::Update(link);
        }
        let now = Instant::now();
        if self.is_over(now) {
            return Live::End;
        }
        if signal.closed {
            return Live::Update(Err(self.shutting_down()));
        }
        if self.heartbeat_at <= now {
            self.heartbeat_at = later(now, self.poll_interval);
            return Live::Update(Ok(FeedUpdate {
                sequence: self.cursor,
                event: FeedEvent::Heartbeat {
                    connected: signal.connected,
                },
            }));
        }
        self.wait().await;
        Live::Again
    }

    /// Until something may have happened.
    async fn wait(&mut self) {
        let now = Instant::now();
        let lingering = self.endings.iter().filter_map(|(_, ending)| ending.until());
        let wake = lingering
            // One of a bracket's orders may be over long before the others are.
            .filter(|until| *until > now)
            .chain(self.deadline)
            .fold(self.heartbeat_at, Instant::min);
        let Some(receiver) = self.channel.receiver() else {
            return;
        };
        tokio::select! {
            biased;
            received = receiver.recv() => match received {
                Ok(published) => self.arrived = Some(Arrived::Event(published)),
                Err(RecvError::Lagged(missed)) => self.arrived = Some(Arrived::Behind(missed)),
                Err(RecvError::Closed) => {}
            },
            _ = self.signal.changed() => {}
            () = tokio::time::sleep_until(wake) => {}
        }
    }

    /// The next event of the channel that is new.
    fn take(&mut self) -> Taken {
        loop {
            let Published { after, event } = match self.arrived.take() {
                Some(Arrived::Event(published)) => published,
                Some(Arrived::Behind(missed)) => return Taken::Behind(missed),
                None => match self.channel.receiver().map(|channel| channel.try_recv()) {
                    Some(Ok(published)) => published,
                    Some(Err(TryRecvError::Lagged(missed))) => return Taken::Behind(missed),
                    Some(Err(TryRecvError::Empty | TryRecvError::Closed)) | None => {
                        return Taken::Nothing;
                    }
                },
            };
            if event.sequence <= self.position {
                continue;
            }
            // Who watches all sees every event: one that was missed is in the store.
            if self.scope == Scope::All && after > self.position {
                return Taken::Behind(1);
            }
            return Taken::Event(event);
        }
    }

    /// Delivers an update, or first the link change that came before it.
    fn in_turn(&mut self, update: FeedUpdate) -> Result<FeedUpdate, Error> {
        let now = Instant::now();
        let FeedEvent::Stored(event) = &update.event else {
            // The end of the snapshot: nothing else waits in a page without a sequence of its own.
            self.in_snapshot = false;
            self.heartbeat_at = later(now, self.poll_interval);
            return Ok(FeedUpdate {
                sequence: self.cursor,
                ..update
            });
        };
        if !self.in_snapshot
            && let Some(link) = self.link_before(event.sequence, self.hub.links_published())
        {
            self.page.push_front(update);
            return link;
        }
        self.cursor = update.sequence;
        self.position = self.position.max(update.sequence);
        let of_order = self.endings.iter_mut();
        for (_, ending) in of_order.filter(|(order_id, _)| *order_id == event.order_id) {
            ending.observe(event, now);
        }
        self.heartbeat_at = later(now, self.poll_interval);
        Ok(update)
    }

    /// The next link change of the first `published`, if it came before the event with this sequence.
    fn link_before(&mut self, sequence: u64, published: u64) -> Option<Result<FeedUpdate, Error>> {
        if published <= self.links_seen {
            return None;
        }
        let Some(entry) = self.hub.link_after(self.links_seen) else {
            return Some(Err(self.lagged(published - self.links_seen)));
        };
        if entry.after >= sequence {
            return None;
        }
        self.links_seen = entry.number;
        self.heartbeat_at = later(Instant::now(), self.poll_interval);
        Some(Ok(FeedUpdate {
            sequence: self.cursor,
            event: FeedEvent::Link(entry.change),
        }))
    }

    /// The next live orders, as they were when the watch began: their events.
    async fn read_snapshot(&mut self) -> Result<(), Error> {
        let rest = self.snapshot.len().saturating_sub(PAGE_EVENTS);
        let mut sequences = self.snapshot.split_off(rest);
        sequences.reverse();
        let events = self.hub.reader.events(sequences).await?;
        self.page
            .extend(events.into_iter().map(Arc::new).map(FeedUpdate::from));
        if self.snapshot.is_empty() {
            self.snapshot = Vec::new();
            self.page.push_back(snapshot_end());
            self.phase = Phase::Live;
        }
        Ok(())
    }

    /// The next events. What is in the channel is dropped first: it is in the store.
    async fn read_events(&mut self, goal: Goal) -> Result<(), Error> {
        if self.signal.borrow().closed {
            return Err(self.shutting_down());
        }
        let mut goal = goal;
        if self.scope == Scope::All && self.position >= goal.sequence {
            let since = self.hub.published().saturating_sub(goal.published);
            let behind = since.saturating_sub(goal.beyond);
            if behind > self.hub.limits.lag_events_max {
                return Err(self.lagged(behind));
            }
            goal = Goal::at_head(&self.hub);
        }
        self.arrived = None;
        self.channel.skip_to_now();
        let reader = &self.hub.reader;
        let events = match &self.scope {
            Scope::Family { orders, .. } => {
                let orders = Arc::clone(orders);
                reader.events_of(self.position, orders, PAGE_EVENTS).await?
            }
            Scope::All | Scope::Order(_) => {
                let order_id = self.scope.order_id();
                let after = reader.events_after(self.position, order_id, PAGE_EVENTS);
                after.await?
            }
        };
        let beyond = events.iter().filter(|event| event.sequence > goal.sequence);
        goal.beyond += beyond.count() as u64;
        self.phase = if events.len() < PAGE_EVENTS {
            Phase::Live
        } else {
            Phase::CatchUp(goal)
        };
        self.page
            .extend(events.into_iter().map(Arc::new).map(FeedUpdate::from));
        Ok(())
    }

    fn lagged(&self, missed: u64) -> Error {
        Error::new(
            Reason::Lagged,
            format!(
                "this watch is {missed} events behind: resume after sequence {} and read faster",
                self.cursor
            ),
        )
    }

    fn shutting_down(&self) -> Error {
        Error::new(
            Reason::ShuttingDown,
            format!(
                "the gateway is shutting down: resume after sequence {} when it is back",
                self.cursor
            ),
        )
    }
}

/// What the live phase came to.
enum Live {
    Update(Result<FeedUpdate, Error>),
    End,
    Again,
}

/// What the channel brought while nothing else was to be done.
#[derive(Debug)]
enum Arrived {
    Event(Published),
    /// So many events were missed.
    Behind(u64),
}

/// What the channel had.
#[derive(Debug)]
enum Taken {
    Event(Arc<StoredEvent>),
    /// Events were missed, about so many.
    Behind(u64),
    Nothing,
}

/// The error of a cursor that this store did not give out.
fn not_ours(sequence: u64, cursor: Cursor) -> Error {
    match cursor {
        Cursor::LostFuture { resume_after } => Error {
            resume_after: Some(resume_after),
            ..Error::new(
                Reason::Sequence,
                format!(
                    "sequence {sequence} is not one of this store's: it comes from events that this store does not have, because it is a copy that was restored; resume after {resume_after} to miss nothing, and take what comes in place of what was seen after that"
                ),
            )
        },
        Cursor::Known | Cursor::Foreign => Error::new(
            Reason::Sequence,
            format!("sequence {sequence} is not one of this store's: watch from 0"),
        ),
    }
}

fn snapshot_end() -> FeedUpdate {
    FeedUpdate {
        // Set to the cursor when it is delivered.
        sequence: 0,
        event: FeedEvent::SnapshotEnd,
    }
}

/// A time so far away that it cannot be counted is a year away.
fn later(now: Instant, wait: Duration) -> Instant {
    now.checked_add(wait)
        .unwrap_or_else(|| now + Duration::from_secs(365 * 86_400))
}

fn wall_clock() -> Timestamp {
    let since = SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .unwrap_or_default();
    Timestamp::from_unix_micros(i64::try_from(since.as_micros()).unwrap_or(i64::MAX))
}
