//! Fills, their commissions and what they leave in the account.

use std::collections::{HashMap, VecDeque};

use rust_decimal::Decimal;
use serde::{Deserialize, Serialize};

use super::wire;

/// One fill, as it was reported.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Fill {
    pub(crate) details: wire::ExecutionDetails,
    pub(crate) commission: wire::CommissionReport,
    /// Trading day.
    pub(crate) day: i32,
}

#[derive(Clone, Copy, Debug, Default)]
struct Position {
    quantity: Decimal,
    average: Decimal,
}

#[derive(Debug, Default)]
pub(crate) struct Ledger {
    fills: VecDeque<Fill>,
    fills_max: usize,
    positions: HashMap<(String, String), Position>,
}

impl Ledger {
    pub(crate) fn new(fills_max: usize) -> Self {
        Self {
            fills_max,
            ..Self::default()
        }
    }

    pub(crate) fn record(&mut self, fill: Fill) {
        if self.fills.len() >= self.fills_max {
            self.fills.pop_front();
        }
        self.fills.push_back(fill);
    }

    pub(crate) fn fills(&self) -> impl DoubleEndedIterator<Item = &Fill> {
        self.fills.iter()
    }

    /// Books a trade and gives the profit that it realises; none when it only opens or adds.
    pub(crate) fn trade(
        &mut self,
        account: &str,
        symbol: &str,
        bought: Decimal,
        price: Decimal,
    ) -> Option<Decimal> {
        let position = self
            .positions
            .entry((account.to_owned(), symbol.to_owned()))
            .or_default();
        let before = *position;
        position.quantity = position.quantity.saturating_add(bought);
        if before.quantity.is_zero()
            || before.quantity.is_sign_negative() == bought.is_sign_negative()
        {
            let cost = before
                .quantity
                .saturating_mul(before.average)
                .saturating_add(bought.saturating_mul(price));
            position.average = cost.checked_div(position.quantity).unwrap_or(price);
            return None;
        }
        let closed = bought.abs().min(before.quantity.abs());
        if bought.abs() > before.quantity.abs() {
            position.average = price;
        }
        let gain = price.saturating_sub(before.average).saturating_mul(closed);
        Some(if before.quantity.is_sign_negative() {
            -gain
        } else {
            gain
        })
    }
}

/// Half a cent a share, at least a dollar an order: the shape of a real commission, not its exact amount.
pub(crate) fn commission(quantity: Decimal, first_of_order: bool) -> Decimal {
    let by_share = quantity.saturating_mul(Decimal::new(5, 3)).round_dp(6);
    if first_of_order {
        by_share.max(Decimal::ONE)
    } else {
        by_share
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_closing_trade_realises_a_profit() {
        let mut ledger = Ledger::new(10);
        let at = |price: i64| Decimal::from(price);
        assert_eq!(
            ledger.trade("DU1", "AAPL", Decimal::from(100), at(10)),
            None
        );
        assert_eq!(
            ledger.trade("DU1", "AAPL", Decimal::from(100), at(20)),
            None
        );
        assert_eq!(
            ledger.trade("DU1", "AAPL", Decimal::from(-50), at(16)),
            Some(Decimal::from(50))
        );
        assert_eq!(
            ledger.trade("DU1", "AAPL", Decimal::from(-250), at(10)),
            Some(Decimal::from(-750))
        );
        assert_eq!(
            ledger.trade("DU1", "AAPL", Decimal::from(100), at(8)),
            Some(Decimal::from(200))
        );
    }
}
