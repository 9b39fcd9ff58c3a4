//! Where the engine publishes and watchers subscribe.

use std::collections::{HashMap, VecDeque};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::sync::{Semaphore, broadcast, watch};

use super::watch::{Watch, WatchSpec};
use super::watcher::Watcher;
use crate::domain::{LinkChange, StoredEvent};
use crate::error::{Error, Reason};
use crate::stats::Stats;
use crate::store::Reader;

/// Bounds of the feed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct FeedLimits {
    /// Watches open at a time; one more is `OVERLOADED`.
    pub watchers_max: usize,
    /// Events a live watcher may be behind before it ends with `LAGGED`; up to there it catches up from the store.
    pub lag_events_max: u64,
}

/// Events that a channel of one order holds for its watchers.
const ORDER_CHANNEL_EVENTS: usize = 16;
/// Events that the channel of all orders holds for its watchers: a fifth of a second of TWS at its fastest.
const ALL_CHANNEL_EVENTS: usize = 4096;
/// Link changes kept for slow watchers.
const LINKS_KEPT: usize = 256;

/// The feed. A cheap handle.
#[derive(Debug, Clone)]
pub struct Feed {
    hub: Arc<Hub>,
}

/// What watchers share.
#[derive(Debug)]
pub(super) struct Hub {
    pub(super) reader: Reader,
    pub(super) limits: FeedLimits,
    pub(super) stats: Arc<Stats>,
    slots: Arc<Semaphore>,
    /// Sequence of the last event published.
    head: AtomicU64,
    /// Events published. Sequences do not count them: some are left out.
    published: AtomicU64,
    /// Locked for a look-up, never while anybody waits: subscribing must not race with the removal of a channel.
    channels: Mutex<Channels>,
    /// Locked to add or copy one entry: watchers that missed a wake-up find every link change here.
    links: Mutex<Links>,
    links_published: AtomicU64,
    signal: watch::Sender<Signal>,
}

type Sender = broadcast::Sender<Published>;
type Receiver = broadcast::Receiver<Published>;

/// An event on its way to the watchers.
#[derive(Debug, Clone)]
pub(super) struct Published {
    /// The sequence of the event published before it, of whatever order.
    pub(super) after: u64,
    pub(super) event: Arc<StoredEvent>,
}

#[derive(Debug, Default)]
struct Channels {
    orders: HashMap<i32, Sender>,
    /// Of brackets, by any id that all their watchers name: that of the lowest order.
    families: HashMap<i32, Sender>,
    /// Which of those each order belongs to.
    family_of: HashMap<i32, i32>,
    all: Option<Sender>,
}

/// Which events a watch shows.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Scope {
    /// Of every order.
    All,
    /// Of one order.
    Order(i32),
    /// Of an order and the others of its bracket.
    Family {
        /// The order that was asked for.
        order_id: i32,
        /// All of them, ascending.
        orders: Arc<[i32]>,
    },
}

impl Scope {
    /// The order that was asked for; `None`: every one.
    pub(super) const fn order_id(&self) -> Option<i32> {
        match self {
            Self::All => None,
            Self::Order(order_id) | Self::Family { order_id, .. } => Some(*order_id),
        }
    }

    /// Every order; `None`: without end.
    pub(super) fn orders(&self) -> Option<Arc<[i32]>> {
        match self {
            Self::All => None,
            Self::Order(order_id) => Some(Arc::from([*order_id])),
            Self::Family { orders, .. } => Some(Arc::clone(orders)),
        }
    }
}

#[derive(Debug, Default)]
struct Links {
    kept: VecDeque<LinkEntry>,
}

/// A link change and its place among the events.
#[derive(Debug, Clone)]
pub(super) struct LinkEntry {
    /// Counts from 1.
    pub(super) number: u64,
    /// The last event before it.
    pub(super) after: u64,
    pub(super) change: Arc<LinkChange>,
}

/// What wakes every watcher, or is there when one wakes.
#[derive(Debug, Clone, Copy)]
pub(super) struct Signal {
    pub(super) links: u64,
    pub(super) connected: bool,
    pub(super) closed: bool,
}

impl Feed {
    /// A feed over a store whose last event is `head_sequence`.
    pub fn new(reader: Reader, head_sequence: u64, limits: FeedLimits) -> Self {
        Self::counted(reader, head_sequence, limits, Arc::default())
    }

    /// The same, counting slow watchers in `stats`.
    pub fn counted(
        reader: Reader,
        head_sequence: u64,
        limits: FeedLimits,
        stats: Arc<Stats>,
    ) -> Self {
        let (signal, _) = watch::channel(Signal {
            links: 0,
            connected: false,
            closed: false,
        });
        Self {
            hub: Arc::new(Hub {
                reader,
                limits,
                stats,
                slots: Arc::new(Semaphore::new(
                    limits.watchers_max.min(Semaphore::MAX_PERMITS),
                )),
                head: AtomicU64::new(head_sequence),
                published: AtomicU64::new(0),
                channels: Mutex::default(),
                links: Mutex::default(),
                links_published: AtomicU64::new(0),
                signal,
            }),
        }
    }

    /// Shows events to whoever watches their order. Called with every committed event, in sequence order, right after the commit.
    /// Never waits for a watcher.
    pub fn publish(&self, events: Vec<Arc<StoredEvent>>) {
        for event in events {
            let (order, family, all) = {
                let channels = locked(&self.hub.channels);
                let family = channels.family_of.get(&event.order_id);
                (
                    channels.orders.get(&event.order_id).cloned(),
                    family.and_then(|family| channels.families.get(family).cloned()),
                    channels.all.clone(),
                )
            };
            let after = self.hub.head.swap(event.sequence, Ordering::AcqRel);
            self.hub.published.fetch_add(1, Ordering::AcqRel);
            let published = Published { after, event };
            // An error says that the last watcher has just left.
            for channel in [order, family].into_iter().flatten() {
                let _ = channel.send(published.clone());
            }
            if let Some(channel) = all {
                let _ = channel.send(published);
            }
        }
    }

    /// Shows every watcher a change of a link, after the events published so far.
    pub fn publish_link(&self, change: LinkChange) {
        let number = {
            let mut links = locked(&self.hub.links);
            let number = self.hub.links_published.load(Ordering::Relaxed) + 1;
            if links.kept.len() == LINKS_KEPT {
                links.kept.pop_front();
            }
            links.kept.push_back(LinkEntry {
                number,
                after: self.hub.head.load(Ordering::Acquire),
                change: Arc::new(change),
            });
            self.hub.links_published.store(number, Ordering::Release);
            number
        };
        self.hub.signal.send_modify(|signal| signal.links = number);
    }

    /// What heartbeats say about the session with TWS from now on. Wakes nobody.
    pub fn set_connected(&self, connected: bool) {
        self.hub.signal.send_if_modified(|signal| {
            signal.connected = connected;
            false
        });
    }

    /// Begins a watch.
    ///
    /// # Errors
    /// `ORDER_NOT_FOUND`; `SEQUENCE` for a cursor of another store; `OVERLOADED` beyond the watchers allowed; `SHUTTING_DOWN` after
    /// [`Feed::close`]; `STORE` when it cannot be read.
    pub async fn watch(&self, spec: WatchSpec) -> Result<Watch, Error> {
        if self.hub.signal.borrow().closed {
            return Err(Error::new(
                Reason::ShuttingDown,
                "the gateway is shutting down: watch again when it is back",
            ));
        }
        let slot = Arc::clone(&self.hub.slots)
            .try_acquire_owned()
            .map_err(|_| {
                Error::new(
                    Reason::Overloaded,
                    format!(
                        "{} watches are open: end one, or watch all orders (order_id 0) with one watch",
                        self.hub.limits.watchers_max
                    ),
                )
            })?;
        Watcher::begin(Arc::clone(&self.hub), spec, slot)
            .await
            .map(Watch::new)
    }

    /// Ends every watch with `SHUTTING_DOWN`, after what is in memory for it, and refuses new ones.
    pub fn close(&self) {
        self.hub.signal.send_modify(|signal| signal.closed = true);
    }

    /// Watches open now.
    pub fn watchers(&self) -> usize {
        self.hub
            .limits
            .watchers_max
            .saturating_sub(self.hub.slots.available_permits())
    }

    /// Channels open now: one per watched order and per watched bracket, and one when somebody watches all.
    pub fn channels(&self) -> usize {
        let channels = locked(&self.hub.channels);
        channels.orders.len() + channels.families.len() + usize::from(channels.all.is_some())
    }
}

impl Hub {
    /// Sequence of the last event published.
    pub(super) fn head(&self) -> u64 {
        self.head.load(Ordering::Acquire)
    }

    /// How many events were published.
    pub(super) fn published(&self) -> u64 {
        self.published.load(Ordering::Acquire)
    }

    /// Number of the last link change published.
    pub(super) fn links_published(&self) -> u64 {
        self.links_published.load(Ordering::Acquire)
    }

    /// The link change that follows the one with this number; `None` when it is no longer kept.
    pub(super) fn link_after(&self, number: u64) -> Option<LinkEntry> {
        let links = locked(&self.links);
        let first = links.kept.front()?.number;
        let index = usize::try_from((number + 1).checked_sub(first)?).ok()?;
        links.kept.get(index).cloned()
    }

    /// Listens to the signal, from now on.
    pub(super) fn signal(&self) -> watch::Receiver<Signal> {
        self.signal.subscribe()
    }

    /// Listens to what a watch shows.
    pub(super) fn subscribe(self: &Arc<Self>, scope: Scope) -> Subscription {
        let mut channels = locked(&self.channels);
        let few = || Sender::new(ORDER_CHANNEL_EVENTS);
        let receiver = match &scope {
            Scope::Order(id) => channels.orders.entry(*id).or_insert_with(few).subscribe(),
            Scope::Family { order_id, orders } => {
                let family = orders.first().copied().unwrap_or(*order_id);
                for order_id in orders.iter() {
                    channels.family_of.insert(*order_id, family);
                }
                let channel = channels.families.entry(family).or_insert_with(few);
                channel.subscribe()
            }
            Scope::All => channels
                .all
                .get_or_insert_with(|| Sender::new(ALL_CHANNEL_EVENTS))
                .subscribe(),
        };
        Subscription {
            receiver: Some(receiver),
            scope,
            hub: Arc::clone(self),
        }
    }
}

/// A watcher's end of a channel. The last one to go takes the channel with it.
#[derive(Debug)]
pub(super) struct Subscription {
    /// Taken when dropped.
    receiver: Option<Receiver>,
    scope: Scope,
    hub: Arc<Hub>,
}

impl Subscription {
    /// The channel; `None` never, while it is in use.
    pub(super) const fn receiver(&mut self) -> Option<&mut Receiver> {
        self.receiver.as_mut()
    }

    /// Forgets what the channel holds: from now on.
    pub(super) fn skip_to_now(&mut self) {
        self.receiver = self.receiver.as_ref().map(Receiver::resubscribe);
    }
}

impl Drop for Subscription {
    fn drop(&mut self) {
        let mut channels = locked(&self.hub.channels);
        self.receiver = None;
        let unused = |channel: &Sender| channel.receiver_count() == 0;
        match &self.scope {
            Scope::Order(id) => {
                if channels.orders.get(id).is_some_and(unused) {
                    channels.orders.remove(id);
                }
            }
            Scope::Family { order_id, orders } => {
                let family = orders.first().unwrap_or(order_id);
                if channels.families.get(family).is_some_and(unused) {
                    channels.families.remove(family);
                    for order_id in orders.iter() {
                        channels.family_of.remove(order_id);
                    }
                }
            }
            Scope::All => {
                if channels.all.as_ref().is_some_and(unused) {
                    channels.all = None;
                }
            }
        }
    }
}

/// Nothing panics while one of these is held; were it so, the data is still whole.
fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
