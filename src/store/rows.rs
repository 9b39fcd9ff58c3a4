//! How rows of `orders` are written.

use tokio_rusqlite::rusqlite::{self, OptionalExtension, ToSql, params, params_from_iter};

use super::columns::{order_columns, text};
use super::held::Held;
use crate::domain::{OrderRecord, OrderState};

const INSERT: &str = concat!(
    "INSERT INTO orders (",
    order_columns!(),
    ") VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14, ?15, ?16, ?17, ?18, ?19, ?20, ?21, ?22, ?23, ?24, ?25, \
     ?26, ?27, ?28, ?29, ?30, ?31, ?32, ?33, ?34)"
);

/// What is compared before an update.
const COMPARE: &str =
    "SELECT terminal = ?3, perm_id IS ?4 FROM orders WHERE order_id = ?1 AND request_id = ?2";

macro_rules! update {
    ($more:literal) => {
        concat!(
            "UPDATE orders SET status = ?2, filled = ?3, avg_fill_price = ?4, transmit = ?5, last_error_code = ?6, last_error = ?7, \
             last_update = ?8, raw_state = ?9, remaining = ?10, sequence = ?11, commission = ?12, cancel_requested = ?13, \
             acknowledged = ?14",
            $more,
            " WHERE order_id = ?1"
        )
    };
}

/// An update that moves the order in no index, one that gives it a permanent id, and one that ends it or brings it back: SQLite
/// rewrites an index whenever one of its columns is named, changed or not.
const UPDATE: &str = update!("");
const UPDATE_PERM_ID: &str = update!(", perm_id = ?15");
const UPDATE_TERMINAL: &str = update!(", perm_id = ?15, terminal = ?16");

/// Inserts a whole row.
pub(super) fn insert_order(held: &mut Held<'_>, record: &OrderRecord) -> rusqlite::Result<()> {
    let OrderRecord {
        state,
        digest,
        acknowledged,
    } = record;
    let OrderState {
        order_id,
        status,
        filled,
        avg_fill_price,
        symbol,
        action,
        order_type,
        quantity,
        limit_price,
        tif,
        transmit,
        order_ref,
        last_error_code,
        last_error,
        perm_id,
        last_update,
        raw_state,
        client_id,
        account,
        request_id,
        remaining,
        terminal,
        sequence,
        commission,
        sec_type,
        exchange,
        currency,
        primary_exch,
        outside_rth,
        client_tag,
        cancel_requested,
        created_at,
    } = state;
    let values: [&dyn ToSql; 34] = [
        order_id,
        &status.as_str(),
        &text(filled),
        &avg_fill_price.as_ref().map(text),
        symbol,
        &action.as_str(),
        &order_type.as_str(),
        &text(quantity),
        &limit_price.as_ref().map(text),
        &tif.as_str(),
        transmit,
        order_ref,
        last_error_code,
        last_error,
        perm_id,
        &text(last_update),
        raw_state,
        client_id,
        account,
        request_id,
        &text(remaining),
        terminal,
        &sequence.cast_signed(),
        &commission.as_ref().map(text),
        &sec_type.as_str(),
        exchange,
        currency,
        primary_exch,
        outside_rth,
        client_tag,
        cancel_requested,
        &text(created_at),
        digest,
        acknowledged,
    ];
    held.statement(INSERT)?
        .execute(params_from_iter(values))
        .map(drop)
}

/// Writes what can change about an order. What was asked (symbol, quantity, account, ids, digest, …) never does, and leaving it out
/// spares its indexes. Answers whether the order was there, and was the one asked for.
pub(super) fn update_order(held: &mut Held<'_>, record: &OrderRecord) -> rusqlite::Result<bool> {
    let OrderRecord {
        state,
        digest: _,
        acknowledged,
    } = record;
    let OrderState {
        order_id,
        status,
        filled,
        avg_fill_price,
        symbol: _,
        action: _,
        order_type: _,
        quantity: _,
        limit_price: _,
        tif: _,
        transmit,
        order_ref: _,
        last_error_code,
        last_error,
        perm_id,
        last_update,
        raw_state,
        client_id: _,
        account: _,
        request_id,
        remaining,
        terminal,
        sequence,
        commission,
        sec_type: _,
        exchange: _,
        currency: _,
        primary_exch: _,
        outside_rth: _,
        client_tag: _,
        cancel_requested,
        created_at: _,
    } = state;
    let standing = held
        .statement(COMPARE)?
        .query_row(params![order_id, request_id, terminal, perm_id], |row| {
            Ok((row.get::<_, bool>(0)?, row.get::<_, bool>(1)?))
        })
        .optional()?;
    let (sql, bound) = match standing {
        None => return Ok(false),
        Some((true, true)) => (UPDATE, 14),
        Some((true, false)) => (UPDATE_PERM_ID, 15),
        Some((false, _)) => (UPDATE_TERMINAL, 16),
    };
    let values: [&dyn ToSql; 16] = [
        order_id,
        &status.as_str(),
        &text(filled),
        &avg_fill_price.as_ref().map(text),
        transmit,
        last_error_code,
        last_error,
        &text(last_update),
        raw_state,
        &text(remaining),
        &sequence.cast_signed(),
        &commission.as_ref().map(text),
        cancel_requested,
        acknowledged,
        perm_id,
        terminal,
    ];
    let rows = held
        .statement(sql)?
        .execute(params_from_iter(values.iter().take(bound)))?;
    Ok(rows == 1)
}
