//! How rows of `orders` and `executions` are written.

use std::sync::OnceLock;

use tokio_rusqlite::rusqlite::{self, OptionalExtension, params};

use super::columns::{Put, Written, bind, insert_sql, update_sql};
use super::held::Held;
use crate::domain::{Fill, OrderRecord, OrderState, spread_terms};

/// What is compared before an update.
const COMPARE: &str = "SELECT terminal = :terminal, perm_id IS :perm_id FROM orders WHERE order_id = :order_id AND request_id = :request_id";

/// Inserts a whole row.
pub(super) fn insert_order(held: &mut Held<'_>, record: &OrderRecord) -> rusqlite::Result<()> {
    static SQL: OnceLock<String> = OnceLock::new();
    let (asked, progress) = (asked(record), progress(record));
    let columns = || asked.iter().chain(&progress);
    let sql = SQL.get_or_init(|| insert_sql("orders", columns().map(|(name, _)| *name)));
    let statement = held.statement(sql)?;
    bind(statement, columns().map(|(_, value)| value))?;
    statement.raw_execute().map(drop)
}

/// Writes what can change about an order. What was asked never does, and leaving it out spares its indexes. Answers whether the order was
/// there, and was the one asked for.
pub(super) fn update_order(held: &mut Held<'_>, record: &OrderRecord) -> rusqlite::Result<bool> {
    // One that moves the order in no index, one that gives it a permanent id, and one that ends it or brings it back: SQLite rewrites an
    // index whenever one of its columns is named, changed or not.
    static SQL: [OnceLock<String>; INDEXED + 1] = [const { OnceLock::new() }; INDEXED + 1];
    let OrderState {
        order_id,
        request_id,
        terminal,
        perm_id,
        ..
    } = &record.state;
    let same = held
        .statement(COMPARE)?
        .query_row(params![terminal, perm_id, order_id, request_id], |row| {
            Ok((row.get::<_, bool>(0)?, row.get::<_, bool>(1)?))
        })
        .optional()?;
    let indexed = match same {
        None => return Ok(false),
        Some((true, true)) => 0,
        Some((true, false)) => 1,
        Some((false, _)) => INDEXED,
    };
    let columns = progress(record);
    let columns = &columns[..columns.len() - INDEXED + indexed];
    let sql = SQL[indexed].get_or_init(|| update_sql("orders", columns, "order_id"));
    let statement = held.statement(sql)?;
    bind(
        statement,
        columns
            .iter()
            .map(|(_, value)| value)
            .chain([&order_id.sql()]),
    )?;
    Ok(statement.raw_execute()? == 1)
}

/// Inserts an execution.
pub(super) fn insert_execution(held: &mut Held<'_>, fill: &Fill) -> rusqlite::Result<()> {
    static SQL: OnceLock<String> = OnceLock::new();
    let columns = execution(fill);
    let sql = SQL.get_or_init(|| insert_sql("executions", columns.iter().map(|(name, _)| *name)));
    let statement = held.statement(sql)?;
    bind(statement, columns.iter().map(|(_, value)| value))?;
    statement.raw_execute().map(drop)
}

/// Writes an execution in the place of the one with this id. Answers whether the order had that one.
pub(super) fn update_execution(
    held: &mut Held<'_>,
    old_exec_id: &str,
    fill: &Fill,
) -> rusqlite::Result<bool> {
    static SQL: OnceLock<String> = OnceLock::new();
    let columns = execution(fill);
    let sql = SQL.get_or_init(|| {
        let update = update_sql("executions", &columns, "exec_id");
        // A name that stands twice is one parameter.
        format!("{update} AND order_id = :order_id")
    });
    let statement = held.statement(sql)?;
    bind(
        statement,
        columns
            .iter()
            .map(|(_, value)| value)
            .chain([&old_exec_id.sql()]),
    )?;
    Ok(statement.raw_execute()? == 1)
}

/// The columns of an order that never change.
fn asked(record: &OrderRecord) -> [Written<'_>; 19] {
    let OrderRecord {
        state,
        digest,
        acknowledged: _,
    } = record;
    let OrderState {
        order_id,
        status: _,
        filled: _,
        avg_fill_price: _,
        terms,
        transmit: _,
        order_ref,
        last_error_code: _,
        last_error: _,
        perm_id: _,
        last_update: _,
        raw_state: _,
        client_id,
        account,
        request_id,
        remaining: _,
        terminal: _,
        sequence: _,
        commission: _,
        client_tag,
        cancel_requested: _,
        created_at,
    } = state;
    macro_rules! columns {
        (($($field:ident),+) ($($more:ident),+)) => {
            [
                ("order_id", order_id.sql()),
                $((stringify!($field), $field.sql()),)+
                $((stringify!($more), $more.sql()),)+
                ("order_ref", order_ref.sql()),
                ("client_id", client_id.sql()),
                ("account", account.sql()),
                ("request_id", request_id.sql()),
                ("client_tag", client_tag.sql()),
                ("created_at", created_at.sql()),
                ("digest", digest.as_slice().sql()),
            ]
        };
    }
    spread_terms!(terms, columns)
}

/// Columns at the end of [`progress`] that an index has.
const INDEXED: usize = 2;

/// The columns of an order that change, those that an index has last.
fn progress(record: &OrderRecord) -> [Written<'_>; 15] {
    let OrderRecord {
        state,
        digest: _,
        acknowledged,
    } = record;
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
        raw_state,
        client_id: _,
        account: _,
        request_id: _,
        remaining,
        terminal,
        sequence,
        commission,
        client_tag: _,
        cancel_requested,
        created_at: _,
    } = state;
    [
        ("status", status.sql()),
        ("filled", filled.sql()),
        ("avg_fill_price", avg_fill_price.sql()),
        ("transmit", transmit.sql()),
        ("last_error_code", last_error_code.sql()),
        ("last_error", last_error.sql()),
        ("last_update", last_update.sql()),
        ("raw_state", raw_state.sql()),
        ("remaining", remaining.sql()),
        ("sequence", sequence.sql()),
        ("commission", commission.sql()),
        ("cancel_requested", cancel_requested.sql()),
        ("acknowledged", acknowledged.sql()),
        ("perm_id", perm_id.sql()),
        ("terminal", terminal.sql()),
    ]
}

/// The columns of an execution.
fn execution(fill: &Fill) -> [Written<'_>; 8] {
    let Fill {
        order_id,
        exec_id,
        quantity,
        price,
        time,
        exchange,
        commission,
        currency,
    } = fill;
    [
        ("order_id", order_id.sql()),
        ("exec_id", exec_id.sql()),
        ("quantity", quantity.sql()),
        ("price", price.sql()),
        ("time", time.sql()),
        ("exchange", exchange.sql()),
        ("commission", commission.sql()),
        ("currency", currency.sql()),
    ]
}
