//! The `body` of a stored event: JSON with decimals as text, so that a watcher who reads it later sees exactly what one who was there saw.
//!
//! Not the JSON that people get from the CLI, whose decimals are numbers. A field added later needs `#[serde(default)]` here: events
//! are never rewritten.

use rust_decimal::Decimal;
use serde::{Deserialize, Serialize};

use super::StoreError;
use crate::domain::{
    Action, Amount, EventKind, Fill, OrderState, OrderType, SecType, Status, StoredEvent,
    TimeInForce, Timestamp,
};

/// `kind` and `body` of an event.
pub(super) fn encode(kind: &EventKind) -> Result<(&'static str, String), StoreError> {
    let (word, body) = match kind {
        EventKind::Order(state) => ("order", serde_json::to_string(&StateRef { state })),
        EventKind::Fill(fill) => ("fill", serde_json::to_string(&FillRef { fill })),
    };
    let body = body.map_err(|error| StoreError::Refused(error.to_string()))?;
    Ok((word, body))
}

/// The event of a row.
pub(super) fn decode(
    sequence: u64,
    order_id: i32,
    kind: &str,
    body: &str,
) -> Result<StoredEvent, StoreError> {
    let damaged = |error: &dyn std::fmt::Display| {
        StoreError::Damaged(format!("event {sequence} cannot be read: {error}"))
    };
    let kind = match kind {
        "order" => {
            let mut body = serde_json::Deserializer::from_str(body);
            let mut state = StateBody::deserialize(&mut body).map_err(|error| damaged(&error))?;
            state.order_id = order_id;
            state.sequence = sequence;
            EventKind::Order(state)
        }
        "fill" => {
            let mut body = serde_json::Deserializer::from_str(body);
            let mut fill = FillBody::deserialize(&mut body).map_err(|error| damaged(&error))?;
            fill.order_id = order_id;
            EventKind::Fill(fill)
        }
        other => return Err(damaged(&format!("unknown kind {other:?}"))),
    };
    Ok(StoredEvent {
        sequence,
        order_id,
        kind,
    })
}

#[derive(Serialize)]
#[serde(transparent)]
struct StateRef<'a> {
    #[serde(with = "StateBody")]
    state: &'a OrderState,
}

#[derive(Serialize)]
#[serde(transparent)]
struct FillRef<'a> {
    #[serde(with = "FillBody")]
    fill: &'a Fill,
}

/// [`OrderState`] but for what has a column of its own.
#[derive(Serialize, Deserialize)]
#[serde(remote = "OrderState")]
struct StateBody {
    #[serde(skip)]
    order_id: i32,
    status: Status,
    #[serde(with = "exact")]
    filled: Amount,
    #[serde(with = "exact_or_null")]
    avg_fill_price: Option<Amount>,
    symbol: String,
    action: Action,
    order_type: OrderType,
    #[serde(with = "exact")]
    quantity: Amount,
    #[serde(with = "exact_or_null")]
    limit_price: Option<Amount>,
    tif: TimeInForce,
    transmit: bool,
    order_ref: String,
    last_error_code: Option<i32>,
    last_error: Option<String>,
    perm_id: Option<i64>,
    last_update: Timestamp,
    raw_state: Option<String>,
    client_id: i32,
    account: String,
    request_id: String,
    #[serde(with = "exact")]
    remaining: Amount,
    terminal: bool,
    #[serde(skip)]
    sequence: u64,
    #[serde(with = "exact_or_null")]
    commission: Option<Amount>,
    sec_type: SecType,
    exchange: String,
    currency: String,
    primary_exch: Option<String>,
    outside_rth: bool,
    client_tag: Option<String>,
    cancel_requested: bool,
    created_at: Timestamp,
}

/// [`Fill`] but for what has a column of its own.
#[derive(Serialize, Deserialize)]
#[serde(remote = "Fill")]
struct FillBody {
    #[serde(skip)]
    order_id: i32,
    exec_id: String,
    #[serde(with = "exact")]
    quantity: Amount,
    #[serde(with = "exact")]
    price: Amount,
    time: Option<Timestamp>,
    exchange: String,
    #[serde(with = "exact_or_null")]
    commission: Option<Amount>,
    currency: Option<String>,
}

mod exact {
    use serde::{Deserializer, Serializer};

    use super::{Amount, read};

    pub(super) fn serialize<S: Serializer>(value: &Amount, to: S) -> Result<S::Ok, S::Error> {
        to.collect_str(value)
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(from: D) -> Result<Amount, D::Error> {
        let text = <std::borrow::Cow<'de, str> as serde::Deserialize>::deserialize(from)?;
        read(&text)
    }
}

mod exact_or_null {
    use serde::{Deserializer, Serializer};

    use super::{Amount, read};

    pub(super) fn serialize<S: Serializer>(
        value: &Option<Amount>,
        to: S,
    ) -> Result<S::Ok, S::Error> {
        match value {
            Some(value) => to.collect_str(value),
            None => to.serialize_none(),
        }
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(
        from: D,
    ) -> Result<Option<Amount>, D::Error> {
        let text = <Option<std::borrow::Cow<'de, str>> as serde::Deserialize>::deserialize(from)?;
        text.as_deref().map(read).transpose()
    }
}

/// Not [`Amount::parse`]: an average price may need more digits than a caller may type.
fn read<E: serde::de::Error>(text: &str) -> Result<Amount, E> {
    text.parse::<Decimal>().map(Amount::new).map_err(E::custom)
}
