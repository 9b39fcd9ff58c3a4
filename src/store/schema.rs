//! The tables, and how an older file becomes a current one.

use rusqlite_migration::{M, Migrations};
use tokio_rusqlite::rusqlite::Connection;

use super::StoreError;

/// `application_id` in the header of every store: "IBOR".
pub(super) const APPLICATION_ID: u32 = 0x4942_4F52;

/// The newest schema version known here: `user_version` of a current file.
pub(super) const VERSION: i64 = STEPS.len() as i64;

/// Brings an older file forward; each step is one transaction.
pub(super) fn migrate(connection: &mut Connection) -> Result<(), StoreError> {
    Migrations::from_slice(STEPS)
        .to_latest(connection)
        .map_err(|error| match error {
            rusqlite_migration::Error::RusqliteError { err, .. } => err.into(),
            other => StoreError::Damaged(other.to_string()),
        })
}

/// Never edit a step that was released: add one.
const STEPS: &[M<'_>] = &[M::up(FIRST), M::up(SECOND)];

// Columns stand in the order of `OrderState`. Decimals and times are TEXT, so that nothing is rounded and sqlite3 shows what people
// expect. An order id is used once and grows, so the row id is the order of placing too.
const FIRST: &str = "
PRAGMA application_id = 0x49424F52;

CREATE TABLE meta (
    key   TEXT NOT NULL PRIMARY KEY,
    value TEXT NOT NULL
) STRICT, WITHOUT ROWID;

CREATE TABLE orders (
    order_id         INTEGER NOT NULL PRIMARY KEY CHECK (order_id > 0),
    status           TEXT    NOT NULL,
    filled           TEXT    NOT NULL,
    avg_fill_price   TEXT,
    symbol           TEXT    NOT NULL CHECK (symbol <> ''),
    action           TEXT    NOT NULL CHECK (action IN ('BUY', 'SELL')),
    order_type       TEXT    NOT NULL,
    quantity         TEXT    NOT NULL,
    limit_price      TEXT,
    tif              TEXT    NOT NULL,
    transmit         INTEGER NOT NULL CHECK (transmit IN (0, 1)),
    order_ref        TEXT    NOT NULL,
    last_error_code  INTEGER,
    last_error       TEXT,
    perm_id          INTEGER,
    last_update      TEXT    NOT NULL,
    raw_state        TEXT,
    client_id        INTEGER NOT NULL,
    account          TEXT    NOT NULL,
    request_id       TEXT    NOT NULL UNIQUE,
    remaining        TEXT    NOT NULL,
    terminal         INTEGER NOT NULL CHECK (terminal IN (0, 1)),
    sequence         INTEGER NOT NULL CHECK (sequence > 0),
    commission       TEXT,
    sec_type         TEXT    NOT NULL,
    exchange         TEXT    NOT NULL,
    currency         TEXT    NOT NULL,
    primary_exch     TEXT,
    outside_rth      INTEGER NOT NULL CHECK (outside_rth IN (0, 1)),
    client_tag       TEXT,
    cancel_requested INTEGER NOT NULL CHECK (cancel_requested IN (0, 1)),
    created_at       TEXT    NOT NULL,
    digest           BLOB    NOT NULL CHECK (length(digest) = 32),
    acknowledged     INTEGER NOT NULL CHECK (acknowledged IN (0, 1))
) STRICT;

CREATE INDEX orders_live      ON orders (sequence) WHERE terminal = 0;
CREATE INDEX orders_by_status ON orders (status);
CREATE INDEX orders_by_symbol ON orders (symbol, status);
CREATE INDEX orders_by_perm   ON orders (perm_id) WHERE perm_id IS NOT NULL;
CREATE INDEX orders_by_ref    ON orders (order_ref);

CREATE TABLE order_events (
    sequence INTEGER NOT NULL PRIMARY KEY CHECK (sequence > 0),
    order_id INTEGER NOT NULL,
    kind     TEXT    NOT NULL CHECK (kind IN ('order', 'fill')),
    body     TEXT    NOT NULL
) STRICT;

CREATE INDEX order_events_by_order ON order_events (order_id);

CREATE TRIGGER order_events_are_never_changed BEFORE UPDATE ON order_events
BEGIN SELECT RAISE(ABORT, 'order_events is append-only'); END;

CREATE TRIGGER order_events_are_never_deleted BEFORE DELETE ON order_events
BEGIN SELECT RAISE(ABORT, 'order_events is append-only'); END;

CREATE TABLE executions (
    execution  INTEGER NOT NULL PRIMARY KEY,
    order_id   INTEGER NOT NULL,
    exec_id    TEXT    NOT NULL UNIQUE CHECK (exec_id <> ''),
    quantity   TEXT    NOT NULL,
    price      TEXT    NOT NULL,
    time       TEXT,
    exchange   TEXT    NOT NULL,
    commission TEXT,
    currency   TEXT
) STRICT;

CREATE INDEX executions_by_order ON executions (order_id);
";

// An event says what can change about its order; what was asked stands in the order's row, which never changes it. TWS's report has
// a column of its own: inside of the body each of its quotes would be escaped, and read back.
//
// What most updates change (status, sequence) must not move an order within an index: an entry that moves is two searches and one
// or two more pages in the log, for each of them. So the indexes that name a status hold only what has ended, and an order that
// lives is found among the living: `orders_live` is small however many orders there are. Each ends in the row id, so that a page of
// a filtered list is a range of it. A reference that is the request id is found by the index of that.
const SECOND: &str = "
DROP INDEX orders_live;
DROP INDEX orders_by_status;
DROP INDEX orders_by_symbol;
DROP INDEX orders_by_ref;

CREATE INDEX orders_live      ON orders (terminal)       WHERE terminal = 0;
CREATE INDEX orders_by_status ON orders (status)         WHERE terminal = 1;
CREATE INDEX orders_by_symbol ON orders (symbol, status) WHERE terminal = 1;
CREATE INDEX orders_by_ref    ON orders (order_ref)      WHERE order_ref <> request_id;

ALTER TABLE order_events ADD COLUMN raw_state TEXT;
";

#[cfg(test)]
mod tests {
    use std::path::Path;

    use tokio_rusqlite::rusqlite::params;

    use super::*;
    use crate::domain::{EventKind, ListIn, Status};
    use crate::store::{Reader, Store, StoreSettings};

    const BASE: i64 = 1_882_592_277_168_128;
    const RAW_STATE: &str = r#"{"report":"status","why_held":"locate \"X\""}"#;

    /// What a gateway of schema 1 left: order 1 lives, order 2 was cancelled and has a reference of its own.
    fn leave_schema_1(path: &Path) {
        let mut connection = Connection::open(path).unwrap();
        Migrations::from_slice(&STEPS[..1])
            .to_latest(&mut connection)
            .unwrap();
        let asked = r#""symbol":"AAPL","action":"BUY","order_type":"LMT","quantity":"100","limit_price":"150.25","tif":"DAY""#;
        let rest = r#""client_id":7,"account":"DU1","request_id":"one","remaining":"100","terminal":false,"commission":null,"sec_type":"STK","exchange":"SMART","currency":"USD","primary_exch":null,"outside_rth":false,"client_tag":null,"cancel_requested":false,"created_at":"2026-11-18T11:06:40.123457Z""#;
        let raw_state = RAW_STATE.replace('\\', r"\\").replace('"', r#"\""#);
        let bodies = [
            format!(
                r#"{{"status":"SUBMITTING","filled":"0","avg_fill_price":null,{asked},"transmit":true,"order_ref":"one","last_error_code":null,"last_error":null,"perm_id":null,"last_update":"2026-11-18T11:06:40.123457Z","raw_state":null,{rest}}}"#
            ),
            format!(
                r#"{{"status":"SUBMITTED","filled":"0","avg_fill_price":null,{asked},"transmit":true,"order_ref":"one","last_error_code":399,"last_error":"it's \"late\"","perm_id":1000000001,"last_update":"2026-11-18T11:06:40.223457Z","raw_state":"{raw_state}",{rest}}}"#
            ),
        ];
        for (key, value) in [
            ("base_sequence", BASE.to_string()),
            ("client_id", "7".to_owned()),
        ] {
            connection
                .execute("INSERT INTO meta VALUES (?1, ?2)", params![key, value])
                .unwrap();
        }
        for (n, body) in (0..).zip(&bodies) {
            connection
                .execute(
                    "INSERT INTO order_events VALUES (?1, 1, 'order', ?2)",
                    params![BASE + n, body],
                )
                .unwrap();
        }
        for (id, status, request_id, order_ref, perm_id, terminal, sequence) in [
            (1, "SUBMITTED", "one", "one", 1_000_000_001_i64, 0, BASE + 1),
            (2, "CANCELLED", "two", "mine", 1_000_000_002, 1, BASE),
        ] {
            connection
                .execute(
                    "INSERT INTO orders VALUES (?1, ?2, '0', NULL, 'AAPL', 'BUY', 'LMT', '100', '150.25', 'DAY', 1, ?3, 399,
                     'it''s \"late\"', ?4, '2026-11-18T11:06:40.223457Z', ?5, 7, 'DU1', ?6, '100', ?7, ?8, NULL, 'STK', 'SMART',
                     'USD', NULL, 0, NULL, 0, '2026-11-18T11:06:40.123457Z', zeroblob(32), 1)",
                    params![id, status, order_ref, perm_id, RAW_STATE, request_id, terminal, sequence],
                )
                .unwrap();
        }
    }

    #[tokio::test]
    async fn what_schema_1_left_is_migrated_and_reads_as_it_was() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("orders.db");
        leave_schema_1(&path);
        let refused = Reader::open(&path).await.unwrap_err();
        assert_eq!(
            refused,
            StoreError::OlderSchema {
                found: 1,
                known: VERSION
            }
        );

        let opened = Store::open(StoreSettings {
            path,
            client_id: 7,
            address: None,
        })
        .await
        .unwrap();
        assert_eq!(opened.live.len(), 1);
        let live = &opened.live[0].state;
        assert_eq!(opened.head_sequence, BASE.cast_unsigned() + 1);

        let reader = opened.store.reader();
        let events = reader
            .events_after(BASE.cast_unsigned() - 1, None, 10)
            .await
            .unwrap();
        assert_eq!(events.len(), 2);
        // The second event made the order what its row says, TWS's words with their quotes among it.
        assert_eq!(events[1].kind, EventKind::Order(live.clone()));
        assert_eq!(live.raw_state.as_deref(), Some(RAW_STATE));
        let EventKind::Order(first) = &events[0].kind else {
            panic!("{:?}", events[0]);
        };
        assert_eq!(
            (
                first.status,
                first.perm_id,
                &first.raw_state,
                first.terms.symbol()
            ),
            (Status::Submitting, None, &None, "AAPL")
        );

        for (filter, id) in [(Status::Submitted, 1), (Status::Cancelled, 2)] {
            for symbol in [None, Some("AAPL".to_owned())] {
                let page = reader
                    .list(ListIn {
                        status: vec![filter],
                        symbol,
                        ..ListIn::default()
                    })
                    .await
                    .unwrap();
                assert_eq!(page.orders.len(), 1);
                assert_eq!(page.orders[0].order_id, id);
            }
        }
        let found = opened
            .store
            .transact(|t| Ok([t.by_order_ref("one")?, t.by_order_ref("mine")?]))
            .await
            .unwrap();
        assert_eq!(
            found.map(|orders| orders
                .iter()
                .map(|order| order.state.order_id)
                .collect::<Vec<_>>()),
            [vec![1], vec![2]]
        );
        opened.store.close().await.unwrap();
    }
}
