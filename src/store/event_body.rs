//! The `body` of a stored event: JSON with decimals as text, so that a watcher who reads it later sees exactly what one who was there saw.
//!
//! Of an order it has what can change; what was asked is read from the order's row, which never changes it. Not the JSON that people
//! get from the CLI, whose decimals are numbers. A field added later needs `#[serde(default)]` here: events are never rewritten.

use std::borrow::Cow;

use rust_decimal::Decimal;
use serde::{Deserialize, Serialize};

use super::StoreError;
use crate::domain::{Amount, EventKind, Fill, OrderState, Status, StoredEvent, Timestamp};

/// `kind`, `body` and `raw_state` of an event.
pub(super) fn encode(kind: &EventKind) -> Result<(&'static str, String, Option<&str>), StoreError> {
    let (word, body, raw_state) = match kind {
        EventKind::Order(state) => (
            "order",
            serde_json::to_string(&Change::of(state)),
            state.raw_state.as_deref(),
        ),
        EventKind::Fill(fill) => ("fill", serde_json::to_string(&FillRef { fill }), None),
    };
    let body = body.map_err(|error| StoreError::Refused(error.to_string()))?;
    Ok((word, body, raw_state))
}

/// The event of a row: its body and `raw_state`, and the order that it is about.
pub(super) fn decode(
    sequence: u64,
    order_id: i32,
    kind: &str,
    (body, raw_state): (&str, Option<String>),
    order: impl FnOnce() -> Result<Option<OrderState>, StoreError>,
) -> Result<StoredEvent, StoreError> {
    let damaged = |error: &dyn std::fmt::Display| {
        StoreError::Damaged(format!("event {sequence} cannot be read: {error}"))
    };
    let kind = match kind {
        "order" => {
            let change: Change<'_> = serde_json::from_str(body).map_err(|error| damaged(&error))?;
            let asked = order()?.ok_or_else(|| damaged(&"its order is missing"))?;
            EventKind::Order(change.made(asked, sequence, raw_state))
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

/// What an event says of its order. Of schema 1 an event says all of it; what was asked is passed over then.
#[derive(Serialize, Deserialize)]
struct Change<'a> {
    status: Status,
    #[serde(with = "exact")]
    filled: Amount,
    #[serde(
        with = "exact_or_null",
        default,
        skip_serializing_if = "Option::is_none"
    )]
    avg_fill_price: Option<Amount>,
    transmit: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    last_error_code: Option<i32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    last_error: Option<Cow<'a, str>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    perm_id: Option<i64>,
    last_update: Timestamp,
    /// Read only: schema 1 has it here, since then it has a column.
    #[serde(skip_serializing)]
    raw_state: Option<Cow<'a, str>>,
    #[serde(with = "exact")]
    remaining: Amount,
    terminal: bool,
    #[serde(
        with = "exact_or_null",
        default,
        skip_serializing_if = "Option::is_none"
    )]
    commission: Option<Amount>,
    cancel_requested: bool,
}

impl<'a> Change<'a> {
    fn of(state: &'a OrderState) -> Self {
        let OrderState {
            order_id: _,
            status,
            filled,
            avg_fill_price,
            terms: _,
            transmit,
            order_ref: _,
            last_error_code,
            last_error,
            perm_id,
            last_update,
            raw_state: _,
            client_id: _,
            account: _,
            request_id: _,
            remaining,
            terminal,
            sequence: _,
            commission,
            client_tag: _,
            cancel_requested,
            created_at: _,
        } = state;
        Self {
            status: *status,
            filled: *filled,
            avg_fill_price: *avg_fill_price,
            transmit: *transmit,
            last_error_code: *last_error_code,
            last_error: last_error.as_deref().map(Cow::Borrowed),
            perm_id: *perm_id,
            last_update: *last_update,
            raw_state: None,
            remaining: *remaining,
            terminal: *terminal,
            commission: *commission,
            cancel_requested: *cancel_requested,
        }
    }

    /// The order as it was after this event.
    fn made(self, asked: OrderState, sequence: u64, raw_state: Option<String>) -> OrderState {
        let Self {
            status,
            filled,
            avg_fill_price,
            transmit,
            last_error_code,
            last_error,
            perm_id,
            last_update,
            raw_state: in_body,
            remaining,
            terminal,
            commission,
            cancel_requested,
        } = self;
        OrderState {
            status,
            filled,
            avg_fill_price,
            transmit,
            last_error_code,
            last_error: last_error.map(Cow::into_owned),
            perm_id,
            last_update,
            raw_state: raw_state.or_else(|| in_body.map(Cow::into_owned)),
            remaining,
            terminal,
            sequence,
            commission,
            cancel_requested,
            ..asked
        }
    }
}

#[derive(Serialize)]
#[serde(transparent)]
struct FillRef<'a> {
    #[serde(with = "FillBody")]
    fill: &'a Fill,
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
