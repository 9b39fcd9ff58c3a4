//! placeOrder: what TWS checks, in the order in which it does, and what it says when it does not like it.

use rust_decimal::Decimal;
use rust_decimal::prelude::FromPrimitive;

use super::super::clock::Now;
use super::super::market::SymbolIndex;
use super::super::order::{OrderKey, Price, Side, Tif};
use super::super::session::ConnectionId;
use super::super::switches::EmptyTimeInForce;
use super::super::wire;
use super::Exchange;
use super::say::{NO_SECURITY, invalid_request};

pub(super) const READ_ONLY: &str = "The API interface is currently in Read-Only mode.";
const OFF_TICK: &str =
    "The price does not conform to the minimum price variation for this contract.";

const TIF_PRESET: &str = "Order TIF was set to DAY based on order preset.";

/// Beyond these an order is not one; with them no sum over orders can overflow.
const QUANTITY_MAX: Decimal = Decimal::from_parts(1_000_000_000, 0, 0, false, 0);
const PRICE_MAX: Decimal = Decimal::from_parts(1_000_000_000, 0, 0, false, 0);
/// Digits after the point.
const QUANTITY_DIGITS_MAX: u32 = 8;

/// An order whose every field was understood.
#[derive(Clone, Debug)]
pub(super) struct Checked {
    pub(super) key: OrderKey,
    pub(super) symbol: SymbolIndex,
    pub(super) exchange: String,
    pub(super) side: Side,
    pub(super) price: Price,
    pub(super) quantity: Decimal,
    pub(super) tif: Tif,
    /// The order came with an empty time in force, and TWS filled in its preset.
    pub(super) tif_by_preset: bool,
    pub(super) account: String,
    pub(super) transmit: bool,
    pub(super) what_if: bool,
    pub(super) order: wire::Order,
}

/// An error about the order.
pub(super) struct Refusal {
    pub(super) code: i32,
    pub(super) text: String,
    /// The request was not even read as an order, so its id is still free.
    pub(super) id_stays_free: bool,
}

fn refusal(code: i32, text: impl Into<String>) -> Refusal {
    Refusal {
        code,
        text: text.into(),
        id_stays_free: false,
    }
}

fn invalid(cause: &str) -> Refusal {
    Refusal {
        code: 321,
        text: invalid_request(cause),
        id_stays_free: true,
    }
}

impl Exchange {
    /// One placeOrder message, with the faults that were set for it.
    pub(super) fn place(
        &mut self,
        connection: ConnectionId,
        client_id: i32,
        request: wire::PlaceOrder,
        now: Now,
    ) {
        let plan = self.faults.next_order();
        if plan.drop_before {
            self.sessions.close(connection);
            return;
        }
        self.verdicts.extend(plan.verdict.clone());
        let mark = self.sessions.mark(connection);
        self.take_order(client_id, request, now);
        self.aftermath(connection, &plan, mark, now);
    }

    fn take_order(&mut self, client_id: i32, request: wire::PlaceOrder, now: Now) {
        let key = OrderKey {
            client_id,
            order_id: request.order_id.unwrap_or(0),
        };
        let known = self.book.find(key);
        let is_new = known.is_none();
        let checked = self.check(key, request);
        let says_so = self.switches.empty_time_in_force == EmptyTimeInForce::PresetWithNotice;
        if let Ok(checked) = &checked
            && checked.tif_by_preset
            && checked.transmit
            && says_so
        {
            self.order_error(client_id, key.order_id, 10349, TIF_PRESET, now);
        }
        let outcome = checked.and_then(|checked| match known {
            Some(perm_id) => self.place_again(perm_id, checked, now),
            None if key.order_id < self.next_id(client_id) => {
                Err(refusal(103, "Duplicate order id"))
            }
            None => self.place_new(checked, now),
        });
        if let Err(refused) = outcome {
            self.order_error(client_id, key.order_id, refused.code, &refused.text, now);
            if is_new && !refused.id_stays_free && refused.code != 103 {
                self.use_id(key);
            }
        }
    }

    fn check(&self, key: OrderKey, request: wire::PlaceOrder) -> Result<Checked, Refusal> {
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
        let order_type = order.order_type.as_deref().unwrap_or_default();
        if !["MKT", "LMT"].contains(&order_type) {
            return Err(invalid("Invalid order type was entered"));
        }
        let tif_by_preset = order.tif.as_deref() == Some("")
            && self.switches.empty_time_in_force != EmptyTimeInForce::Refused;
        if tif_by_preset {
            order.tif = Some("DAY".to_owned());
        }
        let tif_text = order.tif.as_deref().filter(|tif| !tif.is_empty());
        let tif_text = tif_text.unwrap_or("Empty");
        let tif = Tif::parse(tif_text)
            .ok_or_else(|| refusal(10052, format!("Invalid time in force:{tif_text}")))?;
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
        let quantity = order.total_quantity.as_deref().unwrap_or_default();
        let quantity: Decimal = quantity
            .parse()
            .map_err(|_| invalid("Invalid order size was entered"))?;
        if quantity.is_zero() {
            return Err(refusal(434, "The order size cannot be zero."));
        }
        if quantity.is_sign_negative()
            || quantity > QUANTITY_MAX
            || quantity.normalize().scale() > QUANTITY_DIGITS_MAX
        {
            return Err(invalid("Invalid order size was entered"));
        }
        let price = match order_type {
            "MKT" => Price::Market,
            _ => Price::Limit(self.check_limit(symbol, order.lmt_price)?),
        };
        let account = self.check_account(order.account.as_deref().unwrap_or_default())?;
        Ok(Checked {
            key,
            symbol,
            exchange,
            side,
            price,
            quantity,
            tif,
            tif_by_preset,
            account,
            transmit: order.transmit.unwrap_or(false),
            what_if: order.what_if.unwrap_or(false),
            order,
        })
    }

    fn check_limit(&self, symbol: SymbolIndex, price: Option<f64>) -> Result<Decimal, Refusal> {
        let price = price
            .filter(|price| price.is_finite())
            .and_then(Decimal::from_f64);
        let price = price.filter(|price| *price > Decimal::ZERO && *price <= PRICE_MAX);
        let price = price.ok_or_else(|| invalid("Limit price is missing or not positive"))?;
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

/// Why a re-placed order was refused.
pub(super) fn refuse_again(code: i32, text: &str) -> Refusal {
    refusal(code, text)
}

/// A what-if order must be transmitted.
pub(super) fn refuse_what_if() -> Refusal {
    invalid("What-if order should have transmit flag set to true.")
}
