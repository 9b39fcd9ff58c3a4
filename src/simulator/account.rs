//! What trades leave in an account: cash in each currency, and positions.

use std::collections::BTreeMap;

use rust_decimal::Decimal;
use serde::{Deserialize, Serialize};

use super::order::decimal_text;

/// Digits of an average cost, as TWS sends it.
const COST_DIGITS: u32 = 8;

/// Shares of one contract.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Position {
    /// Negative when sold short.
    #[serde(with = "decimal_text")]
    pub(crate) quantity: Decimal,
    /// Of one share, with the commission of its purchase in it.
    #[serde(with = "decimal_text")]
    pub(crate) average_cost: Decimal,
    /// Profit of what was closed since the day began, after commissions.
    #[serde(with = "decimal_text")]
    pub(crate) realized: Decimal,
    /// Trading day of the last trade.
    pub(crate) traded_day: i32,
}

/// One trade, as it changes an account.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Trade<'a> {
    pub(crate) symbol: &'a str,
    pub(crate) currency: &'a str,
    /// Shares bought; negative when sold.
    pub(crate) bought: Decimal,
    pub(crate) price: Decimal,
    /// In the contract's currency.
    pub(crate) commission: Decimal,
    /// Whether the contract is a currency: what is bought is then cash.
    pub(crate) is_cash: bool,
    pub(crate) day: i32,
}

/// One account of the login.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub(crate) struct Account {
    /// By currency.
    #[serde(with = "decimal_text::map")]
    pub(crate) cash: BTreeMap<String, Decimal>,
    /// By symbol, closed ones included.
    pub(crate) positions: BTreeMap<String, Position>,
    /// What was bought of each currency, as if it were a position; it is cash all the same.
    #[serde(default)]
    pub(crate) currencies: BTreeMap<String, Position>,
    /// What the account was worth when the day began.
    #[serde(default)]
    pub(crate) day_start: Option<DayStart>,
}

/// What profits of a day are counted from.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct DayStart {
    /// Trading day.
    pub(crate) day: i32,
    /// Cash and positions in the base currency.
    #[serde(with = "decimal_text")]
    pub(crate) equity: Decimal,
}

impl Account {
    /// Books a trade, and gives the profit that it realises after the commissions of both sides; none when it only opens
    /// or adds.
    pub(crate) fn trade(&mut self, trade: Trade<'_>) -> Option<Decimal> {
        let paid = trade.bought.saturating_mul(trade.price);
        let cash = self.cash.entry(trade.currency.to_owned()).or_default();
        *cash = cash.saturating_sub(paid).saturating_sub(trade.commission);
        if trade.is_cash {
            let bought = self.cash.entry(trade.symbol.to_owned()).or_default();
            *bought = bought.saturating_add(trade.bought);
            let position = self.currencies.entry(trade.symbol.to_owned()).or_default();
            position.traded_day = trade.day;
            position.trade(trade.bought, trade.price, Decimal::ZERO);
            return None;
        }
        let position = self.position_of(trade.symbol);
        if position.traded_day != trade.day {
            position.realized = Decimal::ZERO;
        }
        position.traded_day = trade.day;
        let realized = position.trade(trade.bought, trade.price, trade.commission);
        position.realized = position
            .realized
            .saturating_add(realized.unwrap_or_default());
        realized
    }

    /// Replaces the quantity and price of a trade of the day. What it cost stays.
    pub(crate) fn correct(&mut self, before: Trade<'_>, bought: Decimal, price: Decimal) {
        let paid = bought.saturating_mul(price);
        let paid_more = paid.saturating_sub(before.bought.saturating_mul(before.price));
        let more = bought.saturating_sub(before.bought);
        let cash = self.cash.entry(before.currency.to_owned()).or_default();
        *cash = cash.saturating_sub(paid_more);
        if before.is_cash {
            let cash = self.cash.entry(before.symbol.to_owned()).or_default();
            *cash = cash.saturating_add(more);
            return;
        }
        let position = self.position_of(before.symbol);
        let (held, cost) = (position.quantity, position.average_cost);
        let opened = !held.is_zero() && held.is_sign_negative() == bought.is_sign_negative();
        position.quantity = held.saturating_add(more);
        if opened {
            let cost = held.saturating_mul(cost).saturating_add(paid_more);
            position.average_cost = per_share(cost, position.quantity);
        } else {
            // It closed shares: what they brought is another profit. Their cost is known only while some are left.
            let of_more = more.saturating_mul(cost);
            position.realized = position
                .realized
                .saturating_sub(paid_more)
                .saturating_add(of_more);
        }
    }

    fn position_of(&mut self, symbol: &str) -> &mut Position {
        self.positions.entry(symbol.to_owned()).or_default()
    }
}

impl Position {
    fn trade(&mut self, bought: Decimal, price: Decimal, commission: Decimal) -> Option<Decimal> {
        let before = *self;
        let opens = before.quantity.is_zero()
            || before.quantity.is_sign_negative() == bought.is_sign_negative();
        self.quantity = before.quantity.saturating_add(bought);
        if opens {
            let cost = before
                .quantity
                .saturating_mul(before.average_cost)
                .saturating_add(bought.saturating_mul(price))
                .saturating_add(commission);
            self.average_cost = per_share(cost, self.quantity);
            return None;
        }
        let closed = bought.abs().min(before.quantity.abs());
        let opened = bought.abs().saturating_sub(closed);
        let of_closed = commission
            .saturating_mul(closed)
            .checked_div(bought.abs())
            .unwrap_or_default();
        let gain = price
            .saturating_sub(before.average_cost)
            .saturating_mul(closed);
        let gain = match before.quantity.is_sign_negative() {
            true => -gain,
            false => gain,
        };
        if !opened.is_zero() {
            // The trade went through zero: what is left was opened by it, with its share of the commission.
            let opened = match bought.is_sign_negative() {
                true => -opened,
                false => opened,
            };
            let of_opened = commission.saturating_sub(of_closed);
            let cost = opened.saturating_mul(price).saturating_add(of_opened);
            self.average_cost = per_share(cost, opened);
        } else if self.quantity.is_zero() {
            self.average_cost = Decimal::ZERO;
        }
        Some(gain.saturating_sub(of_closed))
    }
}

fn per_share(cost: Decimal, quantity: Decimal) -> Decimal {
    cost.checked_div(quantity)
        .unwrap_or_default()
        .round_dp(COST_DIGITS)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn dec(text: &str) -> Decimal {
        text.parse().unwrap()
    }

    fn trade(account: &mut Account, bought: &str, price: &str, fee: &str) -> Option<Decimal> {
        account.trade(Trade {
            symbol: "AAPL",
            currency: "USD",
            bought: dec(bought),
            price: dec(price),
            commission: dec(fee),
            is_cash: false,
            day: 1,
        })
    }

    /// Three purchases of a capture (ibkr-go, api_algorithmic_campaign_aapl); TWS showed 320.64666965.
    #[test]
    fn the_average_cost_has_the_commission_in_it_as_in_a_capture() {
        let mut account = Account::default();
        for price in ["319.64", "319.65", "319.65"] {
            assert_eq!(trade(&mut account, "1", price, "1.000003"), None);
        }
        let position = account.positions["AAPL"];
        assert_eq!(position.average_cost, dec("320.64666967"));
        assert_eq!(position.quantity, dec("3"));
        assert_eq!(account.cash["USD"], dec("-961.940009"));
    }

    /// A purchase and a sale of a capture (api_order_fill_aapl), and the profit that TWS showed.
    #[test]
    fn a_profit_is_net_of_the_commissions_of_both_sides() {
        let mut account = Account::default();
        trade(&mut account, "1", "309.16", "1.000003");
        let realized = trade(&mut account, "-1", "309.15", "1.006566");
        assert_eq!(realized, Some(dec("-2.016569")));
        let position = account.positions["AAPL"];
        assert_eq!(position.quantity, Decimal::ZERO);
        assert_eq!(position.average_cost, Decimal::ZERO);
        assert_eq!(position.realized, dec("-2.016569"));
    }

    #[test]
    fn a_purchase_of_currency_is_cash_and_no_position() {
        let mut account = Account::default();
        account.trade(Trade {
            symbol: "EUR",
            currency: "USD",
            bought: dec("1000"),
            price: dec("1.15"),
            commission: dec("2"),
            is_cash: true,
            day: 1,
        });
        assert_eq!(account.cash["EUR"], dec("1000"));
        assert_eq!(account.cash["USD"], dec("-1152"));
        assert!(account.positions.is_empty());
    }

    #[test]
    fn a_trade_through_zero_closes_the_old_position_and_opens_a_new_one() {
        let mut account = Account::default();
        trade(&mut account, "100", "10", "0");
        trade(&mut account, "100", "20", "0");
        assert_eq!(trade(&mut account, "-50", "16", "0"), Some(dec("50")));
        assert_eq!(
            trade(&mut account, "-250", "10", "2.50"),
            Some(dec("-751.50"))
        );
        // Short 100 at 10, less a cent a share that selling them cost.
        assert_eq!(account.positions["AAPL"].average_cost, dec("9.99"));
        assert_eq!(trade(&mut account, "100", "8", "0"), Some(dec("199")));
    }
}
