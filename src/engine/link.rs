//! The state of the links, for everybody who asks.

use std::sync::Arc;

use super::core::Core;
use super::engine_state::{EngineState, Session};
use crate::domain::Timestamp;
use crate::error::{COULD_NOT_CONNECT, Error};
use crate::tws::{ConnectFailure, SessionInfo};

/// Unknown orders that Health names.
const UNKNOWN_NAMED: usize = 10;

/// How the gateway stands with TWS, and TWS with IB.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct LinkStatus {
    /// A session is up: accounts and ids are known.
    pub connected: bool,
    /// TWS is connected to IB's servers.
    pub ib_connected: bool,
    /// The session.
    pub session: Option<Arc<SessionInfo>>,
    /// Why no order may be sent although a session is up: a live account, a store of other accounts.
    pub refused: Option<Error>,
    /// Why there is no session, a sentence that starts with "could not connect to TWS".
    pub failure: Option<String>,
    /// What is wrong, in more words: what happened at each address, or which query a reconcile keeps failing at.
    pub detail: Option<String>,
    /// The first attempt to connect has ended, either way.
    pub attempted: bool,
    /// The id the next order gets; `None` while not connected.
    pub next_order_id: Option<i32>,
    /// TWS's clock at the last heartbeat.
    pub tws_time: Option<Timestamp>,
    /// The store took the last write.
    pub store_ok: bool,
    /// Orders of this client id that TWS works and the store does not know.
    pub unknown_orders: usize,
    /// Why no new order is taken though TWS is there: all are halted, or the audit cannot be written.
    pub halted: Option<String>,
    /// Why those of some callers or accounts are not.
    pub halted_for_some: Option<String>,
}

impl LinkStatus {
    /// Whether an order could be placed now.
    pub fn is_ready(&self) -> bool {
        self.connected && self.ib_connected && self.refused.is_none() && self.store_ok
    }

    /// What the engine knows.
    pub(super) fn of(core: &Core, store_ok: bool) -> Self {
        let engine_state = &core.engine_state;
        let (halted, halted_for_some) = core.halts.said(&engine_state.halts);
        let unaudited = core.audit.refusal().map(|error| error.message);
        let session = engine_state.session.as_ref();
        Self {
            connected: session.is_some(),
            ib_connected: session.is_some_and(|session| session.ib_connected),
            session: session.map(|session| Arc::clone(&session.info)),
            refused: session.and_then(|session| {
                let Session {
                    refused,
                    risk_refused,
                    ..
                } = session;
                refused.as_ref().or(risk_refused.as_ref()).cloned()
            }),
            failure: session.is_none().then(|| why_unreachable(engine_state)),
            detail: detail(engine_state),
            attempted: engine_state.attempted,
            next_order_id: session.map(|_| engine_state.next_id),
            tws_time: engine_state.tws_time,
            store_ok,
            unknown_orders: engine_state.unknown_orders.len(),
            halted: halted.or(unaudited),
            halted_for_some,
        }
    }
}

/// Exactly [`COULD_NOT_CONNECT`] when nothing answers, and what TWS said after a colon where it spoke.
pub(super) fn why_unreachable(engine_state: &EngineState) -> String {
    match &engine_state.failure {
        Some(ConnectFailure::Refused { detail, .. }) => format!("{COULD_NOT_CONNECT}: {detail}"),
        Some(ConnectFailure::Unreachable { .. }) | None => COULD_NOT_CONNECT.to_owned(),
    }
}

/// What is wrong with TWS, in more words.
fn detail(engine_state: &EngineState) -> Option<String> {
    match (&engine_state.session, &engine_state.failure) {
        (
            None,
            Some(ConnectFailure::Unreachable { detail } | ConnectFailure::Refused { detail, .. }),
        ) => Some(detail.clone()),
        (None, None) => None,
        (Some(_), _) => {
            let failing = engine_state.reconcile.failing.as_ref().map(|failing| {
                format!(
                    "TWS cannot be asked what it holds ({} times in a row): {failing}",
                    engine_state.reconcile.failures
                )
            });
            failing.or_else(|| unknown_orders(engine_state))
        }
    }
}

/// Which orders of this client id the store does not know; `None` without one.
fn unknown_orders(engine_state: &EngineState) -> Option<String> {
    let unknown = &engine_state.unknown_orders;
    if unknown.is_empty() {
        return None;
    }
    let named: Vec<String> = unknown
        .keys()
        .take(UNKNOWN_NAMED)
        .map(i32::to_string)
        .collect();
    let more = if unknown.len() > named.len() {
        ", …"
    } else {
        ""
    };
    Some(format!(
        "TWS works {} orders of this client id that the store does not know: {}{more}; cancel them by order id, or find out who placed them",
        unknown.len(),
        named.join(", ")
    ))
}
