//! From the first bytes to a session: version, client id, accounts, ids, farms.

use super::super::clock::Now;
use super::super::config::{SERVER_VERSION_MIN, agree_on_version};
use super::super::frame::Hello;
use super::super::message::ServerMessage;
use super::super::order::OrderKey;
use super::super::session::ConnectionId;
use super::Exchange;
use super::reports::invalid_request;

/// Breaches of the message rate after which TWS ends a session.
const RATE_BREACHES_MAX: u32 = 3;

/// Notices that follow a login, as captured from a paper gateway.
const FARMS: &[(i32, &str)] = &[
    (2104, "Market data farm connection is OK:usfarm"),
    (2106, "HMDS data farm connection is OK:ushmds"),
    (2158, "Sec-def data farm connection is OK:secdefnj"),
];

impl Exchange {
    /// Agrees on a version, or says why not and closes.
    pub(crate) fn hello(&mut self, connection: ConnectionId, hello: &Hello, now: Now) {
        let ours = self.config.server_version_max;
        let agreed = agree_on_version(hello, ours);
        let version = agreed.unwrap_or(hello.max.min(ours));
        let mut text = format!("{version}\0{}\0", now.stamp()).into_bytes();
        let refused = agreed.is_none();
        let mut bytes = Vec::new();
        frame_text(&mut bytes, &text);
        if refused {
            let cause = format!(
                "this server speaks versions {SERVER_VERSION_MIN} to {ours}, and the client asked for {} to {}",
                hello.min, hello.max
            );
            // Error in the text protocol that such a client reads: number, version, id, code, text.
            text = format!("4\x002\0-1\x00321\0{}\0", invalid_request(&cause)).into_bytes();
            frame_text(&mut bytes, &text);
        }
        if let Some(session) = self.sessions.by_connection.get_mut(&connection) {
            session.version = version;
        }
        self.sessions.raw(connection, &bytes);
        if refused {
            self.sessions.close(connection);
        }
    }

    pub(super) fn log_in(&mut self, connection: ConnectionId, client_id: i32, now: Now) {
        if self.sessions.by_client.contains_key(&client_id) {
            let text = "Unable to connect as the client id is already in use. Retry with a unique client id.";
            self.error_to(connection, -1, 326, text, now);
            self.sessions.close(connection);
            return;
        }
        if self.sessions.by_client.len() >= self.config.clients_max {
            self.sessions.close(connection);
            return;
        }
        self.log.logins_total += 1;
        if let Some(session) = self.sessions.by_connection.get_mut(&connection) {
            session.client_id = Some(client_id);
            session.login = self.log.logins_total;
        }
        self.sessions.by_client.insert(client_id, connection);
        self.roll_back_ids_once(client_id);

        let open = self.open_rows(connection, |order| {
            !order.manual && order.key.client_id == client_id
        });
        if open > 0 {
            self.sessions
                .answer(connection, ServerMessage::OpenOrdersEnd);
        }
        self.send_accounts(connection);
        self.send_next_id(connection, client_id);
        for (code, text) in FARMS {
            self.error_to(connection, -1, *code, text, now);
        }
    }

    pub(super) fn send_accounts(&mut self, connection: ConnectionId) {
        let list = self.accounts.join(",");
        self.sessions
            .answer(connection, ServerMessage::ManagedAccounts(&list));
    }

    pub(super) fn send_next_id(&mut self, connection: ConnectionId, client_id: i32) {
        let next = self.next_id(client_id);
        self.sessions
            .answer(connection, ServerMessage::NextValidId(next));
    }

    pub(super) fn next_id(&self, client_id: i32) -> i32 {
        self.next_ids
            .get(&client_id)
            .copied()
            .unwrap_or(self.config.first_order_id)
    }

    /// Notes that a client has used an id.
    pub(super) fn use_id(&mut self, key: OrderKey) {
        let next = key.order_id.saturating_add(1);
        if next > self.next_id(key.client_id) {
            self.set_next_id(key.client_id, next);
        }
    }

    pub(crate) fn set_next_id(&mut self, client_id: i32, next: i32) {
        self.next_ids.insert(client_id, next);
        self.journal_next_id(client_id, next);
    }

    /// Counts a request. True when it is over the rate, which TWS answers with 100 and, the third time, by hanging up.
    pub(super) fn over_the_rate(&mut self, connection: ConnectionId, now: Now) -> bool {
        let Some(limit) = self.config.max_messages_per_second else {
            return false;
        };
        let Some(session) = self.sessions.by_connection.get_mut(&connection) else {
            return false;
        };
        if session.rate_window.0 != now.seconds() {
            session.rate_window = (now.seconds(), 0);
        }
        session.rate_window.1 += 1;
        let count = session.rate_window.1;
        if count == limit.saturating_mul(84) / 100 {
            let text =
                format!("Warning: Approaching max rate of {limit} messages per second ({count})");
            self.error_to(connection, -1, 0, &text, now);
            return false;
        }
        if count <= limit {
            return false;
        }
        if count == limit + 1 {
            session.rate_breaches += 1;
            let breaches = session.rate_breaches;
            let text = format!(
                "Max rate of messages per second has been exceeded:max={limit} rec={count} ({breaches})"
            );
            self.error_to(connection, -1, 100, &text, now);
            if breaches >= RATE_BREACHES_MAX {
                self.sessions.close(connection);
            }
        }
        true
    }
}

fn frame_text(out: &mut Vec<u8>, text: &[u8]) {
    let length = u32::try_from(text.len()).unwrap_or(u32::MAX);
    out.extend_from_slice(&length.to_be_bytes());
    out.extend_from_slice(text);
}
