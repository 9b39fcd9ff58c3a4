//! A store belongs to one gateway and one client id at a time.

use ibkr_orders::store::{Store, StoreError, StoreSettings};

use crate::place::{names, place};
use crate::stores::{open, settings};

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
