//! Stores that already hold very many orders, made in SQL from a few that the gateway itself stored.

use std::net::SocketAddr;
use std::path::Path;
use std::time::{Duration, Instant};

use tempfile::TempDir;
use tokio_rusqlite::rusqlite::config::DbConfig;
use tokio_rusqlite::rusqlite::{Connection, params};

use crate::load::{Until, closed_loop, place_market, place_resting};
use crate::peers::pb::HealthRequest;
use crate::rig::{self, GatewayOptions, gateway};
use crate::{Fallible, Stub};

/// How long a log may take to grow.
const LOG_PATIENCE: Duration = Duration::from_secs(120);
/// Orders between two looks at its size.
const ORDERS_AT_ONCE: u64 = 256;

/// A store and how many orders it holds.
pub(crate) struct Stored {
    pub(crate) dir: TempDir,
    /// Highest order id in it.
    pub(crate) last_order_id: i64,
}

/// A store with `orders` orders, of which `open` are open, and three events for each.
pub(crate) async fn with_orders(orders: i64, open: i64) -> Fallible<Stored> {
    let server = gateway(GatewayOptions::default()).await?;
    let channels = server.channels(1).await?;
    closed_loop(&channels, 1, Until::Calls(1), place_market).await?;
    closed_loop(&channels, 1, Until::Calls(1), |stub, number| {
        place_resting(stub, 1_000 + number)
    })
    .await?;
    tokio::time::sleep(Duration::from_millis(1_500)).await;
    let rig::Server { process, dir, .. } = server;
    process.terminate()?;
    let start = Instant::now();
    let store = Connection::open(dir.path().join("orders.db"))?;
    store.execute_batch("PRAGMA synchronous = OFF; PRAGMA temp_store = MEMORY;")?;
    multiply(&store, "terminal = 1", orders - open)?;
    multiply(&store, "terminal = 0", open)?;
    let last_order_id =
        store.query_row("SELECT max(order_id) FROM orders", [], |row| row.get(0))?;
    store.execute_batch("PRAGMA wal_checkpoint(TRUNCATE)")?;
    eprintln!(
        "    {orders} orders made in {:.0} s",
        start.elapsed().as_secs_f64()
    );
    Ok(Stored { dir, last_order_id })
}

/// Copies an order of the kind so often, with its own ids, and three of its events each time.
fn multiply(store: &Connection, kind: &str, copies: i64) -> Fallible<()> {
    let columns_of = |table: &str| {
        store
            .prepare("SELECT name FROM pragma_table_info(?1)")?
            .query_map([table], |row| row.get(0))?
            .collect::<Result<Vec<String>, _>>()
    };
    let columns = columns_of("orders")?;
    let mut of_event = columns_of("order_events")?;
    of_event.retain(|column| column != "sequence" && column != "order_id");
    let of_event = of_event.join(", ");
    let (id, sequence): (i64, i64) = store.query_row(
        "SELECT (SELECT max(order_id) FROM orders), (SELECT max(sequence) FROM order_events)",
        [],
        |row| Ok((row.get(0)?, row.get(1)?)),
    )?;
    let values: Vec<String> = columns
        .iter()
        .map(|column| match column.as_str() {
            "order_id" => "?1 + n".to_owned(),
            "sequence" => "?2 + 3 * n".to_owned(),
            "request_id" | "order_ref" => "'stored-' || (?1 + n)".to_owned(),
            "perm_id" => "perm_id + 1000000 + ?1 + n".to_owned(),
            "symbol" => "CASE n % 50 WHEN 0 THEN 'MSFT' ELSE symbol END".to_owned(),
            _ => column.clone(),
        })
        .collect();
    let numbers =
        "WITH RECURSIVE numbers (n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM numbers WHERE n < ?3)";
    store.execute_batch("BEGIN")?;
    store.execute(
        &format!(
            "{numbers} INSERT INTO orders ({}) SELECT {} FROM numbers,
             (SELECT * FROM orders WHERE {kind} ORDER BY order_id DESC LIMIT 1)",
            columns.join(", "),
            values.join(", ")
        ),
        params![id, sequence, copies],
    )?;
    store.execute(
        &format!(
            "{numbers} INSERT INTO order_events (sequence, order_id, {of_event})
             SELECT ?2 + 3 * (n - 1) + part, ?1 + n, {of_event} FROM numbers,
             (SELECT 1 AS part UNION ALL SELECT 2 UNION ALL SELECT 3),
             (SELECT {of_event} FROM order_events WHERE kind = 'order' ORDER BY sequence DESC LIMIT 1)"
        ),
        params![id, sequence, copies],
    )?;
    store.execute(
        &format!(
            "{numbers} INSERT INTO executions (order_id, exec_id, quantity, price, time, exchange, commission, currency)
             SELECT ?1 + n, 'stored.' || (?1 + n), quantity, price, time, exchange, commission, currency FROM numbers,
             (SELECT * FROM executions WHERE order_id =
              (SELECT order_id FROM orders WHERE {kind} AND order_id <= ?1 ORDER BY order_id DESC LIMIT 1) LIMIT 1)
             WHERE ?2 > 0"
        ),
        params![id, sequence, copies],
    )?;
    store.execute_batch("COMMIT")?;
    Ok(())
}

/// What a kill left.
pub(crate) struct Killed {
    /// Size of the write-ahead log that was never carried over.
    pub(crate) log_bytes: u64,
    /// Orders that the gateway took until then.
    pub(crate) orders: u64,
    /// Keeps the log from being written back when this program's connection ends.
    _reader: Connection,
}

/// Runs a gateway on the store until its log has this size, and kills it. The gateway writes its log back at 8 MiB and bounds it at
/// 64 MiB; what keeps it from doing so is a long reader of another program: this one.
pub(crate) async fn kill_with_log(stored: &Stored, bytes: u64) -> Fallible<Killed> {
    let path = stored.dir.path().join("orders.db");
    let reader = Connection::open(&path)?;
    reader.set_db_config(DbConfig::SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, true)?;
    reader.execute_batch("BEGIN")?;
    reader.query_row("SELECT count(*) FROM meta", [], |_| Ok(()))?;
    let (_tws, tws_address) = rig::simulator(&[])?;
    let (process, address) = serve_on(stored.dir.path(), tws_address)?;
    stub_when_up(address)
        .await?
        .health(HealthRequest::default())
        .await?;
    let mut channels = Vec::new();
    for _ in 0..4 {
        channels.push(rig::connect(address).await?);
    }
    let log = stored.dir.path().join("orders.db-wal");
    let size = || std::fs::metadata(&log).map_or(0, |log| log.len());
    let start = Instant::now();
    let mut orders = 0;
    while size() < bytes {
        if start.elapsed() > LOG_PATIENCE {
            return Err(format!("the log had only {} bytes", size()).into());
        }
        let first = orders;
        closed_loop(
            &channels,
            64,
            Until::Calls(ORDERS_AT_ONCE),
            move |stub, number| place_market(stub, 10_000_000 + first + number),
        )
        .await?;
        orders += ORDERS_AT_ONCE;
    }
    // With signal 9.
    drop(process);
    Ok(Killed {
        log_bytes: size(),
        orders,
        _reader: reader,
    })
}

/// A copy of the store and its log, to be started from.
pub(crate) fn copy(stored: &Stored) -> Fallible<TempDir> {
    let copy = rig::scratch()?;
    for name in ["orders.db", "orders.db-wal"] {
        std::fs::copy(stored.dir.path().join(name), copy.path().join(name))?;
    }
    Ok(copy)
}

/// A gateway on an existing store: it and its address, as soon as it listens.
pub(crate) fn serve_on(
    dir: &Path,
    tws: SocketAddr,
) -> Fallible<(crate::process::Process, SocketAddr)> {
    let mut command = rig::serve_command(&[], dir, tws.port(), 1_000_000);
    Ok(crate::process::Process::start_gateway(&mut command)?)
}

/// A stub as soon as the server accepts connections.
pub(crate) async fn stub_when_up(address: SocketAddr) -> Fallible<Stub> {
    let start = Instant::now();
    loop {
        match rig::connect(address).await {
            Ok(channel) => return Ok(Stub::new(channel)),
            Err(error) if start.elapsed().as_secs() > 30 => return Err(error.into()),
            Err(_) => tokio::time::sleep(Duration::from_micros(500)).await,
        }
    }
}
