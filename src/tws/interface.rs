//! What the engine and the TWS adapter say to each other.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use super::answers::Answers;
use crate::domain::{AccountReport, OrderReport, OrderTicket, PreviewReport, Timestamp};

/// How the adapter reaches TWS. Every wait has its limit here.
#[derive(Debug, Clone)]
pub struct TwsSettings {
    /// Host name or address.
    pub host: String,
    /// Port: TWS 7497 paper and 7496 live, IB Gateway 4002 paper and 4001 live.
    pub port: u16,
    /// API client id.
    pub client_id: i32,
    /// Limit of TCP connect and handshake together.
    pub handshake_timeout: Duration,
    /// Time between two heartbeats.
    pub heartbeat_interval: Duration,
    /// How long TWS may say nothing at all after a heartbeat, and how long it may not take a message; beyond it the session is dead.
    pub heartbeat_timeout: Duration,
    /// Time between two time requests at least, [`TIME_REQUEST_SPACING`] with a real TWS. Heartbeats between them ask for ids.
    pub time_request_spacing: Duration,
    /// How long a barrier is waited for before it is asked once more, and then before it counts as unanswered.
    pub barrier_timeout: Duration,
    /// First delay before a reconnect; doubles up to `reconnect_delay_max`.
    pub reconnect_delay_min: Duration,
    /// Longest delay before a reconnect.
    pub reconnect_delay_max: Duration,
    /// Limit of each step of a reconcile.
    pub reconcile_step_timeout: Duration,
    /// What is asked immediately before a message leaves that places, releases or changes an order; `None`: nothing.
    pub permit: Option<Permit>,
}

/// Whether what could open risk may leave at this very moment. Where it may not, the session ends, and the message has not left.
#[derive(Clone)]
pub struct Permit(Arc<dyn Fn() -> bool + Send + Sync>);

impl Permit {
    /// Asks this.
    pub fn new(ask: impl Fn() -> bool + Send + Sync + 'static) -> Self {
        Self(Arc::new(ask))
    }

    /// The answer now.
    pub fn is_given(&self) -> bool {
        (self.0)()
    }
}

impl fmt::Debug for Permit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Permit").field(&self.is_given()).finish()
    }
}

/// TWS leaves a time request unanswered that comes within about a second of another one (since 10.16); another client keeps 4.25 s between them.
pub const TIME_REQUEST_SPACING: Duration = Duration::from_secs(5);
/// The usual wait for a barrier, which TWS answers at once.
pub const BARRIER_TIMEOUT: Duration = Duration::from_secs(2);

/// What the engine asks of the adapter. A command for a session that is over is answered `NotSent` and not carried out.
#[derive(Debug, Clone, PartialEq)]
pub enum TwsCommand {
    /// Send a placeOrder.
    Place {
        /// The session it is meant for.
        session: u64,
        /// What to send.
        ticket: OrderTicket,
    },
    /// Send a placeOrder that only asks what TWS would make of the order.
    Preview {
        /// The session it is meant for.
        session: u64,
        /// What to show. Its `transmit` does not matter.
        ticket: OrderTicket,
    },
    /// Send a cancelOrder.
    Cancel {
        /// The session it is meant for.
        session: u64,
        /// The order.
        order_id: i32,
    },
    /// Ask whether TWS has read all that was sent before: it reads its requests in order, so a later request's answer shows it. Several orders
    /// may share one.
    Barrier {
        /// The session it is meant for.
        session: u64,
        /// Comes back in [`TwsEvent::BarrierAnswered`], or [`TwsEvent::BarrierUnanswered`].
        token: u64,
    },
    /// Ask for open orders, completed orders and executions, one after the other. Every row goes out as a [`TwsEvent::Report`] with
    /// origin `Snapshot` before [`TwsEvent::Reconciled`] does.
    Reconcile {
        /// The session it is meant for.
        session: u64,
        /// Comes back in [`TwsEvent::Reconciled`].
        token: u64,
        /// How many days back executions are asked for beyond today; 0 asks for today's.
        days_back: u32,
    },
    /// Ask for positions, account values and the day's profit, and for every change of them. Sent again in the same session it asks for all of it anew.
    /// Whatever comes goes out as [`TwsEvent::Account`].
    Account {
        /// The session it is meant for.
        session: u64,
        /// The account whose values TWS is to send: it does so for one at a time.
        account: Option<String>,
        /// Every account of the login.
        accounts: Vec<String>,
    },
    /// End this session and start anew (for example because the login is not the expected one), after the reconnect delay.
    Restart {
        /// The session to end.
        session: u64,
    },
}

impl TwsCommand {
    /// The session it is meant for.
    pub const fn session(&self) -> u64 {
        match self {
            Self::Place { session, .. }
            | Self::Preview { session, .. }
            | Self::Cancel { session, .. }
            | Self::Barrier { session, .. }
            | Self::Reconcile { session, .. }
            | Self::Account { session, .. }
            | Self::Restart { session } => *session,
        }
    }
}

/// What a session is. Accounts and ids are known; nothing was sent but what it took to learn them.
#[derive(Debug, Clone, PartialEq)]
pub struct SessionInfo {
    /// Counts the sessions of this process, from 1.
    pub session: u64,
    /// Accounts of the login.
    pub accounts: Vec<String>,
    /// The next order id by TWS's count; always positive.
    pub next_valid_id: i32,
    /// Protocol version negotiated.
    pub server_version: i32,
    /// TWS's clock at the login; `None` where TWS named a time zone that nobody knows.
    pub tws_time: Option<Timestamp>,
    /// Time until the first heartbeat.
    pub heartbeat_in: Duration,
}

/// What the adapter tells the engine, in order.
#[derive(Debug, Clone, PartialEq)]
pub enum TwsEvent {
    /// A session is up and can take commands.
    SessionUp(SessionInfo),
    /// The session is over. Commands it had not answered with [`TwsEvent::Sent`] may or may not have left.
    SessionDown {
        /// Which session.
        session: u64,
        /// Why, for people.
        reason: String,
    },
    /// An attempt to connect ended without a session; another follows.
    ConnectFailed(ConnectFailure),
    /// TWS said something about an order.
    Report {
        /// In which session.
        session: u64,
        /// What.
        report: OrderReport,
    },
    /// TWS said something about accounts.
    Account {
        /// In which session.
        session: u64,
        /// What.
        report: AccountReport,
    },
    /// TWS's echo of a preview.
    Previewed {
        /// In which session.
        session: u64,
        /// What it says.
        report: Box<PreviewReport>,
    },
    /// A placeOrder or cancelOrder was handed to the kernel, or is known not to have been.
    Sent {
        /// In which session.
        session: u64,
        /// The order.
        order_id: i32,
        /// What was to be sent.
        kind: SendKind,
        /// How it went.
        outcome: Sent,
    },
    /// TWS answered the barrier of [`TwsCommand::Barrier`]: it has read everything that was sent before it. That it read an order does not say
    /// that IB took it.
    BarrierAnswered {
        /// In which session.
        session: u64,
        /// The request's token.
        token: u64,
        /// The next order id by TWS's count, where the answer names one; always positive.
        next_valid_id: Option<i32>,
    },
    /// TWS left a barrier unanswered, also when asked once more. Nothing is known of what was sent before it, and a reconcile is due. An answer
    /// may still come.
    BarrierUnanswered {
        /// In which session.
        session: u64,
        /// The request's token.
        token: u64,
    },
    /// TWS named its next order id without a barrier, for example because the adapter asked for it after an order's id was refused (103).
    NextValidId {
        /// In which session.
        session: u64,
        /// The next order id by TWS's count; always positive.
        next_valid_id: i32,
    },
    /// A heartbeat was answered.
    Heartbeat {
        /// In which session.
        session: u64,
        /// TWS's clock.
        tws_time: Timestamp,
        /// Time until the adapter asks again.
        next_in: Duration,
    },
    /// TWS lost its own connection to IB (1100, 2110), or has it back (1101, 1102).
    IbLink {
        /// In which session.
        session: u64,
        /// Whether TWS is connected to IB.
        connected: bool,
        /// Whether data was lost meanwhile (1101).
        data_lost: bool,
        /// TWS's text.
        text: String,
    },
    /// Reports may have been missed (one that could not be read, more at the login than is kept): a reconcile is due.
    ReportsMissed {
        /// In which session.
        session: u64,
        /// Why, for people.
        reason: String,
    },
    /// A message about an order or a position could not be read, or not all of it. What could be read was told; an answer that it belongs to is whole without it.
    Unreadable {
        /// In which session.
        session: u64,
        /// TWS's name for the message, for example `openOrder`.
        message: &'static str,
        /// The order's id, where that could be read.
        order_id: Option<i32>,
        /// What could not be read, for people.
        detail: String,
    },
    /// A reconcile ended.
    Reconciled {
        /// In which session.
        session: u64,
        /// The command's token.
        token: u64,
        /// What was answered.
        answers: Answers,
    },
    /// TWS said something that concerns no order, for the log (100, 1300, farm notices, …).
    Notice {
        /// In which session.
        session: u64,
        /// TWS's code.
        code: i32,
        /// TWS's text.
        text: String,
    },
}

/// Why there is no session.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ConnectFailure {
    /// Nothing answers at the address, or not in time.
    Unreachable {
        /// What happened, for people.
        detail: String,
    },
    /// TWS answered and refused, for example because the client id is in use.
    Refused {
        /// TWS's code, where it gave one (326).
        code: Option<i32>,
        /// Why, for people: `client id 7 is in use`.
        detail: String,
    },
}

/// What was to be sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SendKind {
    /// A placeOrder.
    Place,
    /// A cancelOrder.
    Cancel,
    /// A placeOrder that is a preview.
    Preview,
}

/// How sending went.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Sent {
    /// The whole message was handed to the kernel. TWS may still not get it.
    Written,
    /// No byte of it left, and none will.
    NotSent {
        /// Why, for people.
        reason: String,
    },
    /// A part may have left.
    Unknown {
        /// Why, for people.
        reason: String,
    },
}
