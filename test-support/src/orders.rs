//! Orders to place: resting far below the market, of any size, or staged.

use ibkr_orders::domain::PlaceIn;
use serde_json::json;

/// A limit order far below the market, transmitted, under a request id.
pub fn resting(request_id: &str) -> PlaceIn {
    limit_order(request_id, 10)
}

pub fn limit_order(request_id: &str, quantity: u32) -> PlaceIn {
    PlaceIn {
        transmit: true,
        timeout: 10.0,
        request_id: Some(request_id.to_owned()),
        ..PlaceIn::new(json!({
            "action": "BUY", "symbol": "AAPL", "order_type": "LMT", "quantity": quantity, "limit_price": 1,
        }))
    }
}

/// The same, kept in TWS until it is transmitted.
pub fn staged(request_id: &str) -> PlaceIn {
    PlaceIn {
        transmit: false,
        ..resting(request_id)
    }
}
