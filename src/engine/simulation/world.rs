//! Engine, store and TWS in one process, driven by random steps without sleeping.

use std::collections::{HashMap, VecDeque};
use std::sync::Arc;
use std::time::Duration;

use serde_json::json;

use super::super::batch::Batch;
use super::super::core::{Core, Settings};
use super::super::input::{Ask, Input, Outcome, PlaceWish, Wish};
use super::super::moment::Moment;
use super::super::rows::{NoRows, Stop};
use super::random::Random;
use super::store::{BASE, SimStore};
use super::tws::{CLIENT, ModelTws};
use crate::domain::{Limits, OrderKey, StoredEvent, Timestamp, check};
use crate::error::Reason;
use crate::tws::{TwsCommand, TwsEvent};

/// A request as its caller knows it.
#[derive(Debug)]
pub(super) struct Request {
    pub(super) wish: Arc<PlaceWish>,
    /// The order it was answered with.
    pub(super) order_id: Option<i32>,
}

pub(super) struct World {
    pub(super) random: Random,
    pub(super) core: Core,
    pub(super) store: SimStore,
    pub(super) tws: ModelTws,
    pub(super) to_tws: VecDeque<TwsCommand>,
    pub(super) now: Moment,
    pub(super) requests: Vec<Request>,
    /// Callers who wait, and for which request.
    pub(super) callers: HashMap<u64, Option<usize>>,
    waiters: u64,
    /// What could not be stored yet.
    stuck: Vec<Input>,
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
            now: Moment {
                wall: Timestamp::from_unix_micros(1_795_000_000_000_000),
                tick: Duration::ZERO,
            },
            requests: Vec::new(),
            callers: HashMap::new(),
            waiters: 0,
            stuck: Vec::new(),
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

    fn place_new(&mut self) {
        let number = self.requests.len();
        let order = json!({
            "action": "BUY", "symbol": "AAPL", "order_type": "LMT", "limit_price": 10,
            "quantity": 1 + self.random.below(9), "transmit": self.random.percent(75),
        });
        let order = check(order.into(), false, &Limits::default()).unwrap();
        let wish = PlaceWish {
            digest: order.digest(),
            order,
            request_id: format!("r{number}"),
            request_id_given: self.random.percent(80),
        };
        self.requests.push(Request {
            wish: Arc::new(wish),
            order_id: None,
        });
        self.ask_place(number);
    }

    /// The same request again; sometimes somebody reuses its id.
    fn place_again(&mut self) {
        let given: Vec<usize> = (0..self.requests.len())
            .filter(|n| self.requests[*n].wish.request_id_given)
            .collect();
        let Some(number) = self.random.pick(&given).copied() else {
            return;
        };
        if self.random.percent(20) {
            let mut other = PlaceWish::clone(&self.requests[number].wish);
            other.digest[0] ^= 1;
            // Refused where the id is known; else it never was a request of ours.
            if self.store.by_request.contains_key(&other.request_id) {
                let ask = self.ask(Wish::Place(Arc::new(other)), None);
                let outcomes = self.process(vec![ask]);
                for (_, outcome) in outcomes {
                    if let Err(error) = outcome {
                        assert!(
                            matches!(error.reason, Reason::RequestIdReused | Reason::Store),
                            "{error:?}"
                        );
                    } else {
                        panic!("another order was answered under a known request id");
                    }
                }
            }
            return;
        }
        self.ask_place(number);
    }

    fn ask_place(&mut self, number: usize) {
        let wish = Wish::Place(Arc::clone(&self.requests[number].wish));
        let ask = self.ask(wish, Some(number));
        self.process(vec![ask]);
    }

    fn change(&mut self) {
        let ids: Vec<i32> = self.store.orders.keys().rev().take(12).copied().collect();
        let Some(order_id) = self.random.pick(&ids).copied() else {
            return;
        };
        let key = OrderKey::OrderId(order_id);
        let wish = if self.random.percent(60) {
            Wish::Cancel(key)
        } else {
            Wish::Transmit(key)
        };
        let ask = self.ask(wish, None);
        self.process(vec![ask]);
    }

    fn ask(&mut self, what: Wish, request: Option<usize>) -> Input {
        self.waiters += 1;
        self.callers.insert(self.waiters, request);
        let patience = Duration::from_millis(self.random.below(5_000) as u64);
        Input::Ask(Ask {
            waiter: self.waiters,
            deadline: self.now.tick + patience,
            what,
        })
    }

    /// Some of what TWS says reaches the engine as one batch.
    fn deliver(&mut self) {
        let count = 1 + self.random.below(12);
        let count = count.min(self.tws.says.len());
        // What is stuck came before.
        let mut events = std::mem::take(&mut self.stuck);
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
            self.random.below(1_500) as u64
        };
        self.advance(Duration::from_millis(millis));
    }

    pub(super) fn advance(&mut self, by: Duration) {
        self.now.tick += by;
        let micros = i64::try_from(by.as_micros()).unwrap();
        // The wall clock jumps now and then, both ways.
        let jump = if !self.calm && self.random.percent(3) {
            self.random.below(7_200) as i64 * 1_000_000 - 3_600_000_000
        } else {
            0
        };
        self.now.wall = Timestamp::from_unix_micros(self.now.wall.unix_micros() + micros + jump);
        let mut inputs = std::mem::take(&mut self.stuck);
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

    /// The process is killed, and another one starts on what is stored.
    fn crash(&mut self) {
        self.tws.disconnect(&mut self.random, &mut self.to_tws);
        self.to_tws.clear();
        self.tws.says.clear();
        self.stuck.clear();
        self.callers.clear();
        self.shown.clear();
        self.store.check();
        self.core = Core::new(settings(), self.store.found());
        // Time goes on; the new process counts its own.
        self.now.tick = Duration::ZERO;
    }

    /// Commits inputs as the driver does, and carries out what comes of them. Answers what callers were told.
    pub(super) fn process(&mut self, inputs: Vec<Input>) -> Vec<(u64, Outcome)> {
        if inputs.is_empty() {
            self.flush();
            return Vec::new();
        }
        let mut batch = Batch::new(&self.core.desk);
        let mut rows = &self.store;
        for input in &inputs {
            match self.core.step(&mut batch, input, &mut NoRows, self.now) {
                Ok(()) => {}
                Err(Stop::NeedsRows) => {
                    let again = self.core.step(&mut batch, input, &mut rows, self.now);
                    assert!(again.is_ok(), "{again:?}");
                }
                Err(Stop::Store(error)) => panic!("{error}"),
            }
        }
        if !self.calm && batch.writes() {
            if self.random.percent(1) {
                if self.random.percent(50) {
                    self.store.write(&batch);
                }
                drop(batch);
                self.crash();
                return Vec::new();
            }
            if self.random.percent(2) {
                return self.no_room(inputs);
            }
        }
        self.store.write(&batch);
        let out = self.core.commit(batch, self.now);
        self.shown.extend(out.events);
        for (waiter, outcome) in &out.replies {
            self.told(*waiter, outcome);
        }
        self.to_tws.extend(out.commands);
        self.flush();
        out.replies
    }

    fn no_room(&mut self, inputs: Vec<Input>) -> Vec<(u64, Outcome)> {
        for input in inputs {
            match input {
                Input::Ask(ask) => {
                    self.callers.remove(&ask.waiter);
                }
                other => self.stuck.push(other),
            }
        }
        // What TWS says next comes after what is stuck.
        while let Some(event) = self.tws.says.pop_front() {
            self.stuck.push(Input::Tws(event));
        }
        Vec::new()
    }

    fn told(&mut self, waiter: u64, outcome: &Outcome) {
        let request = self
            .callers
            .remove(&waiter)
            .expect("nobody is answered twice");
        if let Ok(answer) = outcome {
            let stored = self
                .store
                .orders
                .get(&answer.state.order_id)
                .expect("told before it was stored");
            assert!(
                stored.state.sequence >= answer.state.sequence,
                "shown before it was stored"
            );
            if let Some(number) = request {
                let request = &mut self.requests[number];
                assert_eq!(answer.state.request_id, request.wish.request_id);
                assert_eq!(stored.digest, request.wish.digest);
                if let Some(known) = request.order_id {
                    assert_eq!(known, answer.state.order_id, "one request, two orders");
                }
                request.order_id = Some(answer.state.order_id);
            }
        }
    }

    fn flush(&mut self) {
        let room = if self.calm {
            1_000
        } else {
            self.random.below(20)
        };
        for handed in self.core.flush(self.now, room) {
            if let TwsCommand::Place { ticket, .. } = &handed.command {
                assert!(
                    self.store.orders.contains_key(&ticket.order_id),
                    "sent before it was stored"
                );
            }
            self.to_tws.push_back(handed.command);
        }
    }

    /// Delivers everything, until nobody has anything to say.
    pub(super) fn settle(&mut self) {
        for _ in 0..200 {
            while let Some(command) = self.to_tws.pop_front() {
                self.tws.obey(&mut self.random, command);
            }
            let events: Vec<Input> = self.tws.says.drain(..).map(Input::Tws).collect();
            let quiet = events.is_empty() && self.stuck.is_empty() && self.to_tws.is_empty();
            if quiet
                && self.core.queue.len() == 0
                && self.core.desk.reconcile.running.is_none()
                && self.core.desk.reconcile.due.is_none()
            {
                return;
            }
            let mut inputs = std::mem::take(&mut self.stuck);
            inputs.extend(events);
            self.process(inputs);
            self.advance(Duration::from_millis(1_100));
        }
        panic!(
            "it does not come to rest at {:?}, stuck {}, says {}, to_tws {:?}: {:?}",
            self.now.tick,
            self.stuck.len(),
            self.tws.says.len(),
            self.to_tws,
            self.core.desk
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
        client_id: CLIENT,
        limits: Limits::default(),
        allow_live: false,
        peer: "model".to_owned(),
        messages_per_second: 20,
        acknowledgement_timeout: Duration::from_secs(30),
        terminal_linger: Duration::from_secs(1),
        reconcile_timeout: Duration::from_secs(40),
        parked_max: 50,
    }
}
