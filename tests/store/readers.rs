//! Readers beside a gateway and without one.

use std::fs;

use ibkr_orders::store::{Reader, StoreError};

use crate::orders::{order_event, record};
use crate::place::place;
use crate::stores::{insert, open};

#[tokio::test]
async fn a_reader_beside_the_gateway_sees_each_commit_and_takes_no_lock() {
    let (_directory, path) = place();
    assert!(matches!(
        Reader::open(&path).await,
        Err(StoreError::Missing { .. })
    ));
    let opened = open(&path).await;
    let beside = Reader::open(&path).await.unwrap();
    assert_eq!(
        beside.head_sequence().await,
        Ok(opened.recovered.head_sequence)
    );
    assert_eq!(beside.base_sequence(), opened.recovered.head_sequence + 1);
    let row = record(1, opened.recovered.head_sequence + 1);
    insert(&opened.store, &row).await;
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
    let row = record(1, opened.recovered.head_sequence + 1);
    opened
        .store
        .transact(move |t| t.append_event(&order_event(&row)))
        .await
        .unwrap();
    assert_eq!(
        alone.head_sequence().await,
        Ok(opened.recovered.head_sequence + 1)
    );
    opened.store.close().await.unwrap();
    assert_eq!(
        alone.head_sequence().await,
        Ok(opened.recovered.head_sequence + 1)
    );
    drop(alone);
    let again = open(&path).await;
    assert_eq!(
        again.recovered.head_sequence,
        opened.recovered.head_sequence + 1
    );
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
