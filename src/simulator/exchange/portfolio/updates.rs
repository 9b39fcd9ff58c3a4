//! reqAccountUpdates: values and portfolio of one account, then what changes of them.

use super::super::super::account::Position;
use super::super::super::clock::Now;
use super::super::super::fault::Query;
use super::super::super::feeds::{Told, Updates};
use super::super::super::message::ServerMessage;
use super::super::super::order::{double, plain};
use super::super::super::session::ConnectionId;
use super::super::super::wire;
use super::super::{Exchange, Scheduled};
use super::values::{Value, changed};

const UNSUBSCRIBED: &str = "API client has been unsubscribed from account data.";
const OF_ANOTHER: &str = "Unable to subscribe to account as the following clients are subscribed to a different account.";
/// From wrong first values to right ones.
const READY_MICROS: i64 = 300_000;

impl Exchange {
    /// Begins, changes or ends the one subscription of a connection.
    pub(in super::super) fn account_updates(
        &mut self,
        connection: ConnectionId,
        asked: &wire::AccountUpdatesRequest,
        now: Now,
    ) {
        if asked.subscribe != Some(true) {
            let before = self
                .feeds(connection)
                .and_then(|feeds| feeds.updates.take());
            if before.is_some() {
                self.error_to(connection, -1, 2100, UNSUBSCRIBED, now);
            }
            return;
        }
        let name = asked.account.as_deref();
        let Some(account) = self.named_account(connection, -1, name, now) else {
            return;
        };
        let others = self.sessions.by_connection.iter();
        let of_another = others
            .filter(|(other, _)| **other != connection)
            .filter_map(|(_, session)| session.feeds.updates.as_ref())
            .any(|updates| updates.account != account);
        if of_another {
            self.error_to(connection, -1, 2101, OF_ANOTHER, now);
            return;
        }
        let not_ready = self.happens(self.switches.account_not_ready, "account-not-ready");
        let updates = Updates {
            account: account.clone(),
            ledger_only: false,
            not_ready,
            told: Told::new(),
        };
        let before = self
            .feeds(connection)
            .and_then(|feeds| feeds.updates.replace(updates));
        if before.is_some_and(|before| before.account != account) {
            self.error_to(connection, -1, 2100, UNSUBSCRIBED, now);
        }
        self.schedule_refresh(now);
        if self.sessions.shaping.does_not_answer(Query::AccountUpdates) {
            return;
        }
        self.tell_values(connection, &account, now);
        let rows = self.positions_of(self.shown_account(&account), now);
        for (symbol, position) in rows {
            self.send_portfolio(connection, &account, &symbol, position, now);
            self.send_update_time(connection, now);
        }
        self.send_update_time(connection, now);
        self.sessions
            .answer(connection, ServerMessage::AccountUpdatesEnd(&account));
        if not_ready {
            let due = now.micros().saturating_add(READY_MICROS);
            self.schedule(due, Scheduled::AccountReady(connection));
        }
    }

    /// The right values after wrong ones.
    pub(in super::super) fn make_account_ready(&mut self, connection: ConnectionId, now: Now) {
        let Some(updates) = self.feeds(connection).and_then(|f| f.updates.as_mut()) else {
            return;
        };
        updates.not_ready = false;
        let account = updates.account.clone();
        self.tell_updates(connection, &account, now);
    }

    /// The values that changed, the time, and then every position.
    pub(super) fn tell_updates(&mut self, connection: ConnectionId, account: &str, now: Now) {
        let subscribed = self
            .feeds(connection)
            .and_then(|feeds| feeds.updates.as_ref())
            .is_some_and(|updates| updates.account == account);
        if !subscribed || self.sessions.shaping.does_not_answer(Query::AccountUpdates) {
            return;
        }
        if self.tell_values(connection, account, now) == 0 {
            return;
        }
        self.send_update_time(connection, now);
        for (symbol, position) in self.positions_of(self.shown_account(account), now) {
            self.send_portfolio(connection, account, &symbol, position, now);
        }
        self.send_update_time(connection, now);
    }

    /// Sends the values that differ from what was told, all of them at first; gives their number.
    fn tell_values(&mut self, connection: ConnectionId, account: &str, now: Now) -> usize {
        let not_ready = self
            .feeds(connection)
            .and_then(|feeds| feeds.updates.as_ref())
            .is_some_and(|updates| updates.not_ready);
        let values = self.account_values(account, not_ready, now);
        let Some(updates) = self.feeds(connection).and_then(|f| f.updates.as_mut()) else {
            return 0;
        };
        let news = changed(&mut updates.told, values);
        let count = news.len();
        for Value {
            key,
            currency,
            text,
            in_ledger: _,
        } in news
        {
            let row = wire::AccountValue {
                key: Some(key),
                value: Some(text),
                currency,
                account: Some(account.to_owned()),
            };
            self.sessions
                .answer(connection, ServerMessage::AccountValue(&row));
        }
        count
    }

    fn send_portfolio(
        &mut self,
        connection: ConnectionId,
        account: &str,
        symbol: &str,
        position: Position,
        now: Now,
    ) {
        let last = self
            .market
            .by_symbol(symbol)
            .and_then(|symbol| self.market.get(symbol))
            .map(|instrument| instrument.last())
            .unwrap_or_default();
        let value = position.quantity.saturating_mul(last).round_dp(2);
        let cost = position.quantity.saturating_mul(position.average_cost);
        let unrealized = position.quantity.saturating_mul(last).saturating_sub(cost);
        let traded_today = position.traded_day == self.day(now);
        let realized = match traded_today {
            true => position.realized,
            false => rust_decimal::Decimal::ZERO,
        };
        // TWS has the price as a number of 32 bits.
        #[allow(clippy::cast_possible_truncation)]
        let price = double(last) as f32;
        let row = wire::PortfolioValue {
            contract: self.held_contract(symbol),
            position: Some(plain(position.quantity)),
            market_price: Some(f64::from(price)),
            market_value: Some(double(value)),
            average_cost: Some(double(position.average_cost)),
            unrealized_pnl: Some(double(unrealized.round_dp(2))),
            realized_pnl: Some(double(realized.round_dp(2))),
            account: Some(account.to_owned()),
        };
        self.sessions
            .answer(connection, ServerMessage::PortfolioValue(&row));
    }

    fn send_update_time(&mut self, connection: ConnectionId, now: Now) {
        let time = now.hour_and_minute();
        self.sessions
            .answer(connection, ServerMessage::AccountUpdateTime(&time));
    }

    pub(in super::super) fn account_updates_multi(
        &mut self,
        connection: ConnectionId,
        asked: &wire::AccountRequest,
        now: Now,
    ) {
        let request_id = asked.request_id.unwrap_or(-1);
        let name = asked.account.as_deref();
        let Some(account) = self.named_account(connection, request_id, name, now) else {
            return;
        };
        let updates = Updates {
            account,
            ledger_only: asked.ledger_only == Some(true),
            not_ready: false,
            told: Told::new(),
        };
        if let Some(feeds) = self.feeds(connection) {
            feeds.updates_multi.insert(request_id, updates);
        }
        self.schedule_refresh(now);
        if self.sessions.shaping.does_not_answer(Query::AccountUpdates) {
            return;
        }
        self.tell_one_multi(connection, request_id, now);
        let end = ServerMessage::AccountUpdateMultiEnd(request_id);
        self.sessions.answer(connection, end);
    }

    pub(in super::super) fn cancel_account_updates_multi(
        &mut self,
        connection: ConnectionId,
        request_id: i32,
    ) {
        if let Some(feeds) = self.feeds(connection) {
            feeds.updates_multi.remove(&request_id);
        }
    }

    pub(super) fn tell_updates_multi(&mut self, connection: ConnectionId, account: &str, now: Now) {
        if self.sessions.shaping.does_not_answer(Query::AccountUpdates) {
            return;
        }
        let Some(feeds) = self.feeds(connection) else {
            return;
        };
        let of_account: Vec<i32> = feeds
            .updates_multi
            .iter()
            .filter(|(_, updates)| updates.account == account)
            .map(|(id, _)| *id)
            .collect();
        for request_id in of_account {
            self.tell_one_multi(connection, request_id, now);
        }
    }

    fn tell_one_multi(&mut self, connection: ConnectionId, request_id: i32, now: Now) {
        let feed = self
            .feeds(connection)
            .and_then(|feeds| feeds.updates_multi.get(&request_id));
        let Some((account, ledger_only)) = feed.map(|f| (f.account.clone(), f.ledger_only)) else {
            return;
        };
        let mut values = self.account_values(&account, false, now);
        if ledger_only {
            values.retain(Value::is_ledger);
        }
        let feed = self
            .feeds(connection)
            .and_then(|feeds| feeds.updates_multi.get_mut(&request_id));
        let Some(updates) = feed else {
            return;
        };
        for value in changed(&mut updates.told, values) {
            let row = wire::AccountUpdateMulti {
                request_id: Some(request_id),
                account: Some(account.clone()),
                key: Some(value.key),
                value: Some(value.text),
                currency: value.currency,
            };
            self.sessions
                .answer(connection, ServerMessage::AccountUpdateMulti(&row));
        }
    }
}
