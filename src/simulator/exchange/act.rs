//! What a control makes the exchange do.

use rust_decimal::Decimal;

use super::super::clock::Now;
use super::super::control::ControlError;
use super::super::message::ServerMessage;
use super::super::order::{Order, OrderKey, PermId, Phase, Price, Side, Tif, double, plain};
use super::super::session::ConnectionId;
use super::super::wire;
use super::fill::Telling;
use super::{Exchange, Verdict};

impl Exchange {
    /// Fills an order: `quantity` or all that is left, at `price` or the market's.
    pub(crate) fn fill(
        &mut self,
        key: OrderKey,
        quantity: Option<Decimal>,
        price: Option<Decimal>,
        telling: Telling,
        now: Now,
    ) -> Result<(), ControlError> {
        let (perm_id, phase) = self.locate(key)?;
        let order = self
            .book
            .get(perm_id)
            .ok_or(ControlError::UnknownOrder(key))?;
        if !(order.phase.is_live() || order.phase == Phase::Cancelled) {
            return Err(ControlError::NotWorking {
                key,
                status: phase.word(),
            });
        }
        let instrument = self
            .market
            .by_symbol(&order.symbol)
            .and_then(|symbol| self.market.get(symbol));
        let market_price = match (order.price, order.side) {
            (Price::Limit(limit), _) => limit,
            (Price::Market, Side::Buy) => instrument.map(|i| i.ask()).unwrap_or_default(),
            (Price::Market, Side::Sell) => instrument.map(|i| i.bid()).unwrap_or_default(),
        };
        let quantity = quantity.unwrap_or(order.remaining()).min(order.remaining());
        self.trade(
            perm_id,
            quantity,
            price.unwrap_or(market_price),
            telling,
            now,
        );
        Ok(())
    }

    /// Replaces an execution: the same id with a higher number after its last dot.
    pub(crate) fn correct(
        &mut self,
        exec_id: &str,
        quantity: Decimal,
        price: Decimal,
        now: Now,
    ) -> Result<String, ControlError> {
        let found = self.ledger.fills().rev().find(|fill| {
            fill.details
                .execution
                .as_ref()
                .is_some_and(|execution| execution.exec_id.as_deref() == Some(exec_id))
        });
        let mut fill = found
            .cloned()
            .ok_or_else(|| ControlError::UnknownExecution(exec_id.to_owned()))?;
        let corrected = next_correction(exec_id);
        let execution = fill.details.execution.get_or_insert_default();
        let before: Decimal = execution
            .shares
            .as_deref()
            .unwrap_or_default()
            .parse()
            .unwrap_or_default();
        let old_price = Decimal::try_from(execution.price.unwrap_or_default()).unwrap_or_default();
        let perm_id = execution.perm_id.unwrap_or_default();
        let client_id = execution.client_id.unwrap_or_default();
        execution.exec_id = Some(corrected.clone());
        execution.shares = Some(plain(quantity));
        execution.price = Some(double(price));
        execution.time = Some(now.stamp());
        if let Some(order) = self.book.get_mut(perm_id) {
            order.filled = order.filled.saturating_add(quantity).saturating_sub(before);
            let before = before.saturating_mul(old_price);
            order.value = order
                .value
                .saturating_add(quantity.saturating_mul(price))
                .saturating_sub(before);
            execution.cum_qty = Some(plain(order.filled));
            execution.avg_price = Some(double(order.average_price()));
        }
        fill.commission.exec_id = Some(corrected.clone());
        self.sessions
            .report(client_id, ServerMessage::Execution(&fill.details));
        self.sessions
            .report(client_id, ServerMessage::Commission(&fill.commission));
        self.journal_fill(&fill);
        self.ledger.record(fill);
        self.journal_order(perm_id);
        Ok(corrected)
    }

    /// The exchange ends a working order by itself.
    pub(crate) fn expire(&mut self, key: OrderKey, now: Now) -> Result<(), ControlError> {
        let (perm_id, phase) = self.locate(key)?;
        if !phase.is_live() {
            return Err(ControlError::NotWorking {
                key,
                status: phase.word(),
            });
        }
        self.confirm_cancel(perm_id, "Cancelled by System:", now);
        Ok(())
    }

    /// The exchange refuses a working order late: Inactive, then the error.
    pub(crate) fn reject_order(
        &mut self,
        key: OrderKey,
        code: i32,
        text: &str,
        inactive: bool,
        now: Now,
    ) -> Result<(), ControlError> {
        let (perm_id, phase) = self.locate(key)?;
        if phase.is_over() {
            return Err(ControlError::NotWorking {
                key,
                status: phase.word(),
            });
        }
        self.reject(perm_id, code, text, inactive, now);
        Ok(())
    }

    pub(crate) fn decide_next(&mut self, verdict: Verdict) {
        self.verdicts.push_back(verdict);
    }

    /// An error or notice about an order that changes nothing of it.
    pub(crate) fn send_order_error(&mut self, key: OrderKey, code: i32, text: &str, now: Now) {
        self.order_error(key.client_id, key.order_id, code, text, now);
    }

    /// A notice with id -1 to everyone.
    pub(crate) fn send_notice(&mut self, code: i32, text: &str, now: Now) {
        self.notice_to_all(code, text, now);
    }

    /// The pair of an order once more.
    pub(crate) fn repeat_reports(&mut self, key: OrderKey) -> Result<(), ControlError> {
        let (perm_id, _) = self.locate(key)?;
        self.report_pair(perm_id);
        Ok(())
    }

    /// Bytes to everyone who is connected.
    pub(crate) fn inject(&mut self, bytes: &[u8]) {
        let connections: Vec<ConnectionId> = self.sessions.by_connection.keys().copied().collect();
        for connection in connections {
            self.sessions.raw(connection, bytes);
        }
    }

    /// Moves a symbol's price, and trades what the new price reaches.
    pub(crate) fn set_price(
        &mut self,
        symbol: &str,
        price: Decimal,
        now: Now,
    ) -> Result<(), ControlError> {
        let found = self.market.by_symbol(symbol);
        let index = found.ok_or_else(|| ControlError::UnknownSymbol(symbol.to_owned()))?;
        if let Some(instrument) = self.market.get_mut(index) {
            instrument.set_price(price);
        }
        self.journal_walk(index);
        self.sweep_parts(index, Decimal::MAX, now);
        Ok(())
    }

    /// What an order gets that somebody types into TWS.
    pub(crate) fn place_manual(
        &mut self,
        symbol: &str,
        side: Side,
        quantity: Decimal,
        limit: Decimal,
    ) -> Result<PermId, ControlError> {
        let index = self
            .market
            .by_symbol(symbol)
            .ok_or_else(|| ControlError::UnknownSymbol(symbol.to_owned()))?;
        self.perm_ids += 1;
        let perm_id = self.base + self.perm_ids;
        let contract = self
            .market
            .get(index)
            .map(|instrument| instrument.contract("SMART"));
        let order = wire::Order {
            client_id: Some(0),
            order_id: Some(0),
            perm_id: Some(perm_id),
            action: Some(if side == Side::Buy { "BUY" } else { "SELL" }.to_owned()),
            total_quantity: Some(plain(quantity)),
            order_type: Some("LMT".to_owned()),
            lmt_price: Some(double(limit)),
            aux_price: Some(0.0),
            tif: Some("DAY".to_owned()),
            account: self.accounts.first().cloned(),
            filled_quantity: Some("0".to_owned()),
            ..wire::Order::default()
        };
        let state = wire::OrderState {
            status: Some("Submitted".to_owned()),
            ..wire::OrderState::default()
        };
        self.book.insert(Order {
            key: OrderKey {
                client_id: 0,
                order_id: 0,
            },
            perm_id,
            echo: wire::OpenOrder {
                order_id: Some(0),
                contract,
                order: Some(order),
                order_state: Some(state),
            },
            symbol: symbol.to_owned(),
            side,
            price: Price::Limit(limit),
            quantity,
            filled: Decimal::ZERO,
            value: Decimal::ZERO,
            last_price: Decimal::ZERO,
            commission: Decimal::ZERO,
            tif: Tif::Day,
            outside_rth: false,
            phase: Phase::Submitted,
            why_held: None,
            ended_day: 0,
            manual: true,
        });
        self.book.rest(perm_id, index);
        self.journal_order(perm_id);
        Ok(perm_id)
    }

    /// Accounts of the next logins.
    pub(crate) fn set_accounts(&mut self, accounts: Vec<String>) {
        self.accounts = accounts;
    }

    /// The order by its key; client -1 stands for whichever client has an order of that id.
    pub(crate) fn locate(&self, key: OrderKey) -> Result<(PermId, Phase), ControlError> {
        let found = if key.client_id == OrderKey::ANY_CLIENT {
            self.all_orders()
                .find(|order| order.key.order_id == key.order_id)
                .map(|order| order.perm_id)
        } else {
            self.book.find(key)
        };
        let order = found
            .and_then(|perm_id| self.book.get(perm_id))
            .ok_or(ControlError::UnknownOrder(key))?;
        Ok((order.perm_id, order.phase))
    }

    pub(crate) fn all_orders(&self) -> impl Iterator<Item = &Order> {
        self.book.open().chain(self.book.finished())
    }

    pub(crate) fn exec_ids(&self) -> Vec<String> {
        let ids = self
            .ledger
            .fills()
            .filter_map(|fill| fill.details.execution.as_ref()?.exec_id.clone());
        ids.collect()
    }

    pub(crate) fn quote(&self, symbol: &str) -> Option<(Decimal, Decimal)> {
        let instrument = self.market.get(self.market.by_symbol(symbol)?)?;
        Some((instrument.bid(), instrument.ask()))
    }
}

/// "a.b.01.01" becomes "a.b.01.02".
fn next_correction(exec_id: &str) -> String {
    match exec_id.rsplit_once('.') {
        Some((stem, last)) => {
            let number: u32 = last.parse().unwrap_or(1);
            format!("{stem}.{:02}", number + 1)
        }
        None => format!("{exec_id}.02"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_correction_counts_on_after_the_last_dot() {
        assert_eq!(
            next_correction("0000e0d5.6740e7b5.01.01"),
            "0000e0d5.6740e7b5.01.02"
        );
        assert_eq!(
            next_correction("0000e0d5.6740e7b5.01.09"),
            "0000e0d5.6740e7b5.01.10"
        );
    }
}
