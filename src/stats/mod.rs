//! What the gateway counts and times about itself, as plain numbers that any room may raise without a lock.
//!
//! Nothing here knows how the numbers are shown: `metrics` reads them when somebody asks.

mod histogram;
mod risk;

use std::sync::atomic::{AtomicI64, AtomicU64, Ordering};

use crate::domain::Status;

pub use histogram::{Histogram, HistogramReading};
pub use risk::{RULES, RiskStats};

/// A number that only grows.
#[derive(Debug, Default)]
pub struct Counter(AtomicU64);

impl Counter {
    /// Adds one.
    pub fn add_one(&self) {
        self.add(1);
    }

    /// Adds `n`.
    pub fn add(&self, n: u64) {
        self.0.fetch_add(n, Ordering::Relaxed);
    }

    /// What it came to.
    pub fn get(&self) -> u64 {
        self.0.load(Ordering::Relaxed)
    }
}

/// A number that goes up and down.
#[derive(Debug, Default)]
pub struct Gauge(AtomicI64);

impl Gauge {
    /// Sets it; for booleans 1 is true.
    pub fn set(&self, value: i64) {
        self.0.store(value, Ordering::Relaxed);
    }

    /// Adds `n`, which may be negative.
    pub fn add(&self, n: i64) {
        self.0.fetch_add(n, Ordering::Relaxed);
    }

    /// Counts one for as long as the answer lives.
    pub fn hold(&self) -> Held<'_> {
        self.add(1);
        Held(self)
    }

    /// What it stands at.
    pub fn get(&self) -> i64 {
        self.0.load(Ordering::Relaxed)
    }
}

/// One that a [`Gauge`] counts until this is dropped.
#[derive(Debug)]
pub struct Held<'a>(&'a Gauge);

impl Drop for Held<'_> {
    fn drop(&mut self) {
        self.0.add(-1);
    }
}

/// One number per order status.
#[derive(Debug)]
pub struct ByStatus<N>([N; Status::ALL.len()]);

impl<N: Default> Default for ByStatus<N> {
    fn default() -> Self {
        Self(std::array::from_fn(|_| N::default()))
    }
}

impl<N> ByStatus<N> {
    /// The number of a status.
    pub fn of(&self, status: Status) -> &N {
        &self.0[status as usize]
    }
}

/// Reads of the store that wait for a connection, by whom they are for.
#[derive(Debug, Default)]
pub struct ReadsWaiting {
    /// Get and List.
    pub calls: Gauge,
    /// Watches that begin or catch up.
    pub watches: Gauge,
}

/// Everything a gateway counts. One per gateway, shared by reference.
#[derive(Debug)]
pub struct Stats {
    /// Orders that have not ended, by status.
    pub open_orders: ByStatus<Gauge>,
    /// Times an order came to a status.
    pub status_changes: ByStatus<Counter>,
    /// Whether the session with TWS is up.
    pub tws_connected: Gauge,
    /// Whether TWS itself is connected to IB.
    pub ib_connected: Gauge,
    /// Sessions with TWS that came up; all but the first are reconnects.
    pub tws_sessions: Counter,
    /// Attempts to connect to TWS that ended without a session.
    pub tws_connect_failures: Counter,
    /// Messages of TWS about orders or accounts that could not be read, or not all of it.
    pub tws_unreadable: Counter,
    /// Whether positions or account values may be old; 1 before TWS has said them.
    pub account_stale: Gauge,
    /// How long reconciles that ended well took.
    pub reconcile_seconds: Histogram,
    /// Reconciles that failed or ran out of time.
    pub reconcile_failures: Counter,
    /// How long commits of the store took, fsync included.
    pub commit_seconds: Histogram,
    /// How many events went into one commit.
    pub commit_events: Histogram,
    /// Commits that failed.
    pub commit_failures: Counter,
    /// Inputs that were given up because the store kept refusing what followed from them.
    pub inputs_dropped: Counter,
    /// Whether the store can be written.
    pub store_writable: Gauge,
    /// Whether a file of the store was deleted or replaced under the gateway.
    pub store_replaced: Gauge,
    /// Orders of this client id that TWS works and the store does not know.
    pub unknown_orders: Gauge,
    /// Reads of the store that wait for a connection.
    pub store_reads_waiting: ReadsWaiting,
    /// How long messages to TWS waited for their pacing slot.
    pub pacing_wait_seconds: Histogram,
    /// Messages waiting for their pacing slot.
    pub pacing_queue: Gauge,
    /// Operations waiting for the engine.
    pub engine_queue: Gauge,
    /// Callers who wait for the engine's answer, those who went away within the last second among them.
    pub callers_waiting: Gauge,
    /// Callers answered at once because as many as may waited for their order already.
    pub answered_early: Counter,
    /// Reports of TWS that named an order of the store and showed another one.
    pub foreign_reports: Counter,
    /// Second orders that TWS made under the id of an order.
    pub second_orders: Counter,
    /// Brackets of whose entry more filled than a working stop covered, for five seconds.
    pub brackets_incomplete: Counter,
    /// Orders that TWS made of previews.
    pub previews_placed: Counter,
    /// Watches open.
    pub watchers: Gauge,
    /// Times a watcher fell back to the store because it was slow.
    pub watcher_fallbacks: Counter,
    /// Watches ended because they lagged beyond their bound.
    pub watchers_lagged: Counter,
    /// gRPC calls.
    pub calls: Calls,
    /// Limits, halts, the audit.
    pub risk: RiskStats,
}

impl Default for Stats {
    fn default() -> Self {
        Self {
            open_orders: ByStatus::default(),
            status_changes: ByStatus::default(),
            tws_connected: Gauge::default(),
            ib_connected: Gauge::default(),
            tws_sessions: Counter::default(),
            tws_connect_failures: Counter::default(),
            tws_unreadable: Counter::default(),
            account_stale: Gauge::default(),
            reconcile_seconds: Histogram::new(histogram::SECONDS_LONG),
            reconcile_failures: Counter::default(),
            commit_seconds: Histogram::new(histogram::SECONDS),
            commit_events: Histogram::new(histogram::COUNTS),
            commit_failures: Counter::default(),
            inputs_dropped: Counter::default(),
            store_writable: Gauge::default(),
            store_replaced: Gauge::default(),
            unknown_orders: Gauge::default(),
            store_reads_waiting: ReadsWaiting::default(),
            pacing_wait_seconds: Histogram::new(histogram::SECONDS),
            pacing_queue: Gauge::default(),
            engine_queue: Gauge::default(),
            callers_waiting: Gauge::default(),
            answered_early: Counter::default(),
            foreign_reports: Counter::default(),
            second_orders: Counter::default(),
            brackets_incomplete: Counter::default(),
            previews_placed: Counter::default(),
            watchers: Gauge::default(),
            watcher_fallbacks: Counter::default(),
            watchers_lagged: Counter::default(),
            calls: Calls::default(),
            risk: RiskStats::default(),
        }
    }
}

/// Methods of the services in the order of `orders.proto`; the last stands for every other method that is called.
pub const METHODS: [&str; 19] = [
    "Health",
    "Validate",
    "Place",
    "PlaceBracket",
    "Watch",
    "Transmit",
    "Cancel",
    "Replace",
    "Preview",
    "Get",
    "List",
    "ListPositions",
    "GetAccount",
    "WatchAccount",
    "GetLimits",
    "Halt",
    "Resume",
    "CancelAll",
    "other",
];

/// gRPC's status codes by number.
pub const CODES: [&str; 17] = [
    "OK",
    "CANCELLED",
    "UNKNOWN",
    "INVALID_ARGUMENT",
    "DEADLINE_EXCEEDED",
    "NOT_FOUND",
    "ALREADY_EXISTS",
    "PERMISSION_DENIED",
    "RESOURCE_EXHAUSTED",
    "FAILED_PRECONDITION",
    "ABORTED",
    "OUT_OF_RANGE",
    "UNIMPLEMENTED",
    "INTERNAL",
    "UNAVAILABLE",
    "DATA_LOSS",
    "UNAUTHENTICATED",
];

/// A bound at which a call or a connection is turned away.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Limit {
    /// Calls being answered, of all callers.
    Calls,
    /// Calls being answered, of one caller.
    CallerCalls,
    /// Watches of one caller.
    CallerWatches,
    /// Connections of one caller.
    CallerConnections,
    /// Time until a request's body has ended.
    BodyTime,
    /// Requests whose body has not ended, or their bytes.
    UnfinishedBodies,
}

impl Limit {
    /// Every limit, by its number.
    pub const ALL: &'static [Self] = &[
        Self::Calls,
        Self::CallerCalls,
        Self::CallerWatches,
        Self::CallerConnections,
        Self::BodyTime,
        Self::UnfinishedBodies,
    ];

    /// The word for it.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Calls => "calls",
            Self::CallerCalls => "caller_calls",
            Self::CallerWatches => "caller_watches",
            Self::CallerConnections => "caller_connections",
            Self::BodyTime => "body_time",
            Self::UnfinishedBodies => "unfinished_bodies",
        }
    }
}

/// What is counted about gRPC calls.
#[derive(Debug)]
pub struct Calls {
    limited: [Counter; Limit::ALL.len()],
    ended: [[Counter; CODES.len()]; METHODS.len()],
    seconds: [Histogram; METHODS.len()],
    /// Calls being answered, streams included.
    pub in_flight: Gauge,
    /// Connections open.
    pub connections: Gauge,
    /// Connections that were closed because there were too many.
    pub connections_refused: Counter,
    /// TLS handshakes that failed or ran out of time.
    pub tls_failures: Counter,
}

impl Default for Calls {
    fn default() -> Self {
        Self {
            limited: std::array::from_fn(|_| Counter::default()),
            ended: std::array::from_fn(|_| std::array::from_fn(|_| Counter::default())),
            seconds: std::array::from_fn(|_| Histogram::new(histogram::SECONDS)),
            in_flight: Gauge::default(),
            connections: Gauge::default(),
            connections_refused: Counter::default(),
            tls_failures: Counter::default(),
        }
    }
}

impl Calls {
    /// Number of a method among [`METHODS`].
    pub fn method(name: &str) -> usize {
        METHODS
            .iter()
            .position(|method| *method == name)
            .unwrap_or(METHODS.len() - 1)
    }

    /// Counts a call that ended.
    ///
    /// `method` is a number of [`Calls::method`], `code` a gRPC status code; numbers beyond them count as the last one.
    pub fn ended(&self, method: usize, code: usize, seconds: f64) {
        let method = method.min(METHODS.len() - 1);
        self.ended[method][code.min(CODES.len() - 1)].add_one();
        self.seconds[method].observe(seconds);
    }

    /// How many calls and connections a limit turned away.
    pub fn limited(&self, limit: Limit) -> &Counter {
        &self.limited[limit as usize]
    }

    /// How many calls of a method ended with a code.
    pub fn count(&self, method: usize, code: usize) -> u64 {
        self.ended[method][code].get()
    }

    /// How long calls of a method took.
    pub fn seconds(&self, method: usize) -> &Histogram {
        &self.seconds[method]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_status_has_a_number_of_its_own() {
        let stats = Stats::default();
        for (n, status) in Status::ALL.iter().enumerate() {
            stats.status_changes.of(*status).add(n as u64);
        }
        for (n, status) in Status::ALL.iter().enumerate() {
            assert_eq!(stats.status_changes.of(*status).get(), n as u64);
        }
    }

    #[test]
    fn a_gauge_counts_what_is_held() {
        let gauge = Gauge::default();
        let held = gauge.hold();
        assert_eq!(gauge.get(), 1);
        drop(held);
        assert_eq!(gauge.get(), 0);
    }

    #[test]
    fn calls_are_counted_by_method_and_code() {
        let calls = Calls::default();
        calls.ended(Calls::method("Place"), 14, 0.002);
        calls.ended(Calls::method("NoSuchMethod"), 4_000, 0.5);
        assert_eq!(calls.count(2, 14), 1);
        assert_eq!(calls.count(METHODS.len() - 1, 16), 1);
        assert_eq!(calls.seconds(2).read().count, 1);
    }
}
