//! The TWS itself: all state, and one synchronous step per request.
//!
//! Nothing here reads a clock, a socket or a disk. `now` comes with each call, answers are left in the sessions, and
//! what has to outlive a restart is left in the journal; the server task moves all three.

mod bounds;
mod cancel;
mod control;
mod echo;
mod family;
mod fault;
mod fill;
mod link;
mod login;
mod margin;
mod oca;
mod place;
mod portfolio;
mod query;
mod records;
mod reports;
mod time;
mod transmit;
mod trigger;
mod waiting;

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::time::Duration;

use super::account::Account;
use super::book::Book;
use super::clock::Now;
use super::config::{Hours, Mode, SimulatorConfig};
use super::journal::Record;
use super::ledger::Ledger;
use super::log::Log;
use super::market::{Market, SymbolIndex};
use super::message::Request;
use super::odd::OddRow;
use super::order::{OrderKey, PermId};
use super::random::Random;
use super::session::{ConnectionId, Handover, Session, Sessions};
use super::switches::{Chance, Switches};
use fault::Faults;
pub(crate) use fill::FillReport;
use place::CheckedOrder;

/// What a test decided about the next order.
#[derive(Clone, Debug)]
pub(crate) enum Verdict {
    /// Refused with this error; with an Inactive pair before it when asked.
    Reject {
        code: i32,
        text: String,
        inactive: bool,
    },
    /// Held, with 404, until a share is found.
    Locate,
    /// Taken, and made smaller (481).
    Reduce,
}

/// What happens later by itself.
#[derive(Clone, Copy, Debug)]
enum Scheduled {
    IbRestored {
        data_lost: bool,
    },
    /// An order's good-till date.
    GoodTill(PermId),
    /// Refusals that nobody asked in the meantime.
    LateErrors(ConnectionId),
    /// Positions that are told late.
    PositionNews,
    /// Account values that a fill changed.
    AccountNews,
    /// Everything about accounts that changed.
    AccountRefresh,
    /// Right values after wrong ones.
    AccountReady(ConnectionId),
    /// Profits that changed.
    Pnl,
}

/// What holds of the whole TWS at the moment; a control changes it.
#[derive(Debug)]
pub(crate) struct Conditions {
    pub(crate) hours: Hours,
    pub(crate) hold_acknowledgements: bool,
    pub(crate) hold_cancels: bool,
    pub(crate) ib_lost: bool,
    pub(crate) refuse: bool,
    pub(crate) latency: Duration,
}

/// See the module.
#[derive(Debug)]
pub(crate) struct Exchange {
    config: SimulatorConfig,
    pub(crate) sessions: Sessions,
    pub(crate) book: Book,
    market: Market,
    ledger: Ledger,
    pub(crate) log: Log,
    next_ids: BTreeMap<i32, i32>,
    accounts: Vec<String>,
    pub(crate) conditions: Conditions,
    pub(crate) switches: Switches,
    faults: Faults,
    verdicts: VecDeque<Verdict>,
    withheld_cancels: BTreeSet<PermId>,
    /// Changes of working orders that IB has not heard of yet.
    pending_replacements: BTreeMap<PermId, CheckedOrder>,
    /// Ids that were used for previews.
    previews: VecDeque<OrderKey>,
    /// Randomness of each switch that happens by chance.
    chances: BTreeMap<&'static str, Random>,
    /// What is odd about the execution that a test is making.
    next_odd_fill: Option<OddRow>,
    schedule: BTreeMap<(i64, u64), Scheduled>,
    scheduled: u64,
    /// Start of permanent and execution ids: the microsecond at which this simulator started.
    base: i64,
    perm_ids: i64,
    exec_ids: i64,
    /// Trading days that a control let pass.
    extra_days: i32,
    /// What each account begins with.
    opening: Account,
    /// The accounts as they were when IB began to set them up anew; none when they are ready.
    stale_accounts: Option<BTreeMap<String, Account>>,
    /// Accounts and positions that changed and were not told yet.
    changed_accounts: BTreeSet<String>,
    changed_positions: BTreeSet<(String, String)>,
    refresh_scheduled: bool,
    pnl_scheduled: bool,
    journal: Vec<Record>,
    journaling: bool,
    asked_since_tick: bool,
}

impl Exchange {
    pub(crate) fn new(config: SimulatorConfig, now: Now) -> Self {
        let market = Market::new(config.seed, &config.symbols);
        let mut exchange = Self {
            book: Book::new(market.len(), config.history_max),
            ledger: Ledger::new(config.history_max, opening_account(&config)),
            log: Log {
                messages_max: config.messages_max,
                ..Log::default()
            },
            sessions: Sessions::default(),
            next_ids: BTreeMap::new(),
            accounts: config.accounts.clone(),
            conditions: Conditions {
                hours: config.hours,
                hold_acknowledgements: false,
                hold_cancels: false,
                ib_lost: false,
                refuse: false,
                latency: config.latency,
            },
            faults: Faults::default(),
            verdicts: VecDeque::new(),
            withheld_cancels: BTreeSet::new(),
            pending_replacements: BTreeMap::new(),
            previews: VecDeque::new(),
            chances: BTreeMap::new(),
            next_odd_fill: None,
            schedule: BTreeMap::new(),
            scheduled: 0,
            base: now.micros(),
            perm_ids: 0,
            exec_ids: 0,
            extra_days: 0,
            opening: opening_account(&config),
            stale_accounts: None,
            changed_accounts: BTreeSet::new(),
            changed_positions: BTreeSet::new(),
            refresh_scheduled: false,
            pnl_scheduled: false,
            journal: Vec::new(),
            journaling: config.state_file.is_some(),
            asked_since_tick: false,
            switches: config.switches.clone(),
            market,
            config,
        };
        for fault in exchange.config.faults.clone() {
            exchange.set_fault(fault);
        }
        exchange
    }

    /// A connection was accepted.
    pub(crate) fn connected(&mut self, connection: ConnectionId) {
        self.log.connections_total += 1;
        self.sessions
            .by_connection
            .insert(connection, Session::default());
        if self.conditions.refuse {
            self.sessions.close(connection);
        }
    }

    /// A connection ended, by the peer or by an error.
    pub(crate) fn disconnected(&mut self, connection: ConnectionId) {
        self.sessions.remove(connection);
    }

    /// One request of a connection.
    pub(crate) fn request(&mut self, connection: ConnectionId, request: Request, now: Now) {
        let Some(session) = self.sessions.by_connection.get(&connection) else {
            return;
        };
        if session.closing {
            return;
        }
        let client_id = session.client_id;
        self.asked_since_tick = true;
        self.log.received(client_id, &request, now.micros());
        if self.over_the_rate(connection, now) {
            return;
        }
        match (client_id, request) {
            (None, Request::StartApi { client_id }) => self.log_in(connection, client_id, now),
            // TWS does not answer anything before the login.
            (None, _) => {}
            (Some(client_id), request) => self.answer(connection, client_id, request, now),
        }
        self.sessions.settle();
    }

    fn answer(&mut self, connection: ConnectionId, client_id: i32, request: Request, now: Now) {
        match request {
            Request::Place(place) => self.place(connection, client_id, *place, now),
            Request::Cancel { order_id } => self.cancel(client_id, order_id, now),
            Request::GlobalCancel => self.global_cancel(client_id, now),
            Request::OpenOrders | Request::AutoOpenOrders | Request::Ids
                if self.refuse_read_only(connection, now) => {}
            Request::OpenOrders => self.open_orders(connection, client_id),
            Request::AllOpenOrders => self.all_open_orders(connection),
            Request::AutoOpenOrders => self.auto_open_orders(connection, client_id, now),
            Request::CompletedOrders { api_only } => {
                self.completed_orders(connection, client_id, api_only, now)
            }
            Request::Executions(asked) => self.executions(connection, &asked, now),
            Request::Ids => {
                self.send_next_id(connection, client_id);
                self.send_late_errors(connection);
            }
            Request::ManagedAccounts => self.send_accounts(connection),
            Request::CurrentTime => self.current_time(connection, now),
            Request::CurrentTimeMillis => self.current_time_millis(connection, now),
            Request::ContractData(asked) => self.contract_data(connection, &asked, now),
            Request::Positions => self.positions(connection, now),
            Request::CancelPositions => self.cancel_positions(connection),
            Request::AccountUpdates(asked) => self.account_updates(connection, &asked, now),
            Request::AccountSummary(asked) => self.account_summary(connection, &asked, now),
            Request::CancelAccountSummary { request_id } => {
                self.cancel_account_summary(connection, request_id, now);
            }
            Request::PositionsMulti(asked) => self.positions_multi(connection, &asked, now),
            Request::CancelPositionsMulti { request_id } => {
                self.cancel_positions_multi(connection, request_id);
            }
            Request::AccountUpdatesMulti(asked) => {
                self.account_updates_multi(connection, &asked, now);
            }
            Request::CancelAccountUpdatesMulti { request_id } => {
                self.cancel_account_updates_multi(connection, request_id);
            }
            Request::Pnl(asked) => self.pnl(connection, &asked, now),
            Request::PnlSingle(asked) => self.pnl_single(connection, &asked, now),
            Request::CancelPnl { request_id } | Request::CancelPnlSingle { request_id } => {
                self.cancel_pnl(connection, request_id);
            }
            // A second login on one connection changes nothing.
            Request::StartApi { .. } => {}
            Request::Malformed { id } => self.unreadable(connection, id, now),
            Request::Other { id } => {
                tracing::debug!(id, "a request that the simulator does not answer")
            }
        }
    }

    /// The timer of automatic mode: prices move only when nothing was asked since the last time.
    pub(crate) fn tick(&mut self, now: Now) {
        if std::mem::take(&mut self.asked_since_tick)
            || self.conditions.hours == Hours::Closed
            || !self.is_automatic()
        {
            return;
        }
        for symbol in 0..self.market.len() {
            self.market.step(symbol);
            self.sweep(symbol, now);
        }
    }

    /// When [`Exchange::run_due`] has something to do, in microseconds.
    pub(crate) fn next_due(&self) -> Option<i64> {
        self.schedule.keys().next().map(|(at, _)| *at)
    }

    /// Does what was scheduled for now or earlier.
    pub(crate) fn run_due(&mut self, now: Now) {
        while let Some(entry) = self.schedule.first_entry() {
            if entry.key().0 > now.micros() {
                return;
            }
            match entry.remove() {
                Scheduled::IbRestored { data_lost } => self.restore_ib(data_lost, now),
                Scheduled::GoodTill(perm_id) => self.end_good_till(perm_id, now),
                Scheduled::LateErrors(connection) => self.send_late_errors(connection),
                Scheduled::PositionNews => self.tell_late_positions(),
                Scheduled::AccountNews => self.tell_account_news(now),
                Scheduled::AccountRefresh => self.refresh_accounts(now),
                Scheduled::AccountReady(connection) => self.make_account_ready(connection, now),
                Scheduled::Pnl => self.tell_pnl(now),
            }
        }
    }

    pub(crate) fn hand_over(&mut self) -> Vec<Handover> {
        self.sessions.hand_over()
    }

    pub(crate) fn take_journal(&mut self) -> Vec<Record> {
        std::mem::take(&mut self.journal)
    }

    /// Says who moves the market from now on.
    pub(crate) fn set_mode(&mut self, mode: Mode) {
        self.config.mode = mode;
    }

    fn is_automatic(&self) -> bool {
        matches!(self.config.mode, Mode::Automatic { .. })
    }

    fn day(&self, now: Now) -> i32 {
        now.day() + self.extra_days
    }

    fn schedule(&mut self, at: i64, what: Scheduled) {
        self.scheduled += 1;
        self.schedule.insert((at, self.scheduled), what);
    }

    /// Whether something happens this time that may or may not.
    fn happens(&mut self, chance: Chance, name: &'static str) -> bool {
        match chance {
            Chance::Never => false,
            Chance::Always => true,
            Chance::Sometimes => {
                let seed = self.config.seed;
                let random = self
                    .chances
                    .entry(name)
                    .or_insert_with(|| Random::new(seed, name));
                random.below(3) == 0
            }
        }
    }

    /// After an order came: its symbol's price takes a step, and trades what it reaches.
    fn settle_market(&mut self, symbol: SymbolIndex, now: Now) {
        if self.is_automatic() {
            self.market.step(symbol);
            self.journal_walk(symbol);
            self.sweep(symbol, now);
        }
    }
}

/// What each account of a simulator begins with.
fn opening_account(config: &SimulatorConfig) -> Account {
    let currency = config.base_currency.word().to_owned();
    Account {
        cash: BTreeMap::from([(currency, config.starting_cash)]),
        ..Account::default()
    }
}
