//! What older schemas left reads as it was.

use std::path::Path;

use tokio_rusqlite::rusqlite::params;

use super::*;
use crate::domain::{Amount, Commission, EventKind, ListIn, OrderKey, Pricing, Status};
use crate::store::{Reader, Store, StoreSettings};

const BASE: i64 = 1_882_592_277_168_128;
const RAW_STATE: &str = r#"{"report":"status","why_held":"locate \"X\""}"#;

/// What a gateway of schema 1 left: order 1 lives, order 2 was cancelled and has a reference of its own.
fn leave_schema_1(path: &Path) {
    let mut connection = Connection::open(path).unwrap();
    Migrations::new(steps().into_iter().take(1).collect())
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
    assert_eq!(opened.recovered.live.len(), 1);
    let live = &opened.recovered.live[0].state;
    assert_eq!(opened.recovered.head_sequence, BASE.cast_unsigned() + 1);

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
                    statuses: vec![filter],
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

/// A store that a gateway of this schema left, with an order of every status, with and without a cancel asked for, each with its event.
fn leave_every_status(path: &Path, schema: usize) {
    let mut connection = Connection::open(path).unwrap();
    Migrations::new(steps().into_iter().take(schema).collect())
        .to_latest(&mut connection)
        .unwrap();
    for (key, value) in [
        ("base_sequence", BASE.to_string()),
        ("client_id", "7".to_owned()),
    ] {
        connection
            .execute("INSERT INTO meta VALUES (?1, ?2)", params![key, value])
            .unwrap();
    }
    for order in every_order() {
        let Left {
            id,
            status,
            filled,
            cancel_requested,
            acknowledged,
            transmit,
        } = order;
        let terminal = status.is_terminal();
        let status = status.as_str();
        let digest = [u8::try_from(id).unwrap(); 32];
        connection
            .execute(
                "INSERT INTO orders VALUES (?1, ?2, ?3, NULL, 'AAPL', 'BUY', 'LMT', '100', '150.25', 'DAY', ?4, ?5, NULL, NULL, ?6,
                 '2026-11-18T11:06:40.223457Z', NULL, 7, 'DU1', ?5, ?7, ?8, ?9, ?10, 'STK', 'SMART', 'USD', NULL, 0, NULL, ?11,
                 '2026-11-18T11:06:40.123457Z', ?12, ?13)",
                params![
                    id,
                    status,
                    filled.to_string(),
                    transmit,
                    format!("request-{id}"),
                    acknowledged.then_some(1_000_000 + i64::from(id)),
                    (100 - filled).to_string(),
                    terminal,
                    BASE + i64::from(id),
                    (filled > 0).then_some("101"),
                    cancel_requested,
                    digest,
                    acknowledged
                ],
            )
            .unwrap();
        let all = r#""symbol":"AAPL","action":"BUY","order_type":"LMT","quantity":"100","limit_price":"150.25","tif":"DAY","client_id":7,"account":"DU1","sec_type":"STK","exchange":"SMART","currency":"USD","primary_exch":null,"outside_rth":false,"client_tag":null,"created_at":"2026-11-18T11:06:40.123457Z""#;
        let changing = format!(
            r#"{{"status":"{status}","filled":"{filled}","transmit":{transmit},"last_update":"2026-11-18T11:06:40.223457Z","remaining":"{}","terminal":{terminal},"cancel_requested":{cancel_requested}{}{}"#,
            100 - filled,
            if acknowledged {
                format!(r#","perm_id":{}"#, 1_000_000 + id)
            } else {
                String::new()
            },
            if filled > 0 {
                r#","commission":"101""#
            } else {
                ""
            },
        );
        // Schema 1 had all of the order in each event.
        let body = match schema {
            1 => format!(r#"{changing},"raw_state":null,{all}}}"#),
            _ => format!("{changing}}}"),
        };
        connection
            .execute(
                "INSERT INTO order_events (sequence, order_id, kind, body) VALUES (?1, ?2, 'order', ?3)",
                params![BASE + i64::from(id), id, body],
            )
            .unwrap();
        for (exec_id, quantity, commission, currency) in [
            ("a", filled / 2, "1", "USD"),
            ("b", filled - filled / 2, "100", "JPY"),
        ] {
            if filled > 0 {
                // Every second order that filled paid in one currency only.
                let currency = if id % 2 == 0 { "USD" } else { currency };
                connection
                    .execute(
                        "INSERT INTO executions (order_id, exec_id, quantity, price, time, exchange, commission, currency)
                         VALUES (?1, ?2, ?3, '150', NULL, 'NASDAQ', ?4, ?5)",
                        params![id, format!("{exec_id}{id}.01"), quantity.to_string(), commission, currency],
                    )
                    .unwrap();
            }
        }
    }
}

/// An order as an older gateway left it.
#[derive(Debug, Clone, Copy)]
struct Left {
    id: i32,
    status: Status,
    filled: i32,
    cancel_requested: bool,
    acknowledged: bool,
    transmit: bool,
}

fn every_order() -> Vec<Left> {
    let mut orders = Vec::new();
    for status in Status::ALL {
        for cancel_requested in [false, true] {
            for acknowledged in [false, true] {
                for filled in [0, 40] {
                    let id = i32::try_from(orders.len()).unwrap() + 1;
                    orders.push(Left {
                        id,
                        status: *status,
                        filled: if *status == Status::Filled {
                            100
                        } else {
                            filled
                        },
                        cancel_requested,
                        acknowledged,
                        transmit: *status != Status::Staged,
                    });
                }
            }
        }
    }
    orders
}

#[tokio::test]
async fn stores_of_either_older_schema_with_every_status_answer_as_before() {
    for schema in [1, 2] {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("orders.db");
        leave_every_status(&path, schema);
        let opened = Store::open(StoreSettings {
            path: path.clone(),
            client_id: 7,
            address: None,
        })
        .await
        .unwrap();
        let reader = opened.store.reader();
        let orders = every_order();
        assert_eq!(
            opened.recovered.highest_order_id,
            orders.last().unwrap().id,
            "schema {schema}"
        );
        let cancels = orders.iter().filter(|order| order.cancel_requested).count();
        assert_eq!(
            opened.recovered.head_instruction,
            (orders.len() + cancels) as u64
        );
        for left in orders {
            let request_id = format!("request-{}", left.id);
            let by_request = OrderKey::RequestId(request_id.clone());
            let detail = reader.get(by_request).await.unwrap().unwrap();
            let state = detail.order;
            // What it answered before, field by field.
            assert_eq!(state.order_id, left.id);
            assert_eq!(state.status, left.status, "schema {schema}, {left:?}");
            assert_eq!(state.terminal, left.status.is_terminal());
            assert_eq!(state.filled, Amount::from(i64::from(left.filled)));
            assert_eq!(state.remaining, Amount::from(i64::from(100 - left.filled)));
            assert_eq!(state.cancel_requested, left.cancel_requested);
            assert_eq!(state.transmit, left.transmit);
            assert_eq!(state.request_id, request_id);
            assert_eq!(state.terms.quantity, Amount::from(100));
            assert_eq!(
                state.terms.pricing,
                Pricing::Limit {
                    limit: Amount::parse("150.25").unwrap()
                }
            );
            assert_eq!(state.perm_id.is_some(), left.acknowledged);
            assert_eq!(detail.fills.len(), if left.filled > 0 { 2 } else { 0 });
            // What is new about it.
            assert_eq!(state.terms_revision, 1);
            let paid: Vec<(i64, &str)> = match (left.filled > 0, left.id % 2 == 0) {
                (false, _) => vec![],
                (true, true) => vec![(101, "USD")],
                (true, false) => vec![(100, "JPY"), (1, "USD")],
            };
            let commissions: Vec<Commission> = paid
                .iter()
                .map(|(amount, currency)| Commission {
                    amount: Amount::from(*amount),
                    currency: (*currency).to_owned(),
                })
                .collect();
            assert_eq!(state.commissions, commissions, "{left:?}");
            assert_eq!(
                state.commission,
                (commissions.len() == 1).then(|| Amount::from(101))
            );
            // Its event says what its row says, but for a sum over several currencies, which stays as it was shown.
            let events = reader.events_after(0, Some(left.id), 10).await.unwrap();
            let [event] = events.as_slice() else {
                panic!("{events:?}")
            };
            let EventKind::Order(shown) = &event.kind else {
                panic!("{event:?}")
            };
            let mut expected = state.clone();
            if commissions.len() > 1 {
                expected.commission = Some(Amount::from(101));
                expected.commissions = Vec::new();
            }
            assert_eq!(*shown, expected);
            // A retry is recognised.
            let (digest, record) = opened
                .store
                .transact(move |t| Ok((t.digest(&request_id)?, t.by_request_id(&request_id)?)))
                .await
                .unwrap();
            assert_eq!(digest, Some([u8::try_from(left.id).unwrap(); 32]));
            let record = record.unwrap();
            assert_eq!(record.state, state);
            assert_eq!(record.acknowledged, left.acknowledged);
        }
        // Every instruction has become what its order says of it.
        let stored = Connection::open(&path).unwrap();
        let mut instructions = stored
            .prepare("SELECT order_id, kind, state FROM instructions ORDER BY instruction")
            .unwrap();
        let states: Vec<(i32, String, String)> = instructions
            .query_map([], |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?)))
            .unwrap()
            .map(Result::unwrap)
            .collect();
        for left in every_order() {
            let record = opened
                .store
                .transact(move |t| t.by_order_id(left.id))
                .await
                .unwrap()
                .unwrap();
            let of_order = |kind: &str| {
                states
                    .iter()
                    .find(|(id, of, _)| *id == left.id && of == kind)
                    .map(|(_, _, state)| state.as_str())
            };
            assert_eq!(
                of_order("PLACE"),
                Some(record.placed().as_str()),
                "schema {schema}, {left:?}"
            );
            assert_eq!(of_order("CANCEL").is_some(), left.cancel_requested);
        }
        opened.store.close().await.unwrap();

        // The store as it was is kept, and an older gateway could be started on it.
        let copy = directory.path().join(format!("orders.db.schema{schema}"));
        let kept = Connection::open(&copy).unwrap();
        let version: i64 = kept
            .query_row("PRAGMA user_version", [], |row| row.get(0))
            .unwrap();
        let count: i64 = kept
            .query_row(
                "SELECT count(*) FROM orders WHERE digest IS NOT NULL",
                [],
                |row| row.get(0),
            )
            .unwrap();
        assert_eq!(
            (version, count),
            (
                i64::try_from(schema).unwrap(),
                i64::try_from(every_order().len()).unwrap()
            )
        );
    }
}

#[tokio::test]
async fn a_store_whose_copy_cannot_be_kept_is_not_migrated() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("orders.db");
    leave_every_status(&path, 2);
    // Nothing can be renamed over a directory that is not empty.
    let copy = directory.path().join("orders.db.schema2");
    std::fs::create_dir_all(copy.join("in the way")).unwrap();
    let settings = StoreSettings {
        path: path.clone(),
        client_id: 7,
        address: None,
    };
    let refused = Store::open(settings.clone()).await;
    assert!(matches!(refused, Err(StoreError::Io(_))), "{refused:?}");
    let version = |path: &Path| {
        Connection::open(path)
            .unwrap()
            .query_row("PRAGMA user_version", [], |row| row.get::<_, i64>(0))
            .unwrap()
    };
    assert_eq!(version(&path), 2);
    std::fs::remove_dir_all(&copy).unwrap();
    let opened = Store::open(settings).await.unwrap();
    opened.store.close().await.unwrap();
    assert_eq!((version(&path), version(&copy)), (VERSION, 2));
}
