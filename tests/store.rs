//! The store through its public interface, on real files.

#![allow(clippy::unwrap_used)]

#[path = "support/orders.rs"]
mod orders;

use std::fs;
use std::path::{Path, PathBuf};

use ibkr_orders::domain::{EventKind, ListIn, OrderKey, Status, StoredEvent};
use ibkr_orders::store::{Opened, Reader, Store, StoreError, StoreSettings};
use tempfile::TempDir;
use tokio_rusqlite::rusqlite::Connection;

use orders::{amount, fill, order_event, record, record_full};

const CLIENT: i32 = 7;

fn settings(path: &Path) -> StoreSettings {
    StoreSettings {
        path: path.to_owned(),
        client_id: CLIENT,
        address: "127.0.0.1:50051".to_owned(),
    }
}

async fn open(path: &Path) -> Opened {
    Store::open(settings(path)).await.unwrap()
}

fn place() -> (TempDir, PathBuf) {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("orders.db");
    (directory, path)
}

fn names(directory: &Path) -> Vec<String> {
    let mut names: Vec<String> = fs::read_dir(directory)
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect();
    names.sort();
    names
}

#[tokio::test]
async fn every_column_comes_back_as_it_was_stored() {
    let (_directory, path) = place();
    let opened = open(&path).await;
    let full = record_full(3, opened.head_sequence + 1);
    let bare = record(4, opened.head_sequence + 2);
    let execution = fill(3, "0001.01", "33");
    let stored = (full.clone(), bare.clone(), execution.clone());
    opened
        .store
        .transact(move |t| {
            t.insert_order(&stored.0)?;
            t.insert_order(&stored.1)?;
            t.insert_execution(&stored.2)?;
            t.append_event(&order_event(&stored.0))?;
            t.append_event(&order_event(&stored.1))?;
            t.pin_accounts(&["DU1".to_owned(), "DU2".to_owned()])
        })
        .await
        .unwrap();
    let events = opened
        .store
        .reader()
        .events_after(opened.head_sequence, None, 10)
        .await
        .unwrap();
    assert_eq!(events, vec![order_event(&full), order_event(&bare)]);
    opened.store.close().await.unwrap();

    let again = open(&path).await;
    assert_eq!(again.live, vec![full.clone(), bare.clone()]);
    assert_eq!(again.fills, vec![execution.clone()]);
    assert_eq!(again.head_sequence, opened.head_sequence + 2);
    assert_eq!(again.highest_order_id, 4);
    assert_eq!(
        again.accounts,
        Some(vec!["DU1".to_owned(), "DU2".to_owned()])
    );
    for key in [
        OrderKey::OrderId(3),
        OrderKey::RequestId(full.state.request_id.clone()),
    ] {
        let detail = again.store.reader().get(key).await.unwrap().unwrap();
        assert_eq!(detail.order, full.state);
        assert_eq!(detail.fills, vec![execution.clone()]);
    }
    assert_eq!(
        again.store.reader().get(OrderKey::OrderId(5)).await,
        Ok(None)
    );
}

#[tokio::test]
async fn the_table_has_every_column_of_an_order_state_under_its_own_name() {
    let (_directory, path) = place();
    let opened = open(&path).await;
    let connection = Connection::open(&path).unwrap();
    let columns: Vec<String> = connection
        .prepare("SELECT name FROM pragma_table_info('orders')")
        .unwrap()
        .query_map([], |row| row.get(0))
        .unwrap()
        .map(Result::unwrap)
        .collect();
    let state = serde_json::to_string(&record(1, 1).state).unwrap();
    let names: Vec<String> = state
        .split('"')
        .skip(1)
        .step_by(2)
        .filter(|word| state.contains(&format!("\"{word}\":")))
        .map(str::to_owned)
        .collect();
    assert_eq!(columns[..names.len()], names, "in the same order");
    assert_eq!(columns[names.len()..], ["digest", "acknowledged"]);
    opened.store.close().await.unwrap();
}

#[tokio::test]
async fn an_update_changes_what_can_change_and_nothing_else() {
    let (_directory, path) = place();
    let opened = open(&path).await;
    let first = record(3, opened.head_sequence + 1);
    let mut changed = record_full(3, opened.head_sequence + 2);
    changed.state.request_id.clone_from(&first.state.request_id);
    let rows = (first.clone(), changed.clone());
    let read = opened
        .store
        .transact(move |t| {
            t.insert_order(&rows.0)?;
            t.update_order(&rows.1)?;
            t.by_order_id(3)
        })
        .await
        .unwrap()
        .unwrap();
    assert_eq!(read.state.status, changed.state.status);
    assert_eq!(read.state.filled, changed.state.filled);
    assert_eq!(read.state.avg_fill_price, changed.state.avg_fill_price);
    assert_eq!(read.state.transmit, changed.state.transmit);
    assert_eq!(read.state.last_error_code, changed.state.last_error_code);
    assert_eq!(read.state.last_error, changed.state.last_error);
    assert_eq!(read.state.perm_id, changed.state.perm_id);
    assert_eq!(read.state.last_update, changed.state.last_update);
    assert_eq!(read.state.raw_state, changed.state.raw_state);
    assert_eq!(read.state.remaining, changed.state.remaining);
    assert_eq!(read.state.sequence, changed.state.sequence);
    assert_eq!(read.state.commission, changed.state.commission);
    assert_eq!(read.state.cancel_requested, changed.state.cancel_requested);
    assert_eq!(read.acknowledged, changed.acknowledged);
    assert_eq!(read.state.symbol, first.state.symbol);
    assert_eq!(read.state.quantity, first.state.quantity);
    assert_eq!(read.state.order_ref, first.state.order_ref);
    assert_eq!(read.digest, first.digest);
    let missing = record(9, 1);
    let refused = opened
        .store
        .transact(move |t| t.update_order(&missing))
        .await;
    assert!(
        matches!(refused, Err(StoreError::Refused(_))),
        "{refused:?}"
    );
}

#[tokio::test]
async fn orders_are_found_by_each_of_their_names() {
    let opened = Store::open_in_memory(CLIENT).await.unwrap();
    let mut one = record_full(1, opened.head_sequence + 1);
    one.state.order_ref = "shared".to_owned();
    let mut two = record_full(2, opened.head_sequence + 2);
    two.state.order_ref = "shared".to_owned();
    two.state.perm_id = Some(42);
    let rows = (one.clone(), two.clone());
    opened
        .store
        .transact(move |t| {
            t.insert_order(&rows.0)?;
            t.insert_order(&rows.1)
        })
        .await
        .unwrap();
    let request = one.state.request_id.clone();
    let found = opened
        .store
        .transact(move |t| {
            Ok((
                t.by_request_id(&request)?,
                t.by_perm_id(42)?,
                t.by_order_ref("shared")?,
                t.by_order_ref("none")?,
            ))
        })
        .await
        .unwrap();
    assert_eq!(
        found,
        (Some(one.clone()), Some(two.clone()), vec![two, one], vec![])
    );
}

#[tokio::test]
async fn a_correction_takes_the_place_of_the_execution_it_corrects() {
    let opened = Store::open_in_memory(CLIENT).await.unwrap();
    let first = fill(1, "a.01", "10");
    let second = fill(1, "b.01", "20");
    let correction = fill(1, "a.02", "11");
    let mut paid = second.clone();
    paid.commission = Some(amount("0.35"));
    paid.currency = Some("USD".to_owned());
    let rows = (first, second, correction.clone(), paid.clone());
    let (fills, old, known, unknown) = opened
        .store
        .transact(move |t| {
            t.insert_execution(&rows.0)?;
            t.insert_execution(&rows.1)?;
            t.replace_execution("a.01", &rows.2)?;
            t.update_execution(&rows.3)?;
            let unknown = t.replace_execution("z.01", &rows.2);
            Ok((
                t.executions(1)?,
                t.execution("a.01")?,
                t.execution("a.02")?,
                unknown,
            ))
        })
        .await
        .unwrap();
    assert_eq!(fills, vec![correction.clone(), paid]);
    assert_eq!(old, None);
    assert_eq!(known, Some(correction));
    assert!(matches!(unknown, Err(StoreError::Refused(_))));
}

#[tokio::test]
async fn a_transaction_that_fails_or_panics_leaves_nothing_and_the_next_one_works() {
    let opened = Store::open_in_memory(CLIENT).await.unwrap();
    let row = record(1, opened.head_sequence + 1);
    let failed: Result<(), _> = {
        let row = row.clone();
        opened
            .store
            .transact(move |t| {
                t.insert_order(&row)?;
                Err(StoreError::Refused("changed its mind".to_owned()))
            })
            .await
    };
    assert_eq!(
        failed,
        Err(StoreError::Refused("changed its mind".to_owned()))
    );
    let panicked: Result<(), _> = {
        let row = row.clone();
        opened
            .store
            .transact(move |t| {
                t.insert_order(&row)?;
                panic!("a defect")
            })
            .await
    };
    assert_eq!(panicked, Err(StoreError::Panicked("a defect".to_owned())));
    assert_eq!(opened.store.commits(), 0);
    opened
        .store
        .transact(move |t| {
            assert_eq!(t.by_order_id(1)?, None);
            t.insert_order(&row)
        })
        .await
        .unwrap();
    assert_eq!(opened.store.commits(), 1);
}

#[tokio::test]
async fn one_bad_row_does_not_fail_its_batch_and_a_batch_is_one_commit() {
    let opened = Store::open_in_memory(CLIENT).await.unwrap();
    let base = opened.head_sequence;
    let outcomes = opened
        .store
        .transact(move |t| {
            Ok((0..256_i32)
                .map(|n| {
                    // Every tenth takes an id that is taken, after its event was written.
                    let id = if n % 10 == 9 { n } else { n + 1 };
                    let row = record(id, base + 1 + u64::from(n.unsigned_abs()));
                    t.attempt(|t| {
                        t.append_event(&order_event(&row))?;
                        t.insert_order(&row)
                    })
                })
                .collect::<Vec<_>>())
        })
        .await
        .unwrap();
    let refused = outcomes
        .iter()
        .filter(|outcome| matches!(outcome, Err(StoreError::Refused(_))))
        .count();
    assert_eq!(refused, 25);
    let events = opened
        .store
        .reader()
        .events_after(base, None, 1000)
        .await
        .unwrap();
    assert_eq!(events.len(), 231, "the events of refused orders are undone");
    assert_eq!(opened.store.commits(), 1);
}

#[tokio::test]
async fn events_cannot_be_changed_or_deleted() {
    let (_directory, path) = place();
    let opened = open(&path).await;
    let row = record(1, opened.head_sequence + 1);
    opened
        .store
        .transact(move |t| t.append_event(&order_event(&row)))
        .await
        .unwrap();
    let outside = Connection::open(&path).unwrap();
    for sql in [
        "UPDATE order_events SET body = ''",
        "DELETE FROM order_events",
    ] {
        let refused = outside.execute(sql, []).unwrap_err().to_string();
        assert!(refused.contains("append-only"), "{refused}");
    }
}

#[tokio::test]
async fn a_second_gateway_is_refused_and_told_who_holds_the_store() {
    let (directory, path) = place();
    let first = open(&path).await;
    let refused = Store::open(settings(&path)).await.unwrap_err();
    let text = refused.to_string();
    assert!(matches!(refused, StoreError::Locked { .. }), "{text}");
    assert!(
        text.contains(&format!("pid {}", std::process::id())),
        "{text}"
    );
    assert!(text.contains("127.0.0.1:50051"), "{text}");
    // Another name of the same file is the same store.
    let link = directory.path().join("link.db");
    std::os::unix::fs::symlink(&path, &link).unwrap();
    let refused = Store::open(settings(&link)).await.unwrap_err();
    assert!(matches!(refused, StoreError::Locked { .. }), "{refused}");
    first.store.close().await.unwrap();
    // The file stays, the lock does not.
    assert!(directory.path().join("orders.db.lock").exists());
    let again = open(&link).await;
    again.store.close().await.unwrap();
    assert_eq!(
        names(directory.path()),
        ["link.db", "orders.db", "orders.db.lock"],
        "a closed store has no log"
    );
}

#[tokio::test]
async fn a_file_that_is_no_store_of_ours_is_left_as_it_is() {
    let (directory, path) = place();
    let foreign = |application: i64, version: i64| {
        let file = directory.path().join("made.db");
        let connection = Connection::open(&file).unwrap();
        connection
            .execute_batch(&format!(
                "CREATE TABLE t (x); INSERT INTO t VALUES (1); PRAGMA application_id = {application}; PRAGMA user_version = {version};"
            ))
            .unwrap();
        drop(connection);
        let bytes = fs::read(&file).unwrap();
        fs::remove_file(&file).unwrap();
        bytes
    };
    let cases: [(&str, Vec<u8>); 6] = [
        (
            "a text",
            b"this is a text, and a long enough one ".repeat(100),
        ),
        ("a short text", b"x".to_vec()),
        ("a header without its file", b"SQLite format 3\0".to_vec()),
        ("a database of another program", foreign(0x1234, 0)),
        ("a database without an application", foreign(0, 3)),
        ("a newer store", foreign(0x4942_4F52, 99)),
    ];
    for (what, bytes) in cases {
        fs::write(&path, &bytes).unwrap();
        let refused = Store::open(settings(&path)).await.unwrap_err();
        match what {
            "a newer store" => assert_eq!(
                refused,
                StoreError::NewerSchema {
                    found: 99,
                    known: 1
                }
            ),
            "a database of another program" | "a database without an application" => {
                assert!(
                    matches!(refused, StoreError::OtherApplication { .. }),
                    "{what}: {refused}"
                );
            }
            _ => assert!(
                matches!(refused, StoreError::NotADatabase { .. }),
                "{what}: {refused}"
            ),
        }
        let read = Reader::open(&path).await.unwrap_err();
        assert_eq!(read, refused, "{what}: a reader says the same");
        assert_eq!(fs::read(&path).unwrap(), bytes, "{what}: untouched");
        assert_eq!(
            names(directory.path()),
            ["orders.db"],
            "{what}: nothing beside it"
        );
        fs::remove_file(&path).unwrap();
    }
}

#[tokio::test]
async fn a_newer_store_whose_log_was_not_written_back_is_left_as_it_is() {
    let (directory, path) = place();
    open(&path).await.store.close().await.unwrap();
    // A newer gateway migrates and is killed: the header still shows the old version, the log has the new one.
    let newer = Connection::open(&path).unwrap();
    newer
        .execute_batch("PRAGMA wal_autocheckpoint = 0; PRAGMA user_version = 2;")
        .unwrap();
    let killed = directory.path().join("killed.db");
    fs::copy(&path, &killed).unwrap();
    fs::copy(
        directory.path().join("orders.db-wal"),
        directory.path().join("killed.db-wal"),
    )
    .unwrap();
    drop(newer);
    let before = (
        fs::read(&killed).unwrap(),
        fs::read(directory.path().join("killed.db-wal")).unwrap(),
    );
    let refused = Store::open(settings(&killed)).await.unwrap_err();
    assert_eq!(refused, StoreError::NewerSchema { found: 2, known: 1 });
    let after = (
        fs::read(&killed).unwrap(),
        fs::read(directory.path().join("killed.db-wal")).unwrap(),
    );
    assert!(before == after, "the file and its log are untouched");
    assert!(!directory.path().join("killed.db-shm").exists());
}

#[tokio::test]
async fn a_store_belongs_to_one_client_id() {
    let (_directory, path) = place();
    open(&path).await.store.close().await.unwrap();
    let refused = Store::open(StoreSettings {
        client_id: 8,
        ..settings(&path)
    })
    .await
    .unwrap_err();
    assert_eq!(
        refused,
        StoreError::OtherClientId {
            stored: 7,
            given: 8
        }
    );
}

#[tokio::test]
async fn a_reader_beside_the_gateway_sees_each_commit_and_takes_no_lock() {
    let (_directory, path) = place();
    assert!(matches!(
        Reader::open(&path).await,
        Err(StoreError::Missing { .. })
    ));
    let opened = open(&path).await;
    let beside = Reader::open(&path).await.unwrap();
    assert_eq!(beside.head_sequence().await, Ok(opened.head_sequence));
    assert_eq!(beside.base_sequence(), opened.head_sequence + 1);
    let row = record(1, opened.head_sequence + 1);
    let stored = row.clone();
    opened
        .store
        .transact(move |t| {
            t.insert_order(&stored)?;
            t.append_event(&order_event(&stored))
        })
        .await
        .unwrap();
    assert_eq!(beside.head_sequence().await, Ok(row.state.sequence));
    assert_eq!(beside.live_orders().await, Ok(vec![row.state.clone()]));
    opened.store.close().await.unwrap();
    let alone = Reader::open(&path).await.unwrap();
    assert_eq!(alone.live_orders().await, Ok(vec![row.state]));
}

#[tokio::test]
async fn a_reader_without_a_gateway_changes_nothing_and_keeps_no_gateway_out() {
    let (directory, path) = place();
    open(&path).await.store.close().await.unwrap();
    let before = fs::read(&path).unwrap();
    let alone = Reader::open(&path).await.unwrap();
    assert!(alone.head_sequence().await.is_ok());
    // A gateway starts, writes and stops while somebody reads.
    let opened = open(&path).await;
    let row = record(1, opened.head_sequence + 1);
    opened
        .store
        .transact(move |t| t.append_event(&order_event(&row)))
        .await
        .unwrap();
    assert_eq!(alone.head_sequence().await, Ok(opened.head_sequence + 1));
    opened.store.close().await.unwrap();
    assert_eq!(alone.head_sequence().await, Ok(opened.head_sequence + 1));
    drop(alone);
    let again = open(&path).await;
    assert_eq!(again.head_sequence, opened.head_sequence + 1);
    again.store.close().await.unwrap();
    assert_ne!(fs::read(&path).unwrap(), before);

    let before = fs::read(&path).unwrap();
    let alone = Reader::open(&path).await.unwrap();
    assert!(alone.head_sequence().await.is_ok());
    drop(alone);
    assert_eq!(fs::read(&path).unwrap(), before);
    let log = fs::metadata(directory.path().join("orders.db-wal"));
    assert!(
        log.is_err() || log.unwrap().len() == 0,
        "nothing was written"
    );
}

#[tokio::test]
async fn what_was_committed_survives_a_kill() {
    let (directory, path) = place();
    let opened = open(&path).await;
    let row = record(1, opened.head_sequence + 1);
    let stored = row.clone();
    opened
        .store
        .transact(move |t| {
            t.insert_order(&stored)?;
            t.append_event(&order_event(&stored))
        })
        .await
        .unwrap();
    // The files as they are now are what a killed process leaves.
    let killed = directory.path().join("killed.db");
    fs::copy(&path, &killed).unwrap();
    fs::copy(
        directory.path().join("orders.db-wal"),
        directory.path().join("killed.db-wal"),
    )
    .unwrap();
    fs::write(directory.path().join("killed.db.lock"), "pid 1, gone").unwrap();
    let again = open(&killed).await;
    assert_eq!(again.live, vec![row]);
    assert_eq!(again.head_sequence, opened.head_sequence + 1);
}

#[tokio::test]
async fn pages_of_a_list_are_stable_while_orders_are_placed() {
    let opened = Store::open_in_memory(CLIENT).await.unwrap();
    let base = opened.head_sequence;
    let insert = |from: i32, to: i32| {
        let store = opened.store.clone();
        async move {
            store
                .transact(move |t| {
                    for id in from..=to {
                        let mut row = record(id, base + u64::from(id.unsigned_abs()));
                        row.state.symbol = if id % 2 == 0 { "AAPL" } else { "MSFT" }.to_owned();
                        row.state.status = match id % 3 {
                            0 => Status::Filled,
                            1 => Status::Submitted,
                            _ => Status::Cancelled,
                        };
                        row.state.terminal = row.state.status.is_terminal();
                        t.insert_order(&row)?;
                    }
                    Ok(())
                })
                .await
                .unwrap();
        }
    };
    insert(1, 90).await;
    let reader = opened.store.reader();
    let filters = [
        ListIn::default(),
        ListIn {
            symbol: Some("AAPL".to_owned()),
            ..ListIn::default()
        },
        ListIn {
            status: vec![Status::Filled],
            ..ListIn::default()
        },
        ListIn {
            status: vec![Status::Cancelled, Status::Filled, Status::Filled],
            symbol: Some("msft".to_owned()),
            ..ListIn::default()
        },
    ];
    let mut next = 91;
    for filter in filters {
        let newest = next - 1;
        let expected: Vec<i32> = (1..=newest)
            .rev()
            .filter(|id| match &filter.symbol {
                Some(symbol) => (symbol == "AAPL") == (id % 2 == 0),
                None => true,
            })
            .filter(|id| {
                filter.status.is_empty()
                    || (id % 3 == 0 && filter.status.contains(&Status::Filled))
                    || (id % 3 == 2 && filter.status.contains(&Status::Cancelled))
            })
            .collect();
        let mut seen = Vec::new();
        let mut request = ListIn {
            page_size: 7,
            ..filter.clone()
        };
        loop {
            let page = reader.list(request.clone()).await.unwrap();
            assert!(page.orders.len() <= 7);
            seen.extend(page.orders.iter().map(|order| order.order_id));
            insert(next, next).await;
            next += 1;
            match page.next_page_token {
                Some(token) => request.page_token = token,
                None => break,
            }
        }
        assert_eq!(seen, expected, "{filter:?}");
    }
}

#[tokio::test]
async fn a_page_token_of_another_list_is_refused() {
    let opened = Store::open_in_memory(CLIENT).await.unwrap();
    let base = opened.head_sequence;
    opened
        .store
        .transact(move |t| {
            (1..=5)
                .try_for_each(|id| t.insert_order(&record(id, base + u64::from(id.unsigned_abs()))))
        })
        .await
        .unwrap();
    let reader = opened.store.reader();
    let page = |size: i32, token: &str, symbol: Option<&str>| {
        reader.list(ListIn {
            page_size: size,
            page_token: token.to_owned(),
            symbol: symbol.map(str::to_owned),
            status: vec![],
        })
    };
    let token = page(2, "", None).await.unwrap().next_page_token.unwrap();
    assert!(page(3, &token, None).await.is_ok(), "the size may change");
    let forged = token.replacen('0', "1", 1);
    for (token, symbol) in [
        (token.as_str(), Some("AAPL")),
        (forged.as_str(), None),
        ("x", None),
        ("éééééééé", None),
    ] {
        let refused = page(2, token, symbol).await.unwrap_err();
        assert!(
            matches!(
                refused,
                StoreError::Request {
                    field: "page_token",
                    ..
                }
            ),
            "{token}: {refused}"
        );
    }
    for size in [-1, 1001] {
        assert!(matches!(
            page(size, "", None).await,
            Err(StoreError::Request {
                field: "page_size",
                ..
            })
        ));
    }
}

#[tokio::test]
async fn events_of_one_order_and_of_all_are_read_after_a_sequence() {
    let opened = Store::open_in_memory(CLIENT).await.unwrap();
    let base = opened.head_sequence;
    opened
        .store
        .transact(move |t| {
            (1..=20_u64).try_for_each(|n| {
                t.append_event(&StoredEvent {
                    sequence: base + n,
                    order_id: i32::try_from(n % 2).unwrap(),
                    kind: EventKind::Fill(fill(
                        i32::try_from(n % 2).unwrap(),
                        &format!("e{n}"),
                        "1",
                    )),
                })
            })
        })
        .await
        .unwrap();
    let reader = opened.store.reader();
    let sequences = |events: Vec<StoredEvent>| -> Vec<u64> {
        events.iter().map(|event| event.sequence - base).collect()
    };
    let all = reader.events_after(base + 15, None, 100).await.unwrap();
    assert_eq!(sequences(all), [16, 17, 18, 19, 20]);
    let one = reader.events_after(base + 3, Some(1), 3).await.unwrap();
    assert!(one.iter().all(|event| event.order_id == 1));
    assert_eq!(sequences(one), [5, 7, 9]);
}

#[tokio::test]
async fn a_closed_store_says_so_to_every_handle() {
    let (_directory, path) = place();
    let opened = open(&path).await;
    let (store, reader) = (opened.store.clone(), opened.store.reader());
    opened.store.close().await.unwrap();
    assert_eq!(store.transact(|_| Ok(())).await, Err(StoreError::Closed));
    assert_eq!(reader.head_sequence().await, Err(StoreError::Closed));
    store.close().await.unwrap();
}
