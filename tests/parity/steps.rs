//! The words that stories are told in: steps through a door, orders, and who is meant.

use serde_json::{Value, json};

/// A short story.
pub struct Scenario {
    pub name: &'static str,
    pub steps: Vec<Step>,
    /// Whether a typed message can say it: a stub has no word for `"HOLD"` and no number for `"quantity": []`.
    pub sayable: bool,
}

/// One operation.
#[derive(Clone)]
pub enum Step {
    Health,
    Validate {
        order: Value,
        transmit: bool,
    },
    Place(Place),
    Watch {
        which: Which,
        max_wait: Option<f64>,
        /// After the order's last change.
        resumed: bool,
    },
    Transmit(Which),
    Cancel(Which),
    /// Of an exit whose other exit works.
    CancelBoth(Which),
    Bracket(Bracket),
    /// Watches the bracket placed last until all of it has ended, and lists it.
    Family,
    Replace(Replace),
    Get(Which),
    List {
        status: &'static [&'static str],
        symbol: &'static str,
        page_size: i32,
        page: Page,
    },
}

/// An order to place.
#[derive(Clone)]
pub struct Place {
    pub order: Value,
    pub transmit: bool,
    pub dry_run: bool,
    pub request_id: Option<&'static str>,
}

/// A bracket to place.
#[derive(Clone)]
pub struct Bracket {
    pub bracket: Value,
    pub dry_run: bool,
    pub request_id: Option<&'static str>,
}

/// Other terms for an order.
#[derive(Clone)]
pub struct Replace {
    pub which: Which,
    /// Texts by the names of the request's fields.
    pub change: &'static [(&'static str, &'static str)],
    pub expected_revision: Option<u32>,
    pub dry_run: bool,
    pub request_id: Option<&'static str>,
}

/// An order of the story.
#[derive(Clone, Copy)]
pub enum Which {
    /// The one placed last.
    Last,
    /// The take profit of the bracket placed last.
    TakeProfit,
    /// Its stop loss.
    StopLoss,
    Id(i32),
    Request(&'static str),
}

/// A page of a list.
#[derive(Clone, Copy)]
pub enum Page {
    First,
    Next,
    Token(&'static str),
}

pub(crate) fn validate(order: Value) -> Vec<Step> {
    vec![Step::Validate {
        order,
        transmit: false,
    }]
}

pub(crate) fn place(order: Value) -> Step {
    Step::Place(Place {
        order,
        transmit: true,
        dry_run: false,
        request_id: None,
    })
}

pub(crate) fn stage(order: Value) -> Step {
    Step::Place(Place {
        order,
        transmit: false,
        dry_run: false,
        request_id: None,
    })
}

pub(crate) fn dry(order: Value) -> Step {
    Step::Place(Place {
        order,
        transmit: true,
        dry_run: true,
        request_id: None,
    })
}

pub(crate) fn named(order: Value, request_id: &'static str) -> Step {
    Step::Place(Place {
        order,
        transmit: true,
        dry_run: false,
        request_id: Some(request_id),
    })
}

pub(crate) fn bracket(bracket: Value) -> Step {
    Step::Bracket(Bracket {
        bracket,
        dry_run: false,
        request_id: None,
    })
}

pub(crate) fn bracket_dry(bracket: Value) -> Step {
    Step::Bracket(Bracket {
        bracket,
        dry_run: true,
        request_id: None,
    })
}

pub(crate) fn bracket_named(bracket: Value, request_id: &'static str) -> Step {
    Step::Bracket(Bracket {
        bracket,
        dry_run: false,
        request_id: Some(request_id),
    })
}

/// A take profit and a stop loss behind an entry.
pub(crate) fn exits(entry: Value, target: f64, stop: f64) -> Value {
    json!({"entry": entry, "take_profit": {"limit_price": target}, "stop_loss": {"stop_price": stop}})
}

pub(crate) fn replace(which: Which, change: &'static [(&'static str, &'static str)]) -> Replace {
    Replace {
        which,
        change,
        expected_revision: None,
        dry_run: false,
        request_id: None,
    }
}

pub(crate) fn to_the_end(which: Which) -> Step {
    Step::Watch {
        which,
        max_wait: Some(30.0),
        resumed: false,
    }
}

pub(crate) fn briefly(which: Which) -> Step {
    Step::Watch {
        which,
        max_wait: Some(1.0),
        resumed: false,
    }
}

/// A watch that has seen all there was.
pub(crate) fn again(which: Which) -> Step {
    Step::Watch {
        which,
        max_wait: Some(1.0),
        resumed: true,
    }
}

pub(crate) fn list(
    status: &'static [&'static str],
    symbol: &'static str,
    page_size: i32,
    page: Page,
) -> Step {
    Step::List {
        status,
        symbol,
        page_size,
        page,
    }
}

pub(crate) fn market(symbol: &str, quantity: i64) -> Value {
    json!({"action": "BUY", "symbol": symbol, "order_type": "MKT", "quantity": quantity})
}

pub(crate) fn limit(symbol: &str, quantity: i64, price: f64) -> Value {
    json!({"action": "BUY", "symbol": symbol, "order_type": "LMT", "quantity": quantity, "limit_price": price})
}

pub(crate) fn with(mut order: Value, field: &str, value: Value) -> Value {
    order[field] = value;
    order
}
