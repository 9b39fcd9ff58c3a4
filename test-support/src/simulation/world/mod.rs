//! The engine's task, its store and its surroundings, moved on step by step, and looked at where something leaves.

mod callers;
mod leaves;
mod process;
mod run;

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use ibkr_orders::domain::{OrderState, Timestamp};
use ibkr_orders::internals::{PlayedClocks, PlayedStore, Reply};
use ibkr_orders::store::StoreError;

use super::CLIENT_ID;
use super::requests::{Call, Purpose, Request};
use super::switches::{FaultProfile, Switches};
use super::tws::Tws;
use crate::random::Random;
use leaves::Family;
use process::Process;

/// Where the wall clock of a history starts.
const START_MICROS: i64 = 1_795_000_000_000_000;

/// What a history did, to see that it did something.
#[derive(Debug, Default, Clone, PartialEq, Eq)]
pub struct Counts {
    /// Orders and brackets that were asked for.
    pub requests: usize,
    /// Those of which a caller was told.
    pub acknowledged: usize,
    /// Orders that filled.
    pub filled: usize,
    /// Orders of which nobody can tell.
    pub unconfirmed: usize,
    /// Changes that were asked for, and that were accepted.
    pub changes: (usize, usize),
    /// Brackets that were released.
    pub brackets: usize,
    /// Previews that were answered.
    pub previews: usize,
    /// Times that new orders were halted.
    pub halts: usize,
    /// Processes that died.
    pub crashes: usize,
    /// Processes that took the place of one that had ended, well or not.
    pub starts: usize,
    /// Sessions with TWS.
    pub sessions: usize,
    /// Events that were shown.
    pub events: usize,
    /// What the history was, for the comparison with another play of the same seed.
    pub digest: u64,
}

impl Counts {
    /// Adds what another history did.
    pub fn add(&mut self, other: &Self) {
        let Self {
            requests,
            acknowledged,
            filled,
            unconfirmed,
            changes,
            brackets,
            previews,
            halts,
            crashes,
            starts,
            sessions,
            events,
            digest,
        } = other;
        self.requests += requests;
        self.acknowledged += acknowledged;
        self.filled += filled;
        self.unconfirmed += unconfirmed;
        self.changes.0 += changes.0;
        self.changes.1 += changes.1;
        self.brackets += brackets;
        self.previews += previews;
        self.halts += halts;
        self.crashes += crashes;
        self.starts += starts;
        self.sessions += sessions;
        self.events += events;
        self.digest ^= digest;
    }
}

/// Everything of one history.
pub(super) struct World {
    seed: u64,
    /// Everything the engine takes in is printed.
    trace: bool,
    pub(super) random: Random,
    pub(super) tws: Tws,
    clocks: PlayedClocks,
    store: PlayedStore,
    pub(super) process: Process,
    pub(super) requests: Vec<Request>,
    calls: Vec<Call>,
    halting: Vec<Reply>,
    previewing: Vec<Reply>,
    /// New orders are halted, and somebody was told so.
    halted: bool,
    /// That is on disk, so that the next process halts too.
    halt_stored: bool,
    /// The bracket whose frames are leaving.
    family: Option<Family>,
    /// Entries of brackets that were given up before they were released.
    given_up: Vec<i32>,
    /// The last state of each order that a watcher saw.
    pub(super) last: BTreeMap<i32, OrderState>,
    /// Sequences that a watcher of all orders has seen, across every process.
    pub(super) watched: Vec<u64>,
    pub(super) first_sequence: u64,
    /// When commits last began to fail: what the engine has heard may wait a while.
    refused_at: Option<Duration>,
    /// Days have passed once.
    days_passed: bool,
    previews: u64,
    /// Ids of previews that the process does not remember: one before it asked for them.
    pub(super) previews_forgotten: BTreeSet<i32>,
    pub(super) counts: Counts,
}

impl World {
    pub(super) async fn new(seed: u64) -> Self {
        let mut random = Random::new(seed);
        let faults = FaultProfile::draw(&mut random);
        let switches = Switches::draw(&mut random);
        let clocks = PlayedClocks::starting_at(Timestamp::from_unix_micros(START_MICROS));
        let store = PlayedStore::new(CLIENT_ID).unwrap();
        let first_sequence = store.open().unwrap().recovered.head_sequence;
        let process = Process::start(&store, clocks, 0).await;
        Self {
            tws: Tws::new(Random::new(seed ^ 0x5eed), faults, switches),
            seed,
            trace: std::env::var_os("TRACE").is_some(),
            random,
            clocks,
            store,
            process,
            requests: Vec::new(),
            calls: Vec::new(),
            halting: Vec::new(),
            previewing: Vec::new(),
            halted: false,
            halt_stored: false,
            family: None,
            given_up: Vec::new(),
            last: BTreeMap::new(),
            watched: Vec::new(),
            first_sequence,
            refused_at: None,
            days_passed: false,
            previews: 0,
            previews_forgotten: BTreeSet::new(),
            counts: Counts::default(),
        }
    }

    /// One random thing happens, and the engine does what there is to do.
    pub(super) async fn step(&mut self) {
        self.pass_time();
        match self.random.below(100) {
            0..=14 => self.place_new(),
            15..=22 => self.place_again(),
            23..=24 => self.reuse(),
            25..=29 => self.ask(Purpose::Transmit),
            30..=36 => self.ask(Purpose::Cancel),
            37..=43 => self.ask_change(),
            44 => self.ask_change_again(),
            45..=46 => self.preview(),
            47 if self.random.percent(40) => self.halt(),
            47..=48 => self.resume(),
            49 => self.go_away(),
            50..=67 => {
                let last = &self.last;
                self.tws
                    .act(|order_id| last.get(&order_id).and_then(|state| state.perm_id));
            }
            68..=69 => self.tws.drop_link("the link broke"),
            70 => self.tws.restart(),
            71..=72 => self.tws.toggle_ib(),
            73 => self.refuse_commits(StoreError::NoRoom),
            74 => self.refuse_commits(StoreError::Refused("a row".to_owned())),
            75..=76 => self.crash().await,
            77 => self.close().await,
            78..=87 => self.tws.connect(false),
            88 => self.tws.miss_reports(),
            89 => self.stray(),
            90 if self.random.percent(20) => self.days_later(),
            _ => {}
        }
        for _ in 0..self.random.below(4) {
            self.tws.read();
        }
        for _ in 0..self.random.below(6) {
            self.deliver();
        }
        // Now and then the process dies while it commits.
        let dies = self.random.percent(1);
        if self.run(dies).await.is_err() {
            self.crash().await;
        }
    }

    fn pass_time(&mut self) {
        let millis = match self.random.below(20) {
            0 => 40_000,
            1..=3 => self.random.below(6_000),
            _ => self.random.below(400),
        };
        self.advance(Duration::from_millis(millis));
        // The wall clock jumps now and then, both ways.
        if self.random.percent(2) {
            let seconds = self.random.below(3_600).cast_signed() - 1_800;
            self.clocks.jump(seconds * 1_000_000);
        }
    }

    fn advance(&mut self, by: Duration) {
        self.clocks.advance(by);
    }

    /// The next few commits fail.
    fn refuse_commits(&mut self, how: StoreError) {
        let commits = 1 + self.random.below(3);
        self.refused_at = Some(self.clocks.monotonic());
        self.process.store.refuse_commits(commits, how);
    }

    /// Somebody else uses our client id.
    fn stray(&mut self) {
        if self.random.percent(50) {
            self.tws.add_stray();
        } else {
            self.tws.use_ids();
        }
    }

    /// Nobody works for four days.
    fn days_later(&mut self) {
        if std::mem::replace(&mut self.days_passed, true) {
            return;
        }
        self.tws.days_later();
        self.advance(Duration::from_secs(4 * 24 * 3_600));
    }

    /// Faults end, everybody asks until answered, orders come to their ends, and TWS is asked what it holds.
    pub(super) async fn settle(&mut self) {
        self.tws.faults.end();
        self.process.store.refuse_commits(0, StoreError::NoRoom);
        // What could not be stored waits a moment before it is tried again.
        self.advance(Duration::from_secs(1));
        self.quieten().await;
        self.tws.connect(true);
        if !self.tws.ib_connected {
            self.tws.toggle_ib();
        }
        self.quieten().await;
        self.resume();
        self.quieten().await;
        for index in 0..self.requests.len() {
            for _ in 0..3 {
                if self.requests[index].order_id.is_none() {
                    self.place(index);
                    self.quieten().await;
                    self.wait(1).await;
                }
            }
        }
        self.tws.open_market();
        self.wait(70).await;
        self.tws.drop_link("the first of the last times");
        self.quieten().await;
        self.tws.connect(true);
        self.wait(70).await;
        self.compare_working();
        self.tws.end_all();
        self.quieten().await;
        self.tws.drop_link("the last time");
        self.quieten().await;
        self.tws.connect(true);
        self.wait(70).await;
        // What came to life through the last requests ends as well.
        self.tws.end_all();
        self.quieten().await;
        self.wait(10).await;
    }

    /// Patience, acknowledgements and reconciles that failed: all have their time.
    async fn wait(&mut self, seconds: u64) {
        let mut left = seconds;
        while left > 0 {
            let step = left.min(3);
            self.advance(Duration::from_secs(step));
            self.quieten().await;
            left -= step;
        }
    }

    pub(super) fn fail(&self, what: &str) -> ! {
        panic!(
            "seed {}: {what}\nagain: SEED={} cargo test --test simulation",
            self.seed, self.seed
        )
    }

    pub(super) fn expect(&self, holds: bool, what: impl FnOnce() -> String) {
        if !holds {
            self.fail(&what());
        }
    }
}
