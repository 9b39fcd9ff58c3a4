//! An order exactly as somebody typed it, before anything was checked.

use serde::Serialize;
use serde_json::{Map, Value};

use super::{
    Action, Amount, OcaType, OrderRequest, OrderType, SecType, TimeInForce, Timestamp, spread_terms,
};

/// Calls the macro `$then` with every field that an order has from outside, beside the type that its value is read as. The one list of them:
/// the draft and its ways in and out of messages are made from it.
macro_rules! order_fields {
    ($then:ident) => {
        $then! {
            /// BUY or SELL.
            action: Action,
            /// The ticker.
            symbol: String,
            /// How the order is priced: MKT, LMT, STP, STP_LMT, TRAIL, TRAIL_LIMIT, MOC, LOC.
            order_type: OrderType,
            /// Shares.
            quantity: Amount,
            /// The limit.
            limit_price: Amount,
            /// The stop, or the first stop of one that trails.
            stop_price: Amount,
            /// How far a stop trails, a share.
            trail_amount: Amount,
            /// How far a stop trails, in percent.
            trail_percent: Amount,
            /// From the stop to the limit of TRAIL_LIMIT.
            limit_offset: Amount,
            /// STK.
            sec_type: SecType,
            /// Routing exchange.
            exchange: String,
            /// Currency.
            currency: String,
            /// Time in force.
            tif: TimeInForce,
            /// When GTD ends.
            good_till: Timestamp,
            /// Transmit at once.
            transmit: bool,
            /// Listing exchange.
            primary_exch: String,
            /// Free text for the orderRef.
            client_tag: String,
            /// The same under TWS's name.
            order_ref: String,
            /// The account.
            account: String,
            /// Outside regular trading hours.
            outside_rth: bool,
            /// OCA group.
            oca_group: String,
            /// What a fill does to the others of the group.
            oca_type: OcaType,
            /// What it is thought to trade at.
            reference_price: Amount,
        }
    };
}

macro_rules! order_draft {
    ($($(#[$doc:meta])* $name:ident: $type:ident,)+) => {
        /// The fields of an order as they came, each any JSON value or not given at all (JSON `null` counts as not given).
        ///
        /// A struct and not a JSON map, so that the way from proto to the check costs no tree.
        #[derive(Debug, Clone, Default, PartialEq, Serialize)]
        pub struct OrderDraft {
            $($(#[$doc])* pub $name: Option<Value>,)+
            /// Fields that an order does not have.
            #[serde(skip)]
            pub extra: Vec<(String, Value)>,
            /// What was given where an object should stand.
            #[serde(skip)]
            pub not_an_object: Option<Value>,
        }

        impl OrderDraft {
            /// The fields of a JSON object.
            pub fn from_object(object: Map<String, Value>) -> Self {
                let mut draft = Self::default();
                for (name, value) in object {
                    let value = if value.is_null() { None } else { Some(value) };
                    match name.as_str() {
                        $(stringify!($name) => draft.$name = value,)+
                        _ => draft.extra.push((name, value.unwrap_or(Value::Null))),
                    }
                }
                draft
            }
        }
    };
}

order_fields!(order_draft);

pub(crate) use order_fields;

/// An order in any form a caller has it in.
#[derive(Debug, Clone, PartialEq)]
pub enum OrderInput {
    /// Typed.
    Request(Box<OrderRequest>),
    /// A JSON value.
    Json(Value),
    /// A JSON text.
    Text(String),
    /// Fields as they came over the wire.
    Draft(Box<OrderDraft>),
}

impl From<OrderRequest> for OrderInput {
    fn from(order: OrderRequest) -> Self {
        Self::Request(Box::new(order))
    }
}

impl From<Value> for OrderInput {
    fn from(order: Value) -> Self {
        Self::Json(order)
    }
}

impl From<String> for OrderInput {
    fn from(order: String) -> Self {
        Self::Text(order)
    }
}

impl From<&str> for OrderInput {
    fn from(order: &str) -> Self {
        Self::Text(order.to_owned())
    }
}

impl From<OrderDraft> for OrderInput {
    fn from(order: OrderDraft) -> Self {
        Self::Draft(Box::new(order))
    }
}

impl From<OrderRequest> for OrderDraft {
    /// A typed order as if it had been typed in: it is checked like any other.
    fn from(request: OrderRequest) -> Self {
        let OrderRequest {
            terms,
            transmit,
            client_tag,
            order_ref,
            account,
        } = request;
        macro_rules! draft {
        (($($field:ident),+) ($($more:ident),+)) => {
            Self {
                $($field: $field.typed(),)+
                $($more: $more.typed(),)+
                transmit: transmit.typed(),
                client_tag: client_tag.typed(),
                order_ref: order_ref.typed(),
                account: account.typed(),
                extra: Vec::new(),
                not_an_object: None,
            }
        };
    }
        spread_terms!(&terms, draft)
    }
}

/// How somebody would have typed a value.
trait Typed {
    fn typed(self) -> Option<Value>;
}

macro_rules! typed_words {
    ($($name:ty),+) => {$(
        impl Typed for $name {
            fn typed(self) -> Option<Value> {
                Some(self.as_str().into())
            }
        }
    )+};
}
typed_words!(Action, OcaType, OrderType, SecType, TimeInForce);

impl Typed for &String {
    fn typed(self) -> Option<Value> {
        Some(self.as_str().into())
    }
}

impl Typed for Amount {
    /// A number, or a text where a number would round it: it may have more digits than a double.
    fn typed(self) -> Option<Value> {
        let number = serde_json::to_value(self).ok();
        let exact = Self::from_f64(self.to_f64()) == Some(self);
        number
            .filter(|_| exact)
            .or_else(|| Some(self.to_string().into()))
    }
}

impl Typed for bool {
    fn typed(self) -> Option<Value> {
        Some(self.into())
    }
}

impl Typed for Timestamp {
    fn typed(self) -> Option<Value> {
        Some(self.to_string().into())
    }
}

impl<T: Typed> Typed for Option<T> {
    fn typed(self) -> Option<Value> {
        self.and_then(Typed::typed)
    }
}

impl Typed for String {
    fn typed(self) -> Option<Value> {
        Some(self.into())
    }
}

impl Typed for &Option<String> {
    fn typed(self) -> Option<Value> {
        self.as_ref().and_then(Typed::typed)
    }
}
