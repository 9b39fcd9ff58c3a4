//! Rows and their domain values, column by column.
//!
//! Whoever writes a row lists its columns by name beside their values, and the statement is made from that list. Whoever reads one says the
//! names in the order of its SELECT, which is checked in tests.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::str::FromStr;

use rust_decimal::Decimal;
use tokio_rusqlite::rusqlite::types::{
    FromSql, FromSqlError, FromSqlResult, ToSqlOutput, Type, Value, ValueRef,
};
use tokio_rusqlite::rusqlite::{self, Row, Statement};

use crate::domain::{
    Action, Amount, AuditKind, Commission, Fill, Instruction, InstructionKind, InstructionState,
    MismatchedPrices, OcaType, OrderRecord, OrderState, OrderType, PriceFields, Pricing,
    Replacement, SecType, Status, TimeInForce, Timestamp, WorkingTerms, gather_terms,
};

/// Columns of `orders`, in the order that [`order_record`] reads them.
macro_rules! order_columns {
    () => {
        "order_id, status, filled, avg_fill_price, symbol, sec_type, exchange, currency, primary_exch, action, order_type, limit_price, \
         stop_price, trail_amount, trail_percent, limit_offset, quantity, tif, good_till, outside_rth, oca_group, oca_type, reference_price, \
         transmit, order_ref, last_error_code, last_error, perm_id, last_update, raw_state, client_id, account, \
         request_id, remaining, terminal, sequence, commission, client_tag, cancel_requested, created_at, why_held, parent_order_id, \
         bracket_id, terms_revision, trail_stop, other_perm_ids, filled_unexplained, fill_quantity_unknown, bracket_incomplete, commissions, \
         placed_by, \
         (SELECT json_set(body, '$.request_id', request_id, '$.error_code', error_code, '$.error', error, '$.status', \
         CASE state WHEN 'QUEUED' THEN 'PENDING' WHEN 'SENT' THEN 'PENDING' ELSE state END) FROM instructions \
         WHERE instructions.order_id = orders.order_id AND kind <> 'PLACE' AND kind = 'REPLACE' ORDER BY instructions.instruction DESC LIMIT 1) AS replacement, \
         instruction, acknowledged, worked, con_id, released_at, other_working"
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

/// Columns of `instructions`, in the order that [`instruction`] reads them.
macro_rules! instruction_columns {
    () => {
        "instruction, kind, state, request_id, digest, caller, order_id, body, error_code, error, created_at, decided_at"
    };
}

pub(super) use {instruction_columns, order_columns, select_order};

/// [`order_columns`].
pub(super) const ORDER: &str = order_columns!();

/// [`instruction_columns`].
pub(super) const INSTRUCTION: &str = instruction_columns!();

/// What holds of the releases, replacements and cancels that are not decided; an index of the instructions by their order has them.
macro_rules! is_open {
    () => {
        "kind <> 'PLACE' AND kind IN ('TRANSMIT', 'REPLACE', 'CANCEL') AND state IN ('QUEUED', 'SENT', 'UNCONFIRMED')"
    };
}

pub(super) use is_open;

/// [`is_open`].
pub(super) const IS_OPEN: &str = is_open!();

/// Columns of `executions`, in the order that [`fill`] reads them.
pub(super) const FILL: &str =
    "order_id, exec_id, quantity, price, time, exchange, commission, currency, perm_id";

/// Reads a row of [`ORDER`].
pub(super) fn order_record(row: &Row<'_>) -> rusqlite::Result<OrderRecord> {
    let mut row = Reading::of(row);
    // Fields are evaluated in the order they stand here: that of the columns.
    macro_rules! column {
        ($name:ident) => {
            row.take(stringify!($name))?
        };
    }
    let state = OrderState {
        order_id: column!(order_id),
        status: column!(status),
        filled: column!(filled),
        avg_fill_price: column!(avg_fill_price),
        terms: gather_terms!(column),
        transmit: column!(transmit),
        order_ref: column!(order_ref),
        last_error_code: column!(last_error_code),
        last_error: column!(last_error),
        perm_id: column!(perm_id),
        last_update: column!(last_update),
        raw_state: column!(raw_state),
        client_id: column!(client_id),
        account: column!(account),
        request_id: column!(request_id),
        remaining: column!(remaining),
        terminal: column!(terminal),
        sequence: column!(sequence),
        commission: column!(commission),
        client_tag: column!(client_tag),
        cancel_requested: column!(cancel_requested),
        created_at: column!(created_at),
        why_held: column!(why_held),
        parent_order_id: column!(parent_order_id),
        bracket_id: column!(bracket_id),
        terms_revision: column!(terms_revision),
        trail_stop: column!(trail_stop),
        other_perm_ids: column!(other_perm_ids),
        filled_unexplained: column!(filled_unexplained),
        fill_quantity_unknown: column!(fill_quantity_unknown),
        bracket_incomplete: column!(bracket_incomplete),
        commissions: column!(commissions),
        placed_by: column!(placed_by),
        replacement: column!(replacement),
    };
    Ok(OrderRecord {
        state,
        instruction: column!(instruction),
        acknowledged: column!(acknowledged),
        worked: column!(worked),
        con_id: column!(con_id),
        released_at: column!(released_at),
        other_working: column!(other_working),
    })
}

/// Reads a row of [`FILL`].
pub(super) fn fill(row: &Row<'_>) -> rusqlite::Result<Fill> {
    let mut row = Reading::of(row);
    macro_rules! column {
        ($name:ident) => {
            row.take(stringify!($name))?
        };
    }
    Ok(Fill {
        order_id: column!(order_id),
        exec_id: column!(exec_id),
        quantity: column!(quantity),
        price: column!(price),
        time: column!(time),
        exchange: column!(exchange),
        commission: column!(commission),
        currency: column!(currency),
        perm_id: column!(perm_id),
    })
}

/// Reads a row of [`instruction_columns`].
pub(super) fn instruction(row: &Row<'_>) -> rusqlite::Result<Instruction> {
    let mut row = Reading::of(row);
    macro_rules! column {
        ($name:ident) => {
            row.take(stringify!($name))?
        };
    }
    Ok(Instruction {
        id: column!(instruction),
        kind: column!(kind),
        state: column!(state),
        request_id: column!(request_id),
        digest: column!(digest),
        caller: column!(caller),
        order_id: column!(order_id),
        body: column!(body),
        error_code: column!(error_code),
        error: column!(error),
        limits_hash: None,
        created_at: column!(created_at),
        decided_at: column!(decided_at),
    })
}

/// Columns of `order_terms`, in the order that [`working_terms`] reads them.
pub(super) const WORKING_TERMS: &str =
    "order_type, limit_price, stop_price, trail_amount, trail_percent, limit_offset, quantity, tif";

/// Reads a row of [`WORKING_TERMS`].
pub(super) fn working_terms(row: &Row<'_>) -> rusqlite::Result<WorkingTerms> {
    let mut row = Reading::of(row);
    macro_rules! column {
        ($name:ident) => {
            row.take(stringify!($name))?
        };
    }
    Ok(WorkingTerms {
        pricing: Pricing::try_from(PriceFields {
            order_type: column!(order_type),
            limit_price: column!(limit_price),
            stop_price: column!(stop_price),
            trail_amount: column!(trail_amount),
            trail_percent: column!(trail_percent),
            limit_offset: column!(limit_offset),
        })?,
        quantity: column!(quantity),
        tif: column!(tif),
    })
}

/// A column of a row that is written: its name, and the value in the form that SQLite takes.
pub(super) type Written<'a> = (&'static str, ToSqlOutput<'a>);

/// `INSERT INTO table (a, …) VALUES (:a, …)`, bound by [`bind`] in the same order.
pub(super) fn insert_sql(table: &str, names: impl Iterator<Item = &'static str>) -> String {
    let names: Vec<&str> = names.collect();
    format!(
        "INSERT INTO {table} ({}) VALUES (:{})",
        names.join(", "),
        names.join(", :")
    )
}

/// `UPDATE table SET a = :a, … WHERE key = :key`, bound by [`bind`] in the same order with the key's old value last.
pub(super) fn update_sql(table: &str, columns: &[Written<'_>], key: &str) -> String {
    let mut sql = format!("UPDATE {table} SET ");
    for (index, (name, _)) in columns.iter().enumerate() {
        let comma = if index == 0 { "" } else { ", " };
        // Writing to a String cannot fail.
        let _ = write!(sql, "{comma}{name} = :{name}");
    }
    let _ = write!(sql, " WHERE {key} = :old_{key}");
    sql
}

/// Binds the columns of a statement that was made from them, and what follows.
pub(super) fn bind<'a>(
    statement: &mut Statement<'_>,
    columns: impl IntoIterator<Item = &'a ToSqlOutput<'a>>,
) -> rusqlite::Result<()> {
    (1..)
        .zip(columns)
        .try_for_each(|(index, value)| statement.raw_bind_parameter::<usize, _>(index, value))
}

/// A value on its way into a column. Decimals and times are TEXT, so that nothing is rounded and sqlite3 shows what people expect.
pub(super) trait Put<'a> {
    fn sql(self) -> ToSqlOutput<'a>;
}

/// A value on its way out of a column.
pub(super) trait Take: Sized {
    fn take(value: ValueRef<'_>) -> FromSqlResult<Self>;
}

macro_rules! words {
    ($($name:ty),+) => {$(
        impl Put<'_> for $name {
            fn sql(self) -> ToSqlOutput<'static> {
                ToSqlOutput::Borrowed(ValueRef::Text(self.as_str().as_bytes()))
            }
        }

        impl Take for $name {
            fn take(value: ValueRef<'_>) -> FromSqlResult<Self> {
                let word = value.as_str()?;
                word.parse().map_err(|_| FromSqlError::Other(format!("unknown word {word:?}").into()))
            }
        }
    )+};
}
words!(
    Action,
    AuditKind,
    InstructionKind,
    InstructionState,
    OcaType,
    OrderType,
    SecType,
    Status,
    TimeInForce
);

macro_rules! numbers {
    ($($name:ty),+) => {$(
        impl Put<'_> for $name {
            fn sql(self) -> ToSqlOutput<'static> {
                ToSqlOutput::Owned(Value::Integer(i64::from(self)))
            }
        }

        impl Take for $name {
            fn take(value: ValueRef<'_>) -> FromSqlResult<Self> {
                Self::column_result(value)
            }
        }
    )+};
}
numbers!(i32, i64, bool);

/// A count that starts at 1.
impl Put<'_> for u32 {
    fn sql(self) -> ToSqlOutput<'static> {
        ToSqlOutput::Owned(Value::Integer(i64::from(self)))
    }
}

impl Take for u32 {
    fn take(value: ValueRef<'_>) -> FromSqlResult<Self> {
        Self::column_result(value)
    }
}

/// A sequence: far below 2^63.
impl Put<'_> for u64 {
    fn sql(self) -> ToSqlOutput<'static> {
        ToSqlOutput::Owned(Value::Integer(self.cast_signed()))
    }
}

impl Take for u64 {
    fn take(value: ValueRef<'_>) -> FromSqlResult<Self> {
        i64::column_result(value).map(i64::cast_unsigned)
    }
}

impl<'a> Put<'a> for &'a str {
    fn sql(self) -> ToSqlOutput<'a> {
        ToSqlOutput::Borrowed(ValueRef::Text(self.as_bytes()))
    }
}

impl<'a> Put<'a> for &'a String {
    fn sql(self) -> ToSqlOutput<'a> {
        self.as_str().sql()
    }
}

impl Take for String {
    fn take(value: ValueRef<'_>) -> FromSqlResult<Self> {
        Self::column_result(value)
    }
}

impl Take for [u8; 32] {
    fn take(value: ValueRef<'_>) -> FromSqlResult<Self> {
        Self::column_result(value)
    }
}

impl<'a> Put<'a> for &'a [u8] {
    fn sql(self) -> ToSqlOutput<'a> {
        ToSqlOutput::Borrowed(ValueRef::Blob(self))
    }
}

impl Take for Vec<u8> {
    fn take(value: ValueRef<'_>) -> FromSqlResult<Self> {
        Self::column_result(value)
    }
}

impl Put<'_> for Amount {
    fn sql(self) -> ToSqlOutput<'static> {
        ToSqlOutput::Owned(Value::Text(self.to_string()))
    }
}

impl Take for Amount {
    /// Not [`Amount::parse`]: an average price may need more digits than a caller may type.
    fn take(value: ValueRef<'_>) -> FromSqlResult<Self> {
        Decimal::from_str(value.as_str()?)
            .map(Self::new)
            .map_err(|error| FromSqlError::Other(error.into()))
    }
}

impl Put<'_> for Timestamp {
    fn sql(self) -> ToSqlOutput<'static> {
        ToSqlOutput::Owned(Value::Text(self.to_string()))
    }
}

impl Take for Timestamp {
    fn take(value: ValueRef<'_>) -> FromSqlResult<Self> {
        let text = value.as_str()?;
        Self::parse(text)
            .ok_or_else(|| FromSqlError::Other(format!("not an RFC 3339 time: {text:?}").into()))
    }
}

impl<'a, T: Put<'a>> Put<'a> for Option<T> {
    fn sql(self) -> ToSqlOutput<'a> {
        self.map_or(ToSqlOutput::Owned(Value::Null), Put::sql)
    }
}

impl<'a> Put<'a> for &'a Option<String> {
    fn sql(self) -> ToSqlOutput<'a> {
        self.as_deref().sql()
    }
}

impl<T: Take> Take for Option<T> {
    fn take(value: ValueRef<'_>) -> FromSqlResult<Self> {
        match value {
            ValueRef::Null => Ok(None),
            value => T::take(value).map(Some),
        }
    }
}

/// Permanent ids as a JSON array; none is NULL.
impl<'a> Put<'a> for &'a [i64] {
    fn sql(self) -> ToSqlOutput<'a> {
        let text = (!self.is_empty()).then(|| serde_json::json!(self).to_string());
        text.map_or(ToSqlOutput::Owned(Value::Null), |text| {
            ToSqlOutput::Owned(Value::Text(text))
        })
    }
}

impl Take for Vec<i64> {
    fn take(value: ValueRef<'_>) -> FromSqlResult<Self> {
        match value {
            ValueRef::Null => Ok(Self::new()),
            value => serde_json::from_str(value.as_str()?)
                .map_err(|error| FromSqlError::Other(error.into())),
        }
    }
}

/// Commissions as a JSON object of texts by currency; none is NULL.
impl<'a> Put<'a> for &'a [Commission] {
    fn sql(self) -> ToSqlOutput<'a> {
        commissions_text(self).map_or(ToSqlOutput::Owned(Value::Null), |text| {
            ToSqlOutput::Owned(Value::Text(text))
        })
    }
}

/// `{"JPY":"100","USD":"1"}`.
pub(super) fn commissions_text(commissions: &[Commission]) -> Option<String> {
    if commissions.is_empty() {
        return None;
    }
    let by_currency: BTreeMap<&str, String> = commissions
        .iter()
        .map(|Commission { amount, currency }| (currency.as_str(), amount.to_string()))
        .collect();
    Some(serde_json::json!(by_currency).to_string())
}

impl Take for Vec<Commission> {
    fn take(value: ValueRef<'_>) -> FromSqlResult<Self> {
        if value == ValueRef::Null {
            return Ok(Self::new());
        }
        let by_currency: BTreeMap<String, String> = serde_json::from_str(value.as_str()?)
            .map_err(|error| FromSqlError::Other(error.into()))?;
        by_currency
            .into_iter()
            .map(|(currency, amount)| {
                let amount = Amount::take(ValueRef::Text(amount.as_bytes()))?;
                Ok(Commission { amount, currency })
            })
            .collect()
    }
}

/// As a JSON object, which [`order_columns`] makes of an instruction.
impl Take for Replacement {
    fn take(value: ValueRef<'_>) -> FromSqlResult<Self> {
        serde_json::from_str(value.as_str()?).map_err(|error| FromSqlError::Other(error.into()))
    }
}

/// Any JSON.
impl Take for serde_json::Value {
    fn take(value: ValueRef<'_>) -> FromSqlResult<Self> {
        serde_json::from_str(value.as_str()?).map_err(|error| FromSqlError::Other(error.into()))
    }
}

/// A row read from its first column to its last.
pub(super) struct Reading<'a, 'row> {
    row: &'a Row<'row>,
    next: usize,
}

impl<'a, 'row> Reading<'a, 'row> {
    /// From the first column.
    pub(super) const fn of(row: &'a Row<'row>) -> Self {
        Self { row, next: 0 }
    }

    /// The next column, which has this name.
    pub(super) fn take<T: Take>(&mut self, name: &'static str) -> rusqlite::Result<T> {
        let index = self.next;
        self.next += 1;
        debug_assert_eq!(
            self.row.as_ref().column_name(index),
            Ok(name),
            "columns are read in the order of the SELECT"
        );
        let value = self.row.get_ref(index)?;
        T::take(value).map_err(|error| {
            rusqlite::Error::FromSqlConversionFailure(
                index,
                value.data_type(),
                format!("{name}: {error}").into(),
            )
        })
    }
}

/// A row whose order type and prices contradict each other.
impl From<MismatchedPrices> for rusqlite::Error {
    fn from(error: MismatchedPrices) -> Self {
        Self::FromSqlConversionFailure(0, Type::Text, error.into())
    }
}
