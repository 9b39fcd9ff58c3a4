//! Orders that are too large for the account, or too far beyond the market.

use rust_decimal::Decimal;

use super::super::config::Hours;
use super::super::market::SymbolIndex;
use super::super::order::{PermId, Pricing, Side, plain};
use super::Exchange;

/// How far beyond the market a limit may be, as a factor of the price: a sale of a capture was refused at 250.104208 with
/// the market at 257.68.
const BAND: Decimal = Decimal::from_parts(294, 0, 0, false, 4);

impl Exchange {
    pub(super) fn beyond_buying_power(&self, perm_id: PermId) -> Option<String> {
        let limit = self.config.buying_power?;
        let order = self.book.get(perm_id)?;
        let instrument = self
            .market
            .by_symbol(&order.symbol)
            .and_then(|symbol| self.market.get(symbol))?;
        let price = order.limit().unwrap_or_else(|| instrument.ask());
        let value = price.checked_mul(order.quantity).unwrap_or(Decimal::MAX);
        (value > limit).then(|| {
            format!(
                "Order rejected - reason:The order's value of {} {} exceeds the account's buying power of {}.",
                plain(value),
                instrument.currency,
                plain(limit)
            )
        })
    }

    /// What IB says to a limit that is too far beyond the market.
    pub(super) fn beyond_band(
        &self,
        symbol: SymbolIndex,
        side: Side,
        pricing: &Pricing,
    ) -> Option<String> {
        if !self.switches.price_band
            || !pricing.is_limit()
            || self.conditions.hours == Hours::Closed
        {
            return None;
        }
        let last = self.market.get(symbol)?.last();
        let limit = pricing.limit(side)?;
        let edge = match side {
            Side::Sell => last.saturating_mul(Decimal::ONE - BAND),
            Side::Buy => last.saturating_mul(Decimal::ONE + BAND),
        };
        let beyond = match side {
            Side::Sell => limit <= edge,
            Side::Buy => limit >= edge,
        };
        beyond.then(|| {
            format!(
                "We cannot accept an order at a limit price at or more aggressive than {}. Please submit your order using a limit price that is closer to the current market price of {}.",
                plain(edge),
                plain(last)
            )
        })
    }
}
