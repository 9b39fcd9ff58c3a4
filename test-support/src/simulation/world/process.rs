//! The process of a history: how it starts on what is stored, ends and dies.

use std::time::Duration;

use ibkr_orders::feed::{Feed, FeedLimits, Watch, WatchSpec};
use ibkr_orders::internals::{PlayedClocks, PlayedEngine, PlayedSettings, PlayedStore};
use ibkr_orders::store::Store;

use super::World;

/// Far beyond what a seed reaches.
const LIMITS: FeedLimits = FeedLimits {
    watchers_max: 1_000,
    lag_events_max: 1_000_000,
};
/// Messages to TWS a second, and previews a minute.
const SETTINGS: PlayedSettings = PlayedSettings {
    messages_per_second: 45,
    previews_per_minute: 30,
};

/// What dies with the process.
pub(in crate::simulation) struct Process {
    pub(super) engine: PlayedEngine,
    pub(in crate::simulation) store: Store,
    pub(super) watch: Watch,
    /// Sequence of the last event of the processes before it.
    pub(super) began_at: u64,
}

impl Process {
    pub(super) async fn start(store: &PlayedStore, clocks: PlayedClocks, seen: u64) -> Self {
        let opened = store.open().unwrap();
        let store = opened.store.clone();
        let feed = Feed::new(store.reader(), opened.recovered.head_sequence, LIMITS);
        let began_at = opened.recovered.head_sequence;
        let seen = if seen == 0 {
            opened.recovered.head_sequence
        } else {
            seen
        };
        let watch = feed
            .watch(WatchSpec {
                after_sequence: seen,
                poll_interval: Duration::from_secs(3_600),
                ..WatchSpec::new(0, Duration::ZERO)
            })
            .await
            .unwrap();
        Self {
            engine: PlayedEngine::start(opened, feed, SETTINGS, clocks),
            store,
            watch,
            began_at,
        }
    }
}

impl World {
    /// The process dies as it is, and a new one starts on what is stored.
    pub(super) async fn crash(&mut self) {
        self.counts.crashes += 1;
        // A part of what was handed over gets out.
        for _ in 0..self.random.below(3) {
            if let Some(command) = self.process.engine.next_command() {
                self.leaves(&command).await;
                self.tws.command(command);
            }
        }
        self.begin_anew().await;
    }

    /// The process ends as it should.
    pub(super) async fn close(&mut self) {
        self.process.engine.close(Duration::from_secs(5));
        if self.run(false).await.is_err() {
            self.fail("the engine stopped");
        }
        if let Err(last_word) = self.process.engine.close_now().await {
            self.fail(&last_word);
        }
        self.take_answers().await;
        self.begin_anew().await;
    }

    async fn begin_anew(&mut self) {
        self.counts.starts += 1;
        self.tws.peer_gone();
        self.session_over();
        self.calls.clear();
        self.previews_forgotten.extend(&self.tws.previews);
        self.halting.clear();
        self.halted &= self.halt_stored;
        let seen = self.watched.last().copied().unwrap_or(self.first_sequence);
        self.process = Process::start(&self.store, self.clocks, seen).await;
    }
}
