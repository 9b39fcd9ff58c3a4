//! The one error of every operation, and the published list of its reasons.

use std::fmt;
use std::time::Duration;

use crate::domain::{OrderKey, RuleViolation, Violation, Violations};

/// Why an operation failed. The words are the `reason` of the gRPC `ErrorInfo`; they are stable.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Reason {
    /// The order is invalid; the violations say how.
    OrderInvalid,
    /// A field of the request itself is wrong.
    RequestInvalid,
    /// TWS cannot be reached; nothing was sent.
    TwsUnavailable,
    /// TWS has lost IB: it would queue an order and send it later; nothing was sent.
    IbUnavailable,
    /// The request id was used for another order.
    RequestIdReused,
    /// An account of the login is not a paper account and live trading was not allowed.
    LiveAccount,
    /// The store belongs to another client id or to other accounts.
    StoreMismatch,
    /// More is waiting for TWS's pacing than can go out in time; nothing was stored.
    Pacing,
    /// Too many calls, streams or watchers.
    Overloaded,
    /// A watcher lags beyond its bound; it can resume.
    Lagged,
    /// The gateway is shutting down.
    ShuttingDown,
    /// No such order.
    OrderNotFound,
    /// The order is not in a state for this.
    OrderState,
    /// Another instruction about the order is on its way: wait for what becomes of it.
    InstructionPending,
    /// The order's terms are not those that the caller expected.
    OrderChanged,
    /// `max_wait` passed.
    MaxWait,
    /// TWS did not answer a preview in time; nothing was placed.
    PreviewTimeout,
    /// More previews than IB asks for; nothing was sent.
    PreviewLimit,
    /// The cursor belongs to another store.
    Sequence,
    /// The store cannot be written; nothing was sent.
    Store,
    /// No token, or a wrong one.
    Unauthenticated,
    /// The caller's role does not allow the method; nothing was done.
    Role,
    /// The instruction breaks limits; the violations say which. Nothing was sent.
    RiskLimit,
    /// New orders are halted; nothing was sent.
    Halted,
    /// TWS is about to restart; nothing was sent.
    TwsRestarting,
    /// The journal does not take records, or is behind; nothing was sent.
    Journal,
    /// This gateway follows another one, which takes orders; nothing was sent.
    Standby,
    /// The gateway did not answer, or a proxy or library answered for it: nothing is promised about the outcome. Made by the client
    /// only, never by a gateway.
    GatewayUnavailable,
    /// A defect of the gateway.
    Internal,
}

impl Reason {
    /// Every reason, for tables and tests.
    pub const ALL: &'static [Self] = &[
        Self::OrderInvalid,
        Self::RequestInvalid,
        Self::TwsUnavailable,
        Self::IbUnavailable,
        Self::RequestIdReused,
        Self::LiveAccount,
        Self::StoreMismatch,
        Self::Pacing,
        Self::Overloaded,
        Self::Lagged,
        Self::ShuttingDown,
        Self::OrderNotFound,
        Self::OrderState,
        Self::InstructionPending,
        Self::OrderChanged,
        Self::MaxWait,
        Self::PreviewTimeout,
        Self::PreviewLimit,
        Self::Sequence,
        Self::Store,
        Self::Unauthenticated,
        Self::Role,
        Self::RiskLimit,
        Self::Halted,
        Self::TwsRestarting,
        Self::Journal,
        Self::Standby,
        Self::GatewayUnavailable,
        Self::Internal,
    ];

    /// The stable word.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::OrderInvalid => "ORDER_INVALID",
            Self::RequestInvalid => "REQUEST_INVALID",
            Self::TwsUnavailable => "TWS_UNAVAILABLE",
            Self::IbUnavailable => "IB_UNAVAILABLE",
            Self::RequestIdReused => "REQUEST_ID_REUSED",
            Self::LiveAccount => "LIVE_ACCOUNT",
            Self::StoreMismatch => "STORE_MISMATCH",
            Self::Pacing => "PACING",
            Self::Overloaded => "OVERLOADED",
            Self::Lagged => "LAGGED",
            Self::ShuttingDown => "SHUTTING_DOWN",
            Self::OrderNotFound => "ORDER_NOT_FOUND",
            Self::OrderState => "ORDER_STATE",
            Self::InstructionPending => "INSTRUCTION_PENDING",
            Self::OrderChanged => "ORDER_CHANGED",
            Self::MaxWait => "MAX_WAIT",
            Self::PreviewTimeout => "PREVIEW_TIMEOUT",
            Self::PreviewLimit => "PREVIEW_LIMIT",
            Self::Sequence => "SEQUENCE",
            Self::Store => "STORE",
            Self::Unauthenticated => "UNAUTHENTICATED",
            Self::Role => "ROLE",
            Self::RiskLimit => "RISK_LIMIT",
            Self::Halted => "HALTED",
            Self::TwsRestarting => "TWS_RESTARTING",
            Self::Journal => "JOURNAL",
            Self::Standby => "STANDBY",
            Self::GatewayUnavailable => "GATEWAY_UNAVAILABLE",
            Self::Internal => "INTERNAL",
        }
    }

    /// The reason a word stands for.
    pub fn from_word(word: &str) -> Option<Self> {
        Self::ALL
            .iter()
            .copied()
            .find(|reason| reason.as_str() == word)
    }
}

impl fmt::Display for Reason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// Why an operation failed: what happened, what was and was not sent, and what to do.
#[derive(Debug, Clone, PartialEq)]
pub struct Error {
    /// The stable reason.
    pub reason: Reason,
    /// A sentence for people, lower case.
    pub message: String,
    /// Every violation of the order ([`Reason::OrderInvalid`]) or of the request ([`Reason::RequestInvalid`]).
    pub violations: Vec<Violation>,
    /// Every rule that the instruction breaks ([`Reason::RiskLimit`]).
    pub broken: Vec<RuleViolation>,
    /// When a retry makes sense.
    pub retry_after: Option<Duration>,
    /// TWS's own code and text, where it spoke.
    pub tws: Option<TwsWord>,
    /// After which sequence a watch can be resumed without missing anything, where the one given is not this store's.
    pub resume_after: Option<u64>,
    /// Where the gateway that leads can be called, from one that follows.
    pub leader: Option<String>,
}

/// What TWS itself said.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TwsWord {
    /// TWS's error code.
    pub code: i32,
    /// TWS's text.
    pub text: String,
}

/// The text of an unreachable TWS, fixed for programs that compare it.
pub const COULD_NOT_CONNECT: &str = "could not connect to TWS";

impl Error {
    /// An error with nothing but its reason and message.
    pub fn new(reason: Reason, message: impl Into<String>) -> Self {
        Self {
            reason,
            message: message.into(),
            violations: Vec::new(),
            broken: Vec::new(),
            retry_after: None,
            tws: None,
            resume_after: None,
            leader: None,
        }
    }

    /// Adds when a retry makes sense.
    #[must_use]
    pub fn retry_after(mut self, delay: Duration) -> Self {
        self.retry_after = Some(delay);
        self
    }

    /// From a gateway that follows the one at `leader`; empty: nobody leads.
    pub fn standby(leader: &str) -> Self {
        let message = if leader.is_empty() {
            "this gateway follows a journal, and no other leads now: nothing was sent; try again in a moment".to_owned()
        } else {
            format!(
                "this gateway follows the one at {leader}, which takes orders: nothing was sent; call that one"
            )
        };
        Self {
            leader: (!leader.is_empty()).then(|| leader.to_owned()),
            ..Self::new(Reason::Standby, message)
        }
    }

    /// Adds what TWS said.
    #[must_use]
    pub fn tws(mut self, code: i32, text: impl Into<String>) -> Self {
        self.tws = Some(TwsWord {
            code,
            text: text.into(),
        });
        self
    }

    /// No order has this key.
    pub fn order_not_found(key: &OrderKey) -> Self {
        let message = match key {
            OrderKey::OrderId(id) => {
                format!("no order has id {id}: look for it in the list of orders")
            }
            OrderKey::RequestId(id) => {
                format!(
                    "no order was placed under request id {id:?}: look for it in the list of orders"
                )
            }
        };
        Self::new(Reason::OrderNotFound, message)
    }

    /// An instruction breaks these rules.
    pub fn risk_limit(broken: Vec<RuleViolation>) -> Self {
        let said: Vec<&str> = broken.iter().map(|b| b.description.as_str()).collect();
        let message = format!(
            "it would break the limits: {}. Nothing was sent",
            said.join("; ")
        );
        Self {
            broken,
            ..Self::new(Reason::RiskLimit, message)
        }
    }

    /// One field of the request itself is wrong.
    pub fn request_field(
        field: &str,
        message: impl Into<String>,
        input: serde_json::Value,
    ) -> Self {
        let message = message.into();
        Self {
            violations: vec![Violation::field(
                "value_error",
                field,
                message.clone(),
                input,
            )],
            ..Self::new(Reason::RequestInvalid, format!("{field}: {message}"))
        }
    }
}

impl From<Violations> for Error {
    fn from(violations: Violations) -> Self {
        let message = violations.to_string();
        Self {
            violations: violations.0,
            ..Self::new(Reason::OrderInvalid, message)
        }
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

impl std::error::Error for Error {}
