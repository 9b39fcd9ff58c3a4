//! Frames of TWS that the simulator has no verb for, put together byte by byte.

use test_support::tws::frames::{Body, frame};

/// The number of orderStatus.
const ORDER_STATUS: i32 = 3;

/// An orderStatus of client 7.
pub(crate) struct Status {
    pub(crate) order_id: i32,
    pub(crate) perm_id: i64,
    pub(crate) word: &'static str,
    pub(crate) filled: &'static str,
    pub(crate) remaining: &'static str,
}

impl Status {
    pub(crate) fn frame(&self) -> Vec<u8> {
        let body = Body::default()
            .int(1, self.order_id.into())
            .text(2, self.word)
            .text(3, self.filled)
            .text(4, self.remaining)
            .int(6, self.perm_id)
            .int(9, 7);
        frame(ORDER_STATUS, body)
    }
}
