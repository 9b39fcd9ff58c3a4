//! The engine's task, its store and its surroundings, moved on step by step, and looked at where something leaves.

mod callers;
mod process;
mod run;

use std::sync::Mutex;
use std::time::Duration;

use tempfile::TempDir;

use super::clients::{self, Purpose, Request};
use super::tws::{FaultProfile, Tws};
use crate::engine::clocks::Clocks;
use crate::engine::sim_support::Random;
use crate::store::StoreError;
use process::{Process, open, start};

/// Where the wall clock of a run starts.
const START_MICROS: i64 = 1_795_000_000_000_000;

/// What a run did, to see that it did something.
#[derive(Debug, Default, Clone)]
pub(super) struct Counts {
    pub(super) requests: usize,
    pub(super) acknowledged: usize,
    pub(super) filled: usize,
    pub(super) unconfirmed: usize,
    pub(super) crashes: usize,
    /// Processes that took the place of one that had ended, well or not.
    pub(super) starts: usize,
    pub(super) sessions: usize,
    pub(super) events: usize,
}

impl Counts {
    pub(super) fn add(&mut self, other: &Self) {
        let Self {
            requests,
            acknowledged,
            filled,
            unconfirmed,
            crashes,
            starts,
            sessions,
            events,
        } = other;
        self.requests += requests;
        self.acknowledged += acknowledged;
        self.filled += filled;
        self.unconfirmed += unconfirmed;
        self.crashes += crashes;
        self.starts += starts;
        self.sessions += sessions;
        self.events += events;
    }
}

/// Everything of one run.
pub(super) struct World {
    seed: u64,
    /// Everything the engine takes in is printed.
    trace: bool,
    pub(super) random: Random,
    pub(super) tws: Tws,
    time: &'static Mutex<Clocks>,
    directory: TempDir,
    pub(super) process: Process,
    pub(super) requests: Vec<Request>,
    calls: Vec<clients::Call>,
    /// Sequences that a watcher of all orders has seen, across every process.
    pub(super) watched: Vec<u64>,
    pub(super) first_sequence: u64,
    pub(super) counts: Counts,
}

impl World {
    pub(super) async fn new(seed: u64) -> Self {
        let mut random = Random::new(seed);
        let wild = random.percent(50);
        let weather = FaultProfile {
            lost: if wild { random.below(20) } else { 0 },
            doubled: random.below(20),
            shuffled: random.below(40),
            torn: 1,
            corrections: random.percent(30),
            commissions_again: random.percent(50),
        };
        let wall_time = crate::domain::Timestamp::from_unix_micros(START_MICROS);
        let time: &'static Mutex<Clocks> = Box::leak(Box::new(Mutex::new(Clocks {
            wall_time,
            monotonic: Duration::ZERO,
        })));
        // In memory where there is such a directory: a run syncs some hundred times.
        let directory =
            tempfile::tempdir_in("/dev/shm").unwrap_or_else(|_| tempfile::tempdir().unwrap());
        let opened = open(&directory).await;
        let first_sequence = opened.head_sequence;
        let process = start(opened, time, first_sequence).await;
        Self {
            tws: Tws::new(seed ^ 0x5eed, weather),
            seed,
            trace: std::env::var_os("SIMULATION_TRACE").is_some(),
            random,
            time,
            directory,
            process,
            requests: Vec::new(),
            calls: Vec::new(),
            watched: Vec::new(),
            first_sequence,
            counts: Counts::default(),
        }
    }

    /// One random thing happens, and the engine does what there is to do.
    pub(super) async fn step(&mut self) {
        self.pass_time();
        match self.random.below(100) {
            0..=17 => self.place_new(),
            18..=27 => self.place_again(),
            28..=30 => self.reuse(),
            31..=36 => self.ask(Purpose::Transmit),
            37..=44 => self.ask(Purpose::Cancel),
            45..=46 => self.go_away(),
            47..=64 => self.tws.act(),
            65..=66 => self.tws.drop_link("the link broke"),
            67 => self.tws.restart(),
            68..=69 => self.tws.toggle_ib(),
            70 => self.refuse_commits(StoreError::NoRoom),
            71 => self.refuse_commits(StoreError::Refused("a row".to_owned())),
            72..=73 => self.crash().await,
            74 => self.close().await,
            75..=84 => self.tws.connect(false),
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

    /// The next few commits fail.
    fn refuse_commits(&mut self, how: StoreError) {
        let commits = 1 + self.random.below(3);
        self.process.store.refuse_commits(commits, how);
    }

    /// Faults end, everybody asks until answered, orders come to their ends, and TWS is asked what it holds.
    pub(super) async fn settle(&mut self) {
        self.tws.weather.torn = 0;
        self.tws.weather.lost = 0;
        self.tws.weather.shuffled = 0;
        self.process.store.refuse_commits(0, StoreError::NoRoom);
        // What could not be stored waits a moment before it is tried again.
        self.advance(Duration::from_secs(1));
        self.quieten().await;
        self.tws.connect(true);
        if !self.tws.ib_connected {
            self.tws.toggle_ib();
        }
        self.quieten().await;
        for index in 0..self.requests.len() {
            if self.requests[index].order_id.is_none() {
                self.place(index);
                self.quieten().await;
            }
        }
        // Patience, acknowledgements and reconciles that failed: all have their time.
        for _ in 0..70 {
            self.advance(Duration::from_secs(1));
            self.quieten().await;
        }
        self.tws.end_all();
        self.quieten().await;
        self.tws.drop_link("the last time");
        self.quieten().await;
        self.tws.connect(true);
        for _ in 0..70 {
            self.advance(Duration::from_secs(1));
            self.quieten().await;
        }
        // What came to life through the last requests ends as well.
        self.tws.end_all();
        self.quieten().await;
    }

    pub(super) fn fail(&self, what: &str) -> ! {
        panic!(
            "seed {}: {what}\nagain: SIMULATION_SEED={} cargo test --lib engine::task_simulation",
            self.seed, self.seed
        )
    }

    pub(super) fn expect(&self, holds: bool, what: impl FnOnce() -> String) {
        if !holds {
            self.fail(&what());
        }
    }

    fn pass_time(&mut self) {
        let millis = match self.random.below(20) {
            0 => 31_000,
            1..=4 => 1_000 + self.random.below(3_000),
            _ => self.random.below(300),
        };
        self.advance(Duration::from_millis(millis));
        if self.random.percent(1) {
            let hour = 3_600_000_000;
            let jump = if self.random.percent(50) { hour } else { -hour };
            let mut now = self.time.lock().unwrap();
            now.wall_time =
                crate::domain::Timestamp::from_unix_micros(now.wall_time.unix_micros() + jump);
        }
    }

    pub(super) fn advance(&self, by: Duration) {
        let mut now = self.time.lock().unwrap();
        now.monotonic += by;
        let micros = i64::try_from(by.as_micros()).unwrap();
        now.wall_time =
            crate::domain::Timestamp::from_unix_micros(now.wall_time.unix_micros() + micros);
    }
}
