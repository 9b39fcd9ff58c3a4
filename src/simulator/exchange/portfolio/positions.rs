//! Positions: of all accounts at once, or of one.

use rust_decimal::Decimal;

use super::super::super::account::{Account, Position};
use super::super::super::clock::Now;
use super::super::super::fault::Query;
use super::super::super::message::ServerMessage;
use super::super::super::order::{double, plain};
use super::super::super::session::ConnectionId;
use super::super::super::switches::{ClosedPositions, FxPositions, PositionExchange, PositionNews};
use super::super::super::wire;
use super::super::{Exchange, Scheduled};

/// From a fill to its position, where that is late.
const LATE_MICROS: i64 = 500_000;

/// When something is told, relative to the frames of a fill.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in super::super) enum Around {
    Before,
    After,
}

impl Exchange {
    /// Every position of the login, the end mark, and from then on what changes.
    pub(in super::super) fn positions(&mut self, connection: ConnectionId, now: Now) {
        if let Some(feeds) = self.feeds(connection) {
            feeds.positions = true;
        }
        if self.sessions.shaping.does_not_answer(Query::Positions) {
            return;
        }
        for account in self.accounts.clone() {
            for (symbol, position) in self.listed_positions(&account, now) {
                self.send_position(connection, &account, &symbol, position);
            }
        }
        self.sessions
            .answer(connection, ServerMessage::PositionsEnd);
    }

    /// Nothing is said.
    pub(in super::super) fn cancel_positions(&mut self, connection: ConnectionId) {
        if let Some(feeds) = self.feeds(connection) {
            feeds.positions = false;
        }
    }

    pub(in super::super) fn positions_multi(
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
        if let Some(feeds) = self.feeds(connection) {
            feeds.positions_multi.insert(request_id, account.clone());
        }
        if self.sessions.shaping.does_not_answer(Query::Positions) {
            return;
        }
        for (symbol, position) in self.listed_positions(&account, now) {
            self.send_position_multi(connection, request_id, &account, &symbol, position);
        }
        self.sessions
            .answer(connection, ServerMessage::PositionMultiEnd(request_id));
    }

    pub(in super::super) fn cancel_positions_multi(
        &mut self,
        connection: ConnectionId,
        request_id: i32,
    ) {
        if let Some(feeds) = self.feeds(connection) {
            feeds.positions_multi.remove(&request_id);
        }
    }

    /// Around the frames of a fill: the position that it changed, when the switch says so.
    pub(in super::super) fn position_news(
        &mut self,
        account: &str,
        symbol: &str,
        around: Around,
        now: Now,
    ) {
        match (self.switches.position_news, around) {
            (PositionNews::AfterFill, Around::After)
            | (PositionNews::BeforeFill, Around::Before) => self.tell_position(account, symbol),
            (PositionNews::Later, Around::After) => {
                let changed = (account.to_owned(), symbol.to_owned());
                if self.changed_positions.is_empty() {
                    let due = now.micros().saturating_add(LATE_MICROS);
                    self.schedule(due, Scheduled::PositionNews);
                }
                self.changed_positions.insert(changed);
            }
            (PositionNews::AfterFill | PositionNews::Later, Around::Before)
            | (PositionNews::BeforeFill, Around::After) => {}
        }
    }

    pub(in super::super) fn tell_late_positions(&mut self) {
        for (account, symbol) in std::mem::take(&mut self.changed_positions) {
            self.tell_position(&account, &symbol);
        }
    }

    /// One position to everybody who subscribed, a closed one as 0.
    pub(super) fn tell_position(&mut self, account: &str, symbol: &str) {
        let held = self.ledger.account(account);
        let Some(position) = self.position_in(held, symbol) else {
            return;
        };
        for connection in self.connections() {
            let Some(feeds) = self.feeds(connection) else {
                continue;
            };
            let multi: Vec<i32> = feeds
                .positions_multi
                .iter()
                .filter(|(_, of)| *of == account)
                .map(|(id, _)| *id)
                .collect();
            if feeds.positions {
                self.send_position(connection, account, symbol, position);
            }
            for request_id in multi {
                self.send_position_multi(connection, request_id, account, symbol, position);
            }
        }
    }

    fn position_in(&self, account: &Account, symbol: &str) -> Option<Position> {
        let of_currency = || match self.switches.fx_positions {
            FxPositions::Shown => account.currencies.get(symbol),
            FxPositions::Hidden => None,
        };
        account.positions.get(symbol).or_else(of_currency).copied()
    }

    /// What a dump lists: open positions, and as the switch says closed ones.
    fn listed_positions(&self, account: &str, now: Now) -> Vec<(String, Position)> {
        self.positions_of(self.ledger.account(account), now)
    }

    pub(super) fn positions_of(&self, account: &Account, now: Now) -> Vec<(String, Position)> {
        let today = self.day(now);
        let is_listed = |position: &Position| {
            !position.quantity.is_zero()
                || match self.switches.closed_positions {
                    ClosedPositions::Kept => true,
                    ClosedPositions::Today => position.traded_day == today,
                }
        };
        let currencies = account
            .currencies
            .iter()
            .filter(|_| self.switches.fx_positions == FxPositions::Shown);
        account
            .positions
            .iter()
            .chain(currencies)
            .filter(|(_, position)| is_listed(position))
            .map(|(symbol, position)| (symbol.clone(), *position))
            .collect()
    }

    fn send_position(
        &mut self,
        connection: ConnectionId,
        account: &str,
        symbol: &str,
        position: Position,
    ) {
        let row = wire::Position {
            account: Some(account.to_owned()),
            contract: self.held_contract(symbol),
            position: Some(plain(position.quantity)),
            average_cost: Some(double(position.average_cost)),
        };
        self.sessions
            .answer(connection, ServerMessage::Position(&row));
    }

    fn send_position_multi(
        &mut self,
        connection: ConnectionId,
        request_id: i32,
        account: &str,
        symbol: &str,
        position: Position,
    ) {
        let row = wire::PositionMulti {
            request_id: Some(request_id),
            account: Some(account.to_owned()),
            contract: self.held_contract(symbol),
            position: Some(plain(position.quantity)),
            average_cost: Some(double(position.average_cost)),
        };
        self.sessions
            .answer(connection, ServerMessage::PositionMulti(&row));
    }

    /// The contract of a position: on the exchange that lists it, never SMART, so that no order can be made of it as it is.
    pub(super) fn held_contract(&self, symbol: &str) -> Option<wire::Contract> {
        let instrument = self.market.get(self.market.by_symbol(symbol)?)?;
        let mut contract = instrument.contract(instrument.venue);
        if self.switches.position_exchange == PositionExchange::Absent {
            contract.exchange = None;
        }
        Some(contract)
    }

    /// Shares of each symbol of an account, closed positions included.
    pub(crate) fn position_quantities(&self, account: &str) -> Vec<(String, Decimal, Decimal)> {
        let account = self.ledger.account(account);
        let rows = account.positions.iter();
        rows.map(|(symbol, held)| (symbol.clone(), held.quantity, held.average_cost))
            .collect()
    }
}
