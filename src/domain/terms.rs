//! The terms of an order: what it trades, which way, how much, at which price and for how long.
//!
//! One type for what a caller asks for, what TWS has, what is stored, sent and shown. A new field goes into [`OrderTerms`], [`Contract`] or
//! [`Pricing`] and into the two macros here; from then on the compiler names every place that has to decide about it.

use std::sync::Arc;

use serde::{Deserialize, Serialize};

use super::{Action, Amount, OrderType, SecType, TimeInForce};

/// What is traded. It never changes, so the copies of an order share it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Contract {
    /// The ticker.
    pub symbol: String,
    /// What kind of thing it is.
    pub sec_type: SecType,
    /// Where the order is routed.
    pub exchange: String,
    /// ISO 4217 code of the currency it is traded in.
    pub currency: String,
    /// The listing exchange, where the rest leaves it open.
    pub primary_exch: Option<String>,
}

/// How an order is priced, each way with exactly the prices that it has. Prices are per share in the contract's currency.
///
/// Outside (JSON, columns, messages) it is flat: `order_type`, and each price under its own name, see [`PriceFields`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(into = "PriceFields", try_from = "PriceFields")]
pub enum Pricing {
    /// At the market.
    Market,
    /// At the limit or better.
    Limit {
        /// The limit.
        limit: Amount,
    },
    /// In a way that this version does not have: somebody changed the order by hand. Its prices are not known, and it cannot be sent.
    Other,
}

/// [`Pricing`] as it stands outside: the order type, and every price that some order type has.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct PriceFields {
    /// The order type.
    pub order_type: OrderType,
    /// The limit; for [`OrderType::Limit`] only.
    #[serde(default)]
    pub limit_price: Option<Amount>,
}

/// Prices that do not belong to their order type.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the prices of a {0} order are not those that it has")]
pub struct MismatchedPrices(pub OrderType);

/// The terms of an order.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct OrderTerms {
    /// What is traded.
    #[serde(flatten, with = "shared")]
    pub contract: Arc<Contract>,
    /// Which way the order trades.
    pub action: Action,
    /// How it is priced.
    #[serde(flatten)]
    pub pricing: Pricing,
    /// Shares in all, positive.
    pub quantity: Amount,
    /// How long it works.
    pub tif: TimeInForce,
    /// Whether it may fill outside regular trading hours.
    pub outside_rth: bool,
}

impl Pricing {
    /// The order type that has these prices.
    pub const fn order_type(self) -> OrderType {
        match self {
            Self::Market => OrderType::Market,
            Self::Limit { .. } => OrderType::Limit,
            Self::Other => OrderType::Other,
        }
    }

    /// The limit, where it has one.
    pub fn limit_price(self) -> Option<Amount> {
        PriceFields::from(self).limit_price
    }
}

impl From<Pricing> for PriceFields {
    fn from(pricing: Pricing) -> Self {
        let none = Self {
            order_type: pricing.order_type(),
            limit_price: None,
        };
        match pricing {
            Pricing::Market | Pricing::Other => none,
            Pricing::Limit { limit } => Self {
                limit_price: Some(limit),
                ..none
            },
        }
    }
}

impl TryFrom<PriceFields> for Pricing {
    type Error = MismatchedPrices;

    fn try_from(fields: PriceFields) -> Result<Self, MismatchedPrices> {
        let PriceFields {
            order_type,
            limit_price,
        } = fields;
        match (order_type, limit_price) {
            (OrderType::Market, None) => Ok(Self::Market),
            (OrderType::Limit, Some(limit)) => Ok(Self::Limit { limit }),
            (OrderType::Market | OrderType::Limit, _) => Err(MismatchedPrices(order_type)),
            (OrderType::Other, _) => Ok(Self::Other),
        }
    }
}

/// The part of an order's terms that changes while it works. Each change makes a new revision of the terms.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct WorkingTerms {
    /// How it is priced.
    pub pricing: Pricing,
    /// Shares in all.
    pub quantity: Amount,
    /// How long it works.
    pub tif: TimeInForce,
}

impl OrderTerms {
    /// The ticker.
    pub fn symbol(&self) -> &str {
        &self.contract.symbol
    }

    /// What of them changes while the order works.
    pub const fn working(&self) -> WorkingTerms {
        WorkingTerms {
            pricing: self.pricing,
            quantity: self.quantity,
            tif: self.tif,
        }
    }

    /// Puts another revision in their place.
    pub const fn set_working(&mut self, working: WorkingTerms) {
        let WorkingTerms {
            pricing,
            quantity,
            tif,
        } = working;
        self.pricing = pricing;
        self.quantity = quantity;
        self.tif = tif;
    }
}

/// A contract that several share, as if each had its own.
mod shared {
    use serde::{Deserialize, Deserializer, Serialize, Serializer};

    use super::{Arc, Contract};

    pub(super) fn serialize<S: Serializer>(
        shared: &Arc<Contract>,
        to: S,
    ) -> Result<S::Ok, S::Error> {
        Contract::serialize(shared, to)
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(
        from: D,
    ) -> Result<Arc<Contract>, D::Error> {
        Contract::deserialize(from).map(Arc::new)
    }
}

/// Calls the macro `$then` with the name of every field of some terms, as it is outside: in two groups, because the documents that people
/// read have other fields of an order between them. Each name is a variable with the field's value: texts as references, the rest by value.
macro_rules! spread_terms {
    ($terms:expr, $then:ident) => {{
        let $crate::domain::OrderTerms {
            contract,
            action,
            pricing,
            quantity,
            tif,
            outside_rth,
        } = $terms;
        let $crate::domain::Contract {
            symbol,
            sec_type,
            exchange,
            currency,
            primary_exch,
        } = contract.as_ref();
        let $crate::domain::PriceFields {
            order_type,
            limit_price,
        } = (*pricing).into();
        let (action, sec_type, quantity, tif, outside_rth) =
            (*action, *sec_type, *quantity, *tif, *outside_rth);
        $then! {
            (symbol, action, order_type, quantity, limit_price, tif)
            (sec_type, exchange, currency, primary_exch, outside_rth)
        }
    }};
}

/// Builds terms from fields under the names that they have outside: the macro `$get` reads one by its name. Stands in a function that
/// answers an error made from [`MismatchedPrices`].
macro_rules! gather_terms {
    ($get:ident) => {
        $crate::domain::OrderTerms {
            contract: std::sync::Arc::new($crate::domain::Contract {
                symbol: $get!(symbol),
                sec_type: $get!(sec_type),
                exchange: $get!(exchange),
                currency: $get!(currency),
                primary_exch: $get!(primary_exch),
            }),
            action: $get!(action),
            pricing: $crate::domain::Pricing::try_from($crate::domain::PriceFields {
                order_type: $get!(order_type),
                limit_price: $get!(limit_price),
            })?,
            quantity: $get!(quantity),
            tif: $get!(tif),
            outside_rth: $get!(outside_rth),
        }
    };
}

pub(crate) use {gather_terms, spread_terms};

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn every_way_of_pricing_survives_its_flat_form() {
        for pricing in [
            Pricing::Market,
            Pricing::Limit {
                limit: Amount::from(3),
            },
            Pricing::Other,
        ] {
            assert_eq!(Pricing::try_from(PriceFields::from(pricing)), Ok(pricing));
            assert_eq!(PriceFields::from(pricing).order_type, pricing.order_type());
        }
    }

    #[test]
    fn prices_that_do_not_belong_to_the_order_type_are_no_pricing() {
        let fields = |order_type, limit_price| PriceFields {
            order_type,
            limit_price,
        };
        for wrong in [
            fields(OrderType::Market, Some(Amount::from(1))),
            fields(OrderType::Limit, None),
        ] {
            assert_eq!(
                Pricing::try_from(wrong),
                Err(MismatchedPrices(wrong.order_type))
            );
        }
    }

    #[test]
    fn terms_are_flat_in_json_and_read_back() {
        let flat = json!({"symbol": "AAPL", "sec_type": "STK", "exchange": "SMART", "currency": "USD", "primary_exch": null,
            "action": "BUY", "order_type": "LMT", "limit_price": 150.25, "quantity": 10, "tif": "DAY", "outside_rth": false});
        let terms: OrderTerms = serde_json::from_value(flat.clone()).unwrap();
        assert_eq!(
            terms.pricing,
            Pricing::Limit {
                limit: Amount::parse("150.25").unwrap()
            }
        );
        assert_eq!(serde_json::to_value(&terms).unwrap(), flat);
    }
}
