//! What the exchange knows of each connection, and the bytes that wait to be handed to it.

use std::collections::{BTreeMap, HashMap};

use super::codec::encode;
use super::fault::Query;
use super::feeds::AccountFeeds;
use super::message::{MessageNumber, ServerMessage};
use super::odd::OddRow;
use super::wire;

/// Counts connections from 1.
pub(crate) type ConnectionId = u64;

/// One connection.
#[derive(Debug, Default)]
pub(crate) struct Session {
    /// Server version that was agreed on; it says which messages are text.
    pub(crate) version: i32,
    /// Set by START_API.
    pub(crate) client_id: Option<i32>,
    /// Counts logins from 1.
    pub(crate) login: u64,
    /// Errors about orders that come after the answer to the next request for ids.
    pub(crate) late_errors: Vec<wire::ErrorMessage>,
    /// What it is told of positions and accounts.
    pub(crate) feeds: AccountFeeds,
    /// Bytes of this step.
    out: Vec<u8>,
    /// Reports of this step, kept apart while a fault reorders them.
    reports: Vec<Vec<u8>>,
    /// The connection ends once its bytes are handed over.
    pub(crate) closing: bool,
    /// Second of the clock in which requests are being counted, and how many came in it.
    pub(crate) rate_window: (i64, u32),
    /// How often the rate was exceeded.
    pub(crate) rate_breaches: u32,
    /// When a request for the time was last answered, in microseconds since 1970.
    pub(crate) time_answered: Option<i64>,
    /// The same of requests for milliseconds.
    pub(crate) millis_answered: Option<i64>,
}

/// What is done to frames on their way out.
#[derive(Clone, Debug, Default)]
pub(crate) struct Shaping {
    pub(crate) mute: bool,
    pub(crate) duplicate: bool,
    pub(crate) reorder: bool,
    pub(crate) lose_statuses: bool,
    pub(crate) lose_open_orders: bool,
    pub(crate) lose_executions: bool,
    /// Of an answer to a query, unlike the others.
    pub(crate) lose_executions_end: bool,
    /// Queries that get no answer.
    pub(crate) unanswered: Vec<Query>,
    /// Rows that answers have beside those of orders.
    pub(crate) odd_rows: Vec<OddRow>,
}

impl Shaping {
    pub(crate) fn does_not_answer(&self, query: Query) -> bool {
        self.unanswered.contains(&query)
    }

    fn loses(&self, message: &ServerMessage<'_>) -> bool {
        match message.kind() {
            MessageNumber::OrderStatus => self.lose_statuses,
            MessageNumber::OpenOrder => self.lose_open_orders,
            MessageNumber::Execution | MessageNumber::Commission => self.lose_executions,
            _ => false,
        }
    }
}

/// All connections, by number and by client id.
#[derive(Debug, Default)]
pub(crate) struct Sessions {
    pub(crate) by_connection: BTreeMap<ConnectionId, Session>,
    pub(crate) by_client: HashMap<i32, ConnectionId>,
    pub(crate) shaping: Shaping,
    /// Connections with something to hand over.
    dirty: Vec<ConnectionId>,
}

/// Bytes and end of one connection, handed to the server task.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Handover {
    pub(crate) connection: ConnectionId,
    pub(crate) bytes: Vec<u8>,
    pub(crate) close: bool,
}

impl Sessions {
    /// A live report to the client that placed the order, if it is connected. Shaped by faults.
    pub(crate) fn report(&mut self, client_id: i32, message: ServerMessage<'_>) {
        if self.shaping.loses(&message) {
            return;
        }
        if let Some(&connection) = self.by_client.get(&client_id) {
            self.write(connection, message, message.is_report());
        }
    }

    /// An answer to a request. Only muting touches it.
    pub(crate) fn answer(&mut self, connection: ConnectionId, message: ServerMessage<'_>) {
        self.write(connection, message, false);
    }

    /// Bytes as they are, for the version exchange and for faults.
    pub(crate) fn raw(&mut self, connection: ConnectionId, bytes: &[u8]) {
        if self.shaping.mute {
            return;
        }
        if let Some(session) = self.by_connection.get_mut(&connection) {
            session.out.extend_from_slice(bytes);
            self.dirty.push(connection);
        }
    }

    pub(crate) fn close(&mut self, connection: ConnectionId) {
        if let Some(session) = self.by_connection.get_mut(&connection) {
            session.closing = true;
            self.dirty.push(connection);
        }
    }

    pub(crate) fn close_all(&mut self) {
        for (connection, session) in &mut self.by_connection {
            session.closing = true;
            self.dirty.push(*connection);
        }
    }

    /// Forgets a connection that ended by itself.
    pub(crate) fn remove(&mut self, connection: ConnectionId) {
        if let Some(session) = self.by_connection.remove(&connection)
            && let Some(client_id) = session.client_id
        {
            self.by_client.remove(&client_id);
        }
    }

    /// How much this step has written for a connection, for [`Sessions::cut_back`].
    pub(crate) fn mark(&self, connection: ConnectionId) -> (usize, usize) {
        self.by_connection
            .get(&connection)
            .map_or((0, 0), |session| (session.out.len(), session.reports.len()))
    }

    /// Takes back what was written for a connection since `mark`, and gives it.
    pub(crate) fn cut_back(&mut self, connection: ConnectionId, mark: (usize, usize)) -> Vec<u8> {
        let Some(session) = self.by_connection.get_mut(&connection) else {
            return Vec::new();
        };
        let mut cut = session.out.split_off(mark.0.min(session.out.len()));
        for report in session.reports.drain(mark.1.min(session.reports.len())..) {
            cut.extend_from_slice(&report);
        }
        cut
    }

    /// Ends a request: reports that were kept apart go out in reverse.
    pub(crate) fn settle(&mut self) {
        if !self.shaping.reorder {
            return;
        }
        for session in self.by_connection.values_mut() {
            for report in session.reports.drain(..).rev() {
                session.out.extend_from_slice(&report);
            }
        }
    }

    /// Everything written since the last call.
    pub(crate) fn hand_over(&mut self) -> Vec<Handover> {
        let mut dirty = std::mem::take(&mut self.dirty);
        dirty.sort_unstable();
        dirty.dedup();
        let mut all = Vec::with_capacity(dirty.len());
        for connection in dirty {
            let Some(session) = self.by_connection.get_mut(&connection) else {
                continue;
            };
            let mut bytes = std::mem::take(&mut session.out);
            for report in session.reports.drain(..).rev() {
                bytes.extend_from_slice(&report);
            }
            let close = session.closing;
            if close {
                self.remove(connection);
            }
            all.push(Handover {
                connection,
                bytes,
                close,
            });
        }
        all
    }

    fn write(&mut self, connection: ConnectionId, message: ServerMessage<'_>, report: bool) {
        if self.shaping.mute {
            return;
        }
        let Some(session) = self.by_connection.get_mut(&connection) else {
            return;
        };
        if session.closing {
            return;
        }
        let copies = if report && self.shaping.duplicate {
            2
        } else {
            1
        };
        for _ in 0..copies {
            if report && self.shaping.reorder {
                let mut bytes = Vec::new();
                encode(&mut bytes, session.version, message);
                session.reports.push(bytes);
            } else {
                encode(&mut session.out, session.version, message);
            }
        }
        if self.dirty.last() != Some(&connection) {
            self.dirty.push(connection);
        }
    }
}
