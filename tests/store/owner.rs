//! A store belongs to one gateway and one client id at a time.

use ibkr_orders::store::{Reader, Store, StoreError, StoreSettings};

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

/// POSIX locks that this process has on a file.
fn locks(path: &std::path::Path) -> usize {
    use std::os::unix::fs::MetadataExt as _;
    let inode = std::fs::metadata(path).unwrap().ino();
    let (pid, file) = (std::process::id().to_string(), format!(":{inode}"));
    let all = std::fs::read_to_string("/proc/locks").unwrap();
    let ours = all.lines().filter(|line| {
        let words: Vec<_> = line.split_whitespace().collect();
        words.contains(&"POSIX") && words.contains(&pid.as_str()) && words[5].ends_with(&file)
    });
    ours.count()
}

#[tokio::test]
async fn nobody_who_looks_at_an_open_store_takes_its_locks_away() {
    let (directory, path) = place();
    let opened = open(&path).await;
    let held = locks(&path);
    assert!(held > 0);
    // A second gateway of this process, by this name and by another; a reader; a copy.
    let link = directory.path().join("link.db");
    std::fs::hard_link(&path, &link).unwrap();
    for name in [&path, &link] {
        let refused = Store::open(settings(name)).await.unwrap_err();
        assert!(matches!(refused, StoreError::Locked { .. }), "{refused}");
        assert_eq!(locks(&path), held, "after {refused}");
    }
    drop(Reader::open(&path).await.unwrap());
    assert_eq!(locks(&path), held);
    let copy = directory.path().join("copy.db");
    ibkr_orders::store::backup(path.clone(), copy)
        .await
        .unwrap();
    assert_eq!(locks(&path), held);
    opened.store.close().await.unwrap();
    assert_eq!(locks(&path), 0);
    open(&link).await.store.close().await.unwrap();
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
