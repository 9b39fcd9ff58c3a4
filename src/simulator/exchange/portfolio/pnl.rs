//! Profit and loss of an account or of one position: when asked for, then each second in which it changed.

use prost::Message;
use rust_decimal::Decimal;

use super::super::super::account::Position;
use super::super::super::clock::Now;
use super::super::super::feeds::Profit;
use super::super::super::message::ServerMessage;
use super::super::super::order::{double, plain};
use super::super::super::session::ConnectionId;
use super::super::super::wire;
use super::super::{Exchange, Scheduled};
use super::PNL_MICROS;

impl Exchange {
    pub(in super::super) fn pnl(
        &mut self,
        connection: ConnectionId,
        asked: &wire::AccountRequest,
        now: Now,
    ) {
        let request_id = asked.request_id.unwrap_or(-1);
        let name = asked.account.as_deref();
        self.subscribe_pnl(connection, request_id, name, None, now);
    }

    pub(in super::super) fn pnl_single(
        &mut self,
        connection: ConnectionId,
        asked: &wire::PnlSingleRequest,
        now: Now,
    ) {
        let request_id = asked.request_id.unwrap_or(-1);
        let (name, con_id) = (asked.account.as_deref(), asked.con_id.unwrap_or(0));
        self.subscribe_pnl(connection, request_id, name, Some(con_id), now);
    }

    pub(in super::super) fn cancel_pnl(&mut self, connection: ConnectionId, request_id: i32) {
        if let Some(feeds) = self.feeds(connection) {
            feeds.pnl.remove(&request_id);
        }
    }

    fn subscribe_pnl(
        &mut self,
        connection: ConnectionId,
        request_id: i32,
        name: Option<&str>,
        con_id: Option<i32>,
        now: Now,
    ) {
        let Some(account) = self.named_account(connection, request_id, name, now) else {
            return;
        };
        self.note_day_start(&account, now);
        let profit = Profit {
            account,
            con_id,
            told: Vec::new(),
        };
        if let Some(feeds) = self.feeds(connection) {
            feeds.pnl.insert(request_id, profit);
        }
        self.tell_pnl_of(connection, request_id, now);
        self.schedule_pnl(now);
    }

    /// Each second while somebody listens.
    pub(in super::super) fn tell_pnl(&mut self, now: Now) {
        self.pnl_scheduled = false;
        for connection in self.connections() {
            let ids: Vec<i32> = self
                .feeds(connection)
                .map(|feeds| feeds.pnl.keys().copied().collect())
                .unwrap_or_default();
            for request_id in ids {
                self.tell_pnl_of(connection, request_id, now);
            }
        }
        self.schedule_pnl(now);
    }

    fn schedule_pnl(&mut self, now: Now) {
        let sessions = self.sessions.by_connection.values();
        let wanted = sessions
            .into_iter()
            .any(|session| !session.feeds.pnl.is_empty());
        if wanted && !self.pnl_scheduled {
            self.pnl_scheduled = true;
            self.schedule(now.micros().saturating_add(PNL_MICROS), Scheduled::Pnl);
        }
    }

    fn tell_pnl_of(&mut self, connection: ConnectionId, request_id: i32, now: Now) {
        let feed = self
            .feeds(connection)
            .and_then(|feeds| feeds.pnl.get(&request_id).cloned());
        let Some(Profit {
            account,
            con_id,
            told,
        }) = feed
        else {
            return;
        };
        let of_account = con_id.is_none().then(|| self.pnl_of(&account, now));
        let of_position = con_id.map(|con_id| self.pnl_of_position(&account, con_id, now));
        let of_account = of_account.map(|pnl| wire::Pnl {
            request_id: Some(request_id),
            ..pnl
        });
        let of_position = of_position.map(|pnl| wire::PnlSingle {
            request_id: Some(request_id),
            ..pnl
        });
        let bytes = match (&of_account, &of_position) {
            (Some(pnl), _) => pnl.encode_to_vec(),
            (None, Some(pnl)) => pnl.encode_to_vec(),
            (None, None) => return,
        };
        if bytes == told {
            return;
        }
        if let Some(feed) = self
            .feeds(connection)
            .and_then(|feeds| feeds.pnl.get_mut(&request_id))
        {
            feed.told = bytes;
        }
        match (&of_account, &of_position) {
            (Some(pnl), _) => self.sessions.answer(connection, ServerMessage::Pnl(pnl)),
            (None, Some(pnl)) => self
                .sessions
                .answer(connection, ServerMessage::PnlSingle(pnl)),
            (None, None) => {}
        }
    }

    /// In the base currency.
    fn pnl_of(&self, account: &str, now: Now) -> wire::Pnl {
        let owned = self.ledger.account(account);
        let (mut unrealized, mut realized) = (Decimal::ZERO, Decimal::ZERO);
        for (symbol, position) in &owned.positions {
            let (open, closed) = self.profits(symbol, position, now);
            unrealized = unrealized.saturating_add(self.in_base("USD", open));
            realized = realized.saturating_add(self.in_base("USD", closed));
        }
        let daily = match owned.day_start {
            Some(start) if start.day == self.day(now) => {
                self.equity_with_loan(account).saturating_sub(start.equity)
            }
            _ => unrealized.saturating_add(realized),
        };
        wire::Pnl {
            request_id: None,
            daily: Some(double(daily)),
            unrealized: Some(double(unrealized)),
            realized: Some(double(realized)),
        }
    }

    /// In the contract's currency. Without such a position there is a quantity of 0 and nothing else.
    fn pnl_of_position(&self, account: &str, con_id: i32, now: Now) -> wire::PnlSingle {
        let contract = wire::Contract {
            con_id: Some(con_id),
            ..wire::Contract::default()
        };
        let instrument = self
            .market
            .find(&contract)
            .filter(|_| con_id != 0)
            .and_then(|symbol| self.market.get(symbol));
        let owned = self.ledger.account(account);
        let held = instrument.and_then(|instrument| {
            let position = owned.positions.get(&instrument.symbol)?;
            Some((instrument, position))
        });
        let Some((instrument, position)) = held else {
            return wire::PnlSingle {
                position: Some("0".to_owned()),
                ..wire::PnlSingle::default()
            };
        };
        let (open, closed) = self.profits(&instrument.symbol, position, now);
        let value = position.quantity.saturating_mul(instrument.last());
        wire::PnlSingle {
            request_id: None,
            position: Some(plain(position.quantity)),
            daily: Some(double(open.saturating_add(closed))),
            unrealized: Some(double(open)),
            realized: Some(double(closed)),
            value: Some(double(value)),
        }
    }

    /// What a position would bring, and what its sales of today have brought.
    fn profits(&self, symbol: &str, position: &Position, now: Now) -> (Decimal, Decimal) {
        let last = self
            .market
            .by_symbol(symbol)
            .and_then(|symbol| self.market.get(symbol))
            .map(|instrument| instrument.last())
            .unwrap_or_default();
        let open = last
            .saturating_sub(position.average_cost)
            .saturating_mul(position.quantity);
        let closed = match position.traded_day == self.day(now) {
            true => position.realized,
            false => Decimal::ZERO,
        };
        (open, closed)
    }
}
