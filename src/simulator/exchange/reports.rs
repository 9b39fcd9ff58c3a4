//! What TWS says about orders: pairs of openOrder and orderStatus, errors and notices.

use super::super::clock::Now;
use super::super::message::ServerMessage;
use super::super::order::{Order, PermId};
use super::super::session::ConnectionId;
use super::super::switches::Repeats;
use super::super::wire;
use super::{Exchange, Scheduled};

/// How long after an order a late refusal comes when its client asks for nothing.
const LATE_ERROR_MICROS: i64 = 200_000;

pub(super) const NO_SECURITY: &str = "No security definition has been found for the request";

impl Exchange {
    /// openOrder and orderStatus as the order is now, to the client that placed it.
    pub(super) fn report_pair(&mut self, perm_id: PermId) {
        if let Some(order) = self.book.get(perm_id).filter(|order| !order.manual) {
            let client_id = order.key.client_id;
            self.sessions
                .report(client_id, ServerMessage::OpenOrder(&order.echo));
            let status = order.status(&self.switches);
            self.sessions
                .report(client_id, ServerMessage::OrderStatus(&status));
        }
    }

    /// The same of an order as it was, or as it never was.
    pub(super) fn report_as(&mut self, order: &Order) {
        if order.manual {
            return;
        }
        let client_id = order.key.client_id;
        self.sessions
            .report(client_id, ServerMessage::OpenOrder(&order.echo));
        let status = order.status(&self.switches);
        self.sessions
            .report(client_id, ServerMessage::OrderStatus(&status));
    }

    pub(super) fn report_repeated(&mut self, perm_id: PermId, times: u32) {
        for _ in 0..times {
            self.report_pair(perm_id);
        }
    }

    /// The pair, twice where the switch says so.
    pub(super) fn report_pair_again(&mut self, perm_id: PermId) {
        let times = if self.switches.duplicate_reports {
            2
        } else {
            1
        };
        self.report_repeated(perm_id, times);
    }

    /// How often a pair is sent that most captures show `captured` times.
    pub(super) fn repeats(&self, captured: u32) -> u32 {
        let times = match self.switches.repeats {
            Repeats::Once => 1,
            Repeats::Captured => captured,
            Repeats::More => captured + 1,
        };
        times + u32::from(self.switches.duplicate_reports)
    }

    /// orderStatus alone.
    pub(super) fn report_status(&mut self, perm_id: PermId) {
        if let Some(order) = self.book.get(perm_id).filter(|order| !order.manual) {
            let status = order.status(&self.switches);
            let client_id = order.key.client_id;
            self.sessions
                .report(client_id, ServerMessage::OrderStatus(&status));
        }
    }

    /// An error about an order that comes after the answer to the client's next request for ids, or a little later by
    /// itself.
    pub(super) fn refuse_later(
        &mut self,
        connection: ConnectionId,
        order_id: i32,
        code: i32,
        text: &str,
        now: Now,
    ) {
        let message = error(order_id, code, text, now);
        if let Some(session) = self.sessions.by_connection.get_mut(&connection) {
            session.late_errors.push(message);
            let due = now.micros().saturating_add(LATE_ERROR_MICROS);
            self.schedule(due, Scheduled::LateErrors(connection));
        }
    }

    pub(super) fn send_late_errors(&mut self, connection: ConnectionId) {
        let Some(session) = self.sessions.by_connection.get_mut(&connection) else {
            return;
        };
        for message in std::mem::take(&mut session.late_errors) {
            self.sessions
                .answer(connection, ServerMessage::Error(&message));
        }
    }

    /// An error or notice about an order.
    pub(super) fn order_error(
        &mut self,
        client_id: i32,
        order_id: i32,
        code: i32,
        text: &str,
        now: Now,
    ) {
        let message = error(order_id, code, text, now);
        self.sessions
            .report(client_id, ServerMessage::Error(&message));
    }

    /// An error or notice to one connection; id -1 when it is about the connection itself.
    pub(super) fn error_to(
        &mut self,
        connection: ConnectionId,
        id: i32,
        code: i32,
        text: &str,
        now: Now,
    ) {
        let message = error(id, code, text, now);
        self.sessions
            .answer(connection, ServerMessage::Error(&message));
    }

    /// A notice to every client that is logged in.
    pub(super) fn notice_to_all(&mut self, code: i32, text: &str, now: Now) {
        let connections: Vec<ConnectionId> = self.sessions.by_client.values().copied().collect();
        for connection in connections {
            self.error_to(connection, -1, code, text, now);
        }
    }

    pub(super) fn unreadable(&mut self, connection: ConnectionId, id: i32, now: Now) {
        let text = format!(
            "Error reading request. Message id={id} : Cause - the body is not a message of this kind"
        );
        self.error_to(connection, -1, 320, &text, now);
    }
}

fn error(id: i32, code: i32, text: &str, now: Now) -> wire::ErrorMessage {
    wire::ErrorMessage {
        id: Some(id),
        time_ms: Some(now.millis()),
        code: Some(code),
        text: Some(text.to_owned()),
    }
}

/// The frame of error 321. The letter between the quotes differs from build to build of TWS.
pub(super) fn invalid_request(cause: &str) -> String {
    format!("Error validating request.-'v' : cause - {cause}")
}
