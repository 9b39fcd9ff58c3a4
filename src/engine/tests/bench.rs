//! A core on a bench: inputs go in, and what comes of them is kept.

use std::sync::Arc;
use std::time::Duration;

use serde_json::json;

use crate::domain::report_fixtures::{self, OrderInTws};
use crate::domain::{
    Amount, Caller, ExecutionReport, Limits, LinkState, OrderKey, OrderReport, OrderState, Origin,
    Status, Timestamp, check,
};
use crate::engine::batch::Batch;
use crate::engine::clocks::Clocks;
use crate::engine::core::{Core, Settings};
use crate::engine::input::{Command, Input, Outcome, PendingRequest, PlaceCommand};
use crate::engine::internals;
use crate::engine::rows::NoRows;
use crate::error::Error;
use crate::tws::{Answers, SessionInfo, TwsCommand, TwsEvent};

use super::store::SimStore;

pub(super) struct Bench {
    pub(super) core: Core,
    pub(super) store: SimStore,
    pub(super) now: Clocks,
    /// Commands to the adapter, oldest first; a test takes them.
    pub(super) commands: Vec<TwsCommand>,
    /// Those that ask for positions and account values, apart from them: the account whose values are asked for.
    pub(super) accounts_asked: Vec<Option<String>>,
    pub(super) replies: Vec<(u64, Outcome)>,
    pub(super) links: Vec<LinkState>,
    pub(super) commits: usize,
    waiters: u64,
}

impl Bench {
    pub(super) fn new() -> Self {
        Self::with_rate(1_000)
    }

    pub(super) fn with_rate(messages_per_second: u32) -> Self {
        let store = SimStore::default();
        Self {
            core: Core::new(settings(messages_per_second), store.found()),
            store,
            now: Clocks {
                wall_time: Timestamp::from_unix_micros(1_795_000_000_000_000),
                monotonic: Duration::ZERO,
            },
            commands: Vec::new(),
            accounts_asked: Vec::new(),
            replies: Vec::new(),
            links: Vec::new(),
            commits: 0,
            waiters: 0,
        }
    }

    /// In session 1, its reconcile over.
    pub(super) fn connected() -> Self {
        let mut bench = Self::new();
        bench.connect(1);
        bench
    }

    pub(super) fn connect(&mut self, session: u64) {
        self.session_up(session);
        let token = self.reconcile_token().expect("a reconcile begins");
        self.reconciled(session, token);
    }

    pub(super) fn session_up(&mut self, session: u64) {
        self.tws(TwsEvent::SessionUp(SessionInfo {
            session,
            accounts: vec!["DU1".to_owned()],
            next_valid_id: 1,
            server_version: 226,
            tws_time: None,
            heartbeat_in: Duration::from_secs(10),
        }));
    }

    pub(super) fn session_down(&mut self, session: u64) {
        let reason = "cut".to_owned();
        self.tws(TwsEvent::SessionDown { session, reason });
    }

    /// Takes the reconcile command, if there is one: its token.
    pub(super) fn reconcile_token(&mut self) -> Option<u64> {
        self.reconcile().map(|(token, _)| token)
    }

    /// Its token, and how many days before today it asks for.
    pub(super) fn reconcile(&mut self) -> Option<(u64, u32)> {
        let at = self
            .commands
            .iter()
            .position(|command| matches!(command, TwsCommand::Reconcile { .. }))?;
        match self.commands.remove(at) {
            TwsCommand::Reconcile {
                token, days_back, ..
            } => Some((token, days_back)),
            _ => None,
        }
    }

    /// Makes a reconcile due.
    pub(super) fn missed(&mut self, session: u64) {
        let reason = "lag".to_owned();
        self.tws(TwsEvent::ReportsMissed { session, reason });
    }

    /// How many days before today the next reconcile asks for.
    pub(super) fn days_of_the_next(&mut self, session: u64) -> u32 {
        self.missed(session);
        self.reconcile().expect("asked for").1
    }

    pub(super) fn heartbeat(&mut self, session: u64) {
        self.tws(TwsEvent::Heartbeat {
            session,
            tws_time: self.now.wall_time,
            next_in: Duration::from_secs(10),
        });
    }

    /// Lets hours pass on the wall clock, while nothing happens here.
    pub(super) fn later(&mut self, hours: i64) {
        let micros = self.now.wall_time.unix_micros() + hours * 3_600_000_000;
        self.now.wall_time = Timestamp::from_unix_micros(micros);
    }

    pub(super) fn reconciled(&mut self, session: u64, token: u64) {
        let answers = Answers::whole();
        self.tws(TwsEvent::Reconciled {
            session,
            token,
            answers,
        });
    }

    pub(super) fn tws(&mut self, event: TwsEvent) {
        self.process(&[Input::Tws(event)]);
    }

    pub(super) fn report(&mut self, report: OrderReport) {
        self.report_in(1, report);
    }

    pub(super) fn report_in(&mut self, session: u64, report: OrderReport) {
        self.tws(TwsEvent::Report { session, report });
    }

    pub(super) fn ask(&mut self, what: Command, timeout: Duration) -> u64 {
        let ask = self.asking(what, timeout);
        self.process(&[Input::Request(ask)]);
        self.waiters
    }

    pub(super) fn asking(&mut self, what: Command, timeout: Duration) -> PendingRequest {
        self.waiters += 1;
        PendingRequest {
            waiter: self.waiters,
            caller: Arc::new(Caller::LOCAL),
            deadline: self.now.monotonic + timeout,
            what,
        }
    }

    pub(super) fn place(&mut self, transmit: bool) -> u64 {
        let id = format!("r{}", self.waiters);
        self.ask(place(&id, transmit), Duration::from_secs(5))
    }

    pub(super) fn cancel(&mut self, order_id: i32) -> u64 {
        self.ask(
            Command::Cancel(OrderKey::OrderId(order_id).into()),
            Duration::from_secs(5),
        )
    }

    pub(super) fn transmit(&mut self, order_id: i32) -> u64 {
        self.ask(
            Command::Transmit(OrderKey::OrderId(order_id).into()),
            Duration::from_secs(5),
        )
    }

    /// Lets time pass, second by second.
    pub(super) fn wait(&mut self, time: Duration) {
        let until = self.now.monotonic + time;
        while self.now.monotonic < until {
            self.now.monotonic = until.min(self.now.monotonic + Duration::from_secs(1));
            let due = self.core.due(self.now);
            self.process(&due);
        }
    }

    /// One batch, committed.
    pub(super) fn process(&mut self, inputs: &[Input]) {
        let mut batch = Batch::new(&self.core.engine_state);
        let mut rows = &self.store;
        for input in inputs {
            if self
                .core
                .step(&mut batch, input, &mut NoRows, self.now)
                .is_err()
            {
                self.core
                    .step(&mut batch, input, &mut rows, self.now)
                    .expect("rows are there");
            }
        }
        self.commits += usize::from(batch.writes());
        self.store.write(&batch);
        let out = self.core.commit(batch, self.now);
        self.replies.extend(out.replies);
        for command in out.commands {
            match command {
                TwsCommand::Account { account, .. } => self.accounts_asked.push(account),
                command => self.commands.push(command),
            }
        }
        self.links
            .extend(out.links.into_iter().map(|change| change.state));
        let handed = self.core.flush(self.now, 1_000);
        self.commands
            .extend(handed.into_iter().map(|handed| handed.command));
    }

    pub(super) fn state(&self, order_id: i32) -> &OrderState {
        &self.store.orders[&order_id].state
    }

    #[track_caller]
    pub(super) fn assert_status(&self, order_id: i32, status: Status) {
        assert_eq!(self.state(order_id).status, status);
    }

    /// What a caller was told, if anything.
    pub(super) fn told(&self, waiter: u64) -> Option<Result<Status, Error>> {
        let (_, outcome) = self.replies.iter().find(|(id, _)| *id == waiter)?;
        Some(outcome.clone().map(|answer| answer.state.status))
    }
}

pub(in crate::engine) fn place(request_id: &str, transmit: bool) -> Command {
    let order = json!({
        "action": "BUY", "symbol": "AAPL", "order_type": "LMT", "limit_price": 10, "quantity": 100, "transmit": transmit,
    });
    let order = check(order.into(), false, &Limits::default()).expect("valid");
    Command::Place(Arc::new(PlaceCommand {
        digest: order.digest(),
        order,
        request_id: request_id.to_owned(),
        request_id_given: true,
    }))
}

/// An order by the names that reports carry; its reference is not among them.
fn named(order_id: i32) -> OrderInTws {
    OrderInTws {
        order_id,
        client_id: internals::CLIENT_ID,
        perm_id: i64::from(order_id) + 900,
        order_ref: None,
        account: None,
    }
}

pub(super) fn open_order(order_id: i32, word: &str, origin: Origin) -> OrderReport {
    named(order_id).open_order(origin, word)
}

pub(super) fn status(order_id: i32, word: &str) -> OrderReport {
    named(order_id).status(Origin::Live, word, Amount::ZERO, Amount::from(100))
}

pub(super) fn execution(order_id: i32, exec_id: &str, quantity: i64) -> OrderReport {
    OrderReport::Execution(named(order_id).execution(exec_id, quantity.into()))
}

/// The same execution as a row of the query.
pub(super) fn row(report: OrderReport) -> OrderReport {
    match report {
        OrderReport::Execution(report) => OrderReport::Execution(ExecutionReport {
            origin: Origin::Snapshot,
            ..report
        }),
        other => other,
    }
}

pub(super) fn completed(order_ref: &str, perm_id: i64, word: &str) -> OrderReport {
    let order = OrderInTws {
        perm_id,
        order_ref: Some(order_ref.to_owned()),
        ..named(0)
    };
    OrderReport::Completed(order.completed("AAPL", word))
}

pub(super) fn error(order_id: i32, code: i32) -> OrderReport {
    report_fixtures::error(order_id, code, &format!("code {code}"))
}

fn settings(messages_per_second: u32) -> Settings {
    Settings {
        messages_per_second,
        parked_max: 4,
        previews_per_minute: 1,
        waiters_per_order_max: 8,
        ..internals::settings()
    }
}
