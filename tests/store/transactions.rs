//! A transaction is there as a whole or not at all, and outlives the process.

use std::fs;

use ibkr_orders::store::{Store, StoreError};
use tokio_rusqlite::rusqlite::Connection;

use crate::orders::{order_event, record};
use crate::place::{copy_as_killed, place};
use crate::stores::{CLIENT, insert, open};

#[tokio::test]
async fn a_transaction_that_fails_or_panics_leaves_nothing_and_the_next_one_works() {
    let opened = Store::open_in_memory(CLIENT).await.unwrap();
    let row = record(1, opened.recovered.head_sequence + 1);
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
    let base = opened.recovered.head_sequence;
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
    let row = record(1, opened.recovered.head_sequence + 1);
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
async fn what_was_committed_survives_a_kill() {
    let (directory, path) = place();
    let opened = open(&path).await;
    let row = record(1, opened.recovered.head_sequence + 1);
    insert(&opened.store, &row).await;
    // The files as they are now are what a killed process leaves.
    let killed = copy_as_killed(directory.path());
    fs::write(directory.path().join("killed.db.lock"), "pid 1, gone").unwrap();
    let again = open(&killed).await;
    assert_eq!(again.recovered.live, vec![row]);
    assert_eq!(
        again.recovered.head_sequence,
        opened.recovered.head_sequence + 1
    );
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
