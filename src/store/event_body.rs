//! The `body` of a stored event: JSON with decimals as text, so that a watcher who reads it later sees exactly what one who was there saw.
//!
//! Of an order it has what changes; the terms that it shows are named by their revision, and the rest is read from the order's row, which never
//! changes it. Not the JSON that people get from the CLI, whose decimals are numbers. A field added later needs `#[serde(default)]` here:
//! events are never rewritten.

use std::borrow::Cow;
use std::collections::BTreeMap;

use rust_decimal::Decimal;
use serde::{Deserialize, Serialize};

use super::StoreError;
use crate::domain::{
    Amount, Commission, EventKind, Fill, OrderState, Replacement, Status, StoredEvent, Timestamp,
};

/// What is written of an event.
pub(super) struct Encoded<'a> {
    /// `order` or `fill`.
    pub(super) kind: &'static str,
    /// See above.
    pub(super) body: String,
    /// What TWS said last.
    pub(super) raw_state: Option<&'a str>,
    /// The revision of the terms that it shows.
    pub(super) terms_revision: u32,
}

/// Makes the row of an event.
pub(super) fn encode(event: &EventKind) -> Result<Encoded<'_>, StoreError> {
    let (kind, body, raw_state, terms_revision) = match event {
        EventKind::Order(state) => (
            "order",
            serde_json::to_string(&Change::of(state)),
            state.raw_state.as_deref(),
            state.terms_revision,
        ),
        EventKind::Fill(fill) => ("fill", serde_json::to_string(&FillRef { fill }), None, 1),
    };
    let body = body.map_err(|error| StoreError::Refused(error.to_string()))?;
    Ok(Encoded {
        kind,
        body,
        raw_state,
        terms_revision,
    })
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
            let order = order()?.ok_or_else(|| damaged(&"its order is missing"))?;
            let state = change.made(order, sequence, raw_state);
            EventKind::Order(state.map_err(|error| damaged(&error))?)
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
    #[serde(default, skip_serializing_if = "Option::is_none")]
    why_held: Option<Cow<'a, str>>,
    #[serde(
        with = "exact_or_null",
        default,
        skip_serializing_if = "Option::is_none"
    )]
    trail_stop: Option<Amount>,
    #[serde(default, skip_serializing_if = "<[i64]>::is_empty")]
    other_perm_ids: Cow<'a, [i64]>,
    #[serde(
        with = "exact_or_null",
        default,
        skip_serializing_if = "Option::is_none"
    )]
    filled_unexplained: Option<Amount>,
    #[serde(default, skip_serializing_if = "is_false")]
    fill_quantity_unknown: bool,
    #[serde(default, skip_serializing_if = "is_false")]
    bracket_incomplete: bool,
    /// Texts by currency. Before schema 3 there is only the sum of all, in `commission`.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    commissions: BTreeMap<Cow<'a, str>, Cow<'a, str>>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    replacement: Option<Cow<'a, Replacement>>,
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
            why_held,
            parent_order_id: _,
            bracket_id: _,
            terms_revision: _,
            trail_stop,
            other_perm_ids,
            filled_unexplained,
            fill_quantity_unknown,
            bracket_incomplete,
            commissions,
            placed_by: _,
            replacement,
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
            why_held: why_held.as_deref().map(Cow::Borrowed),
            trail_stop: *trail_stop,
            other_perm_ids: Cow::Borrowed(other_perm_ids),
            filled_unexplained: *filled_unexplained,
            fill_quantity_unknown: *fill_quantity_unknown,
            bracket_incomplete: *bracket_incomplete,
            commissions: commissions
                .iter()
                .map(|Commission { amount, currency }| {
                    (
                        Cow::Borrowed(currency.as_str()),
                        Cow::Owned(amount.to_string()),
                    )
                })
                .collect(),
            replacement: replacement.as_ref().map(Cow::Borrowed),
        }
    }

    /// The order as it was after this event.
    fn made(
        self,
        order: OrderState,
        sequence: u64,
        raw_state: Option<String>,
    ) -> Result<OrderState, rust_decimal::Error> {
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
            why_held,
            trail_stop,
            other_perm_ids,
            filled_unexplained,
            fill_quantity_unknown,
            bracket_incomplete,
            commissions,
            replacement,
        } = self;
        let mut by_currency = commissions
            .into_iter()
            .map(|(currency, amount)| {
                Ok(Commission {
                    amount: amount.parse().map(Amount::new)?,
                    currency: currency.into_owned(),
                })
            })
            .collect::<Result<Vec<_>, rust_decimal::Error>>()?;
        if let (true, Some(amount), [only]) = (
            by_currency.is_empty(),
            commission,
            order.commissions.as_slice(),
        ) {
            // An event from before: its sum is in the one currency that the order was ever charged in.
            by_currency.push(Commission {
                amount,
                currency: only.currency.clone(),
            });
        }
        Ok(OrderState {
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
            why_held: why_held.map(Cow::into_owned),
            trail_stop,
            other_perm_ids: other_perm_ids.into_owned(),
            filled_unexplained,
            fill_quantity_unknown,
            bracket_incomplete,
            commissions: by_currency,
            replacement: replacement.map(Cow::into_owned),
            ..order
        })
    }
}

#[allow(clippy::trivially_copy_pass_by_ref, reason = "serde passes references")]
const fn is_false(flag: &bool) -> bool {
    !*flag
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
    #[serde(default, skip_serializing_if = "Option::is_none")]
    perm_id: Option<i64>,
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
