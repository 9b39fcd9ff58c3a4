//! An order as a caller asks for it, with every default filled in.

use std::sync::Arc;

use serde::{Deserialize, Deserializer, Serialize, Serializer, de};
use serde_json::{Map, Value};

use super::{
    Action, Amount, Contract, Limits, OrderDraft, OrderTerms, Pricing, SecType, TimeInForce, check,
};

/// An order to validate or place. Building one by hand is not a promise that it is valid: every operation checks it.
///
/// Its JSON is flat: what the CLI's `--json` takes, the gRPC `Order` shows and `order_request` answers. Read from JSON it is checked as any
/// order is, so words may be in any case and defaults be left out.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OrderRequest {
    /// What it trades, which way, how much, at which price and for how long.
    pub terms: OrderTerms,
    /// Whether TWS sends the order on at once.
    pub transmit: bool,
    /// Free text that becomes the orderRef.
    pub client_tag: Option<String>,
    /// The same under TWS's name.
    pub order_ref: Option<String>,
    /// The account; `None` leaves the choice to the gateway.
    pub account: Option<String>,
}

/// Where an order is routed that does not say.
pub(super) const DEFAULT_EXCHANGE: &str = "SMART";
/// The currency of an order that does not say.
pub(super) const DEFAULT_CURRENCY: &str = "USD";

impl OrderRequest {
    /// A market order for shares of `symbol` with every default, staged.
    pub fn market(action: Action, symbol: impl Into<String>, quantity: Amount) -> Self {
        Self::priced(Pricing::Market, action, symbol, quantity)
    }

    /// A limit order for shares of `symbol` with every default, staged.
    pub fn limit(
        action: Action,
        symbol: impl Into<String>,
        quantity: Amount,
        limit_price: Amount,
    ) -> Self {
        let pricing = Pricing::Limit { limit: limit_price };
        Self::priced(pricing, action, symbol, quantity)
    }

    /// An order for shares of `symbol` with every other default, staged.
    pub fn priced(
        pricing: Pricing,
        action: Action,
        symbol: impl Into<String>,
        quantity: Amount,
    ) -> Self {
        Self {
            terms: OrderTerms {
                contract: Arc::new(Contract {
                    symbol: symbol.into(),
                    sec_type: SecType::Stock,
                    exchange: DEFAULT_EXCHANGE.to_owned(),
                    currency: DEFAULT_CURRENCY.to_owned(),
                    primary_exch: None,
                }),
                action,
                pricing,
                quantity,
                tif: TimeInForce::Day,
                good_till: None,
                outside_rth: false,
                oca: None,
                reference_price: None,
            },
            transmit: false,
            client_tag: None,
            order_ref: None,
            account: None,
        }
    }
}

impl Serialize for OrderRequest {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        OrderDraft::from(self.clone()).serialize(serializer)
    }
}

impl<'de> Deserialize<'de> for OrderRequest {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let object = Map::<String, Value>::deserialize(deserializer)?;
        check(
            OrderDraft::from_object(object).into(),
            false,
            &Limits::default(),
        )
        .map(super::Order::into_request)
        .map_err(de::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_order_reads_back_from_its_own_json_and_a_wrong_one_says_why() {
        let mut order = OrderRequest::limit(
            Action::Sell,
            "MSFT",
            Amount::from(3),
            Amount::parse("450.25").unwrap(),
        );
        order.client_tag = Some("tag".to_owned());
        order.terms.tif = TimeInForce::FillOrKill;
        let json = serde_json::to_value(&order).unwrap();
        assert_eq!(json["limit_price"], 450.25);
        assert_eq!(json["account"], Value::Null);
        assert_eq!(serde_json::from_value::<OrderRequest>(json).unwrap(), order);

        let wrong = serde_json::json!({"symbol": "MSFT", "colour": "red"});
        let error = serde_json::from_value::<OrderRequest>(wrong).unwrap_err();
        assert!(error.to_string().contains("colour"), "{error}");
    }
}
