//! The prices of an order: those that its type has, and no other; and what it is worth.

use serde_json::Value;

use super::fields::Fields;
use crate::domain::{Amount, OrderType, Pricing};

/// Every price of an order as it was typed.
pub(super) struct Prices {
    pub(super) limit_price: Option<Value>,
}

impl Fields {
    /// How an order is priced; `None` when something is wrong with that.
    pub(super) fn pricing(
        &mut self,
        order_type: Option<OrderType>,
        prices: Prices,
    ) -> Option<Pricing> {
        let Prices { limit_price } = prices;
        let limit_given = limit_price.clone();
        let limit = self.positive("limit_price", limit_price);
        match order_type? {
            OrderType::Market => {
                if let Some(input) = limit_given {
                    self.push(
                        "value_error",
                        "limit_price",
                        "a market order has no limit_price: remove it, or use order_type LMT",
                        input,
                    );
                    return None;
                }
                Some(Pricing::Market)
            }
            // Not in the vocabulary of requests.
            OrderType::Other => None,
            OrderType::Limit => {
                if limit_given.is_none() {
                    self.missing(
                        "limit_price",
                        "a limit order needs limit_price: give a positive price",
                    );
                }
                limit.map(|limit| Pricing::Limit { limit })
            }
        }
    }

    /// The operator's limit on what an order is worth.
    pub(super) fn notional(
        &mut self,
        order_type: OrderType,
        quantity: Option<Amount>,
        pricing: Option<Pricing>,
        max: Option<Amount>,
    ) {
        let Some(max) = max else { return };
        let price = pricing.and_then(Pricing::limit_price);
        match (order_type, quantity, price) {
            (OrderType::Market, _, _) => self.push(
                "value_error",
                "order_type",
                format!("a market order has no price to hold against MAX_ORDER_NOTIONAL ({max}): use order_type LMT"),
                OrderType::Market.as_str().into(),
            ),
            (OrderType::Limit, Some(quantity), Some(price)) => {
                // 15 digits times 15 digits can exceed what Decimal holds: then it is surely above any limit of 15 digits
                // unless both are tiny fractions, whose product Decimal rounds but does not lose.
                let worth = quantity.value().checked_mul(price.value());
                if worth.is_none_or(|worth| worth > max.value()) {
                    let worth = worth.map_or_else(|| "too much to count".to_owned(), |worth| worth.normalize().to_string());
                    let msg = format!("the order is worth {worth}, more than {max} (MAX_ORDER_NOTIONAL): lower quantity or limit_price");
                    self.push("value_error", "quantity", msg, quantity.to_string().into());
                }
            }
            (OrderType::Limit | OrderType::Other, _, _) => {}
        }
    }
}
