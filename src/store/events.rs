//! Reading events.

use tokio_rusqlite::rusqlite::{Connection, OptionalExtension, Row, params};

use super::columns::{self, select_order};
use super::{StoreError, event_body};
use crate::domain::{OrderState, StoredEvent, WorkingTerms};

const AFTER: &str = "SELECT sequence, order_id, kind, body, raw_state, terms_revision FROM order_events WHERE sequence > ?1 AND ?3 IS NULL \
     ORDER BY sequence LIMIT ?2";
const AFTER_OF_ORDER: &str = "SELECT sequence, order_id, kind, body, raw_state, terms_revision FROM order_events WHERE sequence > ?1 AND order_id = ?3 \
     ORDER BY sequence LIMIT ?2";
const ONE: &str = "SELECT sequence, order_id, kind, body, raw_state, terms_revision FROM order_events WHERE sequence = ?1";

/// Events after `sequence`, of one order or of all, at most `limit`.
pub(super) fn after(
    connection: &Connection,
    sequence: u64,
    order_id: Option<i32>,
    limit: usize,
) -> Result<Vec<StoredEvent>, StoreError> {
    let sql = match order_id {
        Some(_) => AFTER_OF_ORDER,
        None => AFTER,
    };
    let limit = i64::try_from(limit).unwrap_or(i64::MAX);
    let mut statement = connection.prepare_cached(sql)?;
    let mut found = statement.query(params![sequence.cast_signed(), limit, order_id])?;
    let mut orders = Orders::new(connection);
    let mut events = Vec::new();
    while let Some(row) = found.next()? {
        events.push(orders.event(row)?);
    }
    Ok(events)
}

/// The events with these sequences, in their order.
pub(super) fn these(
    connection: &Connection,
    sequences: &[u64],
) -> Result<Vec<StoredEvent>, StoreError> {
    let mut statement = connection.prepare_cached(ONE)?;
    let mut orders = Orders::new(connection);
    sequences
        .iter()
        .map(|sequence| {
            let mut found = statement.query([sequence.cast_signed()])?;
            match found.next()? {
                Some(row) => orders.event(row),
                None => Err(StoreError::Damaged(format!("event {sequence} is missing"))),
            }
        })
        .collect()
}

/// The orders that events are about. An event says what changed and names the terms that it shows; the rest never changes.
struct Orders<'a> {
    connection: &'a Connection,
    /// The last one read: events of one order often follow each other.
    last: Option<OrderState>,
}

impl<'a> Orders<'a> {
    const fn new(connection: &'a Connection) -> Self {
        Self {
            connection,
            last: None,
        }
    }

    fn event(&mut self, row: &Row<'_>) -> Result<StoredEvent, StoreError> {
        let text = |index: usize| {
            row.get_ref(index)?
                .as_str()
                .map_err(tokio_rusqlite::rusqlite::Error::from)
        };
        let sequence = row.get::<_, i64>(0)?.cast_unsigned();
        let order_id = row.get(1)?;
        let raw_state = row.get(4)?;
        let revision = row.get(5)?;
        event_body::decode(sequence, order_id, text(2)?, (text(3)?, raw_state), || {
            let Some(mut order) = self.order(order_id)? else {
                return Ok(None);
            };
            if order.terms_revision != revision {
                order.terms.set_working(self.terms(order_id, revision)?);
                order.terms_revision = revision;
            }
            Ok(Some(order))
        })
    }

    /// Terms that an order had before those of its row.
    fn terms(&self, order_id: i32, revision: u32) -> Result<WorkingTerms, StoreError> {
        let sql = format!(
            "SELECT {} FROM order_terms WHERE order_id = :order_id AND revision = :revision",
            columns::WORKING_TERMS
        );
        self.connection
            .prepare_cached(&sql)?
            .query_row(params![order_id, revision], columns::working_terms)
            .optional()?
            .ok_or_else(|| {
                StoreError::Damaged(format!(
                    "revision {revision} of the terms of order {order_id} is missing"
                ))
            })
    }

    fn order(&mut self, order_id: i32) -> Result<Option<OrderState>, StoreError> {
        if self.last.as_ref().map(|order| order.order_id) != Some(order_id) {
            self.last = self
                .connection
                .prepare_cached(select_order!("WHERE order_id = ?1"))?
                .query_row([order_id], columns::order_record)
                .optional()?
                .map(|record| record.state);
        }
        Ok(self.last.clone())
    }
}
