//! What TWS checks of an order before it takes it as one, in the order in which it does.

use rust_decimal::Decimal;
use rust_decimal::prelude::FromPrimitive;

use super::super::super::clock::Now;
use super::super::super::market::SymbolIndex;
use super::super::super::order::{OcaGroup, OcaType, OrderKey, Pricing, Side, Tif};
use super::super::super::switches::{Fractions, OrderRefEcho};
use super::super::super::wire;
use super::super::Exchange;
use super::super::reports::{NO_SECURITY, invalid_request};
use super::Refusal;

pub(in super::super) const READ_ONLY: &str = "The API interface is currently in Read-Only mode.";
const OFF_TICK: &str =
    "The price does not conform to the minimum price variation for this contract.";
const FRACTION: &str = "Fractional-sized order cannot be placed via API. Please use desktop version to place this order.";

/// Beyond these an order is not one; with them no sum over orders can overflow.
const QUANTITY_MAX: Decimal = Decimal::from_parts(1_000_000_000, 0, 0, false, 0);
const PRICE_MAX: Decimal = Decimal::from_parts(1_000_000_000, 0, 0, false, 0);
/// Digits after the point.
const QUANTITY_DIGITS_MAX: u32 = 8;
/// Characters of an orderRef that come back when it comes back mangled.
const ORDER_REF_CHARS: usize = 40;

/// An order whose every field was understood.
#[derive(Clone, Debug)]
pub(in super::super) struct CheckedOrder {
    pub(in super::super) key: OrderKey,
    pub(in super::super) symbol: SymbolIndex,
    pub(in super::super) exchange: String,
    pub(in super::super) side: Side,
    pub(in super::super) pricing: Pricing,
    pub(in super::super) quantity: Decimal,
    pub(in super::super) tif: Tif,
    pub(in super::super) account: String,
    pub(in super::super) transmit: bool,
    pub(in super::super) what_if: bool,
    /// Order id of the parent; 0 for none.
    pub(in super::super) parent_id: i32,
    pub(in super::super) oca: Option<(OcaGroup, OcaType)>,
    /// The fields as they came, with the orderRef and the good-till date as they come back.
    pub(in super::super) order: wire::Order,
    /// Notices about an order that is taken all the same.
    pub(in super::super) notices: Vec<(i32, String)>,
}

pub(super) fn refusal(code: i32, text: impl Into<String>) -> Refusal {
    Refusal {
        code,
        text: text.into(),
    }
}

/// Algorithms that a recorded gateway took for a stock, or that IB documents for one.
const ALGORITHMS: &[&str] = &[
    "AD",
    "Adaptive",
    "ArrivalPx",
    "ClosePx",
    "DarkIce",
    "MinImpact",
    "PctVol",
    "Twap",
    "Vwap",
];
const NO_ALGORITHM: &str = "The order processing failed. Algorithm definition not found.";
const DISPLAY_SIZE: &str =
    "The 'Display Size' order attribute may not be specified for this order.";

pub(super) fn invalid(cause: &str) -> Refusal {
    refusal(321, invalid_request(cause))
}

/// An order under an algorithm is taken as one without: what the algorithm would do is not simulated.
fn check_algo(order: &mut wire::Order) -> Result<(), Refusal> {
    order.algo_strategy = order.algo_strategy.take().filter(|name| !name.is_empty());
    let Some(name) = order.algo_strategy.as_deref() else {
        return Ok(());
    };
    if !ALGORITHMS.contains(&name) {
        return Err(refusal(439, NO_ALGORITHM));
    }
    if order.display_size.is_some_and(|size| size != 0) {
        return Err(refusal(10255, DISPLAY_SIZE));
    }
    Ok(())
}

impl Exchange {
    pub(super) fn check(
        &self,
        key: OrderKey,
        request: wire::PlaceOrder,
        now: Now,
    ) -> Result<CheckedOrder, Refusal> {
        if self.config.read_only {
            return Err(invalid(READ_ONLY));
        }
        let mut order = request.order.unwrap_or_default();
        let contract = request.contract.unwrap_or_default();
        if key.order_id <= 0 {
            return Err(invalid("Invalid order id"));
        }
        let side = match order.action.as_deref() {
            Some("BUY") => Side::Buy,
            Some("SELL") => Side::Sell,
            _ => return Err(invalid("Invalid order action was entered")),
        };
        let order_type = order.order_type.clone().unwrap_or_default();
        super::prices::check_type(&order_type)?;
        let (tif, notices) = self.check_tif(&mut order, &order_type, now)?;
        if contract.sec_type.as_deref().unwrap_or_default().is_empty()
            && contract.con_id.unwrap_or(0) == 0
        {
            return Err(invalid("Please enter a valid security type"));
        }
        let exchange = contract.exchange.clone().unwrap_or_default();
        if exchange.is_empty() {
            return Err(invalid("Missing order exchange"));
        }
        let symbol = self
            .market
            .find(&contract)
            .ok_or_else(|| refusal(200, NO_SECURITY))?;
        let quantity = self.check_quantity(order.total_quantity.as_deref())?;
        let pricing = self.check_prices(symbol, side, &order)?;
        check_algo(&mut order)?;
        let account = self.check_account(order.account.as_deref().unwrap_or_default())?;
        let oca = check_oca(&order, &account)?;
        if self.switches.order_ref_echo == OrderRefEcho::Mangled {
            order.order_ref = order.order_ref.as_deref().map(mangled);
        }
        Ok(CheckedOrder {
            key,
            symbol,
            exchange,
            side,
            pricing,
            quantity,
            tif,
            account,
            transmit: order.transmit.unwrap_or(false),
            what_if: order.what_if.unwrap_or(false),
            parent_id: order.parent_id.unwrap_or(0),
            oca,
            order,
            notices,
        })
    }

    fn check_quantity(&self, text: Option<&str>) -> Result<Decimal, Refusal> {
        let wrong = || invalid("Invalid order size was entered");
        let quantity: Decimal = text.unwrap_or_default().parse().map_err(|_| wrong())?;
        if quantity.is_zero() {
            return Err(refusal(434, "The order size cannot be zero."));
        }
        if quantity.is_sign_negative()
            || quantity > QUANTITY_MAX
            || quantity.normalize().scale() > QUANTITY_DIGITS_MAX
        {
            return Err(wrong());
        }
        if !quantity.fract().is_zero() && self.switches.fractions == Fractions::Refused {
            return Err(refusal(10243, FRACTION));
        }
        Ok(quantity)
    }

    /// A price that is there, positive, and on the tick.
    pub(super) fn check_price(
        &self,
        symbol: SymbolIndex,
        price: Option<f64>,
        missing: impl FnOnce() -> Refusal,
    ) -> Result<Decimal, Refusal> {
        let price = positive(price).ok_or_else(missing)?;
        let conforms = self
            .market
            .get(symbol)
            .is_some_and(|instrument| instrument.conforms(price));
        if conforms {
            Ok(price.normalize())
        } else {
            Err(refusal(110, OFF_TICK))
        }
    }

    fn check_account(&self, asked: &str) -> Result<String, Refusal> {
        match (asked, self.accounts.as_slice()) {
            ("", [only]) => Ok(only.clone()),
            ("", _) => Err(refusal(435, "You must specify an account.")),
            (asked, accounts) if accounts.iter().any(|account| account == asked) => {
                Ok(asked.to_owned())
            }
            (asked, _) => Err(invalid(&format!("Invalid account code '{asked}'."))),
        }
    }
}

/// A price of a request: clients send 0 or the largest double for one that they do not set.
pub(super) fn positive(price: Option<f64>) -> Option<Decimal> {
    let price = price
        .filter(|price| price.is_finite())
        .and_then(Decimal::from_f64)?;
    (price > Decimal::ZERO && price <= PRICE_MAX).then_some(price)
}

/// The group that an order asks to be in. The type is 1 when none is given.
fn check_oca(order: &wire::Order, account: &str) -> Result<Option<(OcaGroup, OcaType)>, Refusal> {
    let Some(name) = order.oca_group.as_deref().filter(|name| !name.is_empty()) else {
        return Ok(None);
    };
    let number = order.oca_type.filter(|number| *number != 0).unwrap_or(1);
    let kind = OcaType::from_number(number).ok_or_else(|| invalid("Invalid OCA type"))?;
    let group = OcaGroup {
        account: account.to_owned(),
        name: name.to_owned(),
    };
    Ok(Some((group, kind)))
}

/// As an orderRef was seen to come back.
fn mangled(text: &str) -> String {
    let ascii = text.trim().chars().map(|c| match c.is_ascii() {
        true => c,
        false => '?',
    });
    ascii.take(ORDER_REF_CHARS).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_order_ref_comes_back_trimmed_cut_and_in_ascii() {
        assert_eq!(mangled("my tag "), "my tag");
        assert_eq!(mangled("Gr\u{fc}n"), "Gr?n");
        assert_eq!(mangled(&"x".repeat(128)), "x".repeat(40));
    }
}
