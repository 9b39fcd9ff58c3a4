//! Whole tables in the order in which they grew, a page at a time: each page is a short read of its own, so that a long export keeps
//! neither the log from being written back nor much in memory.

use serde::Serialize;
use serde_json::Value;
use tokio_rusqlite::rusqlite::{self, params};

use super::columns::{self, select_order};
use super::pool::For;
use super::{Reader, StoreError};
use crate::domain::{Fill, InstructionKind, InstructionState, OrderState, Timestamp};

/// An execution, and what of its order makes it complete by itself.
#[derive(Debug, Clone, PartialEq)]
pub struct ExecutionRow {
    /// Where the next page goes on.
    pub row: i64,
    /// The execution.
    pub fill: Fill,
    /// Its order's account.
    pub account: String,
    /// Its order's symbol.
    pub symbol: String,
    /// Its order's side: BUY or SELL.
    pub action: String,
    /// The currency of its price.
    pub price_currency: String,
}

/// What a caller instructed, as it is stored.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct InstructionRow {
    /// Counts the instructions of a store, from 1; where the next page goes on.
    pub instruction: i64,
    /// What was instructed.
    pub kind: InstructionKind,
    /// What became of it.
    pub state: InstructionState,
    /// The request id; `None` for a kind that has none.
    pub request_id: Option<String>,
    /// SHA-256 over what was instructed, in hexadecimal.
    pub digest: Option<String>,
    /// The name of the caller, where it has one.
    pub caller: Option<String>,
    /// The order it is about; `None` where it is about many or none.
    pub order_id: Option<i32>,
    /// The orders it is about, where it is about many.
    pub order_ids: Option<Value>,
    /// What else was instructed.
    pub body: Option<Value>,
    /// TWS's error code, where it refused.
    pub error_code: Option<i32>,
    /// Why it was refused.
    pub error: Option<String>,
    /// SHA-256 of the limits file that it was held against, in hexadecimal.
    pub limits_hash: Option<String>,
    /// When it was stored.
    pub created_at: Timestamp,
    /// When it was decided.
    pub decided_at: Option<Timestamp>,
}

/// The columns of [`InstructionRow`].
const INSTRUCTIONS: &str = "SELECT instruction, kind, state, request_id, digest, caller, order_id, order_ids, body, error_code, error, \
     limits_hash, created_at, decided_at FROM instructions WHERE instruction > ?1 ORDER BY instruction LIMIT ?2";

/// The columns of [`columns::FILL`], then the rest; `?1` the last row of the page before, `?2` rows.
const EXECUTIONS: &str = "SELECT executions.order_id, exec_id, executions.quantity, price, time, executions.exchange, \
     executions.commission, executions.currency, executions.perm_id, execution, orders.account, orders.symbol, orders.action, orders.currency \
     FROM executions JOIN orders USING (order_id) WHERE execution > ?1 ORDER BY execution LIMIT ?2";

impl Reader {
    /// The accounts that the store belongs to; `None`: those of the next login.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn pinned_accounts(&self) -> Result<Option<Vec<String>>, StoreError> {
        self.pool
            .read(For::Calls, super::transaction::pinned_accounts)
            .await
    }

    /// Orders with a higher id than `order_id`, by id, at most `limit`.
    ///
    /// # Errors
    /// [`StoreError`], as for every read.
    pub async fn orders_after(
        &self,
        order_id: i32,
        limit: usize,
    ) -> Result<Vec<OrderState>, StoreError> {
        let read = move |connection: &rusqlite::Connection| {
            let limit = i64::try_from(limit).unwrap_or(i64::MAX);
            let states = connection
                .prepare_cached(select_order!(
                    "WHERE order_id > ?1 ORDER BY order_id LIMIT ?2"
                ))?
                .query_map(params![order_id, limit], |row| {
                    columns::order_record(row).map(|record| record.state)
                })?
                .collect::<rusqlite::Result<Vec<_>>>()?;
            Ok(states)
        };
        self.pool.read(For::Watches, read).await
    }

    /// Instructions with a higher number than `instruction`, at most `limit`.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn instructions_after(
        &self,
        instruction: i64,
        limit: usize,
    ) -> Result<Vec<InstructionRow>, StoreError> {
        let read = move |connection: &rusqlite::Connection| {
            let limit = i64::try_from(limit).unwrap_or(i64::MAX);
            let rows = connection
                .prepare_cached(INSTRUCTIONS)?
                .query_map(params![instruction, limit], instruction_row)?
                .collect::<rusqlite::Result<Vec<_>>>()?;
            Ok(rows)
        };
        self.pool.read(For::Watches, read).await
    }

    /// Executions that were stored after the row `row`, as they were stored, at most `limit`.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn executions_after(
        &self,
        row: i64,
        limit: usize,
    ) -> Result<Vec<ExecutionRow>, StoreError> {
        let read = move |connection: &rusqlite::Connection| {
            let limit = i64::try_from(limit).unwrap_or(i64::MAX);
            let rows = connection
                .prepare_cached(EXECUTIONS)?
                .query_map(params![row, limit], |row| {
                    Ok(ExecutionRow {
                        fill: columns::fill(row)?,
                        row: row.get(9)?,
                        account: row.get(10)?,
                        symbol: row.get(11)?,
                        action: row.get(12)?,
                        price_currency: row.get(13)?,
                    })
                })?
                .collect::<rusqlite::Result<Vec<_>>>()?;
            Ok(rows)
        };
        self.pool.read(For::Watches, read).await
    }
}

fn instruction_row(row: &rusqlite::Row<'_>) -> rusqlite::Result<InstructionRow> {
    let mut row = columns::Reading::of(row);
    Ok(InstructionRow {
        instruction: row.take("instruction")?,
        kind: row.take("kind")?,
        state: row.take("state")?,
        request_id: row.take("request_id")?,
        digest: row
            .take::<Option<[u8; 32]>>("digest")?
            .map(|digest| digest.iter().map(|byte| format!("{byte:02x}")).collect()),
        caller: row.take("caller")?,
        order_id: row.take("order_id")?,
        order_ids: row.take("order_ids")?,
        body: row.take("body")?,
        error_code: row.take("error_code")?,
        error: row.take("error")?,
        limits_hash: row.take("limits_hash")?,
        created_at: row.take("created_at")?,
        decided_at: row.take("decided_at")?,
    })
}
