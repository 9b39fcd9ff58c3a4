//! Opens a store: refuses what it must not touch, makes what is missing, reads what the gateway starts from.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use tokio_rusqlite::rusqlite::{self, Connection, params};

use super::checkpoint::{LOG_PAGES, PAGE_BYTES};
use super::file::{self, Found};
use super::identity::{DatabaseLock, Identity};
use super::transaction::{SPENT_ORDER_ID, meta, pinned_accounts};
use super::{Store, StoreError, audit, columns, epochs, history, journal, schema, worker};
use crate::domain::limits::RiskHistory;
use crate::domain::{AuditedSettings, Fill, Halt, Instruction, OrderRecord, Timestamp};
use crate::lock_file::LockFile;

/// Which store to open, and for whom.
#[derive(Debug, Clone)]
pub struct StoreSettings {
    /// The database file; its directory is made when missing.
    pub path: PathBuf,
    /// The API client id that the store belongs to.
    pub client_id: i32,
    /// Where this gateway can be called, if it can: what a second one is told when it finds the store taken.
    pub address: Option<String>,
}

/// An open store and what was found in it.
#[derive(Debug)]
pub struct OpenStore {
    /// The store.
    pub store: Store,
    /// What the gateway starts from.
    pub recovered: RecoveredState,
}

/// What a gateway starts from.
#[derive(Debug, Clone, Default)]
pub struct RecoveredState {
    /// Every order that is not terminal, the newest INACTIVE ones (they can come back), and those under whose id a second order of TWS
    /// works on, by sequence.
    pub live: Vec<OrderRecord>,
    /// The executions of those orders, oldest first.
    pub fills: Vec<Fill>,
    /// What was instructed about those orders and is not decided: releases, replacements and cancels, oldest first.
    pub open_instructions: Vec<Instruction>,
    /// The sequence of the last event; the base less one before the first.
    pub head_sequence: u64,
    /// The sequence of the next event: it leaves out those that another history of this store may have given out.
    pub next_sequence: u64,
    /// The highest order id that was ever stored; 0: none.
    pub highest_order_id: i32,
    /// The highest number of an instruction; 0: none.
    pub head_instruction: u64,
    /// The accounts that the store belongs to; `None` before the first login.
    pub accounts: Option<Vec<String>>,
    /// What was executed and instructed lately.
    pub history: RiskHistory,
    /// The halts in force.
    pub halts: Vec<Halt>,
    /// What the audit last said of the settings.
    pub audited: AuditedSettings,
}

/// A store that follows a journal: others write it until it is told to lead.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Follow {
    /// The sequence of the first event of the history, where the store is new.
    pub base_sequence: u64,
}

/// What opening a store begins.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Begin {
    /// A run of a gateway that has the store to itself.
    Run,
    /// Nothing: its history is written by others.
    Follow(Follow),
}

/// The oldest SQLite whose write-ahead log survives a reset (fixed in 3.51.3).
const SQLITE_VERSION_MIN: i32 = 3_051_003;
/// How long a writer waits for another program's transaction, and a reader for the end of a recovery.
pub(super) const BUSY_WAIT: Duration = Duration::from_secs(2);
/// Statements kept prepared.
pub(super) const STATEMENTS: usize = 64;
/// INACTIVE orders held from the start; older ones are read when a report names them.
const INACTIVE_HELD: u32 = 1000;
/// A store that was not closed and is no larger than this is checked whole at start. A larger one is not: the check reads every page,
/// the log's frames carry checksums, and a page found damaged later fails what reads it.
const CHECKED_BYTES_MAX: u64 = 8 << 20;

/// A store's connection, ready to write, and what was found in it.
#[derive(Debug)]
pub(super) struct Started {
    pub(super) connection: worker::Connection,
    pub(super) lock: Option<LockFile>,
    /// `None`: in memory.
    pub(super) identity: Option<Arc<Identity>>,
    /// `None`: in memory.
    pub(super) path: Option<PathBuf>,
    pub(super) base_sequence: u64,
    pub(super) recovered: RecoveredState,
}

/// Opens the file of `settings`. Blocks on the disk.
pub(super) fn on_disk(settings: &StoreSettings) -> Result<Started, StoreError> {
    open(settings, Begin::Run)
}

/// Opens the file of `settings` to follow a journal.
pub(super) fn following(settings: &StoreSettings, follow: Follow) -> Result<Started, StoreError> {
    open(settings, Begin::Follow(follow))
}

fn open(settings: &StoreSettings, how: Begin) -> Result<Started, StoreError> {
    not_too_old(rusqlite::version_number(), rusqlite::version())?;
    let path = file::settle(&settings.path)?;
    // Once before the lock, so that nothing is left beside a file that is not ours; once after it, when nobody else writes.
    file::look(&path)?;
    let lock = super::lock::take(&path, settings.address.as_deref())?;
    let found = file::look(&path)?;
    if found == Found::New {
        file::make(&path)?;
    }
    let database = DatabaseLock::take(&path)?;
    let (mut connection, version) = file::confirm(&path, found)?;
    if version > 0 {
        belongs_to(&connection, settings.client_id)?;
    }
    set_up(&connection)?;
    if version < schema::VERSION {
        if version > 0 {
            schema::keep_copy(&connection, &path, version)?;
        }
        schema::migrate(&mut connection)?;
        file::sync_parent(&path)?;
    }
    if matches!(found, Found::Ours { log: true, .. }) {
        check_if_small(&connection, &path)?;
    }
    let (base_sequence, recovered) = begin_as(&mut connection, settings.client_id, how)?;
    let identity = Identity::of(&path, database)?;
    Ok(Started {
        connection: connection.into(),
        lock: Some(lock),
        identity: Some(identity),
        path: Some(path),
        base_sequence,
        recovered,
    })
}

/// A store that is gone with the process.
pub(super) fn in_memory(client_id: i32) -> Result<Started, StoreError> {
    let mut connection = memory()?;
    let (base_sequence, recovered) = begin(&mut connection, client_id)?;
    Ok(Started {
        connection: connection.into(),
        lock: None,
        identity: None,
        path: None,
        base_sequence,
        recovered,
    })
}

/// An empty database in memory.
pub(super) fn memory() -> Result<Connection, StoreError> {
    let mut connection = Connection::open_in_memory()?;
    set_up(&connection)?;
    schema::migrate(&mut connection)?;
    Ok(connection)
}

fn not_too_old(number: i32, found: &str) -> Result<(), StoreError> {
    if number < SQLITE_VERSION_MIN {
        return Err(StoreError::TooOldSqlite {
            found: found.to_owned(),
        });
    }
    Ok(())
}

/// A connection that writes. The log is not written back by its commits, but beside them.
fn set_up(connection: &Connection) -> rusqlite::Result<()> {
    connection.set_prepared_statement_cache_capacity(STATEMENTS);
    connection.query_row("PRAGMA journal_mode = WAL", [], |_| Ok(()))?;
    set_durable(connection)?;
    connection.execute_batch(&format!(
        "PRAGMA wal_autocheckpoint = 0;
         PRAGMA journal_size_limit = {};",
        u64::from(LOG_PAGES) * PAGE_BYTES,
    ))
}

/// FULL syncs the log at every commit: an order acknowledged is an order on disk. `fullfsync` makes a sync reach the platter where the
/// system tells the two apart (macOS).
pub(super) fn set_durable(connection: &Connection) -> rusqlite::Result<()> {
    connection.busy_timeout(BUSY_WAIT)?;
    connection.execute_batch(
        "PRAGMA synchronous = FULL;
         PRAGMA fullfsync = ON;
         PRAGMA checkpoint_fullfsync = ON;
         PRAGMA cell_size_check = ON;
         PRAGMA trusted_schema = OFF;
         PRAGMA temp_store = MEMORY;",
    )
}

fn belongs_to(connection: &Connection, given: i32) -> Result<(), StoreError> {
    let stored = meta(connection, "client_id")?
        .map(|text| text.parse::<i32>())
        .transpose()
        .map_err(|error| StoreError::Damaged(format!("the client id in meta: {error}")))?;
    match stored {
        Some(stored) if stored != given => Err(StoreError::OtherClientId { stored, given }),
        Some(_) | None => Ok(()),
    }
}

fn check_if_small(connection: &Connection, path: &Path) -> Result<(), StoreError> {
    if std::fs::metadata(path).is_ok_and(|file| file.len() > CHECKED_BYTES_MAX) {
        return Ok(());
    }
    let verdict: String = connection.query_row("PRAGMA quick_check(1)", [], |row| row.get(0))?;
    if verdict == "ok" {
        return Ok(());
    }
    Err(StoreError::Damaged(verdict))
}

/// What a process finds in the database that it goes on with.
pub(super) fn begin(
    connection: &mut Connection,
    client_id: i32,
) -> Result<(u64, RecoveredState), StoreError> {
    begin_as(connection, client_id, Begin::Run)
}

fn begin_as(
    connection: &mut Connection,
    client_id: i32,
    how: Begin,
) -> Result<(u64, RecoveredState), StoreError> {
    let transaction = connection.transaction()?;
    let now = since_epoch();
    let base = match how {
        Begin::Run => {
            if let Some(binding) = journal::binding(&transaction)? {
                return Err(StoreError::Bound {
                    stream: binding.stream,
                });
            }
            epochs::first_sequence(now)
        }
        Begin::Follow(Follow { base_sequence }) => base_sequence,
    };
    if meta(&transaction, "client_id")?.is_none() {
        let values = [
            ("client_id", client_id.to_string()),
            ("base_sequence", base.to_string()),
            (
                "created_at",
                Timestamp::from_unix_micros(now_micros()).to_string(),
            ),
            ("created_by", env!("CARGO_PKG_VERSION").to_owned()),
        ];
        for (key, value) in values {
            transaction.execute(
                "INSERT INTO meta (key, value) VALUES (?1, ?2)",
                params![key, value],
            )?;
        }
    }
    let base_sequence = base_sequence(&transaction)?;
    let recovered = match how {
        Begin::Run => begin_run(&transaction)?,
        Begin::Follow(_) => {
            let head_sequence = head_sequence(&transaction, base_sequence)?;
            RecoveredState {
                head_sequence,
                next_sequence: head_sequence + 1,
                ..RecoveredState::default()
            }
        }
    };
    transaction.commit().map_err(StoreError::from_commit)?;
    Ok((base_sequence, recovered))
}

/// Begins a run, and reads what a gateway starts from, in the transaction that runs.
pub(super) fn begin_run(transaction: &Connection) -> Result<RecoveredState, StoreError> {
    let base_sequence = base_sequence(transaction)?;
    let head_sequence = head_sequence(transaction, base_sequence)?;
    let next_sequence = epochs::begin(transaction, base_sequence, head_sequence, since_epoch())?;
    Ok(RecoveredState {
        live: live(transaction)?,
        fills: live_fills(transaction)?,
        open_instructions: open_instructions(transaction)?,
        head_sequence,
        next_sequence,
        highest_order_id: highest_order_id(transaction)?,
        head_instruction: transaction
            .query_row(
                "SELECT ifnull(max(instruction), 0) FROM instructions",
                [],
                |row| row.get::<_, i64>(0),
            )?
            .cast_unsigned(),
        accounts: pinned_accounts(transaction)?,
        halts: super::transaction::halts(transaction)?,
        audited: audit::settings(transaction)?,
        history: history::read(transaction, Timestamp::from_unix_micros(now_micros()))?,
    })
}

fn since_epoch() -> Duration {
    let now = SystemTime::now().duration_since(UNIX_EPOCH);
    now.unwrap_or_default()
}

/// What the wall clock shows.
fn now_micros() -> i64 {
    let now = SystemTime::now().duration_since(UNIX_EPOCH);
    now.map_or(0, |now| i64::try_from(now.as_micros()).unwrap_or(0))
}

/// The highest order id that an order or a preview has used; 0: none.
fn highest_order_id(connection: &Connection) -> Result<i32, StoreError> {
    let of_orders: i32 =
        connection.query_row("SELECT ifnull(max(order_id), 0) FROM orders", [], |row| {
            row.get(0)
        })?;
    let spent = meta(connection, SPENT_ORDER_ID)?
        .map(|text| text.parse::<i32>())
        .transpose()
        .map_err(|error| StoreError::Damaged(format!("the spent order id in meta: {error}")))?;
    Ok(of_orders.max(spent.unwrap_or(0)))
}

/// The sequence of the first event.
pub(super) fn base_sequence(connection: &Connection) -> Result<u64, StoreError> {
    meta(connection, "base_sequence")?
        .and_then(|text| text.parse::<u64>().ok())
        .filter(|base| (1..1 << 53).contains(base))
        .ok_or_else(|| StoreError::Damaged("the base sequence in meta".to_owned()))
}

/// The sequence of the last event; the base less one before the first.
pub(super) fn head_sequence(connection: &Connection, base: u64) -> rusqlite::Result<u64> {
    connection
        .prepare_cached("SELECT max(sequence) FROM order_events")?
        .query_row([], |row| row.get::<_, Option<i64>>(0))
        .map(|head| head.map_or(base - 1, i64::cast_unsigned))
}

/// The orders that the gateway keeps in memory, of columns of theirs: every one that is not terminal, the newest INACTIVE ones (they can come
/// back), and those whose second order under the same id works on.
fn kept(columns: &str) -> String {
    format!(
        "SELECT {columns} FROM orders WHERE terminal = 0 UNION ALL \
         SELECT * FROM (SELECT {columns} FROM orders WHERE terminal = 1 AND status = 'INACTIVE' AND other_working IS NULL \
         ORDER BY order_id DESC LIMIT {INACTIVE_HELD}) UNION ALL \
         SELECT {columns} FROM orders WHERE terminal = 1 AND other_working IS NOT NULL"
    )
}

fn live(connection: &Connection) -> Result<Vec<OrderRecord>, StoreError> {
    let mut live = connection
        .prepare(&kept(columns::ORDER))?
        .query_map([], columns::order_record)?
        .collect::<rusqlite::Result<Vec<_>>>()?;
    live.sort_by_key(|record| record.state.sequence);
    Ok(live)
}

fn live_fills(connection: &Connection) -> Result<Vec<Fill>, StoreError> {
    let sql = format!(
        "SELECT {} FROM executions WHERE order_id IN ({}) ORDER BY execution",
        columns::FILL,
        kept("order_id")
    );
    let fills = connection
        .prepare(&sql)?
        .query_map([], columns::fill)?
        .collect::<rusqlite::Result<Vec<_>>>()?;
    Ok(fills)
}

/// What was instructed about those orders and is not decided.
fn open_instructions(connection: &Connection) -> Result<Vec<Instruction>, StoreError> {
    let sql = format!(
        "SELECT {} FROM instructions WHERE order_id IN ({}) AND {} ORDER BY instruction",
        columns::INSTRUCTION,
        kept("order_id"),
        columns::IS_OPEN,
    );
    let open = connection
        .prepare(&sql)?
        .query_map([], columns::instruction)?
        .collect::<rusqlite::Result<Vec<_>>>()?;
    Ok(open)
}
