//! What two commits cost, and nothing else: SQLite called from one thread, with the rows and the events that the gateway stores for an
//! order. A process of its own, so that the same preload library stands under it as under a gateway.

use std::fs::File;
use std::io::Write;
use std::path::Path;
use std::time::{Duration, Instant};

use tokio_rusqlite::rusqlite::types::Value;
use tokio_rusqlite::rusqlite::{self, Connection, params, params_from_iter};

/// Syncs that are timed by themselves.
const SYNCS: usize = 100;

/// Works on a store that a gateway has left with an order in it, for so many seconds. Answers on standard output, in microseconds:
/// the median of the two commits of an order together, the median of one sync of a file, and how many orders there were.
pub(crate) fn run(database: &Path, seconds: f64) -> Result<(), Box<dyn std::error::Error>> {
    let store = open(database)?;
    let mut orders = Orders::of(&store)?;
    let mut times = Vec::new();
    let start = Instant::now();
    while start.elapsed().as_secs_f64() < seconds {
        let began = Instant::now();
        orders.insert(&store)?;
        orders.update(&store)?;
        times.push(began.elapsed());
    }
    let syncs = time_syncs(database)?;
    let mut out = std::io::stdout().lock();
    writeln!(
        out,
        "{} {} {}",
        median(&mut times.clone()).as_micros(),
        median(&mut syncs.clone()).as_micros(),
        times.len()
    )?;
    Ok(())
}

fn median(times: &mut [Duration]) -> Duration {
    times.sort();
    times.get(times.len() / 2).copied().unwrap_or_default()
}

/// As the gateway opens it.
fn open(database: &Path) -> Result<Connection, Box<dyn std::error::Error>> {
    let store = Connection::open(database)?;
    store.set_prepared_statement_cache_capacity(16);
    store.execute_batch(
        "PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL; PRAGMA wal_autocheckpoint = 2048;
         PRAGMA cell_size_check = ON; PRAGMA temp_store = MEMORY;",
    )?;
    Ok(store)
}

/// A file whose name the preload library is told to touch.
fn time_syncs(database: &Path) -> std::io::Result<Vec<Duration>> {
    let mut path = database.as_os_str().to_owned();
    path.push("-sync");
    let mut file = File::create(path)?;
    let mut times = Vec::new();
    for _ in 0..SYNCS {
        file.write_all(b"a block")?;
        let began = Instant::now();
        file.sync_data()?;
        times.push(began.elapsed());
    }
    Ok(times)
}

/// Copies of the order in the store, each under ids of its own.
struct Orders {
    columns: Vec<String>,
    row: Vec<Value>,
    /// Its first event and its last, without sequence and order id.
    events: [Vec<Value>; 2],
    order_id: i64,
    sequence: i64,
    insert: String,
    append: String,
}

const UPDATE: &str = "UPDATE orders SET status = ?2, remaining = ?3, perm_id = ?4, last_update = ?5, raw_state = ?6, sequence = ?7, \
     acknowledged = 1 WHERE order_id = ?1";

impl Orders {
    fn of(store: &Connection) -> Result<Self, Box<dyn std::error::Error>> {
        let columns = columns_of(store, "orders")?;
        let row = one_row(
            store,
            &columns,
            "FROM orders ORDER BY order_id DESC LIMIT 1",
        )?;
        let mut of_event = columns_of(store, "order_events")?;
        of_event.retain(|column| column != "sequence" && column != "order_id");
        let event = |which: &str| {
            one_row(
                store,
                &of_event,
                &format!(
                    "FROM order_events WHERE kind = 'order' ORDER BY sequence {which} LIMIT 1"
                ),
            )
        };
        let number = |sql: &str| store.query_row(sql, [], |row| row.get(0));
        let marks = |count: usize| vec!["?"; count].join(", ");
        Ok(Self {
            row,
            events: [event("ASC")?, event("DESC")?],
            order_id: number("SELECT max(order_id) FROM orders")?,
            sequence: number("SELECT max(sequence) FROM order_events")?,
            insert: format!(
                "INSERT INTO orders ({}) VALUES ({})",
                columns.join(", "),
                marks(columns.len())
            ),
            append: format!(
                "INSERT INTO order_events (sequence, order_id, {}) VALUES ({})",
                of_event.join(", "),
                marks(of_event.len() + 2)
            ),
            columns,
        })
    }

    fn value(&self, name: &str) -> Value {
        let index = self.columns.iter().position(|column| column == name);
        index.map_or(Value::Null, |index| self.row[index].clone())
    }

    /// The commit before an order is sent: its row and its first event.
    fn insert(&mut self, store: &Connection) -> Result<(), Box<dyn std::error::Error>> {
        self.order_id += 1;
        self.sequence += 1;
        let unique = Value::Text(format!("commit-{}", self.order_id));
        let values =
            self.columns
                .iter()
                .zip(&self.row)
                .map(|(column, value)| match column.as_str() {
                    "order_id" => Value::Integer(self.order_id),
                    "sequence" => Value::Integer(self.sequence),
                    "request_id" | "order_ref" => unique.clone(),
                    "status" => Value::Text("SUBMITTING".to_owned()),
                    "perm_id" | "raw_state" => Value::Null,
                    "acknowledged" => Value::Integer(0),
                    _ => value.clone(),
                });
        store.execute_batch("BEGIN IMMEDIATE")?;
        store
            .prepare_cached(&self.insert)?
            .execute(params_from_iter(values))?;
        self.append_event(store, 0)?;
        store.execute_batch("COMMIT")?;
        Ok(())
    }

    /// The commit before the caller is answered: what TWS said, and the event of it.
    fn update(&mut self, store: &Connection) -> Result<(), Box<dyn std::error::Error>> {
        self.sequence += 1;
        store.execute_batch("BEGIN IMMEDIATE")?;
        store.prepare_cached(UPDATE)?.execute(params![
            self.order_id,
            self.value("status"),
            self.value("remaining"),
            1_000_000_000 + self.order_id,
            self.value("last_update"),
            self.value("raw_state"),
            self.sequence,
        ])?;
        self.append_event(store, 1)?;
        store.execute_batch("COMMIT")?;
        Ok(())
    }

    fn append_event(
        &self,
        store: &Connection,
        which: usize,
    ) -> Result<(), Box<dyn std::error::Error>> {
        let ids = [Value::Integer(self.sequence), Value::Integer(self.order_id)];
        store
            .prepare_cached(&self.append)?
            .execute(params_from_iter(ids.iter().chain(&self.events[which])))?;
        Ok(())
    }
}

fn columns_of(store: &Connection, table: &str) -> rusqlite::Result<Vec<String>> {
    store
        .prepare("SELECT name FROM pragma_table_info(?1)")?
        .query_map([table], |row| row.get(0))?
        .collect()
}

fn one_row(store: &Connection, columns: &[String], tail: &str) -> rusqlite::Result<Vec<Value>> {
    let sql = format!("SELECT {} {tail}", columns.join(", "));
    store.query_row(&sql, [], |row| {
        (0..columns.len()).map(|index| row.get(index)).collect()
    })
}
