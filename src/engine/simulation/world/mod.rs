//! Engine, store and TWS in one process, driven by random steps without sleeping.

mod callers;
mod process;

use std::collections::{HashMap, VecDeque};
use std::sync::Arc;
use std::time::Duration;

use crate::domain::{StoredEvent, Timestamp};
use crate::engine::clocks::Clocks;
use crate::engine::core::{Core, Settings};
use crate::engine::input::{Input, PlaceCommand};
use crate::engine::sim_support::{self, Random};
use crate::engine::simulation::store::{BASE, SimStore};
use crate::engine::simulation::tws::ModelTws;
use crate::tws::{TwsCommand, TwsEvent};

/// A request as its caller knows it.
#[derive(Debug)]
pub(super) struct Request {
    pub(super) command: Arc<PlaceCommand>,
    /// The order it was answered with.
    pub(super) order_id: Option<i32>,
}

pub(super) struct World {
    pub(super) random: Random,
    pub(super) core: Core,
    pub(super) store: SimStore,
    pub(super) tws: ModelTws,
    pub(super) to_tws: VecDeque<TwsCommand>,
    pub(super) now: Clocks,
    pub(super) requests: Vec<Request>,
    /// Callers who wait, and for which request.
    pub(super) callers: HashMap<u64, Option<usize>>,
    waiters: u64,
    /// What could not be stored yet.
    retry_queue: Vec<Input>,
    /// What watchers were shown since the process started.
    shown: Vec<Arc<StoredEvent>>,
    /// Nothing goes wrong any more.
    pub(super) calm: bool,
}

impl World {
    pub(super) fn new(seed: u64) -> Self {
        let store = SimStore::default();
        let core = Core::new(settings(), store.found());
        Self {
            random: Random::new(seed),
            core,
            store,
            tws: ModelTws::default(),
            to_tws: VecDeque::new(),
            now: Clocks {
                wall_time: Timestamp::from_unix_micros(1_795_000_000_000_000),
                monotonic: Duration::ZERO,
            },
            requests: Vec::new(),
            callers: HashMap::new(),
            waiters: 0,
            retry_queue: Vec::new(),
            shown: Vec::new(),
            calm: false,
        }
    }

    /// One random step.
    pub(super) fn step(&mut self) {
        match self.random.below(100) {
            0..=12 => self.place_new(),
            13..=18 => self.place_again(),
            19..=26 => self.change(),
            27..=48 => self.deliver(),
            49..=68 => self.obey(),
            69..=80 => self.market(),
            81..=90 => self.pass_time(),
            91..=93 => {
                let Self {
                    tws,
                    random,
                    to_tws,
                    ..
                } = self;
                tws.disconnect(random, to_tws);
                if random.percent(20) {
                    tws.restart();
                }
            }
            94..=96 => self.reconnect(),
            97 => self.crash(),
            98 => self.ib_link(),
            _ => {
                let session = self.tws.session;
                self.tws.tell(TwsEvent::ReportsMissed {
                    session,
                    reason: "lag".to_owned(),
                });
            }
        }
    }

    /// Some of what TWS says reaches the engine as one batch.
    fn deliver(&mut self) {
        let count = 1 + self.random.index(12);
        let count = count.min(self.tws.says.len());
        // What is to be retried came before.
        let mut events = std::mem::take(&mut self.retry_queue);
        events.extend(self.tws.says.drain(..count).map(Input::Tws));
        self.process(events);
    }

    fn obey(&mut self) {
        for _ in 0..=self.random.below(4) {
            if let Some(command) = self.to_tws.pop_front() {
                self.tws.obey(&mut self.random, command);
            }
        }
    }

    fn market(&mut self) {
        let working = self.tws.working();
        let Some(order_id) = self.random.pick(&working).copied() else {
            return;
        };
        if self.random.percent(75) {
            let whole = self.random.percent(40);
            self.tws.fill(&mut self.random, order_id, whole);
        } else {
            self.tws.end(&mut self.random, order_id, false);
        }
    }

    pub(super) fn pass_time(&mut self) {
        let millis = if self.random.percent(5) {
            40_000
        } else {
            self.random.below(1_500)
        };
        self.advance(Duration::from_millis(millis));
    }

    pub(super) fn advance(&mut self, by: Duration) {
        self.now.monotonic += by;
        let micros = i64::try_from(by.as_micros()).unwrap();
        // The wall clock jumps now and then, both ways.
        let jump = if !self.calm && self.random.percent(3) {
            self.random.below(7_200) as i64 * 1_000_000 - 3_600_000_000
        } else {
            0
        };
        self.now.wall_time =
            Timestamp::from_unix_micros(self.now.wall_time.unix_micros() + micros + jump);
        let mut inputs = std::mem::take(&mut self.retry_queue);
        inputs.extend(self.core.due(self.now));
        self.process(inputs);
    }

    pub(super) fn reconnect(&mut self) {
        if !self.tws.up {
            let Self { tws, random, .. } = self;
            tws.connect(random);
        }
    }

    fn ib_link(&mut self) {
        let connected = !self.tws.ib;
        self.tws.ib = connected;
        let session = self.tws.session;
        let data_lost = self.random.percent(50);
        self.tws.tell(TwsEvent::IbLink {
            session,
            connected,
            data_lost,
            text: String::new(),
        });
    }

    /// Delivers everything, until nobody has anything to say.
    pub(super) fn settle(&mut self) {
        for _ in 0..200 {
            while let Some(command) = self.to_tws.pop_front() {
                self.tws.obey(&mut self.random, command);
            }
            let events: Vec<Input> = self.tws.says.drain(..).map(Input::Tws).collect();
            let quiet = events.is_empty() && self.retry_queue.is_empty() && self.to_tws.is_empty();
            if quiet
                && self.core.queue.len() == 0
                && self.core.engine_state.reconcile.running.is_none()
                && self.core.engine_state.reconcile.due.is_none()
            {
                return;
            }
            let mut inputs = std::mem::take(&mut self.retry_queue);
            inputs.extend(events);
            self.process(inputs);
            self.advance(Duration::from_millis(1_100));
        }
        panic!(
            "it does not come to rest at {:?}, retry_queue {}, says {}, to_tws {:?}: {:?}",
            self.now.monotonic,
            self.retry_queue.len(),
            self.tws.says.len(),
            self.to_tws,
            self.core.engine_state
        );
    }

    /// A watcher that follows the store and one that was shown everything live see the same.
    pub(super) fn check_shown(&self) {
        let Some(first) = self.shown.first() else {
            return;
        };
        let from = usize::try_from(first.sequence - BASE - 1).unwrap();
        assert_eq!(
            self.shown,
            self.store.events[from..],
            "watchers were shown something else than what is stored"
        );
    }
}

fn settings() -> Settings {
    Settings {
        messages_per_second: 20,
        parked_max: 50,
        previews_per_minute: 1,
        waiters_per_order_max: 8,
        ..sim_support::settings()
    }
}
