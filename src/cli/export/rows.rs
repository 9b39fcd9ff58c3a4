//! The rows of each export: how they are read, and the names of their columns.

use serde::Serialize;

use super::super::args::ExportWhat;
use crate::domain::{Amount, AuditRecord, EventKind, Fill, OrderState, StoredEvent, Timestamp};
use crate::store::{AuditRow, ExecutionRow, InstructionRow, Reader, StoreError};

/// Where the first page begins.
pub(super) const START: i64 = 0;

/// A row to write.
#[derive(Debug)]
pub(super) struct Row {
    /// Where the next page goes on.
    pub(super) cursor: i64,
    /// When it happened, where that is known.
    pub(super) time: Option<Timestamp>,
    /// What is written.
    pub(super) document: Document,
}

/// A line of the export. Part of the contract: fields keep their names and meanings; one without a value is `null`.
#[derive(Debug, Serialize)]
#[serde(untagged)]
pub(super) enum Document {
    /// An order as it now is.
    Order(Box<OrderState>),
    /// An execution.
    Execution(Execution),
    /// Something that happened to an order.
    Event(Box<Event>),
    /// What a caller instructed.
    Instruction(Box<InstructionRow>),
    /// A record of the audit.
    Audit(Audit),
}

/// An execution with what makes it complete by itself.
#[derive(Debug, Serialize)]
pub(super) struct Execution {
    exec_id: String,
    order_id: i32,
    account: String,
    symbol: String,
    action: String,
    quantity: Amount,
    price: Amount,
    currency: String,
    time: Option<Timestamp>,
    exchange: String,
    commission: Option<Amount>,
    commission_currency: Option<String>,
    perm_id: Option<i64>,
}

/// Something that happened to an order.
#[derive(Debug, Serialize)]
pub(super) struct Event {
    sequence: u64,
    order_id: i32,
    kind: &'static str,
    order: Option<OrderState>,
    fill: Option<Fill>,
}

/// A record of the audit under its number.
#[derive(Debug, Serialize)]
pub(super) struct Audit {
    audit: i64,
    #[serde(flatten)]
    record: AuditRecord,
}

/// A column of a CSV export: its name, and where its value stands in the document.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Column {
    pub(super) name: String,
    pub(super) path: Vec<&'static str>,
}

/// A page of rows behind a cursor.
pub(super) async fn after(
    reader: &Reader,
    what: ExportWhat,
    cursor: i64,
    limit: usize,
) -> Result<Vec<Row>, StoreError> {
    Ok(match what {
        ExportWhat::Orders => {
            let after = i32::try_from(cursor).unwrap_or(i32::MAX);
            let orders = reader.orders_after(after, limit).await?;
            orders.into_iter().map(order).collect()
        }
        ExportWhat::Executions => {
            let rows = reader.executions_after(cursor, limit).await?;
            rows.into_iter().map(execution).collect()
        }
        ExportWhat::Events => {
            let events = reader
                .events_after(cursor.cast_unsigned(), None, limit)
                .await?;
            events.into_iter().map(event).collect()
        }
        ExportWhat::Instructions => {
            let rows = reader.instructions_after(cursor, limit).await?;
            rows.into_iter().map(instruction).collect()
        }
        ExportWhat::Audit => {
            let rows = reader.audit_after(cursor, limit).await?;
            rows.into_iter().map(audit).collect()
        }
    })
}

fn order(order: OrderState) -> Row {
    Row {
        cursor: order.order_id.into(),
        time: Some(order.created_at),
        document: Document::Order(Box::new(order)),
    }
}

fn execution(row: ExecutionRow) -> Row {
    let ExecutionRow {
        row,
        fill:
            Fill {
                order_id,
                exec_id,
                quantity,
                price,
                time,
                exchange,
                commission,
                currency,
                perm_id,
            },
        account,
        symbol,
        action,
        price_currency,
    } = row;
    Row {
        cursor: row,
        time,
        document: Document::Execution(Execution {
            exec_id,
            order_id,
            account,
            symbol,
            action,
            quantity,
            price,
            currency: price_currency,
            time,
            exchange,
            commission,
            commission_currency: currency,
            perm_id,
        }),
    }
}

fn event(event: StoredEvent) -> Row {
    let StoredEvent {
        sequence,
        order_id,
        kind,
    } = event;
    let (kind, time, order, fill) = match kind {
        EventKind::Order(order) => ("order", Some(order.last_update), Some(order), None),
        EventKind::Fill(fill) => ("fill", fill.time, None, Some(fill)),
    };
    Row {
        cursor: sequence.cast_signed(),
        time,
        document: Document::Event(Box::new(Event {
            sequence,
            order_id,
            kind,
            order,
            fill,
        })),
    }
}

fn instruction(row: InstructionRow) -> Row {
    Row {
        cursor: row.instruction,
        time: Some(row.created_at),
        document: Document::Instruction(Box::new(row)),
    }
}

fn audit(row: AuditRow) -> Row {
    let AuditRow { row, record } = row;
    Row {
        cursor: row,
        time: Some(record.at),
        document: Document::Audit(Audit { audit: row, record }),
    }
}

/// The fields of an order, as they stand in its JSON.
const ORDER: &[&str] = &[
    "order_id",
    "status",
    "filled",
    "avg_fill_price",
    "symbol",
    "action",
    "order_type",
    "quantity",
    "limit_price",
    "stop_price",
    "trail_amount",
    "trail_percent",
    "limit_offset",
    "tif",
    "good_till",
    "transmit",
    "order_ref",
    "last_error_code",
    "last_error",
    "perm_id",
    "last_update",
    "raw_state",
    "client_id",
    "account",
    "request_id",
    "remaining",
    "terminal",
    "sequence",
    "commission",
    "sec_type",
    "exchange",
    "currency",
    "primary_exch",
    "outside_rth",
    "oca_group",
    "oca_type",
    "reference_price",
    "client_tag",
    "cancel_requested",
    "created_at",
    "why_held",
    "parent_order_id",
    "bracket_id",
    "terms_revision",
    "trail_stop",
    "other_perm_ids",
    "filled_unexplained",
    "fill_quantity_unknown",
    "bracket_incomplete",
    "commissions",
    "placed_by",
    "replacement",
];

/// The fields of an execution.
const EXECUTION: &[&str] = &[
    "exec_id",
    "order_id",
    "account",
    "symbol",
    "action",
    "quantity",
    "price",
    "currency",
    "time",
    "exchange",
    "commission",
    "commission_currency",
    "perm_id",
];

/// The fields of a fill in an event.
const FILL: &[&str] = &[
    "exec_id",
    "quantity",
    "price",
    "time",
    "exchange",
    "commission",
    "currency",
    "perm_id",
];

/// The fields of an instruction.
const INSTRUCTION: &[&str] = &[
    "instruction",
    "kind",
    "state",
    "request_id",
    "digest",
    "caller",
    "order_id",
    "order_ids",
    "body",
    "error_code",
    "error",
    "limits_hash",
    "created_at",
    "decided_at",
];

/// The fields of a record of the audit.
const AUDIT: &[&str] = &[
    "audit",
    "at",
    "kind",
    "caller",
    "request_id",
    "order_id",
    "body",
];

/// The columns of an export. Those of an event are its own, then its order's as `order.…`, then its fill's as `fill.…`.
pub(super) fn columns(what: ExportWhat) -> Vec<Column> {
    let own = |name: &'static str| Column {
        name: name.to_owned(),
        path: vec![name],
    };
    let below = |above: &'static str, names: &[&'static str]| -> Vec<Column> {
        let column = |name: &&'static str| Column {
            name: format!("{above}.{name}"),
            path: vec![above, name],
        };
        names.iter().map(column).collect()
    };
    match what {
        ExportWhat::Orders => ORDER.iter().copied().map(own).collect(),
        ExportWhat::Executions => EXECUTION.iter().copied().map(own).collect(),
        ExportWhat::Instructions => INSTRUCTION.iter().copied().map(own).collect(),
        ExportWhat::Audit => AUDIT.iter().copied().map(own).collect(),
        ExportWhat::Events => {
            let mut columns: Vec<_> = ["sequence", "order_id", "kind"].map(own).into();
            let order: Vec<_> = ORDER
                .iter()
                .copied()
                .filter(|name| !["sequence", "order_id"].contains(name))
                .collect();
            columns.extend(below("order", &order));
            columns.extend(below("fill", FILL));
            columns
        }
    }
}
