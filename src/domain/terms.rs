//! The terms of an order: what it trades, which way, how much, at which price and for how long.
//!
//! One type for what a caller asks for, what TWS has, what is stored, sent and shown. A new field goes into [`OrderTerms`], [`Contract`] or
//! [`Pricing`] and into the two macros here; from then on the compiler names every place that has to decide about it.

use std::sync::Arc;

use serde::{Deserialize, Serialize};

use super::{Action, Amount, OcaType, OrderType, SecType, TimeInForce, Timestamp};

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
    /// At the market once the stop is reached.
    Stop {
        /// The stop.
        stop: Amount,
    },
    /// At the limit or better once the stop is reached.
    StopLimit {
        /// The stop.
        stop: Amount,
        /// The limit.
        limit: Amount,
    },
    /// At the market once a stop is reached that follows the market at a distance.
    Trail {
        /// The distance.
        trail: Trail,
        /// Where the stop stands at first; `None` leaves it to TWS, which begins at the market's price.
        first_stop: Option<Amount>,
    },
    /// At a limit beside such a stop once that is reached.
    TrailLimit {
        /// The distance.
        trail: Trail,
        /// Where the stop stands at first.
        first_stop: Amount,
        /// How far the limit is from the stop.
        offset: Amount,
    },
    /// At the market in the closing auction.
    MarketOnClose,
    /// At the limit or better in the closing auction.
    LimitOnClose {
        /// The limit.
        limit: Amount,
    },
    /// In a way that this version does not have: somebody changed the order by hand. Its prices are not known, and it cannot be sent.
    Other,
}

/// How far a trailing stop follows the market.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Trail {
    /// By so much a share.
    Amount(Amount),
    /// By so many percent of the market's price.
    Percent(Amount),
}

/// Orders of which one cancels or reduces the others.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Oca {
    /// The name of the group, unique in the account.
    #[serde(rename = "oca_group")]
    pub group: String,
    /// What the fill of one does to the others.
    #[serde(rename = "oca_type")]
    pub kind: OcaType,
}

/// [`Pricing`] as it stands outside: the order type, and every price that some order type has.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct PriceFields {
    /// The order type.
    pub order_type: OrderType,
    /// The limit.
    #[serde(default)]
    pub limit_price: Option<Amount>,
    /// The stop, or the first stop of one that trails.
    #[serde(default)]
    pub stop_price: Option<Amount>,
    /// How far a stop trails, a share.
    #[serde(default)]
    pub trail_amount: Option<Amount>,
    /// How far a stop trails, in percent.
    #[serde(default)]
    pub trail_percent: Option<Amount>,
    /// How far the limit of a trailing stop limit order is from its stop.
    #[serde(default)]
    pub limit_offset: Option<Amount>,
}

impl PriceFields {
    /// An order type without any price.
    pub const fn unpriced(order_type: OrderType) -> Self {
        Self {
            order_type,
            limit_price: None,
            stop_price: None,
            trail_amount: None,
            trail_percent: None,
            limit_offset: None,
        }
    }
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
    /// Until when a GTD order works, in whole seconds. Stays as it was asked for, whatever the time in force becomes.
    #[serde(default)]
    pub good_till: Option<Timestamp>,
    /// Whether it may fill outside regular trading hours.
    pub outside_rth: bool,
    /// The group of orders of which it cancels or reduces the others.
    #[serde(flatten)]
    pub oca: Option<Oca>,
    /// What the caller thinks that it trades at. For limits: TWS is not told.
    #[serde(default)]
    pub reference_price: Option<Amount>,
}

impl Oca {
    /// From the fields that it has outside; the type counts only with a group.
    pub fn of(group: Option<String>, kind: Option<OcaType>) -> Option<Self> {
        group.map(|group| Self {
            group,
            kind: kind.unwrap_or_default(),
        })
    }

    /// The fields that it has outside.
    pub fn fields(oca: Option<&Self>) -> (Option<&String>, Option<OcaType>) {
        oca.map_or((None, None), |Self { group, kind }| {
            (Some(group), Some(*kind))
        })
    }
}

impl Trail {
    /// From the fields that it has outside: exactly one of them.
    const fn of(amount: Option<Amount>, percent: Option<Amount>) -> Option<Self> {
        match (amount, percent) {
            (Some(amount), None) => Some(Self::Amount(amount)),
            (None, Some(percent)) => Some(Self::Percent(percent)),
            (None, None) | (Some(_), Some(_)) => None,
        }
    }

    /// The fields that it has outside: the amount, and the percentage.
    pub const fn fields(self) -> (Option<Amount>, Option<Amount>) {
        match self {
            Self::Amount(amount) => (Some(amount), None),
            Self::Percent(percent) => (None, Some(percent)),
        }
    }
}

impl Pricing {
    /// The order type that has these prices.
    pub const fn order_type(self) -> OrderType {
        match self {
            Self::Market => OrderType::Market,
            Self::Limit { .. } => OrderType::Limit,
            Self::Stop { .. } => OrderType::Stop,
            Self::StopLimit { .. } => OrderType::StopLimit,
            Self::Trail { .. } => OrderType::Trail,
            Self::TrailLimit { .. } => OrderType::TrailLimit,
            Self::MarketOnClose => OrderType::MarketOnClose,
            Self::LimitOnClose { .. } => OrderType::LimitOnClose,
            Self::Other => OrderType::Other,
        }
    }

    /// The limit, where it has one.
    pub fn limit_price(self) -> Option<Amount> {
        PriceFields::from(self).limit_price
    }

    /// Whether its stop follows the market.
    pub const fn trails(self) -> bool {
        matches!(self, Self::Trail { .. } | Self::TrailLimit { .. })
    }
}

impl From<Pricing> for PriceFields {
    fn from(pricing: Pricing) -> Self {
        let none = Self::unpriced(pricing.order_type());
        match pricing {
            Pricing::Market | Pricing::MarketOnClose | Pricing::Other => none,
            Pricing::Limit { limit } | Pricing::LimitOnClose { limit } => Self {
                limit_price: Some(limit),
                ..none
            },
            Pricing::Stop { stop } => Self {
                stop_price: Some(stop),
                ..none
            },
            Pricing::StopLimit { stop, limit } => Self {
                stop_price: Some(stop),
                limit_price: Some(limit),
                ..none
            },
            Pricing::Trail { trail, first_stop } => {
                let (trail_amount, trail_percent) = trail.fields();
                Self {
                    stop_price: first_stop,
                    trail_amount,
                    trail_percent,
                    ..none
                }
            }
            Pricing::TrailLimit {
                trail,
                first_stop,
                offset,
            } => {
                let (trail_amount, trail_percent) = trail.fields();
                Self {
                    stop_price: Some(first_stop),
                    trail_amount,
                    trail_percent,
                    limit_offset: Some(offset),
                    ..none
                }
            }
        }
    }
}

impl TryFrom<PriceFields> for Pricing {
    type Error = MismatchedPrices;

    fn try_from(fields: PriceFields) -> Result<Self, MismatchedPrices> {
        let PriceFields {
            order_type,
            limit_price,
            stop_price,
            trail_amount,
            trail_percent,
            limit_offset,
        } = fields;
        let mismatched = Err(MismatchedPrices(order_type));
        let trail = Trail::of(trail_amount, trail_percent);
        let pricing = match order_type {
            OrderType::Market => Self::Market,
            OrderType::MarketOnClose => Self::MarketOnClose,
            // Whatever prices it has, they are not ours to read.
            OrderType::Other => return Ok(Self::Other),
            OrderType::Limit | OrderType::LimitOnClose => {
                let Some(limit) = limit_price else {
                    return mismatched;
                };
                if order_type == OrderType::Limit {
                    Self::Limit { limit }
                } else {
                    Self::LimitOnClose { limit }
                }
            }
            OrderType::Stop => {
                let Some(stop) = stop_price else {
                    return mismatched;
                };
                Self::Stop { stop }
            }
            OrderType::StopLimit => {
                let (Some(stop), Some(limit)) = (stop_price, limit_price) else {
                    return mismatched;
                };
                Self::StopLimit { stop, limit }
            }
            OrderType::Trail => {
                let Some(trail) = trail else {
                    return mismatched;
                };
                Self::Trail {
                    trail,
                    first_stop: stop_price,
                }
            }
            OrderType::TrailLimit => {
                let (Some(trail), Some(first_stop), Some(offset)) =
                    (trail, stop_price, limit_offset)
                else {
                    return mismatched;
                };
                Self::TrailLimit {
                    trail,
                    first_stop,
                    offset,
                }
            }
        };
        // A price that the type does not have is missing from what it has outside.
        if PriceFields::from(pricing) != fields {
            return mismatched;
        }
        Ok(pricing)
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
            good_till,
            outside_rth,
            oca,
            reference_price,
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
            stop_price,
            trail_amount,
            trail_percent,
            limit_offset,
        } = (*pricing).into();
        let (oca_group, oca_type) = $crate::domain::Oca::fields(oca.as_ref());
        let (action, sec_type, quantity, tif, good_till, outside_rth, reference_price) =
            (*action, *sec_type, *quantity, *tif, *good_till, *outside_rth, *reference_price);
        $then! {
            (symbol, action, order_type, quantity, limit_price, stop_price, trail_amount, trail_percent, limit_offset, tif, good_till)
            (sec_type, exchange, currency, primary_exch, outside_rth, oca_group, oca_type, reference_price)
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
                stop_price: $get!(stop_price),
                trail_amount: $get!(trail_amount),
                trail_percent: $get!(trail_percent),
                limit_offset: $get!(limit_offset),
            })?,
            quantity: $get!(quantity),
            tif: $get!(tif),
            good_till: $get!(good_till),
            outside_rth: $get!(outside_rth),
            oca: $crate::domain::Oca::of($get!(oca_group), $get!(oca_type)),
            reference_price: $get!(reference_price),
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
        let (two, three) = (Amount::from(2), Amount::from(3));
        for pricing in [
            Pricing::Market,
            Pricing::Limit { limit: three },
            Pricing::Stop { stop: two },
            Pricing::StopLimit {
                stop: two,
                limit: three,
            },
            Pricing::Trail {
                trail: Trail::Amount(two),
                first_stop: None,
            },
            Pricing::Trail {
                trail: Trail::Percent(two),
                first_stop: Some(three),
            },
            Pricing::TrailLimit {
                trail: Trail::Percent(two),
                first_stop: three,
                offset: two,
            },
            Pricing::MarketOnClose,
            Pricing::LimitOnClose { limit: three },
            Pricing::Other,
        ] {
            assert_eq!(Pricing::try_from(PriceFields::from(pricing)), Ok(pricing));
            assert_eq!(PriceFields::from(pricing).order_type, pricing.order_type());
        }
    }

    #[test]
    fn prices_that_do_not_belong_to_the_order_type_are_no_pricing() {
        let fields = |order_type, limit_price, stop_price, trail_amount| PriceFields {
            limit_price,
            stop_price,
            trail_amount,
            ..PriceFields::unpriced(order_type)
        };
        let one = Some(Amount::from(1));
        for wrong in [
            fields(OrderType::Market, one, None, None),
            fields(OrderType::MarketOnClose, None, one, None),
            fields(OrderType::Limit, None, None, None),
            fields(OrderType::Limit, one, one, None),
            fields(OrderType::LimitOnClose, None, None, None),
            fields(OrderType::Stop, None, None, None),
            fields(OrderType::Stop, one, one, None),
            fields(OrderType::StopLimit, one, None, None),
            fields(OrderType::Trail, None, one, None),
            fields(OrderType::Trail, one, None, one),
            PriceFields {
                trail_percent: one,
                ..fields(OrderType::Trail, None, None, one)
            },
            fields(OrderType::TrailLimit, None, one, one),
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
            "action": "BUY", "order_type": "LMT", "limit_price": 150.25, "stop_price": null, "trail_amount": null, "trail_percent": null,
            "limit_offset": null, "quantity": 10, "tif": "GTD", "good_till": "2026-11-30T20:00:00Z", "outside_rth": false,
            "oca_group": "exits", "oca_type": "REDUCE_WITH_BLOCK", "reference_price": null});
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
