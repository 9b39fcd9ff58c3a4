//! Positions, account values, summaries, profit and loss: who is told what, and when.
//!
//! A trade changes an account at once. Whoever subscribed to positions hears of it with the fill; account values follow half a
//! second later, and all that changed is told every three minutes.

mod pnl;
mod positions;
mod summary;
mod updates;
mod values;

pub(super) use positions::Around;

use super::super::account::{Account, DayStart, Position};
use super::super::clock::Now;
use super::super::control::ControlError;
use super::super::feeds::AccountFeeds;
use super::super::session::ConnectionId;
use super::super::switches::AccountNews;
use super::reports::invalid_request;
use super::{Exchange, Scheduled};

/// From a fill to the account values that it changed: captures show less than a second.
const NEWS_MICROS: i64 = 500_000;
/// Between two tellings of everything that changed.
const REFRESH_MICROS: i64 = 180_000_000;
/// Between two tellings of profits.
const PNL_MICROS: i64 = 1_000_000;

impl Exchange {
    /// A trade, a correction or a hand changed a position: its values follow.
    pub(super) fn account_changed(&mut self, account: &str, now: Now) {
        if self.switches.account_news == AccountNews::Slow {
            return;
        }
        if self.changed_accounts.is_empty() {
            let due = now.micros().saturating_add(NEWS_MICROS);
            self.schedule(due, Scheduled::AccountNews);
        }
        self.changed_accounts.insert(account.to_owned());
    }

    pub(super) fn tell_account_news(&mut self, now: Now) {
        for account in std::mem::take(&mut self.changed_accounts) {
            self.tell_account(&account, now);
        }
    }

    /// What changed of an account, to everybody who subscribed to its values.
    pub(super) fn tell_account(&mut self, account: &str, now: Now) {
        for connection in self.connections() {
            self.tell_updates(connection, account, now);
            self.tell_updates_multi(connection, account, now);
        }
    }

    /// Every three minutes while somebody listens.
    pub(super) fn refresh_accounts(&mut self, now: Now) {
        self.refresh_scheduled = false;
        for account in self.accounts.clone() {
            self.tell_account(&account, now);
        }
        for connection in self.connections() {
            self.refresh_summaries(connection, now);
        }
        self.schedule_refresh(now);
    }

    fn schedule_refresh(&mut self, now: Now) {
        let wanted = self
            .sessions
            .by_connection
            .values()
            .any(|session| session.feeds.any_values());
        if wanted && !self.refresh_scheduled {
            self.refresh_scheduled = true;
            let due = now.micros().saturating_add(REFRESH_MICROS);
            self.schedule(due, Scheduled::AccountRefresh);
        }
    }

    fn connections(&self) -> Vec<ConnectionId> {
        self.sessions.by_client.values().copied().collect()
    }

    fn feeds(&mut self, connection: ConnectionId) -> Option<&mut AccountFeeds> {
        let session = self.sessions.by_connection.get_mut(&connection)?;
        Some(&mut session.feeds)
    }

    /// The account that a request names, or the only one; with 321 where there is none such.
    fn named_account(
        &mut self,
        connection: ConnectionId,
        request_id: i32,
        asked: Option<&str>,
        now: Now,
    ) -> Option<String> {
        let asked = asked.unwrap_or_default();
        let found = match self.accounts.as_slice() {
            [only] if asked.is_empty() => Some(only.clone()),
            accounts => accounts.iter().find(|account| *account == asked).cloned(),
        };
        if found.is_none() {
            let text = invalid_request(&format!("Invalid account code '{asked}'."));
            self.error_to(connection, request_id, 321, &text, now);
        }
        found
    }

    /// An account as account values show it: as it is, or, while IB sets it up anew, as it was.
    fn shown_account(&self, name: &str) -> &Account {
        match &self.stale_accounts {
            Some(stale) => stale.get(name).unwrap_or(&self.opening),
            None => self.ledger.account(name),
        }
    }

    /// Remembers what an account was worth when its day began.
    pub(super) fn note_day_start(&mut self, account: &str, now: Now) {
        let day = self.day(now);
        let known = self.ledger.account(account).day_start;
        if known.is_none_or(|known| known.day != day) {
            let equity = self.equity_with_loan(account);
            self.ledger.account_mut(account).day_start = Some(DayStart { day, equity });
        }
    }

    /// Says whether IB has the accounts ready. While not, values are told as they were.
    pub(crate) fn set_account_ready(&mut self, ready: bool, now: Now) {
        let accounts = || -> std::collections::BTreeMap<String, Account> {
            let all = self.accounts.iter();
            all.map(|name| (name.clone(), self.ledger.account(name).clone()))
                .collect()
        };
        self.stale_accounts = match (ready, self.stale_accounts.take()) {
            (true, _) => None,
            (false, Some(stale)) => Some(stale),
            (false, None) => Some(accounts()),
        };
        for account in self.accounts.clone() {
            self.tell_account(&account, now);
        }
    }

    /// Sets a position as if it had been there, without a trade and without a word of one.
    pub(crate) fn set_position(
        &mut self,
        account: &str,
        symbol: &str,
        quantity: rust_decimal::Decimal,
        average_cost: rust_decimal::Decimal,
        now: Now,
    ) -> Result<(), ControlError> {
        let account = match (account, self.accounts.as_slice()) {
            ("", [first, ..]) => first.clone(),
            (name, accounts) if accounts.iter().any(|account| account == name) => name.to_owned(),
            (name, _) => return Err(ControlError::UnknownAccount(name.to_owned())),
        };
        let Some(instrument) = self
            .market
            .by_symbol(symbol)
            .and_then(|symbol| self.market.get(symbol))
        else {
            return Err(ControlError::UnknownSymbol(symbol.to_owned()));
        };
        let is_cash = instrument.is_cash();
        let day = self.day(now);
        let owned = self.ledger.account_mut(&account);
        let positions = match is_cash {
            true => &mut owned.currencies,
            false => &mut owned.positions,
        };
        let before = positions.get(symbol).copied().unwrap_or_default();
        let position = Position {
            quantity,
            average_cost: match quantity.is_zero() {
                true => rust_decimal::Decimal::ZERO,
                false => average_cost,
            },
            traded_day: day,
            ..before
        };
        positions.insert(symbol.to_owned(), position);
        self.journal_account(&account);
        self.tell_position(&account, symbol);
        self.account_changed(&account, now);
        Ok(())
    }
}
