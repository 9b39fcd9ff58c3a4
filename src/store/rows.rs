//! How rows are written.

use std::sync::OnceLock;

use tokio_rusqlite::rusqlite::types::ToSqlOutput;
use tokio_rusqlite::rusqlite::{self, OptionalExtension, params};

use super::columns::{Put, Written, bind, insert_sql, update_sql};
use super::statements::StatementCache;
use crate::domain::{
    Contract, Fill, Instruction, Oca, OrderRecord, OrderState, OrderTerms, PriceFields,
    WorkingTerms,
};

/// What is compared before an update.
const COMPARE: &str = "SELECT terminal = :terminal, perm_id IS :perm_id, terms_revision = :terms_revision FROM orders \
     WHERE order_id = :order_id AND request_id = :request_id";

/// Inserts a whole row.
pub(super) fn insert_order(
    held: &mut StatementCache<'_>,
    record: &OrderRecord,
) -> rusqlite::Result<()> {
    static SQL: OnceLock<String> = OnceLock::new();
    let working = working(&record.state.terms.working());
    let (fixed, progress) = (fixed(record), progress(record));
    let columns = || fixed.iter().chain(&working).chain(&progress);
    let sql = SQL.get_or_init(|| insert_sql("orders", columns().map(|(name, _)| *name)));
    execute(held, sql, columns().map(|(_, value)| value)).map(drop)
}

/// Writes what can change about an order. The rest is left out, which spares its indexes. Answers whether the order was there, and was the
/// one asked for.
pub(super) fn update_order(
    held: &mut StatementCache<'_>,
    record: &OrderRecord,
) -> rusqlite::Result<bool> {
    // One that moves the order in no index, one that gives it a permanent id, and one that ends it or brings it back: SQLite rewrites an
    // index whenever one of its columns is named, changed or not.
    static SQL: [OnceLock<String>; INDEXED + 1] = [const { OnceLock::new() }; INDEXED + 1];
    let OrderState {
        order_id,
        request_id,
        terminal,
        perm_id,
        terms_revision,
        ..
    } = &record.state;
    let same = held
        .statement(COMPARE)?
        .query_row(
            params![terminal, perm_id, terms_revision, order_id, request_id],
            |row| Ok((row.get(0)?, row.get(1)?, row.get::<_, bool>(2)?)),
        )
        .optional()?;
    let (indexed, same_terms) = match same {
        None => return Ok(false),
        Some((true, true, same_terms)) => (0, same_terms),
        Some((true, false, same_terms)) => (1, same_terms),
        Some((false, _, same_terms)) => (INDEXED, same_terms),
    };
    if !same_terms {
        update_terms(held, &record.state)?;
    }
    let columns = progress(record);
    let columns = &columns[..columns.len() - INDEXED + indexed];
    let sql = SQL[indexed].get_or_init(|| update_sql("orders", columns, "order_id"));
    let values = columns.iter().map(|(_, value)| value);
    Ok(execute(held, sql, values.chain([&order_id.sql()]))? == 1)
}

fn update_terms(held: &mut StatementCache<'_>, state: &OrderState) -> rusqlite::Result<()> {
    static SQL: OnceLock<String> = OnceLock::new();
    let working = working(&state.terms.working());
    let revision = ("terms_revision", state.terms_revision.sql());
    let columns: Vec<Written<'_>> = working.into_iter().chain([revision]).collect();
    let sql = SQL.get_or_init(|| update_sql("orders", &columns, "order_id"));
    let values = columns.iter().map(|(_, value)| value);
    execute(held, sql, values.chain([&state.order_id.sql()])).map(drop)
}

/// Keeps a revision of an order's terms that another one has taken the place of.
pub(super) fn insert_terms(
    held: &mut StatementCache<'_>,
    order_id: i32,
    revision: u32,
    terms: &WorkingTerms,
) -> rusqlite::Result<()> {
    static SQL: OnceLock<String> = OnceLock::new();
    let of = [("order_id", order_id.sql()), ("revision", revision.sql())];
    let working = working(terms);
    let columns = || of.iter().chain(&working);
    let sql = SQL.get_or_init(|| insert_sql("order_terms", columns().map(|(name, _)| *name)));
    execute(held, sql, columns().map(|(_, value)| value)).map(drop)
}

/// Inserts an instruction.
pub(super) fn insert_instruction(
    held: &mut StatementCache<'_>,
    given: &Instruction,
) -> rusqlite::Result<()> {
    static SQL: OnceLock<String> = OnceLock::new();
    let columns = instruction(given);
    let sql = SQL.get_or_init(|| insert_sql("instructions", columns.iter().map(|(name, _)| *name)));
    execute(held, sql, columns.iter().map(|(_, value)| value)).map(drop)
}

/// Inserts an execution.
pub(super) fn insert_execution(held: &mut StatementCache<'_>, fill: &Fill) -> rusqlite::Result<()> {
    static SQL: OnceLock<String> = OnceLock::new();
    let columns = execution(fill);
    let sql = SQL.get_or_init(|| insert_sql("executions", columns.iter().map(|(name, _)| *name)));
    execute(held, sql, columns.iter().map(|(_, value)| value)).map(drop)
}

/// Writes an execution in the place of the one with this id. Answers whether the order had that one.
pub(super) fn update_execution(
    held: &mut StatementCache<'_>,
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
    let values = columns.iter().map(|(_, value)| value);
    Ok(execute(held, sql, values.chain([&old_exec_id.sql()]))? == 1)
}

fn execute<'a>(
    held: &mut StatementCache<'_>,
    sql: &'static str,
    values: impl Iterator<Item = &'a ToSqlOutput<'a>>,
) -> rusqlite::Result<usize> {
    let statement = held.statement(sql)?;
    bind(statement, values)?;
    statement.raw_execute()
}

/// The columns of an order that never change.
fn fixed(record: &OrderRecord) -> [Written<'_>; 23] {
    let OrderRecord {
        state,
        instruction,
        acknowledged: _,
        worked: _,
        con_id: _,
        released_at: _,
        other_working: _,
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
        why_held: _,
        parent_order_id,
        bracket_id,
        terms_revision: _,
        trail_stop: _,
        other_perm_ids: _,
        filled_unexplained: _,
        fill_quantity_unknown: _,
        bracket_incomplete: _,
        commissions: _,
        placed_by,
        replacement: _,
    } = state;
    let OrderTerms {
        contract,
        action,
        pricing: _,
        quantity: _,
        tif: _,
        good_till,
        outside_rth,
        oca,
        reference_price,
    } = terms;
    let (oca_group, oca_type) = Oca::fields(oca.as_ref());
    let Contract {
        symbol,
        sec_type,
        exchange,
        currency,
        primary_exch,
    } = contract.as_ref();
    [
        ("order_id", order_id.sql()),
        ("symbol", symbol.sql()),
        ("sec_type", sec_type.sql()),
        ("exchange", exchange.sql()),
        ("currency", currency.sql()),
        ("primary_exch", primary_exch.sql()),
        ("action", action.sql()),
        ("outside_rth", outside_rth.sql()),
        ("good_till", good_till.sql()),
        ("oca_group", oca_group.sql()),
        ("oca_type", oca_type.sql()),
        ("reference_price", reference_price.sql()),
        ("order_ref", order_ref.sql()),
        ("client_id", client_id.sql()),
        ("account", account.sql()),
        ("request_id", request_id.sql()),
        ("client_tag", client_tag.sql()),
        ("created_at", created_at.sql()),
        ("parent_order_id", parent_order_id.sql()),
        ("bracket_id", bracket_id.sql()),
        ("placed_by", placed_by.sql()),
        ("instruction", instruction.sql()),
        ("terms_revision", state.terms_revision.sql()),
    ]
}

/// The columns of terms that a revision changes.
fn working(terms: &WorkingTerms) -> [Written<'static>; 8] {
    let WorkingTerms {
        pricing,
        quantity,
        tif,
    } = terms;
    let PriceFields {
        order_type,
        limit_price,
        stop_price,
        trail_amount,
        trail_percent,
        limit_offset,
    } = (*pricing).into();
    [
        ("order_type", order_type.sql()),
        ("limit_price", limit_price.sql()),
        ("stop_price", stop_price.sql()),
        ("trail_amount", trail_amount.sql()),
        ("trail_percent", trail_percent.sql()),
        ("limit_offset", limit_offset.sql()),
        ("quantity", quantity.sql()),
        ("tif", tif.sql()),
    ]
}

/// Columns at the end of [`progress`] that an index has.
const INDEXED: usize = 2;

/// The columns of an order that change while it works, those that an index has last.
fn progress(record: &OrderRecord) -> [Written<'_>; 26] {
    let OrderRecord {
        state,
        instruction: _,
        acknowledged,
        worked,
        con_id,
        released_at,
        other_working,
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
        // Its instruction has it.
        replacement: _,
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
        ("why_held", why_held.sql()),
        ("trail_stop", trail_stop.sql()),
        ("other_perm_ids", other_perm_ids.as_slice().sql()),
        ("filled_unexplained", filled_unexplained.sql()),
        ("fill_quantity_unknown", fill_quantity_unknown.sql()),
        ("bracket_incomplete", bracket_incomplete.sql()),
        ("commissions", commissions.as_slice().sql()),
        ("acknowledged", acknowledged.sql()),
        ("worked", worked.sql()),
        ("con_id", con_id.sql()),
        ("released_at", released_at.sql()),
        ("other_working", other_working.as_slice().sql()),
        ("perm_id", perm_id.sql()),
        ("terminal", terminal.sql()),
    ]
}

/// The columns of an execution.
fn execution(fill: &Fill) -> [Written<'_>; 9] {
    let Fill {
        order_id,
        exec_id,
        quantity,
        price,
        time,
        exchange,
        commission,
        currency,
        perm_id,
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
        ("perm_id", perm_id.sql()),
    ]
}

/// The columns of an instruction that are known when it is stored.
fn instruction(instruction: &Instruction) -> [Written<'_>; 13] {
    let Instruction {
        id,
        kind,
        state,
        request_id,
        digest,
        caller,
        order_id,
        body,
        error_code,
        error,
        limits_hash,
        created_at,
        decided_at,
    } = instruction;
    [
        ("instruction", id.sql()),
        ("kind", kind.sql()),
        ("state", state.sql()),
        ("request_id", request_id.sql()),
        (
            "digest",
            digest.as_ref().map(|digest| digest.as_slice()).sql(),
        ),
        ("caller", caller.sql()),
        ("order_id", order_id.sql()),
        ("body", body.sql()),
        ("error_code", error_code.sql()),
        ("error", error.sql()),
        ("limits_hash", limits_hash.as_deref().sql()),
        ("created_at", created_at.sql()),
        ("decided_at", decided_at.sql()),
    ]
}
