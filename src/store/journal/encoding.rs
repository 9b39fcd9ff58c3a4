//! How rows stand in a batch: tables and columns by name, once each, and of each row what is not NULL.

use prost::{Message, Oneof};
use tokio_rusqlite::rusqlite::types::{ToSqlOutput, Value as SqlValue, ValueRef};

/// What one transaction changed.
#[derive(Clone, PartialEq, Message)]
pub(super) struct Batch {
    #[prost(message, repeated, tag = "1")]
    pub(super) tables: Vec<Columns>,
    #[prost(message, repeated, tag = "2")]
    pub(super) rows: Vec<Row>,
}

/// A table that the batch has rows of.
#[derive(Clone, PartialEq, Message)]
pub(super) struct Columns {
    #[prost(string, tag = "1")]
    pub(super) table: String,
    #[prost(string, repeated, tag = "2")]
    pub(super) names: Vec<String>,
}

/// A row as it is after the transaction.
#[derive(Clone, PartialEq, Message)]
pub(super) struct Row {
    /// Its table, by its place among those of the batch.
    #[prost(uint32, tag = "1")]
    pub(super) table: u32,
    /// It is gone; only its key stands here.
    #[prost(bool, tag = "2")]
    pub(super) deleted: bool,
    #[prost(message, repeated, tag = "3")]
    pub(super) cells: Vec<Cell>,
}

/// A value that is not NULL.
#[derive(Clone, PartialEq, Message)]
pub(super) struct Cell {
    /// Its column, by its place among those of the table.
    #[prost(uint32, tag = "1")]
    pub(super) column: u32,
    #[prost(oneof = "Value", tags = "2, 3, 4, 5")]
    pub(super) value: Option<Value>,
}

#[derive(Clone, PartialEq, Oneof)]
pub(super) enum Value {
    #[prost(sint64, tag = "2")]
    Integer(i64),
    #[prost(string, tag = "3")]
    Text(String),
    #[prost(bytes = "vec", tag = "4")]
    Blob(Vec<u8>),
    #[prost(double, tag = "5")]
    Real(f64),
}

impl Value {
    /// From a column; `None`: NULL.
    pub(super) fn of(value: ValueRef<'_>) -> Option<Self> {
        match value {
            ValueRef::Null => None,
            ValueRef::Integer(integer) => Some(Self::Integer(integer)),
            ValueRef::Real(real) => Some(Self::Real(real)),
            ValueRef::Text(text) => Some(Self::Text(String::from_utf8_lossy(text).into_owned())),
            ValueRef::Blob(blob) => Some(Self::Blob(blob.to_vec())),
        }
    }

    /// As a parameter.
    pub(super) fn sql(value: Option<&Self>) -> ToSqlOutput<'_> {
        match value {
            None => ToSqlOutput::Owned(SqlValue::Null),
            Some(Self::Integer(integer)) => ToSqlOutput::Owned(SqlValue::Integer(*integer)),
            Some(Self::Real(real)) => ToSqlOutput::Owned(SqlValue::Real(*real)),
            Some(Self::Text(text)) => ToSqlOutput::Borrowed(ValueRef::Text(text.as_bytes())),
            Some(Self::Blob(blob)) => ToSqlOutput::Borrowed(ValueRef::Blob(blob)),
        }
    }
}
