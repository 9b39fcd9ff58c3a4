//! Keeps a second gateway off a store.

use std::ffi::OsString;
use std::path::{Path, PathBuf};

use super::StoreError;
use crate::lock_file::{LockFile, Refused};

/// What stands in place of an address: a command or a program that embeds the gateway.
const UNREACHABLE: &str = "which cannot be called";

/// Takes the lock on `<database>.lock`, for a gateway that can be called at an address or not at all.
pub(super) fn take(database: &Path, address: Option<&str>) -> Result<LockFile, StoreError> {
    let path = path_of(database);
    LockFile::take(&path, Some(address.unwrap_or(UNREACHABLE))).map_err(|refused| match refused {
        Refused::Held { holder } => StoreError::Locked { holder },
        Refused::Failed { what, error } => StoreError::file(what, &path, &error),
    })
}

/// `<database>.lock`.
pub(super) fn path_of(database: &Path) -> PathBuf {
    let mut name = OsString::from(database);
    name.push(".lock");
    PathBuf::from(name)
}
