//! Rows and their domain values, column by column.

use std::fmt::Display;
use std::str::FromStr;

use rust_decimal::Decimal;
use tokio_rusqlite::rusqlite::types::{FromSql, FromSqlError, FromSqlResult, Type, ValueRef};
use tokio_rusqlite::rusqlite::{self, Row, ToSql, params_from_iter};

use crate::domain::{Amount, Fill, OrderRecord, OrderState, Timestamp};

/// Columns of `orders`, in the order that [`order_record`] reads and [`insert_order`] binds them.
pub(super) const ORDER: &str = "order_id, status, filled, avg_fill_price, symbol, action, order_type, quantity, limit_price, tif, \
    transmit, order_ref, last_error_code, last_error, perm_id, last_update, raw_state, client_id, account, request_id, remaining, \
    terminal, sequence, commission, sec_type, exchange, currency, primary_exch, outside_rth, client_tag, cancel_requested, \
    created_at, digest, acknowledged";

/// Columns of `executions`, in the order that [`fill`] reads them.
pub(super) const FILL: &str =
    "order_id, exec_id, quantity, price, time, exchange, commission, currency";

/// Reads a row of [`ORDER`].
pub(super) fn order_record(row: &Row<'_>) -> rusqlite::Result<OrderRecord> {
    let mut row = Columns { row, next: 0 };
    // Fields are evaluated in the order they stand here: that of the columns.
    let state = OrderState {
        order_id: row.take()?,
        status: row.word()?,
        filled: row.amount()?,
        avg_fill_price: row.amount_or_null()?,
        symbol: row.take()?,
        action: row.word()?,
        order_type: row.word()?,
        quantity: row.amount()?,
        limit_price: row.amount_or_null()?,
        tif: row.word()?,
        transmit: row.take()?,
        order_ref: row.take()?,
        last_error_code: row.take()?,
        last_error: row.take()?,
        perm_id: row.take()?,
        last_update: row.time()?,
        raw_state: row.take()?,
        client_id: row.take()?,
        account: row.take()?,
        request_id: row.take()?,
        remaining: row.amount()?,
        terminal: row.take()?,
        sequence: row.take::<i64>()?.cast_unsigned(),
        commission: row.amount_or_null()?,
        sec_type: row.word()?,
        exchange: row.take()?,
        currency: row.take()?,
        primary_exch: row.take()?,
        outside_rth: row.take()?,
        client_tag: row.take()?,
        cancel_requested: row.take()?,
        created_at: row.time()?,
    };
    Ok(OrderRecord {
        state,
        digest: row.take()?,
        acknowledged: row.take()?,
    })
}

/// Reads a row of [`FILL`].
pub(super) fn fill(row: &Row<'_>) -> rusqlite::Result<Fill> {
    let mut row = Columns { row, next: 0 };
    Ok(Fill {
        order_id: row.take()?,
        exec_id: row.take()?,
        quantity: row.amount()?,
        price: row.amount()?,
        time: row.time_or_null()?,
        exchange: row.take()?,
        commission: row.amount_or_null()?,
        currency: row.take()?,
    })
}

/// Inserts a whole row.
pub(super) fn insert_order(
    connection: &rusqlite::Connection,
    record: &OrderRecord,
) -> rusqlite::Result<()> {
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
    connection
        .prepare_cached(&format!(
            "INSERT INTO orders ({ORDER}) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14, ?15, ?16, ?17, ?18, \
             ?19, ?20, ?21, ?22, ?23, ?24, ?25, ?26, ?27, ?28, ?29, ?30, ?31, ?32, ?33, ?34)"
        ))?
        .execute(params_from_iter(values))
        .map(drop)
}

/// Writes what can change about an order. What was asked (symbol, quantity, account, ids, digest, …) never does, and leaving it out
/// spares its indexes. Answers whether the order was there, and was the one asked for.
pub(super) fn update_order(
    connection: &rusqlite::Connection,
    record: &OrderRecord,
) -> rusqlite::Result<bool> {
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
    let values: [&dyn ToSql; 17] = [
        order_id,
        request_id,
        &status.as_str(),
        &text(filled),
        &avg_fill_price.as_ref().map(text),
        transmit,
        last_error_code,
        last_error,
        perm_id,
        &text(last_update),
        raw_state,
        &text(remaining),
        terminal,
        &sequence.cast_signed(),
        &commission.as_ref().map(text),
        cancel_requested,
        acknowledged,
    ];
    let rows = connection
        .prepare_cached(
            "UPDATE orders SET status = ?3, filled = ?4, avg_fill_price = ?5, transmit = ?6, last_error_code = ?7, last_error = ?8, \
             perm_id = ?9, last_update = ?10, raw_state = ?11, remaining = ?12, terminal = ?13, sequence = ?14, commission = ?15, \
             cancel_requested = ?16, acknowledged = ?17 WHERE order_id = ?1 AND request_id = ?2",
        )?
        .execute(params_from_iter(values))?;
    Ok(rows == 1)
}

/// Decimals and times as TEXT.
pub(super) fn text(value: &impl Display) -> String {
    value.to_string()
}

/// A row read from its first column to its last.
struct Columns<'a, 'row> {
    row: &'a Row<'row>,
    next: usize,
}

impl Columns<'_, '_> {
    fn index(&mut self) -> usize {
        let index = self.next;
        self.next += 1;
        index
    }

    fn take<T: FromSql>(&mut self) -> rusqlite::Result<T> {
        let index = self.index();
        self.row.get(index)
    }

    fn word<T: FromStr>(&mut self) -> rusqlite::Result<T> {
        let index = self.index();
        let word = self.row.get_ref(index)?.as_str()?;
        word.parse().map_err(|_| unreadable(index, word))
    }

    fn amount(&mut self) -> rusqlite::Result<Amount> {
        self.take::<Exact>().map(|exact| exact.0)
    }

    fn amount_or_null(&mut self) -> rusqlite::Result<Option<Amount>> {
        Ok(self.take::<Option<Exact>>()?.map(|exact| exact.0))
    }

    fn time(&mut self) -> rusqlite::Result<Timestamp> {
        self.take::<Time>().map(|time| time.0)
    }

    fn time_or_null(&mut self) -> rusqlite::Result<Option<Timestamp>> {
        Ok(self.take::<Option<Time>>()?.map(|time| time.0))
    }
}

fn unreadable(index: usize, word: &str) -> rusqlite::Error {
    rusqlite::Error::FromSqlConversionFailure(
        index,
        Type::Text,
        format!("unknown word {word:?}").into(),
    )
}

/// A decimal as it was stored. Not [`Amount::parse`]: an average price may need more digits than a caller may type.
struct Exact(Amount);

impl FromSql for Exact {
    fn column_result(value: ValueRef<'_>) -> FromSqlResult<Self> {
        let text = value.as_str()?;
        Decimal::from_str(text)
            .map(|decimal| Self(Amount::new(decimal)))
            .map_err(|error| FromSqlError::Other(error.into()))
    }
}

struct Time(Timestamp);

impl FromSql for Time {
    fn column_result(value: ValueRef<'_>) -> FromSqlResult<Self> {
        let text = value.as_str()?;
        Timestamp::parse(text)
            .map(Self)
            .ok_or_else(|| FromSqlError::Other(format!("not an RFC 3339 time: {text:?}").into()))
    }
}
