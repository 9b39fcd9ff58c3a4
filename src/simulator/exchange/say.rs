//! Sentences that TWS says often: errors, and the pair of openOrder and orderStatus.

use super::super::clock::Now;
use super::super::message::ServerMessage;
use super::super::order::PermId;
use super::super::session::ConnectionId;
use super::super::wire;
use super::Exchange;

/// What the warning of an order says when it stays alive.
pub(super) const NO_SECURITY: &str = "No security definition has been found for the request";

impl Exchange {
    /// openOrder and orderStatus as the order is now, to the client that placed it.
    pub(super) fn report_pair(&mut self, perm_id: PermId) {
        let Some(order) = self.book.get(perm_id) else {
            return;
        };
        if order.manual {
            return;
        }
        self.sessions
            .report(order.key.client_id, ServerMessage::OpenOrder(&order.echo));
        self.sessions.report(
            order.key.client_id,
            ServerMessage::OrderStatus(&order.status()),
        );
    }

    /// The pair, twice when TWS is in the mood.
    pub(super) fn report_pair_again(&mut self, perm_id: PermId) {
        self.report_pair(perm_id);
        if self.switches.duplicate_reports {
            self.report_pair(perm_id);
        }
    }

    /// orderStatus alone.
    pub(super) fn report_status(&mut self, perm_id: PermId) {
        let Some(order) = self.book.get(perm_id) else {
            return;
        };
        if !order.manual {
            self.sessions.report(
                order.key.client_id,
                ServerMessage::OrderStatus(&order.status()),
            );
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
