//! Other terms for an order that TWS has: what may be asked for, and what became of it.

use serde::{Deserialize, Serialize};
use serde_json::Value;
use sha2::{Digest, Sha256};

use super::enums::words;
use super::{
    Amount, DEFAULT_TIMEOUT_SECONDS, OrderError, OrderKey, OrderState, OrderTerms, OrderType,
    PriceFields, Pricing, TimeInForce, Violation, Violations, WorkingTerms,
};

words! {
    /// What became of a replacement.
    ReplacementStatus {
        /// On its way to TWS, or TWS has not decided.
        Pending = "PENDING",
        /// TWS shows the new terms.
        Accepted = "ACCEPTED",
        /// TWS refused it, or it was never sent.
        Refused = "REFUSED",
        /// TWS still shows the old terms. The change may still come.
        Unconfirmed = "UNCONFIRMED",
    }
}

/// Calls the macro `$then` with every field that a replacement may change, beside the type that its value is read as.
macro_rules! change_fields {
    ($then:ident) => {
        $then! {
            /// Shares in all, those that have filled among them.
            quantity: Amount,
            /// The limit.
            limit_price: Amount,
            /// The stop.
            stop_price: Amount,
            /// How far a stop trails, a share.
            trail_amount: Amount,
            /// How far a stop trails, in percent.
            trail_percent: Amount,
            /// From the stop to the limit of TRAIL_LIMIT.
            limit_offset: Amount,
            /// Time in force.
            tif: TimeInForce,
        }
    };
}

macro_rules! change_types {
    ($($(#[$doc:meta])* $name:ident: $type:ident,)+) => {
        /// The terms to change as they came, each any JSON value or not given at all.
        #[derive(Debug, Clone, Default, PartialEq)]
        pub struct ChangeDraft {
            $($(#[$doc])* pub $name: Option<Value>,)+
        }

        /// Terms to change, checked each by itself.
        #[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
        pub struct TermsChange {
            $($(#[$doc])* #[serde(default)] pub $name: Option<$type>,)+
        }

        impl TermsChange {
            /// Whether nothing is to change.
            pub const fn is_empty(&self) -> bool {
                $(self.$name.is_none())&&+
            }

            /// The names and values of what is to change, in a fixed order.
            pub fn given(&self) -> Vec<(&'static str, String)> {
                let mut given = Vec::new();
                $(given.extend(self.$name.map(|value| (stringify!($name), value.to_string())));)+
                given
            }
        }
    };
}

change_fields!(change_types);

impl TermsChange {
    /// The terms of an order with the change made to them. `filled` is what of it has filled.
    ///
    /// # Errors
    /// Every violation at once: a price that the order's type does not have, a quantity that has filled, GTD without an end.
    pub fn applied(&self, terms: &OrderTerms, filled: Amount) -> Result<WorkingTerms, Violations> {
        let mut wrong = Vec::new();
        let mut violation = |field: &str, msg: String, input: String| {
            wrong.push(Violation::field("value_error", field, msg, input.into()));
        };
        let mut prices = PriceFields::from(terms.pricing);
        let order_type = prices.order_type;
        for (field, price) in [
            ("limit_price", self.limit_price),
            ("stop_price", self.stop_price),
            ("trail_amount", self.trail_amount),
            ("trail_percent", self.trail_percent),
            ("limit_offset", self.limit_offset),
        ] {
            let Some(price) = price else { continue };
            if changeable(order_type).contains(&field) {
                match field {
                    "limit_price" => prices.limit_price = Some(price),
                    "stop_price" => prices.stop_price = Some(price),
                    "limit_offset" => prices.limit_offset = Some(price),
                    "trail_amount" => {
                        prices.trail_amount = Some(price);
                        prices.trail_percent = None;
                    }
                    _ => {
                        prices.trail_percent = Some(price);
                        prices.trail_amount = None;
                    }
                }
            } else {
                let msg = if field == "stop_price" && terms.pricing.trails() {
                    "the stop of a trailing order follows the market: change its distance instead"
                        .to_owned()
                } else {
                    format!("an order of type {order_type} has no {field} to change: leave it out")
                };
                violation(field, msg, price.to_string());
            }
        }
        let quantity = self.quantity.unwrap_or(terms.quantity);
        if self.quantity.is_some() && quantity <= filled {
            let msg = format!(
                "quantity is the order's total, and {filled} have filled: give more, or cancel the order"
            );
            violation("quantity", msg, quantity.to_string());
        }
        let tif = self.tif.unwrap_or(terms.tif);
        if self.tif == Some(TimeInForce::GoodTillDate) && terms.good_till.is_none() {
            let msg = "the order was placed without good_till, which GTD needs: place a new one";
            violation("tif", msg.to_owned(), tif.to_string());
        }
        if !wrong.is_empty() {
            return Err(Violations(wrong));
        }
        Ok(WorkingTerms {
            // Each price stands where its type has one.
            pricing: Pricing::try_from(prices).unwrap_or(terms.pricing),
            quantity,
            tif,
        })
    }

    /// Whether terms have everything that was to change.
    pub fn is_in(&self, terms: &WorkingTerms) -> bool {
        let prices = PriceFields::from(terms.pricing);
        fn has<T: PartialEq>(wanted: Option<T>, shown: Option<T>) -> bool {
            wanted.is_none() || wanted == shown
        }
        has(self.quantity, Some(terms.quantity))
            && has(self.tif, Some(terms.tif))
            && has(self.limit_price, prices.limit_price)
            && has(self.stop_price, prices.stop_price)
            && has(self.trail_amount, prices.trail_amount)
            && has(self.trail_percent, prices.trail_percent)
            && has(self.limit_offset, prices.limit_offset)
    }

    /// SHA-256 over what is to change about which order: tells a repeated request from a reused request id.
    pub fn digest(&self, order_id: i32) -> [u8; 32] {
        let mut hash = Sha256::new();
        let mut put = |name: &str, value: &str| {
            hash.update((name.len() as u64).to_be_bytes());
            hash.update(name);
            hash.update((value.len() as u64).to_be_bytes());
            hash.update(value);
        };
        put("kind", "REPLACE");
        put("order_id", &order_id.to_string());
        for (name, value) in self.given() {
            put(name, &value);
        }
        hash.finalize().into()
    }
}

/// The prices that a replacement can change about an order of a type.
const fn changeable(order_type: OrderType) -> &'static [&'static str] {
    match order_type {
        OrderType::Limit | OrderType::LimitOnClose => &["limit_price"],
        OrderType::Stop => &["stop_price"],
        OrderType::StopLimit => &["limit_price", "stop_price"],
        OrderType::Trail => &["trail_amount", "trail_percent"],
        OrderType::TrailLimit => &["trail_amount", "trail_percent", "limit_offset"],
        OrderType::Market | OrderType::MarketOnClose | OrderType::Other => &[],
    }
}

/// Other terms for an order.
#[derive(Debug, Clone, PartialEq)]
pub struct ReplaceIn {
    /// The order.
    pub order: OrderKey,
    /// What to change; the rest stays as TWS last showed it.
    pub change: ChangeDraft,
    /// The revision of the terms that the caller knows; with another one the order is left alone.
    pub expected_revision: Option<u32>,
    /// Names this request for good: the same id never changes an order twice.
    pub request_id: Option<String>,
    /// How long to wait for a session, a pacing slot and TWS's decision, in seconds.
    pub timeout: f64,
    /// Checks, and answers what would be sent. Stores and sends nothing.
    pub dry_run: bool,
}

impl ReplaceIn {
    /// Changes nothing yet.
    pub fn new(order: OrderKey) -> Self {
        Self {
            order,
            change: ChangeDraft::default(),
            expected_revision: None,
            request_id: None,
            timeout: DEFAULT_TIMEOUT_SECONDS,
            dry_run: false,
        }
    }
}

/// What became of a replacement.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ReplaceOut {
    /// The order as it now is; its `replacement` says what became of this one.
    pub order: Option<OrderState>,
    /// This was a dry run.
    pub dry_run: bool,
    /// The IB contract as it would be sent; dry run only.
    pub contract: Option<Value>,
    /// The IB order as it would be sent; dry run only.
    pub order_payload: Option<Value>,
    /// Every violation.
    pub errors: Option<Vec<OrderError>>,
    /// Why nothing was sent.
    pub error: Option<String>,
    /// The request id: the caller's, else the one the gateway made.
    pub request_id: Option<String>,
    /// The request was known: this is the order that it changed the first time.
    pub replayed: bool,
}

/// The last replacement of an order.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Replacement {
    /// The request id it was asked for under.
    pub request_id: String,
    /// What became of it.
    pub status: ReplacementStatus,
    /// What was to change.
    #[serde(flatten)]
    pub change: TermsChange,
    /// TWS's code, where TWS refused it.
    pub error_code: Option<i32>,
    /// Why it was refused, or is not confirmed.
    pub error: Option<String>,
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::{Action, OrderRequest, Trail};

    fn amount(text: &str) -> Amount {
        Amount::parse(text).unwrap()
    }

    fn terms(pricing: Pricing) -> OrderTerms {
        OrderRequest::priced(pricing, Action::Buy, "AAPL", amount("100")).terms
    }

    fn wrong(change: TermsChange, terms: &OrderTerms) -> Vec<String> {
        let violations = change.applied(terms, amount("40")).unwrap_err();
        violations
            .0
            .into_iter()
            .flat_map(|wrong| wrong.loc)
            .collect()
    }

    #[test]
    fn a_change_is_made_to_the_prices_of_the_type_and_leaves_the_rest() {
        let limit = terms(Pricing::Limit { limit: amount("9") });
        let change = TermsChange {
            limit_price: Some(amount("9.5")),
            ..TermsChange::default()
        };
        let changed = change.applied(&limit, Amount::ZERO).unwrap();
        assert_eq!(
            changed,
            WorkingTerms {
                pricing: Pricing::Limit {
                    limit: amount("9.5")
                },
                ..limit.working()
            }
        );
        assert!(change.is_in(&changed) && !change.is_in(&limit.working()));

        let trail = terms(Pricing::Trail {
            trail: Trail::Amount(amount("2")),
            first_stop: Some(amount("9")),
        });
        let change = TermsChange {
            trail_percent: Some(amount("1.5")),
            ..TermsChange::default()
        };
        assert_eq!(
            change.applied(&trail, Amount::ZERO).unwrap().pricing,
            Pricing::Trail {
                trail: Trail::Percent(amount("1.5")),
                first_stop: Some(amount("9")),
            }
        );
    }

    #[test]
    fn what_does_not_fit_the_order_is_named_field_by_field() {
        let market = terms(Pricing::Market);
        let everything = TermsChange {
            quantity: Some(amount("40")),
            limit_price: Some(amount("1")),
            stop_price: Some(amount("1")),
            trail_amount: Some(amount("1")),
            trail_percent: None,
            limit_offset: Some(amount("1")),
            tif: Some(TimeInForce::GoodTillDate),
        };
        assert_eq!(
            wrong(everything, &market),
            [
                "limit_price",
                "stop_price",
                "trail_amount",
                "limit_offset",
                "quantity",
                "tif"
            ]
        );
        let trail = terms(Pricing::Trail {
            trail: Trail::Amount(amount("2")),
            first_stop: None,
        });
        let stop = TermsChange {
            stop_price: Some(amount("8")),
            ..TermsChange::default()
        };
        assert_eq!(wrong(stop, &trail), ["stop_price"]);
        let above = TermsChange {
            quantity: Some(amount("40.5")),
            ..TermsChange::default()
        };
        assert!(above.applied(&market, amount("40")).is_ok());
    }

    #[test]
    fn the_digest_tells_orders_and_changes_apart() {
        let change = |price| TermsChange {
            limit_price: Some(amount(price)),
            ..TermsChange::default()
        };
        let stop = TermsChange {
            stop_price: Some(amount("9")),
            ..TermsChange::default()
        };
        assert_eq!(change("9").digest(5), change("9.0").digest(5));
        for other in [change("9").digest(6), change("8").digest(5), stop.digest(5)] {
            assert_ne!(change("9").digest(5), other);
        }
    }
}
