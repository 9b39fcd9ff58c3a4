//! Whole tables in the order in which they grew, a page at a time: each page is a short read of its own, so that a long export keeps
//! neither the log from being written back nor much in memory.

use tokio_rusqlite::rusqlite::{self, params};

use super::columns::{self, select_order};
use super::pool::For;
use super::{Reader, StoreError};
use crate::domain::{Fill, OrderState};

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

/// The columns of [`columns::FILL`], then the rest; `?1` the last row of the page before, `?2` rows.
const EXECUTIONS: &str = "SELECT executions.order_id, exec_id, executions.quantity, price, time, executions.exchange, \
     executions.commission, executions.currency, executions.perm_id, execution, orders.account, orders.symbol, orders.action, orders.currency \
     FROM executions JOIN orders USING (order_id) WHERE execution > ?1 ORDER BY execution LIMIT ?2";

impl Reader {
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
