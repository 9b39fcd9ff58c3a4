//! Where a store of a test is, and what stands beside it.

use std::fs;
use std::path::{Path, PathBuf};

use tempfile::TempDir;

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

/// What a killed process would leave: the file and its log as they are now, under another name.
pub(crate) fn copy_as_killed(directory: &Path) -> PathBuf {
    for (from, to) in [
        ("orders.db", "killed.db"),
        ("orders.db-wal", "killed.db-wal"),
    ] {
        fs::copy(directory.join(from), directory.join(to)).unwrap();
    }
    directory.join("killed.db")
}
