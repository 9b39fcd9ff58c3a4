//! The writer on a full disk, and its log.

use super::*;
use crate::domain::{EventKind, Fill, StoredEvent};
use crate::store::checkpoint::LOG_BYTES_MAX;

fn event(sequence: u64, exec_id: String) -> StoredEvent {
    StoredEvent {
        sequence,
        order_id: 1,
        kind: EventKind::Fill(Fill {
            order_id: 1,
            exec_id,
            quantity: 1.into(),
            price: 1.into(),
            time: None,
            exchange: String::new(),
            commission: None,
            currency: None,
            perm_id: None,
        }),
    }
}

async fn limit_pages(store: &Store, pages: u32) {
    store
        .shared
        .connection
        .call_raw(move |connection| {
            connection.query_row(&format!("PRAGMA max_page_count = {pages}"), [], |_| Ok(()))
        })
        .await
        .unwrap()
        .unwrap();
}

#[tokio::test]
async fn a_full_disk_rolls_back_and_writes_work_again_when_there_is_room() {
    let directory = tempfile::tempdir().unwrap();
    let opened = Store::open(StoreSettings {
        path: directory.path().join("orders.db"),
        client_id: 1,
        address: None,
    })
    .await
    .unwrap();
    let (store, base) = (opened.store, opened.recovered.head_sequence);
    let write = |from: u64| {
        store.transact(move |t| {
            for n in from..from + 50 {
                // A part that fails for lack of room must not let the rest be written outside of the transaction.
                let _ = t.attempt(|t| t.append_event(&event(base + n, "x".repeat(1000))));
            }
            Ok(())
        })
    };
    write(1).await.unwrap();
    limit_pages(&store, 1).await;
    let refused = write(51).await.unwrap_err();
    assert!(refused.is_no_room(), "{refused}");
    assert_eq!(store.reader().head_sequence().await, Ok(base + 50));
    limit_pages(&store, 1_000_000).await;
    write(51).await.unwrap();
    assert_eq!(store.reader().head_sequence().await, Ok(base + 100));
    assert_eq!(store.commits(), 2);
    store.close().await.unwrap();
}

#[tokio::test]
async fn a_log_that_reaches_its_bound_starts_anew() {
    let directory = tempfile::tempdir().unwrap();
    let opened = Store::open(StoreSettings {
        path: directory.path().join("orders.db"),
        client_id: 1,
        address: None,
    })
    .await
    .unwrap();
    let (store, base) = (opened.store, opened.recovered.head_sequence);
    let checkpoints = store.shared.checkpoints.as_ref().unwrap();
    checkpoints.log_bytes_max.store(1 << 20, Ordering::Relaxed);
    let log = directory.path().join("orders.db-wal");
    let bytes = || std::fs::metadata(&log).unwrap().len();
    let mut n = 0;
    while checkpoints.log_bytes_max.load(Ordering::Relaxed) == 1 << 20 {
        assert!(bytes() < 3 << 20, "{} bytes after {n} commits", bytes());
        n += 100;
        store
            .transact(move |t| {
                (n - 99..=n).try_for_each(|n| t.append_event(&event(base + n, "x".repeat(1000))))
            })
            .await
            .unwrap();
    }
    assert_eq!(bytes(), 0, "started anew");
    store.close().await.unwrap();
}

/// How often the log began anew: its header counts (the file format of SQLite, 4.1).
fn times_anew(log: &std::path::Path) -> u32 {
    let header = std::fs::read(log).unwrap();
    u32::from_be_bytes(header[12..16].try_into().unwrap())
}

#[tokio::test]
async fn the_log_is_written_back_and_begins_anew_long_before_its_bound() {
    let directory = tempfile::tempdir().unwrap();
    let settings = StoreSettings {
        path: directory.path().join("orders.db"),
        client_id: 1,
        address: None,
    };
    let opened = Store::open(settings.clone()).await.unwrap();
    let (store, base) = (opened.store, opened.recovered.head_sequence);
    let log = directory.path().join("orders.db-wal");
    let before = {
        store
            .transact(move |t| t.append_event(&event(base + 1, "first".to_owned())))
            .await
            .unwrap();
        times_anew(&log)
    };
    let mut n = 1;
    while times_anew(&log) == before {
        let bytes = std::fs::metadata(&log).unwrap().len();
        assert!(bytes < LOG_BYTES_MAX, "{bytes} bytes and never begun anew");
        n += 100;
        store
            .transact(move |t| {
                (n - 99..=n).try_for_each(|n| t.append_event(&event(base + n, "x".repeat(3000))))
            })
            .await
            .unwrap();
    }
    store.close().await.unwrap();
    assert!(!log.exists() || std::fs::metadata(&log).unwrap().len() == 0);
    let again = Store::open(settings).await.unwrap();
    assert_eq!(again.recovered.head_sequence, base + n);
    let events = again
        .store
        .reader()
        .events_after(base, None, 10_000)
        .await
        .unwrap();
    assert_eq!(events.len() as u64, n);
    again.store.close().await.unwrap();
}
