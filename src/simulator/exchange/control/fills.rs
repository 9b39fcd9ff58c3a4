//! Executions that a test makes: fills, corrections, repetitions, allocations.

use rust_decimal::Decimal;

use super::super::super::account::Trade;
use super::super::super::clock::Now;
use super::super::super::control::ControlError;
use super::super::super::ledger::Fill;
use super::super::super::message::ServerMessage;
use super::super::super::odd::OddRow;
use super::super::super::order::{OrderKey, Phase, Side, double, plain};
use super::super::portfolio::Around;
use super::super::{Exchange, FillReport};

impl Exchange {
    /// Fills an order: `quantity` or all that is left, at `price` or the market's.
    pub(crate) fn fill(
        &mut self,
        key: OrderKey,
        quantity: Option<Decimal>,
        price: Option<Decimal>,
        report: FillReport,
        now: Now,
    ) -> Result<(), ControlError> {
        let (perm_id, phase) = self.locate(key)?;
        let order = self
            .book
            .get(perm_id)
            .ok_or(ControlError::UnknownOrder(key))?;
        let held = order.awaits_parent && !order.phase.is_over();
        if held || !(order.phase.is_live() || order.phase == Phase::Cancelled) {
            return Err(ControlError::NotWorking {
                key,
                status: phase.word(),
            });
        }
        let instrument = self
            .market
            .by_symbol(&order.symbol)
            .and_then(|symbol| self.market.get(symbol));
        let market_price = order.limit().or_else(|| {
            instrument.map(|instrument| match order.side {
                Side::Buy => instrument.ask(),
                Side::Sell => instrument.bid(),
            })
        });
        let quantity = quantity.unwrap_or(order.remaining()).min(order.remaining());
        self.trade(
            perm_id,
            quantity,
            price.or(market_price).unwrap_or_default(),
            report,
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
        let mut fill = self.fill_of(exec_id)?;
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
        let corrected_trade = self.book.get(perm_id).map(|order| {
            let account = order.account().to_owned();
            (account, order.symbol.clone(), order.side)
        });
        if let Some((account, symbol, side)) = &corrected_trade {
            let instrument = self
                .market
                .by_symbol(symbol)
                .and_then(|symbol| self.market.get(symbol));
            let (currency, is_cash) = instrument.map_or(("USD", false), |instrument| {
                (instrument.currency, instrument.is_cash())
            });
            let trade = Trade {
                symbol,
                currency,
                bought: side.signed(before),
                price: old_price,
                commission: Decimal::ZERO,
                is_cash,
                day: fill.day,
            };
            let bought = side.signed(quantity);
            let owned = self.ledger.account_mut(account);
            owned.correct(trade, bought, price);
            self.journal_account(account);
        }
        fill.commission.exec_id = Some(corrected.clone());
        self.sessions
            .report(client_id, ServerMessage::Execution(&fill.details));
        self.sessions
            .report(client_id, ServerMessage::Commission(&fill.commission));
        self.journal_fill(&fill);
        self.ledger.record(fill);
        self.journal_order(perm_id);
        if let Some((account, symbol, _)) = corrected_trade {
            self.position_news(&account, &symbol, Around::Before, now);
            self.position_news(&account, &symbol, Around::After, now);
            self.account_changed(&account, now);
        }
        Ok(corrected)
    }

    /// The same shares once more, under another execution id.
    pub(crate) fn repeat_execution(&mut self, exec_id: &str) -> Result<(), ControlError> {
        let fill = self.fill_of(exec_id)?;
        self.repeat_fill(fill);
        Ok(())
    }

    /// The shares of an execution once more, account by account, as an allocation reports them.
    pub(crate) fn allocate(
        &mut self,
        exec_id: &str,
        shares: Vec<(String, Decimal)>,
    ) -> Result<(), ControlError> {
        let fill = self.fill_of(exec_id)?;
        for (account, quantity) in shares {
            let mut part = fill.clone();
            let execution = part.details.execution.get_or_insert_default();
            execution.account = Some(account);
            execution.shares = Some(plain(quantity));
            self.repeat_fill(part);
        }
        Ok(())
    }

    /// A fill whose execution is hard to read, now and when it is asked for.
    pub(crate) fn fill_oddly(
        &mut self,
        key: OrderKey,
        quantity: Decimal,
        price: Decimal,
        odd: OddRow,
        now: Now,
    ) -> Result<(), ControlError> {
        self.next_odd_fill = Some(odd);
        let done = self.fill(key, Some(quantity), Some(price), FillReport::Usual, now);
        self.next_odd_fill = None;
        done
    }

    fn fill_of(&self, exec_id: &str) -> Result<Fill, ControlError> {
        let found = self.ledger.fills().rev().find(|fill| {
            fill.details
                .execution
                .as_ref()
                .is_some_and(|execution| execution.exec_id.as_deref() == Some(exec_id))
        });
        found
            .cloned()
            .ok_or_else(|| ControlError::UnknownExecution(exec_id.to_owned()))
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
