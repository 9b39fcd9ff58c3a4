//! What an account is worth, and what of it its positions bind.

use rust_decimal::Decimal;

use super::super::account::Account;
use super::super::config::BaseCurrency;
use super::Exchange;

/// Share of a position's value that a new one needs, and that it needs to stay: 275 and 250 thousandths, in the ratio of a
/// captured preview. What IB asks for depends on the contract and the account.
const INITIAL: Decimal = Decimal::from_parts(275, 0, 0, false, 3);
const MAINTENANCE: Decimal = Decimal::from_parts(250, 0, 0, false, 3);

/// Margins in the base currency.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Margin {
    pub(super) initial: Decimal,
    pub(super) maintenance: Decimal,
}

impl Exchange {
    /// An amount in the account's base currency.
    pub(super) fn in_base(&self, currency: &str, amount: Decimal) -> Decimal {
        let euro = self
            .market
            .by_symbol("EUR")
            .and_then(|symbol| self.market.get(symbol))
            .map(|instrument| instrument.last())
            .filter(|rate| !rate.is_zero())
            .unwrap_or(Decimal::ONE);
        match (currency, self.config.base_currency) {
            ("USD", BaseCurrency::Eur) => amount.checked_div(euro).unwrap_or_default(),
            ("EUR", BaseCurrency::Usd) => amount.saturating_mul(euro),
            // There is no third currency in this market.
            _ => amount,
        }
    }

    /// Cash and positions together.
    pub(super) fn equity_with_loan(&self, account: &str) -> Decimal {
        self.equity_of(self.ledger.account(account))
    }

    /// The same of an account that may be another than the ledger's.
    pub(super) fn equity_of(&self, account: &Account) -> Decimal {
        let cash = account
            .cash
            .iter()
            .map(|(currency, amount)| self.in_base(currency, *amount));
        let positions = account
            .positions
            .iter()
            .map(|(symbol, position)| self.value_in_base(symbol, position.quantity));
        cash.chain(positions)
            .fold(Decimal::ZERO, Decimal::saturating_add)
    }

    /// What the positions of an account bind, and with a purchase (or sale, negative) at a price among them.
    pub(super) fn margin(&self, account: &str, bought: Option<(&str, Decimal, Decimal)>) -> Margin {
        self.margin_of(self.ledger.account(account), bought)
    }

    /// The same of an account that may be another than the ledger's.
    pub(super) fn margin_of(
        &self,
        account: &Account,
        bought: Option<(&str, Decimal, Decimal)>,
    ) -> Margin {
        let mut bound = Decimal::ZERO;
        for (symbol, position) in &account.positions {
            let more = bought.filter(|(other, _, _)| other == symbol);
            let quantity = position.quantity + more.map_or(Decimal::ZERO, |(_, more, _)| more);
            bound = bound.saturating_add(self.value_in_base(symbol, quantity).abs());
        }
        if let Some((symbol, quantity, price)) = bought
            && !account.positions.contains_key(symbol)
        {
            let value = quantity.abs().saturating_mul(price);
            bound = bound.saturating_add(self.in_base("USD", value));
        }
        Margin {
            initial: bound.saturating_mul(INITIAL),
            maintenance: bound.saturating_mul(MAINTENANCE),
        }
    }

    /// What a number of shares is worth now; cash in another currency is no position.
    pub(super) fn value_in_base(&self, symbol: &str, quantity: Decimal) -> Decimal {
        let instrument = self
            .market
            .by_symbol(symbol)
            .and_then(|symbol| self.market.get(symbol));
        instrument.map_or(Decimal::ZERO, |instrument| {
            let value = quantity.saturating_mul(instrument.last());
            self.in_base(instrument.currency, value)
        })
    }
}
