//! How orders are named.

use serde::{Deserialize, Serialize};

/// Number that TWS gives an order once and for all.
pub(crate) type PermId = i64;

/// How a client names an order. Manual orders have client 0 and order id 0.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub struct OrderKey {
    /// The client that placed it.
    pub client_id: i32,
    /// The id that client gave it.
    pub order_id: i32,
}

impl OrderKey {
    /// Stands for whichever client has an order of that id.
    pub const ANY_CLIENT: i32 = -1;
}

/// An order id alone means the order of any client.
impl From<i32> for OrderKey {
    fn from(order_id: i32) -> Self {
        Self {
            client_id: Self::ANY_CLIENT,
            order_id,
        }
    }
}

/// Client id and order id.
impl From<(i32, i32)> for OrderKey {
    fn from((client_id, order_id): (i32, i32)) -> Self {
        Self {
            client_id,
            order_id,
        }
    }
}
