//! What the generated messages carry, turned into the documents of the contract and back by hand.

use ibkr_orders::wire::pb;
use serde_json::{Number, Value};
use tonic::{Code, Status};
use tonic_types::StatusExt;

use crate::contract::{
    Commission, Empty, Fill, Heartbeat, Link, OrderRequest, OrderState, Problem, Replacement,
    Update, Violation,
};

/// The violations of a status that says which fields are wrong. It does not say what was given.
pub(crate) fn violations(status: &Status) -> Option<Vec<Problem>> {
    if status.code() != Code::InvalidArgument {
        return None;
    }
    let details = status.get_details_bad_request()?;
    let violation = |found: tonic_types::FieldViolation| {
        Problem::Violation(Violation {
            kind: found.reason,
            loc: found
                .field
                .split('.')
                .filter(|part| !part.is_empty())
                .map(str::to_owned)
                .collect(),
            msg: found.description,
            input: Value::Null,
        })
    };
    Some(
        details
            .field_violations
            .into_iter()
            .map(violation)
            .collect(),
    )
}

/// An order as a program would fill in the message.
pub(crate) fn message(typed: &Value) -> pb::Order {
    let text = |name: &str| typed[name].as_str().map(str::to_owned);
    let upper = |name: &str| text(name).map(|word| word.to_uppercase());
    let number = |name: &str| match &typed[name] {
        Value::String(text) => Some(text.clone()),
        Value::Number(number) => Some(number.to_string()),
        _ => None,
    };
    let word = |name: &str, read: fn(&str) -> Option<i32>| {
        upper(name).map_or(0, |word| read(&word).unwrap())
    };
    pb::Order {
        action: word("action", |word| {
            pb::order::Action::from_str_name(word).map(Into::into)
        }),
        symbol: text("symbol").unwrap_or_default(),
        order_type: word("order_type", |word| {
            pb::order::OrderType::from_str_name(word).map(Into::into)
        }),
        quantity: number("quantity").unwrap_or_default(),
        limit_price: number("limit_price"),
        stop_price: number("stop_price"),
        trail_amount: number("trail_amount"),
        trail_percent: number("trail_percent"),
        limit_offset: number("limit_offset"),
        sec_type: word("sec_type", |word| {
            pb::order::SecType::from_str_name(word).map(Into::into)
        }),
        exchange: text("exchange"),
        currency: text("currency"),
        tif: word("tif", |word| {
            pb::order::TimeInForce::from_str_name(word).map(Into::into)
        }),
        transmit: typed["transmit"].as_bool(),
        primary_exch: text("primary_exch"),
        client_tag: text("client_tag"),
        order_ref: text("order_ref"),
        account: text("account"),
        good_till: text("good_till").map(|text| text.parse().unwrap()),
        outside_rth: typed["outside_rth"].as_bool(),
        oca_group: text("oca_group"),
        oca_type: word("oca_type", |word| {
            pb::order::OcaType::from_str_name(word).map(Into::into)
        }),
        reference_price: number("reference_price"),
    }
}

/// An order of no group has no type of one.
fn oca_type(word: pb::order::OcaType) -> Option<String> {
    (word != pb::order::OcaType::Unspecified).then(|| word.as_str_name().to_owned())
}

pub(crate) fn request_of(order: pb::Order) -> OrderRequest {
    OrderRequest {
        action: order.action().as_str_name().to_owned(),
        order_type: order.order_type().as_str_name().to_owned(),
        sec_type: order.sec_type().as_str_name().to_owned(),
        tif: order.tif().as_str_name().to_owned(),
        oca_type: oca_type(order.oca_type()),
        symbol: order.symbol,
        quantity: number(&order.quantity),
        limit_price: order.limit_price.as_deref().map(number),
        stop_price: order.stop_price.as_deref().map(number),
        trail_amount: order.trail_amount.as_deref().map(number),
        trail_percent: order.trail_percent.as_deref().map(number),
        limit_offset: order.limit_offset.as_deref().map(number),
        good_till: order.good_till.map(time),
        exchange: order.exchange.unwrap(),
        currency: order.currency.unwrap(),
        transmit: order.transmit.unwrap(),
        primary_exch: order.primary_exch,
        client_tag: order.client_tag,
        order_ref: order.order_ref,
        account: order.account,
        outside_rth: order.outside_rth.unwrap(),
        oca_group: order.oca_group,
        reference_price: order.reference_price.as_deref().map(number),
    }
}

pub(crate) fn state(order: pb::OrderState) -> OrderState {
    OrderState {
        status: order.status().as_str_name().to_owned(),
        action: order.action().as_str_name().to_owned(),
        order_type: order.order_type().as_str_name().to_owned(),
        tif: order.tif().as_str_name().to_owned(),
        oca_type: oca_type(order.oca_type()),
        sec_type: order.sec_type().as_str_name().to_owned(),
        order_id: order.order_id,
        filled: number(&order.filled),
        avg_fill_price: order.avg_fill_price.as_deref().map(number),
        symbol: order.symbol,
        quantity: number(&order.quantity),
        limit_price: order.limit_price.as_deref().map(number),
        stop_price: order.stop_price.as_deref().map(number),
        trail_amount: order.trail_amount.as_deref().map(number),
        trail_percent: order.trail_percent.as_deref().map(number),
        limit_offset: order.limit_offset.as_deref().map(number),
        good_till: order.good_till.map(time),
        transmit: order.transmit,
        order_ref: order.order_ref,
        last_error_code: order.last_error_code,
        last_error: order.last_error,
        perm_id: order.perm_id,
        last_update: time(order.last_update.unwrap()),
        raw_state: order.raw_state,
        client_id: order.client_id,
        account: order.account,
        request_id: order.request_id,
        remaining: number(&order.remaining),
        terminal: order.terminal,
        sequence: order.sequence,
        commission: order.commission.as_deref().map(number),
        exchange: order.exchange,
        currency: order.currency,
        primary_exch: order.primary_exch,
        outside_rth: order.outside_rth,
        oca_group: order.oca_group,
        reference_price: order.reference_price.as_deref().map(number),
        client_tag: order.client_tag,
        cancel_requested: order.cancel_requested,
        created_at: time(order.created_at.unwrap()),
        why_held: order.why_held,
        parent_order_id: order.parent_order_id,
        bracket_id: order.bracket_id,
        terms_revision: order.terms_revision,
        trail_stop: order.trail_stop.as_deref().map(number),
        other_perm_ids: order.other_perm_ids,
        filled_unexplained: order.filled_unexplained.as_deref().map(number),
        fill_quantity_unknown: order.fill_quantity_unknown,
        bracket_incomplete: order.bracket_incomplete,
        commissions: order
            .commissions
            .into_iter()
            .map(|paid| Commission {
                amount: number(&paid.amount),
                currency: paid.currency,
            })
            .collect(),
        placed_by: order.placed_by,
        replacement: order.replacement.map(replacement),
    }
}

fn replacement(replacement: pb::Replacement) -> Replacement {
    let tif = replacement.tif();
    let price = |text: Option<String>| text.as_deref().map(number);
    Replacement {
        status: replacement.status().as_str_name().to_owned(),
        request_id: replacement.request_id,
        quantity: price(replacement.quantity),
        limit_price: price(replacement.limit_price),
        stop_price: price(replacement.stop_price),
        trail_amount: price(replacement.trail_amount),
        trail_percent: price(replacement.trail_percent),
        limit_offset: price(replacement.limit_offset),
        tif: (tif != pb::order::TimeInForce::Unspecified).then(|| tif.as_str_name().to_owned()),
        error_code: replacement.error_code,
        error: replacement.error,
    }
}

pub(crate) fn fill(fill: pb::Fill) -> Fill {
    Fill {
        order_id: fill.order_id,
        exec_id: fill.exec_id,
        quantity: number(&fill.quantity),
        price: number(&fill.price),
        time: fill.time.map(time),
        exchange: fill.exchange,
        commission: fill.commission.as_deref().map(number),
        currency: fill.currency,
        perm_id: fill.perm_id,
    }
}

pub(crate) fn update(message: pb::WatchResponse) -> Update {
    use pb::watch_response::Event;
    let mut update = Update {
        sequence: message.sequence,
        order: None,
        snapshot_end: None,
        link: None,
        fill: None,
        heartbeat: None,
    };
    match message.event.unwrap() {
        Event::Order(order) => update.order = Some(state(order)),
        Event::SnapshotEnd(pb::SnapshotEnd {}) => update.snapshot_end = Some(Empty {}),
        Event::Link(link) => {
            update.link = Some(Link {
                state: link.state().as_str_name().to_owned(),
                peer: link.peer,
                text: link.text,
            });
        }
        Event::Fill(part) => update.fill = Some(fill(part)),
        Event::Heartbeat(beat) => {
            update.heartbeat = Some(Heartbeat {
                connected: beat.connected,
            })
        }
    }
    update
}

/// A decimal text as the JSON number that the documents have: whole numbers without a point.
fn number(text: &str) -> Number {
    text.parse::<i64>()
        .map(Number::from)
        .unwrap_or_else(|_| Number::from_f64(text.parse().unwrap()).unwrap())
}

pub(crate) fn time(time: prost_types::Timestamp) -> String {
    time.to_string()
}

pub(crate) fn seconds(seconds: f64) -> Option<prost_types::Duration> {
    Some(
        std::time::Duration::from_secs_f64(seconds)
            .try_into()
            .unwrap(),
    )
}

/// A free object as JSON.
pub(crate) fn object(object: prost_types::Struct) -> Value {
    Value::Object(
        object
            .fields
            .into_iter()
            .map(|(name, value)| (name, any(value)))
            .collect(),
    )
}

fn any(value: prost_types::Value) -> Value {
    use prost_types::value::Kind;
    match value.kind.unwrap() {
        Kind::NullValue(_) => Value::Null,
        Kind::BoolValue(value) => value.into(),
        Kind::NumberValue(value) if value.fract() == 0.0 && value.abs() < 1e15 => {
            (value as i64).into()
        }
        Kind::NumberValue(value) => value.into(),
        Kind::StringValue(value) => value.into(),
        Kind::ListValue(list) => list.values.into_iter().map(any).collect(),
        Kind::StructValue(value) => object(value),
    }
}
