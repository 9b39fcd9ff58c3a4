//! The callers of a history: what they asked for, and what they were told.

use ibkr_orders::domain::{Bracket, Limits, Order, OrderInput, TermsChange, check, check_bracket};
use ibkr_orders::internals::{Offer, Reply};
use serde_json::json;

use crate::random::Random;

/// One request for an order or a bracket, and its story.
#[derive(Debug)]
pub(super) struct Request {
    pub(super) id: String,
    pub(super) what: Wanted,
    /// The order it was told it made; a bracket's entry.
    pub(super) order_id: Option<i32>,
    /// A caller released it.
    pub(super) released: bool,
    /// Callers asked for its cancel, or, of a bracket, for that of one of its orders.
    pub(super) cancelled: bool,
    /// Changes that callers asked for, by request id.
    pub(super) changes: Vec<Change>,
}

/// What is to be placed.
#[derive(Debug)]
pub(super) enum Wanted {
    Order(Box<Order>),
    Bracket(Box<Bracket>),
}

/// A change that a caller asked for.
#[derive(Debug)]
pub(super) struct Change {
    pub(super) id: String,
    pub(super) order_id: i32,
    pub(super) change: TermsChange,
    /// It was refused, so nothing of it may leave.
    pub(super) refused: bool,
}

/// What a call was for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Purpose {
    Place,
    /// The same request id with another order.
    Reuse,
    Transmit,
    Cancel,
    /// The change with this place among the request's.
    Replace(usize),
}

/// A call under way.
#[derive(Debug)]
pub(super) struct Call {
    pub(super) request: usize,
    pub(super) purpose: Purpose,
    pub(super) answer: Reply,
}

impl Request {
    pub(super) fn new(number: usize, random: &mut Random) -> Self {
        let id = format!("request-{number}");
        let what = if random.percent(20) {
            Wanted::Bracket(Box::new(bracket(&id, random)))
        } else {
            // Some orders share the reference that their strategy gave them.
            let order_ref = random
                .percent(20)
                .then(|| format!("strategy-{}", random.below(2)));
            let quantity = 1 + random.below(300);
            let transmit = random.percent(75);
            Wanted::Order(Box::new(order(
                number,
                quantity,
                transmit,
                order_ref.as_deref(),
                random.percent(30),
            )))
        };
        Self {
            id,
            what,
            order_id: None,
            released: false,
            cancelled: false,
            changes: Vec::new(),
        }
    }

    pub(super) fn offer(&self) -> Offer {
        match &self.what {
            Wanted::Order(order) => Offer::Place(Order::clone(order), self.id.clone()),
            Wanted::Bracket(bracket) => {
                Offer::PlaceBracket(Bracket::clone(bracket), self.id.clone())
            }
        }
    }

    pub(super) fn bracket(&self) -> Option<&Bracket> {
        match &self.what {
            Wanted::Order(_) => None,
            Wanted::Bracket(bracket) => Some(bracket),
        }
    }

    /// Whether TWS may have it transmitted.
    pub(super) fn may_be_transmitted(&self) -> bool {
        match &self.what {
            Wanted::Order(order) => order.transmit() || self.released,
            Wanted::Bracket(_) => true,
        }
    }

    /// Orders that it makes.
    pub(super) fn size(&self) -> i32 {
        self.bracket().map_or(1, |bracket| {
            1 + i32::try_from(bracket.exits().count()).unwrap()
        })
    }
}

/// Another order under the same request id.
pub(super) fn reused(id: &str) -> Offer {
    Offer::Place(order(0, 1_000, true, None, false), id.to_owned())
}

/// An order that somebody would like to know the margin of.
pub(super) fn previewed(random: &mut Random) -> Order {
    order(0, 1 + random.below(50), true, None, false)
}

fn order(
    number: usize,
    quantity: u64,
    transmit: bool,
    order_ref: Option<&str>,
    good_till_cancelled: bool,
) -> Order {
    let symbol = ["AAPL", "MSFT", "IBM"][number % 3];
    let tif = if good_till_cancelled { "GTC" } else { "DAY" };
    let input = json!({
        "action": "BUY", "symbol": symbol, "order_type": "LMT", "quantity": quantity, "limit_price": 100, "order_ref": order_ref, "tif": tif,
    });
    check(OrderInput::from(input), transmit, &Limits::default()).unwrap()
}

fn bracket(id: &str, random: &mut Random) -> Bracket {
    let entry = json!({
        "action": "BUY", "symbol": "TSM", "order_type": "LMT", "quantity": 1 + random.below(200), "limit_price": 100,
    });
    let (target, stop) = (json!({"limit_price": 120}), json!({"stop_price": 80}));
    let input = match random.below(4) {
        0 => json!({"entry": entry, "take_profit": target}),
        1 => json!({"entry": entry, "stop_loss": stop}),
        _ => json!({"entry": entry, "take_profit": target, "stop_loss": stop}),
    };
    check_bracket(input.into(), id, &Limits::default()).unwrap()
}
