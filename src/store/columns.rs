//! Rows and their domain values, column by column.

use std::fmt::Display;
use std::str::FromStr;

use rust_decimal::Decimal;
use tokio_rusqlite::rusqlite::types::{FromSql, FromSqlError, FromSqlResult, Type, ValueRef};
use tokio_rusqlite::rusqlite::{self, Row};

use crate::domain::{Amount, Fill, OrderRecord, OrderState, Timestamp};

/// Columns of `orders`, in the order that [`order_record`] reads and [`super::rows::insert_order`] binds them.
macro_rules! order_columns {
    () => {
        "order_id, status, filled, avg_fill_price, symbol, action, order_type, quantity, limit_price, tif, transmit, order_ref, \
         last_error_code, last_error, perm_id, last_update, raw_state, client_id, account, request_id, remaining, terminal, sequence, \
         commission, sec_type, exchange, currency, primary_exch, outside_rth, client_tag, cancel_requested, created_at, digest, \
         acknowledged"
    };
}

/// A statement that reads orders, spelled out once: what is prepared is found again by its text.
macro_rules! select_order {
    ($tail:literal) => {
        concat!(
            "SELECT ",
            $crate::store::columns::order_columns!(),
            " FROM orders ",
            $tail
        )
    };
}

pub(super) use {order_columns, select_order};

/// [`order_columns`].
pub(super) const ORDER: &str = order_columns!();

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
