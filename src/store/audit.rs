//! The audit: appended to, and read in the order in which it grew.

use tokio_rusqlite::rusqlite::{self, Connection, named_params, params};

use super::columns::Reading;
use super::pool::For;
use super::statements::StatementCache;
use super::transaction::meta;
use super::{Reader, StoreError};
use crate::domain::{AuditKind, AuditRecord, AuditedSettings};

/// Key in `meta` of whether live accounts were allowed, as the audit last said.
const ALLOW_LIVE: &str = "audited_allow_live";
/// Key in `meta` of the hash of the limits file, as the audit last said; empty: there was none.
const LIMITS_HASH: &str = "audited_limits_hash";

/// A record as it is stored.
#[derive(Debug, Clone, PartialEq)]
pub struct AuditRow {
    /// Counts them; where the next page goes on.
    pub row: i64,
    /// What it says.
    pub record: AuditRecord,
}

/// Appends a record, and keeps what it says of the settings where the next start finds it.
pub(super) fn append(held: &mut StatementCache<'_>, record: &AuditRecord) -> rusqlite::Result<()> {
    let AuditRecord {
        at,
        kind,
        caller,
        request_id,
        order_id,
        body,
    } = record;
    held.statement(
        "INSERT INTO audit (at, kind, caller, request_id, order_id, body) \
         VALUES (:at, :kind, :caller, :request_id, :order_id, :body)",
    )?
    .execute(named_params! {
        ":at": at.to_string(),
        ":kind": kind.as_str(),
        ":caller": caller,
        ":request_id": request_id,
        ":order_id": order_id,
        ":body": body.to_string(),
    })?;
    let setting = match kind {
        AuditKind::Live => body
            .get("allow_live")
            .map(|on| (ALLOW_LIVE, on.to_string())),
        // Of a file that is not used there is a problem, and no hash.
        AuditKind::Limits => body.get("hash").map(|hash| {
            let hash = hash.as_str().unwrap_or_default();
            (LIMITS_HASH, hash.to_owned())
        }),
        AuditKind::Refused
        | AuditKind::Halt
        | AuditKind::Resume
        | AuditKind::Login
        | AuditKind::Preview
        | AuditKind::Disconnect
        | AuditKind::Unrecorded => None,
    };
    if let Some(setting) = setting {
        held.statement("INSERT OR REPLACE INTO meta (key, value) VALUES (?1, ?2)")?
            .execute(setting)?;
    }
    Ok(())
}

/// What the audit last said of the settings.
pub(super) fn settings(connection: &Connection) -> rusqlite::Result<AuditedSettings> {
    Ok(AuditedSettings {
        allow_live: meta(connection, ALLOW_LIVE)?.as_deref() == Some("true"),
        limits_hash: meta(connection, LIMITS_HASH)?.filter(|hash| !hash.is_empty()),
    })
}

impl Reader {
    /// Records of the audit behind the row `row`, at most `limit`.
    ///
    /// # Errors
    /// [`StoreError`], as for every read.
    pub async fn audit_after(&self, row: i64, limit: usize) -> Result<Vec<AuditRow>, StoreError> {
        let read = move |connection: &rusqlite::Connection| {
            let limit = i64::try_from(limit).unwrap_or(i64::MAX);
            let rows = connection
                .prepare_cached(
                    "SELECT audit, at, kind, caller, request_id, order_id, body FROM audit \
                     WHERE audit > ?1 ORDER BY audit LIMIT ?2",
                )?
                .query_map(params![row, limit], audit_row)?
                .collect::<rusqlite::Result<Vec<_>>>()?;
            Ok(rows)
        };
        self.pool.read(For::Watches, read).await
    }
}

fn audit_row(row: &rusqlite::Row<'_>) -> rusqlite::Result<AuditRow> {
    let mut row = Reading::of(row);
    Ok(AuditRow {
        row: row.take("audit")?,
        record: AuditRecord {
            at: row.take("at")?,
            kind: row.take("kind")?,
            caller: row.take("caller")?,
            request_id: row.take("request_id")?,
            order_id: row.take("order_id")?,
            body: row.take("body")?,
        },
    })
}
