//! Files that are no store of ours, or of a newer program, are left as they are.

use std::fs;

use ibkr_orders::store::{Reader, Store, StoreError};
use tokio_rusqlite::rusqlite::Connection;

use crate::place::{copy_as_killed, names, place};
use crate::stores::{open, settings};

#[tokio::test]
async fn the_files_of_a_store_are_their_owners_alone() {
    use std::os::unix::fs::PermissionsExt as _;
    let (directory, path) = place();
    let opened = open(&path).await;
    let row = crate::orders::record(1, opened.recovered.head_sequence + 1);
    crate::stores::insert(&opened.store, &row).await;
    let mut seen = Vec::new();
    for entry in fs::read_dir(directory.path()).unwrap() {
        let entry = entry.unwrap();
        let mode = entry.metadata().unwrap().permissions().mode() & 0o777;
        assert_eq!(mode, 0o600, "{:?}", entry.file_name());
        seen.push(entry.file_name().into_string().unwrap());
    }
    seen.sort();
    let files = [
        "orders.db",
        "orders.db-shm",
        "orders.db-wal",
        "orders.db.lock",
    ];
    assert_eq!(seen, files);
    opened.store.close().await.unwrap();
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
                    known: 3
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
        .execute_batch("PRAGMA wal_autocheckpoint = 0; PRAGMA user_version = 4;")
        .unwrap();
    let killed = copy_as_killed(directory.path());
    drop(newer);
    let before = (
        fs::read(&killed).unwrap(),
        fs::read(directory.path().join("killed.db-wal")).unwrap(),
    );
    let refused = Store::open(settings(&killed)).await.unwrap_err();
    assert_eq!(refused, StoreError::NewerSchema { found: 4, known: 3 });
    let after = (
        fs::read(&killed).unwrap(),
        fs::read(directory.path().join("killed.db-wal")).unwrap(),
    );
    assert!(before == after, "the file and its log are untouched");
    assert!(!directory.path().join("killed.db-shm").exists());
}
