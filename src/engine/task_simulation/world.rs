//! The engine's task, its store and its surroundings, moved on step by step, and looked at where something leaves.

use std::collections::HashMap;
use std::future::Future;
use std::pin::pin;
use std::sync::{Arc, Mutex};
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use tempfile::TempDir;
use tokio::sync::{mpsc, oneshot, watch};

use super::clients::{self, Purpose, Request};
use super::random::Random;
use super::tws::{CLIENT_ID, Tws, Weather};
use crate::domain::{EventKind, Limits, OrderKey, OrderTicket, Status};
use crate::engine::core::{Core, Found, Settings};
use crate::engine::driver::{Call, Driver, Ends};
use crate::engine::input::{Answer, Input, Wish};
use crate::engine::link::LinkStatus;
use crate::engine::moment::{Clock, Moment};
use crate::error::{Error, Reason};
use crate::feed::{Feed, FeedEvent, FeedLimits, Watch, WatchSpec};
use crate::stats::Stats;
use crate::store::{Opened, Store, StoreSettings};
use crate::tws::{TwsCommand, TwsEvent};

/// How long a caller waits.
const PATIENCE: Duration = Duration::from_secs(5);
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
            sessions,
            events,
        } = other;
        self.requests += requests;
        self.acknowledged += acknowledged;
        self.filled += filled;
        self.unconfirmed += unconfirmed;
        self.crashes += crashes;
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
    time: &'static Mutex<Moment>,
    directory: TempDir,
    pub(super) process: Process,
    pub(super) requests: Vec<Request>,
    calls: Vec<clients::Call>,
    /// Sequences that a watcher of all orders has seen, across every process.
    pub(super) watched: Vec<u64>,
    pub(super) first_sequence: u64,
    pub(super) counts: Counts,
}

/// What dies with the process.
pub(super) struct Process {
    driver: Driver,
    pub(super) store: Store,
    watch: Watch,
    calls: mpsc::Sender<Call>,
    events: mpsc::Sender<TwsEvent>,
    commands: mpsc::Receiver<TwsCommand>,
    _link: watch::Receiver<LinkStatus>,
}

impl World {
    pub(super) async fn new(seed: u64) -> Self {
        let mut random = Random::new(seed);
        let wild = random.percent(50);
        let weather = Weather {
            lost: if wild { random.below(20) } else { 0 },
            doubled: random.below(20),
            shuffled: random.below(40),
            torn: 1,
            corrections: random.percent(30),
            commissions_again: random.percent(50),
        };
        let wall = crate::domain::Timestamp::from_unix_micros(START_MICROS);
        let time: &'static Mutex<Moment> = Box::leak(Box::new(Mutex::new(Moment {
            wall,
            tick: Duration::ZERO,
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
            70..=71 => self.process.store.refuse_commits(1 + self.random.below(3)),
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

    /// Faults end, everybody asks until answered, orders come to their ends, and TWS is asked what it holds.
    pub(super) async fn settle(&mut self) {
        self.tws.weather.torn = 0;
        self.tws.weather.lost = 0;
        self.tws.weather.shuffled = 0;
        self.process.store.refuse_commits(0);
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
            now.wall = crate::domain::Timestamp::from_unix_micros(now.wall.unix_micros() + jump);
        }
    }

    fn advance(&self, by: Duration) {
        let mut now = self.time.lock().unwrap();
        now.tick += by;
        let micros = i64::try_from(by.as_micros()).unwrap();
        now.wall = crate::domain::Timestamp::from_unix_micros(now.wall.unix_micros() + micros);
    }

    fn place_new(&mut self) {
        let request = clients::request(self.requests.len(), &mut self.random);
        self.requests.push(request);
        self.counts.requests += 1;
        self.place(self.requests.len() - 1);
    }

    fn place_again(&mut self) {
        if !self.requests.is_empty() {
            let index = self.random.index(self.requests.len());
            self.place(index);
        }
    }

    fn place(&mut self, index: usize) {
        let wish = Wish::Place(Arc::clone(&self.requests[index].wish));
        self.call(index, Purpose::Place, wish);
    }

    fn reuse(&mut self) {
        if let Some(index) = self.acknowledged() {
            let wish = Wish::Place(clients::reused(&self.requests[index].wish));
            self.call(index, Purpose::Reuse, wish);
        }
    }

    fn ask(&mut self, purpose: Purpose) {
        let Some(index) = self.acknowledged() else {
            return;
        };
        let request = &mut self.requests[index];
        let key = OrderKey::RequestId(request.wish.request_id.clone());
        let wish = if purpose == Purpose::Transmit {
            request.released = true;
            Wish::Transmit(key)
        } else {
            request.cancelled = true;
            Wish::Cancel(key)
        };
        self.call(index, purpose, wish);
    }

    fn acknowledged(&mut self) -> Option<usize> {
        let answered: Vec<usize> = (0..self.requests.len())
            .filter(|index| self.requests[*index].order_id.is_some())
            .collect();
        (!answered.is_empty()).then(|| answered[self.random.index(answered.len())])
    }

    fn call(&mut self, request: usize, purpose: Purpose, wish: Wish) {
        let (reply, answer) = oneshot::channel();
        let call = Call::Ask {
            wish,
            deadline: self.time.lock().unwrap().tick + PATIENCE,
            reply,
        };
        if self.process.calls.try_send(call).is_ok() {
            self.calls.push(clients::Call {
                request,
                purpose,
                answer,
            });
        }
    }

    fn go_away(&mut self) {
        if !self.calls.is_empty() {
            let index = self.random.index(self.calls.len());
            self.calls.swap_remove(index);
        }
    }

    fn deliver(&mut self) {
        if let Some(event) = self.tws.hear() {
            if matches!(event, TwsEvent::SessionUp(_)) {
                self.counts.sessions += 1;
            }
            let _ = self.process.events.try_send(event);
        }
    }

    /// Until nothing is under way any more.
    async fn quieten(&mut self) {
        for _ in 0..10_000 {
            while self.tws.is_busy() {
                self.tws.read();
                self.deliver();
            }
            if self.run(false).await.is_err() {
                self.fail("the engine stopped while everything was well");
            }
            if !self.tws.is_busy() {
                return;
            }
        }
        self.fail("it does not come to rest");
    }

    /// The engine does what there is to do. An error: its process is dead.
    async fn run(&mut self, dies: bool) -> Result<(), ()> {
        loop {
            let gathered = now(self.process.driver.gather());
            let inputs = match gathered {
                Some(Ok(inputs)) => inputs,
                Some(Err(fatal)) => self.fail(&fatal.0),
                None => Vec::new(),
            };
            if inputs.is_empty() {
                break;
            }
            if self.trace {
                let now = self.time.lock().unwrap().tick;
                println!("{now:?} {} {inputs:?}", if dies { "dying" } else { "" });
            }
            let may_guess = inputs.iter().any(ends_a_reconcile);
            let head = self.process.driver.core.desk.sequence;
            if dies {
                // All that it still tries, or none: how far it gets is a matter of time, and a seed must play the same again.
                let refused = if self.random.percent(50) { 1_000 } else { 0 };
                self.process.store.refuse_commits(refused);
                // The store's thread finishes what it has begun; the task never hears of it.
                let _ = now(self.process.driver.process(inputs));
                return Err(());
            }
            if let Err(fatal) = self.process.driver.process(inputs).await {
                self.fail(&fatal.0);
            }
            self.look_at_events(head, may_guess).await;
            self.take_answers().await;
            if let Err(fatal) = self.process.driver.send() {
                self.fail(&fatal.0);
            }
            self.take_commands().await;
        }
        // Messages whose slot has come.
        if let Err(fatal) = self.process.driver.send() {
            self.fail(&fatal.0);
        }
        self.take_commands().await;
        self.see();
        if let Some(violation) = self.tws.violations.first() {
            self.fail(violation);
        }
        Ok(())
    }

    /// Nothing is called unconfirmed but at the end of a reconcile that saw everything.
    async fn look_at_events(&mut self, head: u64, may_guess: bool) {
        let reader = self.process.store.reader();
        let events = reader.events_after(head, None, 100_000).await.unwrap();
        for event in events {
            if let EventKind::Order(state) = event.kind
                && state.status == Status::Unconfirmed
            {
                let before = reader
                    .events_after(self.first_sequence, Some(state.order_id), 100_000)
                    .await
                    .unwrap();
                let already = before.iter().rev().any(|earlier| {
                    earlier.sequence <= head
                        && matches!(&earlier.kind, EventKind::Order(state) if state.status == Status::Unconfirmed)
                });
                self.expect(may_guess || already, || {
                    format!(
                        "order {} was called unconfirmed without a complete reconcile",
                        state.order_id
                    )
                });
            }
        }
    }

    /// What leaves for TWS is on disk as it leaves.
    async fn take_commands(&mut self) {
        while let Ok(command) = self.process.commands.try_recv() {
            if let TwsCommand::Place { ticket, .. } = &command {
                let stored = self.stored(ticket.order_id).await;
                self.expect(stored.as_ref() == Some(ticket), || {
                    format!("{ticket:?} was sent, but stored is {stored:?}")
                });
            }
            self.tws.command(command);
        }
    }

    async fn stored(&self, order_id: i32) -> Option<OrderTicket> {
        let key = OrderKey::OrderId(order_id);
        let detail = self.process.store.reader().get(key).await.unwrap();
        detail.map(|detail| OrderTicket::from(&detail.order))
    }

    async fn take_answers(&mut self) {
        // Of two who ask for the same at once, one may be refused and the other served.
        let mut waiting: HashMap<usize, usize> = HashMap::new();
        for call in &self.calls {
            *waiting.entry(call.request).or_default() += 1;
        }
        let mut index = 0;
        while index < self.calls.len() {
            match self.calls[index].answer.try_recv() {
                Err(oneshot::error::TryRecvError::Empty) => index += 1,
                Err(oneshot::error::TryRecvError::Closed) => {
                    self.calls.swap_remove(index);
                }
                Ok(outcome) => {
                    let call = self.calls.swap_remove(index);
                    match outcome {
                        Ok(answer) => self.answered(call.request, call.purpose, answer).await,
                        Err(error) => {
                            if self.trace {
                                println!(
                                    "{:?} of request {}: {error:?}",
                                    call.purpose, call.request
                                );
                            }
                            let alone = waiting.get(&call.request) == Some(&1);
                            self.refused(call.request, call.purpose, &error, alone)
                                .await;
                        }
                    }
                }
            }
        }
    }

    /// What a caller is told is on disk, and one request has one order.
    async fn answered(&mut self, request: usize, purpose: Purpose, answer: Answer) {
        let state = answer.state;
        self.expect(purpose != Purpose::Reuse, || {
            format!("another order was taken under {}", state.request_id)
        });
        let key = OrderKey::RequestId(self.requests[request].wish.request_id.clone());
        let stored = self.process.store.reader().get(key).await.unwrap();
        let known = stored.is_some_and(|detail| {
            detail.order.order_id == state.order_id && detail.order.sequence >= state.sequence
        });
        self.expect(known, || format!("an answer is not on disk: {state:?}"));
        let first = *self.requests[request]
            .order_id
            .get_or_insert(state.order_id);
        self.expect(first == state.order_id, || {
            format!(
                "request {} made orders {first} and {}",
                state.request_id, state.order_id
            )
        });
    }

    /// An error of Place promises that there is no order.
    async fn refused(&mut self, request: usize, purpose: Purpose, error: &Error, alone: bool) {
        match purpose {
            Purpose::Place => {
                let promised = matches!(
                    error.reason,
                    Reason::TwsUnavailable
                        | Reason::IbUnavailable
                        | Reason::Pacing
                        | Reason::Store
                        | Reason::ShuttingDown
                );
                self.expect(promised, || format!("a place was answered {error:?}"));
                let key = OrderKey::RequestId(self.requests[request].wish.request_id.clone());
                let stored = self.process.store.reader().get(key).await.unwrap();
                self.expect(stored.is_none() || !alone, || {
                    format!("{error:?} was answered, but stored is {stored:?}")
                });
            }
            Purpose::Reuse => {
                let right = matches!(
                    error.reason,
                    Reason::RequestIdReused | Reason::Store | Reason::ShuttingDown
                );
                self.expect(right, || {
                    format!("a reused request id was answered {error:?}")
                });
            }
            Purpose::Transmit | Purpose::Cancel => {
                self.expect(error.reason != Reason::OrderNotFound, || {
                    format!("an acknowledged order is lost: {error:?}")
                });
            }
        }
    }

    /// What the watcher of all orders sees: each event once, in order.
    fn see(&mut self) {
        while let Some(update) = now(self.process.watch.next()) {
            let update = match update {
                Some(Ok(update)) => update,
                end => self.fail(&format!("the watch ended: {end:?}")),
            };
            if matches!(update.event, FeedEvent::Stored(_)) {
                self.watched.push(update.sequence);
            }
        }
    }

    /// Waits until the watcher sees something.
    pub(super) async fn watch_once(&mut self, limit: Duration) {
        match tokio::time::timeout(limit, self.process.watch.next()).await {
            Ok(Some(Ok(update))) => {
                if matches!(update.event, FeedEvent::Stored(_)) {
                    self.watched.push(update.sequence);
                }
            }
            end => self.fail(&format!("the watcher does not get what there is: {end:?}")),
        }
    }

    /// The process dies as it is, and a new one starts on what is on disk.
    async fn crash(&mut self) {
        self.counts.crashes += 1;
        // A part of what was handed over gets out.
        for _ in 0..self.random.below(3) {
            if let Ok(command) = self.process.commands.try_recv() {
                self.tws.command(command);
            }
        }
        // What the dead process had begun to commit is committed, or not, before the new one starts.
        let _ = self.process.store.transact(|_| Ok(())).await;
        self.begin_anew().await;
    }

    /// The process ends as it should.
    async fn close(&mut self) {
        let call = Call::Close {
            grace: Duration::from_secs(5),
        };
        let _ = self.process.calls.try_send(call);
        if self.run(false).await.is_err() {
            self.fail("the engine stopped");
        }
        if self
            .process
            .driver
            .process(vec![Input::CloseNow])
            .await
            .is_err()
        {
            self.fail("the engine stopped");
        }
        self.take_answers().await;
        self.begin_anew().await;
    }

    async fn begin_anew(&mut self) {
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

fn ends_a_reconcile(input: &Input) -> bool {
    matches!(
        input,
        Input::Tws(TwsEvent::Reconciled { result: Ok(()), .. })
    )
}

async fn open(directory: &TempDir) -> Opened {
    let settings = StoreSettings {
        path: directory.path().join("orders.db"),
        client_id: CLIENT_ID,
        address: "a simulation".to_owned(),
    };
    Store::open(settings).await.unwrap()
}

async fn start(opened: Opened, time: &'static Mutex<Moment>, seen: u64) -> Process {
    let Opened {
        store,
        live,
        fills,
        head_sequence,
        highest_order_id,
        accounts,
    } = opened;
    let feed = Feed::new(store.reader(), head_sequence, FeedLimits::default());
    let watch = feed
        .watch(WatchSpec {
            after_sequence: seen,
            poll_interval: Duration::from_secs(3_600),
            ..WatchSpec::new(0)
        })
        .await
        .unwrap();
    let (calls, inbox) = mpsc::channel(1_000);
    let (events, told) = mpsc::channel(100_000);
    let (commands, asked) = mpsc::channel(1_000);
    let (link, link_seen) = watch::channel(LinkStatus::default());
    let settings = Settings {
        client_id: CLIENT_ID,
        limits: Limits::default(),
        allow_live: false,
        peer: "a simulation".to_owned(),
        messages_per_second: 45,
        acknowledgement_timeout: Duration::from_secs(30),
        terminal_linger: Duration::from_secs(1),
        reconcile_timeout: Duration::from_secs(40),
        parked_max: 1_000,
    };
    let found = Found::new(live, fills, head_sequence, highest_order_id, accounts);
    let ends = Ends {
        calls: inbox,
        events: told,
        commands,
        link,
    };
    let driver = Driver::new(
        Clock::played(time),
        Core::new(settings, found),
        store.clone(),
        feed,
        Arc::new(Stats::default()),
        ends,
    );
    Process {
        driver,
        store,
        watch,
        calls,
        events,
        commands: asked,
        _link: link_seen,
    }
}

/// What a future is ready with at once.
fn now<F: Future>(future: F) -> Option<F::Output> {
    match pin!(future).poll(&mut Context::from_waker(Waker::noop())) {
        Poll::Ready(value) => Some(value),
        Poll::Pending => None,
    }
}
