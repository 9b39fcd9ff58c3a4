//! What one store captures makes another one equal.

use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};

use super::*;
use crate::domain::{
    Action, Amount, Halt, OrderIdentity, OrderRecord, OrderRequest, OrderState, Timestamp,
};
use crate::store::{Follow, OpenStore, Store, StoreSettings};

fn dump(path: &Path) -> Vec<String> {
    history_as_text(path).unwrap()
}

type Batches = Arc<Mutex<Vec<(u64, Vec<u8>)>>>;

struct Copy {
    opened: OpenStore,
    path: PathBuf,
    _directory: tempfile::TempDir,
}

fn settings(path: &Path) -> StoreSettings {
    StoreSettings {
        path: path.to_owned(),
        client_id: 7,
        address: None,
    }
}

async fn copy(base_sequence: u64) -> Copy {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("orders.db");
    let opened = Store::follow(settings(&path), Follow { base_sequence })
        .await
        .unwrap();
    Copy {
        opened,
        path,
        _directory: directory,
    }
}

fn binding(number: u64, batch: u64) -> Binding {
    Binding {
        store_id: "history".to_owned(),
        stream: "ORDERS_desk_1".to_owned(),
        created: "2026-01-01T00:00:00Z".to_owned(),
        progress: progress(number, batch),
    }
}

fn progress(number: u64, batch: u64) -> Progress {
    Progress {
        number,
        hash: [u8::try_from(number).unwrap(); 32],
        epoch: 1,
        batch,
    }
}

const BASE: u64 = 1 << 40;

async fn leader() -> (Copy, Batches) {
    let leader = copy(BASE).await;
    let batches = Batches::default();
    let sink = Arc::clone(&batches);
    let store = &leader.opened.store;
    store
        .capture(move |number, bytes| sink.lock().unwrap().push((number, bytes)))
        .await
        .unwrap();
    store.bind(binding(1, 0)).await.unwrap();
    store.lead(true).await.unwrap();
    (leader, batches)
}

fn order() -> OrderRecord {
    let identity = OrderIdentity {
        order_id: 1,
        client_id: 7,
        account: "DU1".to_owned(),
        request_id: "request-1".to_owned(),
    };
    let request = OrderRequest::market(Action::Buy, "AAPL", Amount::from(100));
    let state = OrderState {
        sequence: BASE,
        ..OrderState::submitting(identity, &request, Timestamp::default())
    };
    OrderRecord::new(state, 1)
}

fn halt(reason: &str) -> Vec<Halt> {
    vec![Halt {
        reason: reason.to_owned(),
        caller: None,
        account: None,
        halted_by: None,
        since: Timestamp::default(),
    }]
}

#[tokio::test]
async fn a_follower_that_applies_every_batch_has_the_same_tables() {
    let (leader, batches) = leader().await;
    let store = &leader.opened.store;
    let record = order();
    store
        .transact(move |tx| {
            tx.insert_order(&record)?;
            tx.pin_accounts(&["DU1".to_owned()])?;
            tx.set_halts(&halt("first"))?;
            tx.spend_order_id(40)
        })
        .await
        .unwrap();
    // Rows that are written over, and rows that go.
    store
        .transact(|tx| {
            tx.set_halts(&halt("second"))?;
            tx.connection().execute_batch(
                "INSERT INTO epochs (epoch, first, last) VALUES (90, 1, 2), (91, 3, NULL);
                 DELETE FROM epochs WHERE epoch = 90;
                 INSERT INTO order_terms (order_id, revision, order_type, quantity, tif) VALUES (1, 1, 'MKT', '1', 'DAY'), (1, 2, 'MKT', '2', 'DAY');",
            )?;
            Ok(())
        })
        .await
        .unwrap();
    store
        .transact(|tx| {
            tx.connection().execute_batch(
                "DELETE FROM order_terms WHERE revision = 1; UPDATE epochs SET epoch = 92 WHERE epoch = 91;",
            )?;
            Ok(())
        })
        .await
        .unwrap();
    let follower = copy(BASE).await;
    follower.opened.store.bind(binding(1, 0)).await.unwrap();
    let batches = batches.lock().unwrap().clone();
    let numbers: Vec<u64> = batches.iter().map(|(number, _)| *number).collect();
    assert_eq!(numbers, [1, 2, 3, 4]);
    assert_eq!(store.captured(), 4);
    for (number, bytes) in batches {
        follower
            .opened
            .store
            .apply(vec![bytes], progress(number + 1, number))
            .await
            .unwrap();
    }
    assert_eq!(dump(&leader.path), dump(&follower.path));
    assert!(dump(&leader.path).len() > 8);
    let reached = follower.opened.store.binding().await.unwrap().unwrap();
    assert_eq!(reached.progress, progress(5, 4));
}

#[tokio::test]
async fn events_that_the_leader_archived_go_from_its_copies_and_from_no_other_hand() {
    let (leader, batches) = leader().await;
    let store = &leader.opened.store;
    let statements = [
        "INSERT INTO order_events (sequence, order_id, kind, body) VALUES (5, 1, 'order', '{}'), (6, 1, 'order', '{}');",
        "DROP TRIGGER order_events_are_never_deleted; DELETE FROM order_events WHERE sequence = 5;
         CREATE TRIGGER order_events_are_never_deleted BEFORE DELETE ON order_events BEGIN SELECT RAISE(ABORT, 'never'); END;",
    ];
    for statements in statements {
        store
            .transact(move |tx| Ok(tx.connection().execute_batch(statements)?))
            .await
            .unwrap();
    }
    let follower = copy(BASE).await;
    let copy = &follower.opened.store;
    copy.bind(binding(1, 0)).await.unwrap();
    let batches = batches.lock().unwrap().clone();
    for (number, bytes) in batches {
        let progress = progress(number + 1, number);
        copy.apply(vec![bytes], progress).await.unwrap();
    }
    assert_eq!(dump(&leader.path), dump(&follower.path));
    let refused = copy
        .transact(|tx| Ok(tx.connection().execute_batch("DELETE FROM order_events")?))
        .await;
    assert!(refused.is_err(), "the guard is gone");
}

#[tokio::test]
async fn what_is_rolled_back_is_in_no_batch() {
    let (leader, batches) = leader().await;
    let store = &leader.opened.store;
    let failed = store
        .transact(|tx| {
            tx.spend_order_id(7)?;
            Err::<(), _>(StoreError::Refused("on purpose".to_owned()))
        })
        .await;
    assert!(failed.is_err());
    store
        .transact(|tx| {
            let part = tx.attempt(|tx| {
                tx.pin_accounts(&["DU9".to_owned()])?;
                Err::<(), _>(StoreError::Refused("on purpose".to_owned()))
            });
            assert!(part.is_err());
            tx.spend_order_id(8)
        })
        .await
        .unwrap();
    let batches = batches.lock().unwrap().clone();
    assert_eq!(batches.len(), 2);
    let text = String::from_utf8_lossy(&batches[1].1).into_owned();
    assert!(
        text.contains("spent_order_id") && !text.contains("DU9"),
        "{text}"
    );
}

#[tokio::test]
async fn the_outbox_keeps_what_the_journal_may_not_have_through_a_restart() {
    let (leader, batches) = leader().await;
    let store = leader.opened.store.clone();
    for id in 1..=3 {
        store
            .transact(move |tx| tx.spend_order_id(id))
            .await
            .unwrap();
    }
    store.acknowledge(progress(3, 2));
    // What only reads writes it down as well.
    store.transact(|_| Ok(())).await.unwrap();
    let left: Vec<u64> = store.outbox().await.unwrap().iter().map(|b| b.0).collect();
    assert_eq!(left, [3, 4]);
    let all = batches.lock().unwrap().clone();
    store.close().await.unwrap();
    let again = Store::follow(settings(&leader.path), Follow { base_sequence: 1 })
        .await
        .unwrap();
    assert_eq!(again.store.outbox().await.unwrap(), all[2..]);
    let reached = again.store.binding().await.unwrap().unwrap().progress;
    assert_eq!((reached.number, reached.batch), (3, 4));
    // Whoever captures again is handed what is left, and counts on.
    let sink = Batches::default();
    let handed = Arc::clone(&sink);
    again
        .store
        .capture(move |number, bytes| handed.lock().unwrap().push((number, bytes)))
        .await
        .unwrap();
    again
        .store
        .transact(|tx| tx.spend_order_id(9))
        .await
        .unwrap();
    let numbers: Vec<u64> = sink.lock().unwrap().iter().map(|b| b.0).collect();
    assert_eq!(numbers, [3, 4, 5]);
    again.store.adopt(progress(9, 5)).await.unwrap();
    assert!(again.store.outbox().await.unwrap().is_empty());
}

#[tokio::test]
async fn a_bound_store_is_not_opened_without_its_journal() {
    let (leader, _) = leader().await;
    let store = leader.opened.store.clone();
    store.close().await.unwrap();
    let refused = Store::open(settings(&leader.path)).await.unwrap_err();
    assert!(refused.to_string().contains("ORDERS_desk_1"), "{refused}");
}

#[tokio::test]
async fn a_batch_of_a_newer_gateway_is_refused_whole() {
    use prost::Message as _;

    let follower = copy(BASE).await;
    let store = &follower.opened.store;
    store.bind(binding(1, 0)).await.unwrap();
    let batch = encoding::Batch {
        tables: vec![
            encoding::Columns {
                table: "meta".to_owned(),
                names: vec!["key".to_owned(), "value".to_owned()],
            },
            encoding::Columns {
                table: "orders".to_owned(),
                names: vec!["order_id".to_owned(), "colour".to_owned()],
            },
        ],
        rows: Vec::new(),
    };
    let before = dump(&follower.path);
    let refused = store
        .apply(vec![batch.encode_to_vec()], progress(2, 1))
        .await
        .unwrap_err();
    assert!(refused.to_string().contains("orders.colour"), "{refused}");
    assert_eq!(dump(&follower.path), before);
    let reached = store.binding().await.unwrap().unwrap().progress;
    assert_eq!(reached, progress(1, 0));
}
