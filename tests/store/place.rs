//! Where a store of a test is, and how it is opened.

use std::fs;
use std::path::{Path, PathBuf};

use ibkr_orders::store::{Opened, Store, StoreSettings};
use tempfile::TempDir;

pub(crate) const CLIENT: i32 = 7;

pub(crate) fn settings(path: &Path) -> StoreSettings {
    StoreSettings {
        path: path.to_owned(),
        client_id: CLIENT,
        address: "127.0.0.1:50051".to_owned(),
    }
}

pub(crate) async fn open(path: &Path) -> Opened {
    Store::open(settings(path)).await.unwrap()
}

pub(crate) fn place() -> (TempDir, PathBuf) {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("orders.db");
    (directory, path)
}

pub(crate) fn names(directory: &Path) -> Vec<String> {
    let mut names: Vec<String> = fs::read_dir(directory)
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect();
    names.sort();
    names
}
