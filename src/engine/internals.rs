//! The engine's task as a simulation moves it on, one turn at a time: what waits, what becomes of it, what is sent.
//!
//! Behind the feature `internals`, which is never a default. Nothing here is a promise: it changes with the engine, in any version.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tokio::sync::{mpsc, oneshot, watch};

use super::clocks::{Clock, Clocks};
use super::core::{Core, Settings};
use super::driver::{Call, Driver, Ends, Gathered, HaltStored};
use super::halts::HaltChange;
use super::input::{
    BracketCommand, Command, Input, Outcome, PlaceCommand, PreviewCommand, ReplaceCommand,
};
use super::link::LinkStatus;
use crate::domain::{
    Bracket, Caller, Halt, Limits, Order, OrderKey, OrderState, PreviewVerdict, TermsChange,
    Timestamp, Zone,
};
use crate::error::Error;
use crate::feed::Feed;
use crate::stats::Stats;
use crate::store::OpenStore;
use crate::tws::{Answer, TwsCommand, TwsEvent};

/// Calls and commands that may wait.
const CHANNEL_LENGTH: usize = 1_000;
/// Reports that may wait.
const EVENTS_LENGTH: usize = 100_000;
/// So often in a row an answer came without its end mark: then what came counts as all of it.
const ENDLESS_TIMES: u32 = 2;

/// The client id of every engine that is played.
pub(super) const CLIENT_ID: i32 = 7;

/// Settings of a gateway that nothing holds back.
pub(super) fn settings() -> Settings {
    Settings {
        client_id: CLIENT_ID,
        limits: Limits::default(),
        risk_limits: Arc::default(),
        restart_window: None,
        limits_zone: Zone::new_york(),
        allow_live: false,
        peer: "a test".to_owned(),
        messages_per_second: 1_000,
        acknowledgement_timeout: Duration::from_secs(30),
        terminal_linger: Duration::from_secs(1),
        reconcile_timeout: Duration::from_secs(40),
        parked_max: 1_000,
        previews_per_minute: 1,
        waiters_per_order_max: 8,
        began: Timestamp::default(),
        halted_by_file: None,
    }
}

/// What a simulation chooses about the engine.
#[derive(Debug, Clone, Copy)]
pub struct PlayedSettings {
    /// Messages to TWS a second.
    pub messages_per_second: u32,
    /// Previews a minute.
    pub previews_per_minute: u32,
}

/// The clocks of a simulation: they stand still until they are moved.
#[derive(Debug, Clone, Copy)]
pub struct PlayedClocks(&'static Mutex<Clocks>);

impl PlayedClocks {
    /// Clocks of which the wall clock starts there. They live as long as the process.
    #[must_use]
    pub fn starting_at(wall_time: Timestamp) -> Self {
        Self(Box::leak(Box::new(Mutex::new(Clocks {
            wall_time,
            monotonic: Duration::ZERO,
        }))))
    }

    /// Time since the start.
    #[must_use]
    pub fn monotonic(self) -> Duration {
        self.read().monotonic
    }

    /// What the wall clock shows.
    #[must_use]
    pub fn wall_time(self) -> Timestamp {
        self.read().wall_time
    }

    /// Time passes on both.
    pub fn advance(self, by: Duration) {
        self.lock().monotonic += by;
        self.jump(i64::try_from(by.as_micros()).unwrap_or(i64::MAX));
    }

    /// The wall clock is set forward or back by so many microseconds.
    pub fn jump(self, micros: i64) {
        let mut clocks = self.lock();
        let then = clocks.wall_time.unix_micros().saturating_add(micros);
        clocks.wall_time = Timestamp::from_unix_micros(then);
    }

    pub(super) fn read(self) -> Clocks {
        *self.lock()
    }

    fn lock(self) -> std::sync::MutexGuard<'static, Clocks> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// What waits for the engine, taken by it and not yet processed.
#[derive(Debug)]
pub struct Turn(Gathered);

impl Turn {
    /// Nothing waits.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.inputs.is_empty()
    }

    /// Whether TWS's last answer to a reconcile is in it from which something may be concluded.
    #[must_use]
    pub fn ends_a_reconcile(&self) -> bool {
        let counts = |answer: &Answer| match answer {
            Answer::Whole => true,
            Answer::Partial { times } => *times >= ENDLESS_TIMES,
            Answer::None { .. } => false,
        };
        self.0.inputs.iter().any(|input| {
            matches!(input, Input::Tws(TwsEvent::Reconciled { answers, .. })
                if counts(&answers.open_orders) && counts(&answers.completed_orders) && counts(&answers.executions))
        })
    }
}

/// What a caller asks the engine for.
#[derive(Debug, Clone)]
pub enum Offer {
    /// A new order under a request id.
    Place(Order, String),
    /// A new bracket under a request id.
    PlaceBracket(Bracket, String),
    /// The release of a staged order.
    Transmit(OrderKey),
    /// Other terms, under a request id.
    Replace(OrderKey, TermsChange, String),
    /// The end of an order.
    Cancel(OrderKey),
    /// The end of an exit, and of the other one with it.
    CancelWithSibling(OrderKey),
    /// What TWS would make of an order.
    Preview(Order, String),
}

impl From<Offer> for Command {
    fn from(offer: Offer) -> Self {
        match offer {
            Offer::Place(order, request_id) => Self::Place(Arc::new(PlaceCommand {
                digest: order.digest(),
                order,
                request_id,
                request_id_given: true,
            })),
            Offer::PlaceBracket(bracket, request_id) => {
                Self::PlaceBracket(Arc::new(BracketCommand {
                    digest: bracket.digest(),
                    bracket,
                    request_id,
                    request_id_given: true,
                }))
            }
            Offer::Transmit(key) => Self::Transmit(key.into()),
            Offer::Replace(key, change, request_id) => Self::Replace(Arc::new(ReplaceCommand {
                key,
                change,
                expected_revision: None,
                request_id,
                request_id_given: true,
            })),
            Offer::Cancel(key) => Self::Cancel(key.into()),
            Offer::CancelWithSibling(key) => Self::CancelWithSibling(key.into()),
            Offer::Preview(order, request_id) => {
                Self::Preview(Arc::new(PreviewCommand { order, request_id }))
            }
        }
    }
}

/// The answer to a call, when there is one.
#[derive(Debug)]
pub struct Reply(Waiting);

#[derive(Debug)]
enum Waiting {
    Order(oneshot::Receiver<Outcome>),
    Halt(oneshot::Receiver<Result<HaltStored, Error>>),
}

/// Where the answer to a call stands.
#[derive(Debug)]
pub enum Replied {
    /// The order as it was when it was answered, and TWS's verdict where a preview was asked for.
    Order(Box<OrderState>, Option<PreviewVerdict>),
    /// The halts that are in force, and whether the change is on disk.
    Halts(Vec<Halt>, bool),
    /// Why not.
    Refused(Error),
    /// It will come.
    Waits,
    /// The engine ended before it.
    Never,
}

impl Reply {
    /// Takes the answer if it has come.
    pub fn take(&mut self) -> Replied {
        let failed = |error| match error {
            oneshot::error::TryRecvError::Empty => Replied::Waits,
            oneshot::error::TryRecvError::Closed => Replied::Never,
        };
        match &mut self.0 {
            Waiting::Order(answer) => match answer.try_recv() {
                Ok(Ok(answer)) => Replied::Order(Box::new(answer.state), answer.preview),
                Ok(Err(error)) => Replied::Refused(error),
                Err(error) => failed(error),
            },
            Waiting::Halt(answer) => match answer.try_recv() {
                Ok(Ok(stored)) => Replied::Halts(stored.halts, stored.persisted),
                Ok(Err(error)) => Replied::Refused(error),
                Err(error) => failed(error),
            },
        }
    }
}

/// The engine's task and the other ends of its channels.
pub struct PlayedEngine {
    pub(super) driver: Driver,
    events: mpsc::Sender<TwsEvent>,
    commands: mpsc::Receiver<TwsCommand>,
    calls: mpsc::Sender<Call>,
    clock: Clock,
    _link: watch::Receiver<LinkStatus>,
}

impl std::fmt::Debug for PlayedEngine {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("PlayedEngine").finish_non_exhaustive()
    }
}

impl PlayedEngine {
    /// An engine on an open store, in a time of its own.
    #[must_use]
    pub fn start(
        opened: OpenStore,
        feed: Feed,
        chosen: PlayedSettings,
        clocks: PlayedClocks,
    ) -> Self {
        let settings = Settings {
            messages_per_second: chosen.messages_per_second,
            previews_per_minute: chosen.previews_per_minute,
            ..settings()
        };
        Self::new(opened, feed, settings, Clock::played(clocks))
    }

    pub(super) fn new(opened: OpenStore, feed: Feed, settings: Settings, clock: Clock) -> Self {
        let OpenStore { store, recovered } = opened;
        let settings = Settings {
            began: clock.now().wall_time,
            ..settings
        };
        let (calls, inbox) = mpsc::channel(CHANNEL_LENGTH);
        let (events, told) = mpsc::channel(EVENTS_LENGTH);
        let (commands, asked) = mpsc::channel(CHANNEL_LENGTH);
        let (link, link_seen) = watch::channel(LinkStatus::default());
        let (shown_accounts, _) = watch::channel(Arc::default());
        let ends = Ends {
            calls: inbox,
            events: told,
            commands,
            link,
            accounts: shown_accounts,
        };
        let core = Core::new(settings, recovered);
        Self {
            driver: Driver::new(clock, core, store, feed, Arc::new(Stats::default()), ends),
            events,
            commands: asked,
            calls,
            clock,
            _link: link_seen,
        }
    }

    /// Asks for something. `None` where no more calls are taken.
    #[must_use]
    pub fn ask(&self, offer: Offer, timeout: Duration) -> Option<Reply> {
        let (reply, answer) = oneshot::channel();
        let call = Call::PendingRequest {
            command: offer.into(),
            caller: Arc::new(Caller::LOCAL),
            deadline: self.clock.monotonic() + timeout,
            reply,
        };
        let taken = self.calls.try_send(call).is_ok();
        taken.then_some(Reply(Waiting::Order(answer)))
    }

    /// Stops new orders. `None` where no more calls are taken.
    #[must_use]
    pub fn halt(&self, reason: &str) -> Option<Reply> {
        self.change_halts(HaltChange::Add(Halt {
            reason: reason.to_owned(),
            caller: None,
            account: None,
            halted_by: None,
            since: self.clock.now().wall_time,
        }))
    }

    /// Takes new orders again. `None` where no more calls are taken.
    #[must_use]
    pub fn resume(&self) -> Option<Reply> {
        self.change_halts(HaltChange::Lift {
            caller: None,
            account: None,
        })
    }

    fn change_halts(&self, change: HaltChange) -> Option<Reply> {
        let (reply, answer) = oneshot::channel();
        let call = Call::Halt {
            change,
            caller: Arc::new(Caller::LOCAL),
            reply,
        };
        let taken = self.calls.try_send(call).is_ok();
        taken.then_some(Reply(Waiting::Halt(answer)))
    }

    /// The process is to end within this time.
    pub fn close(&self, grace: Duration) {
        let _ = self.calls.try_send(Call::Close { grace });
    }

    /// TWS, or the adapter before it, says something.
    pub fn hear(&self, event: TwsEvent) {
        let _ = self.events.try_send(event);
    }

    /// The next thing that the engine asks the adapter for.
    pub fn next_command(&mut self) -> Option<TwsCommand> {
        self.commands.try_recv().ok()
    }

    /// Waits until there is something to do, and takes all of it.
    ///
    /// # Errors
    /// The engine's last word.
    pub async fn gather(&mut self) -> Result<Turn, String> {
        let gathered = self.driver.gather().await;
        gathered.map(Turn).map_err(|fatal| fatal.0)
    }

    /// Commits what was gathered, and does what comes of it.
    ///
    /// # Errors
    /// The engine's last word.
    pub async fn process(&mut self, turn: Turn) -> Result<(), String> {
        let processed = self.driver.process(turn.0).await;
        processed.map_err(|fatal| fatal.0)
    }

    /// Hands over the messages whose time has come.
    ///
    /// # Errors
    /// The engine's last word.
    pub fn send(&mut self) -> Result<(), String> {
        self.driver.send().map_err(|fatal| fatal.0)
    }

    /// Ends what is still under way.
    ///
    /// # Errors
    /// The engine's last word.
    pub async fn close_now(&mut self) -> Result<(), String> {
        self.process(Turn(Gathered::new(vec![Input::CloseNow])))
            .await
    }
}
