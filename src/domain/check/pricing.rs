//! The prices of an order: those that its type has, and no other; and what it is worth.

use serde_json::Value;

use super::fields::Fields;
use crate::domain::{Amount, OrderType, PriceFields, Pricing};

/// The most that a trailing stop may trail, in percent: TWS takes no more.
pub(super) const TRAIL_PERCENT_MAX: i64 = 100;

/// Every price of an order as it was typed.
pub(super) struct Prices {
    pub(super) limit_price: Option<Value>,
    pub(super) stop_price: Option<Value>,
    pub(super) trail_amount: Option<Value>,
    pub(super) trail_percent: Option<Value>,
    pub(super) limit_offset: Option<Value>,
}

/// A price that an order type has.
enum Use {
    /// It must be given.
    Needed,
    /// It may be given.
    Optional,
    /// It must not be given.
    Refused,
}

/// How people call an order of a type.
pub(super) const fn name_of(order_type: OrderType) -> &'static str {
    match order_type {
        OrderType::Market => "a market order",
        OrderType::Limit => "a limit order",
        OrderType::Stop => "a stop order",
        OrderType::StopLimit => "a stop-limit order",
        OrderType::Trail => "a trailing stop order",
        OrderType::TrailLimit => "a trailing stop limit order",
        OrderType::MarketOnClose => "a market-on-close order",
        OrderType::LimitOnClose => "a limit-on-close order",
        OrderType::Other => "an order of another type",
    }
}

const fn limit_of(order_type: OrderType) -> Use {
    match order_type {
        OrderType::Limit | OrderType::StopLimit | OrderType::LimitOnClose => Use::Needed,
        OrderType::Market
        | OrderType::Stop
        | OrderType::Trail
        | OrderType::TrailLimit
        | OrderType::MarketOnClose
        | OrderType::Other => Use::Refused,
    }
}

const fn stop_of(order_type: OrderType) -> Use {
    match order_type {
        OrderType::Stop | OrderType::StopLimit | OrderType::TrailLimit => Use::Needed,
        OrderType::Trail => Use::Optional,
        OrderType::Market
        | OrderType::Limit
        | OrderType::MarketOnClose
        | OrderType::LimitOnClose
        | OrderType::Other => Use::Refused,
    }
}

const fn offset_of(order_type: OrderType) -> Use {
    match order_type {
        OrderType::TrailLimit => Use::Needed,
        OrderType::Market
        | OrderType::Limit
        | OrderType::Stop
        | OrderType::StopLimit
        | OrderType::Trail
        | OrderType::MarketOnClose
        | OrderType::LimitOnClose
        | OrderType::Other => Use::Refused,
    }
}

/// What to do about a price that an order type does not have.
const fn instead_of(field: &str, order_type: OrderType) -> &'static str {
    match (field.as_bytes(), order_type) {
        (b"limit_price", OrderType::Market) => "remove it, or use order_type LMT",
        (b"limit_price", OrderType::Stop) => "remove it, or use order_type STP_LMT",
        (b"limit_price", OrderType::TrailLimit) => {
            "remove it: TWS makes the limit from the stop and limit_offset"
        }
        (b"limit_price", OrderType::MarketOnClose) => "remove it, or use order_type LOC",
        (b"stop_price", OrderType::Market) => "remove it, or use order_type STP",
        (b"stop_price", OrderType::Limit) => "remove it, or use order_type STP_LMT",
        (b"limit_offset", OrderType::Trail) => "remove it, or use order_type TRAIL_LIMIT",
        _ => "remove it",
    }
}

impl Fields {
    /// How an order is priced; `None` when something is wrong with that.
    pub(super) fn pricing(
        &mut self,
        order_type: Option<OrderType>,
        prices: Prices,
    ) -> Option<Pricing> {
        let Prices {
            limit_price,
            stop_price,
            trail_amount,
            trail_percent,
            limit_offset,
        } = prices;
        let trails = matches!(order_type, Some(OrderType::Trail | OrderType::TrailLimit));
        let trail = match order_type {
            Some(_) if trails => Use::Optional,
            Some(_) => Use::Refused,
            None => Use::Optional,
        };
        let given = (trail_amount.clone(), trail_percent.clone());
        let (amount_use, percent_use) = (&trail, &trail);
        let found = self.violations_so_far();
        let fields = PriceFields {
            limit_price: self.price(
                "limit_price",
                limit_price,
                order_type,
                &order_type.map_or(Use::Optional, limit_of),
            ),
            stop_price: self.price(
                "stop_price",
                stop_price,
                order_type,
                &order_type.map_or(Use::Optional, stop_of),
            ),
            trail_amount: self.price("trail_amount", trail_amount, order_type, amount_use),
            trail_percent: self.price("trail_percent", trail_percent, order_type, percent_use),
            limit_offset: self.price(
                "limit_offset",
                limit_offset,
                order_type,
                &order_type.map_or(Use::Optional, offset_of),
            ),
            ..PriceFields::unpriced(order_type.unwrap_or(OrderType::Other))
        };
        if let (Some(percent), Some(input)) = (fields.trail_percent, &given.1)
            && percent > Amount::from(TRAIL_PERCENT_MAX)
        {
            let msg = format!("trail_percent may be {TRAIL_PERCENT_MAX} at most: lower it");
            self.push("less_than_equal", "trail_percent", msg, input.clone());
        }
        let order_type = order_type?;
        if trails {
            match given {
                (None, None) => {
                    let msg = format!(
                        "{} needs trail_amount or trail_percent: give one of them",
                        name_of(order_type)
                    );
                    self.missing("trail_amount", &msg);
                }
                (Some(_), Some(percent)) => self.push(
                    "value_error",
                    "trail_percent",
                    "trail_amount and trail_percent are both given: remove one of them",
                    percent,
                ),
                (Some(_), None) | (None, Some(_)) => {}
            }
        }
        if self.violations_so_far() > found {
            return None;
        }
        // A request has no other type, and what its type needs is there.
        Pricing::try_from(fields)
            .ok()
            .filter(|pricing| *pricing != Pricing::Other)
    }

    /// A price of an order, read, and held against what its type has.
    fn price(
        &mut self,
        field: &'static str,
        value: Option<Value>,
        order_type: Option<OrderType>,
        usage: &Use,
    ) -> Option<Amount> {
        let given = value.clone();
        let price = self.positive(field, value);
        let order_type = order_type?;
        let name = name_of(order_type);
        match (usage, given) {
            (Use::Needed, None) => {
                self.missing(
                    field,
                    &format!("{name} needs {field}: give a positive price"),
                );
                None
            }
            (Use::Refused, Some(input)) => {
                let instead = instead_of(field, order_type);
                let msg = format!("{name} has no {field}: {instead}");
                self.push("value_error", field, msg, input);
                None
            }
            (Use::Needed | Use::Optional, Some(_)) | (Use::Optional | Use::Refused, None) => price,
        }
    }
}
