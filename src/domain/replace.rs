//! Other terms for an order that TWS has: what may be asked for, and what became of it.

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::enums::words;
use super::{Amount, DEFAULT_TIMEOUT_SECONDS, OrderError, OrderKey, OrderState, TimeInForce};

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
