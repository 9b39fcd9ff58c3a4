//! The process of a run: how it starts on what is on disk, ends and dies.

use std::sync::Mutex;
use std::time::Duration;

use tempfile::TempDir;

use super::World;
use crate::engine::clocks::{Clock, Clocks};
use crate::engine::core::Settings;
use crate::engine::driver::{Call, Driver, Gathered};
use crate::engine::input::Input;
use crate::engine::sim_support::{self, CLIENT_ID, OtherEnds};
use crate::feed::{Feed, FeedLimits, Watch, WatchSpec};
use crate::store::{Opened, Store, StoreSettings};

/// Far beyond what a seed reaches.
const LIMITS: FeedLimits = FeedLimits {
    watchers_max: 1_000,
    lag_events_max: 1_000_000,
};

/// What dies with the process.
pub(in crate::engine) struct Process {
    pub(super) driver: Driver,
    pub(in crate::engine) store: Store,
    pub(super) watch: Watch,
    pub(super) ends: OtherEnds,
}

impl World {
    /// The process dies as it is, and a new one starts on what is on disk.
    pub(super) async fn crash(&mut self) {
        self.counts.crashes += 1;
        // A part of what was handed over gets out.
        for _ in 0..self.random.below(3) {
            if let Ok(command) = self.process.ends.commands.try_recv() {
                self.tws.command(command);
            }
        }
        // What the dead process had begun to commit is committed, or not, before the new one starts.
        let _ = self.process.store.transact(|_| Ok(())).await;
        self.begin_anew().await;
    }

    /// The process ends as it should.
    pub(super) async fn close(&mut self) {
        let call = Call::Close {
            grace: Duration::from_secs(5),
        };
        let _ = self.process.ends.calls.try_send(call);
        if self.run(false).await.is_err() {
            self.fail("the engine stopped");
        }
        if self
            .process
            .driver
            .process(Gathered::new(vec![Input::CloseNow]))
            .await
            .is_err()
        {
            self.fail("the engine stopped");
        }
        self.take_answers().await;
        self.begin_anew().await;
    }

    pub(super) async fn begin_anew(&mut self) {
        self.counts.starts += 1;
        self.tws.peer_gone();
        self.calls.clear();
        let seen = self.watched.last().copied().unwrap_or(self.first_sequence);
        // Its lock is free when the last handle is gone.
        let placeholder = Store::open_in_memory(CLIENT_ID).await.unwrap();
        let old = std::mem::replace(&mut self.process, start(placeholder, self.time, 0).await);
        drop(old);
        let opened = open(&self.directory).await;
        self.process = start(opened, self.time, seen).await;
    }
}

pub(super) async fn open(directory: &TempDir) -> Opened {
    let settings = StoreSettings {
        path: directory.path().join("orders.db"),
        client_id: CLIENT_ID,
        address: None,
    };
    Store::open(settings).await.unwrap()
}

pub(super) async fn start(opened: Opened, time: &'static Mutex<Clocks>, seen: u64) -> Process {
    let store = opened.store.clone();
    let feed = Feed::new(store.reader(), opened.head_sequence, LIMITS);
    let watch = feed
        .watch(WatchSpec {
            after_sequence: seen,
            poll_interval: Duration::from_secs(3_600),
            ..WatchSpec::new(0, Duration::ZERO)
        })
        .await
        .unwrap();
    let settings = Settings {
        messages_per_second: 45,
        ..sim_support::settings()
    };
    let (driver, ends) = sim_support::driver(opened, feed, settings, Clock::played(time));
    Process {
        driver,
        store,
        watch,
        ends,
    }
}
