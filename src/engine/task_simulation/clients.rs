//! The callers of a simulation: what they asked for, and what they were told.

use std::sync::Arc;

use serde_json::json;
use tokio::sync::oneshot;

use crate::domain::{Limits, OrderInput, check};
use crate::engine::input::{Outcome, PlaceCommand};
use crate::engine::sim_support::Random;

/// One request and its story.
#[derive(Debug)]
pub(super) struct Request {
    pub(super) command: Arc<PlaceCommand>,
    /// The order it was told it made.
    pub(super) order_id: Option<i32>,
    /// A caller released it.
    pub(super) released: bool,
    /// A caller asked for its cancel.
    pub(super) cancelled: bool,
}

/// What a call was for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Purpose {
    Place,
    /// The same request id with another order.
    Reuse,
    Transmit,
    Cancel,
}

/// A call under way.
#[derive(Debug)]
pub(super) struct Call {
    pub(super) request: usize,
    pub(super) purpose: Purpose,
    pub(super) answer: oneshot::Receiver<Outcome>,
}

/// A new request.
pub(super) fn request(number: usize, random: &mut Random) -> Request {
    let quantity = 1 + random.below(300);
    let transmit = random.percent(75);
    // Some orders share the reference their strategy gave them.
    let order_ref = random
        .percent(20)
        .then(|| format!("strategy-{}", random.below(2)));
    Request {
        command: command(number, quantity, transmit, order_ref.as_deref()),
        order_id: None,
        released: false,
        cancelled: false,
    }
}

/// Another order under the same request id.
pub(super) fn reused(command: &PlaceCommand) -> Arc<PlaceCommand> {
    let mut other = self::command(0, 1_000, true, None);
    if let Some(other) = Arc::get_mut(&mut other) {
        other.request_id.clone_from(&command.request_id);
    }
    other
}

fn command(
    number: usize,
    quantity: u64,
    transmit: bool,
    order_ref: Option<&str>,
) -> Arc<PlaceCommand> {
    let symbol = ["AAPL", "MSFT", "IBM"][number % 3];
    let input = json!({
        "action": "BUY", "symbol": symbol, "order_type": "LMT", "quantity": quantity, "limit_price": 10, "order_ref": order_ref,
    });
    let order = check(OrderInput::from(input), transmit, &Limits::default()).unwrap();
    Arc::new(PlaceCommand {
        digest: order.digest(),
        order,
        request_id: format!("request-{number}"),
        request_id_given: true,
    })
}
