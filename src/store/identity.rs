//! The files of an open store, told apart from whatever else has their names.
//!
//! A database that is deleted or replaced under an open gateway goes on to be written, without a name: each order would be acknowledged,
//! and the next start would not know it. And a second gateway finds the same file by another name, which the lock beside the first name
//! does not keep off.

use std::fs::{self, File, OpenOptions};
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use super::{StoreError, file};
use crate::lock_file::{self, NotLocked};

/// What SQLite keeps beside a database that is in use.
const SUFFIXES: [&str; 3] = ["", "-wal", "-shm"];

/// The files of an open store.
#[derive(Debug)]
pub(super) struct Identity {
    /// Locked, so that no other gateway uses the same file under any name.
    ///
    /// POSIX locks, which SQLite has on this file, belong to a process and are gone as soon as it closes any descriptor of the file: so
    /// this one is closed by [`Identity::release`] only, after SQLite's.
    database: Mutex<Option<DatabaseLock>>,
    files: Vec<Known>,
    /// What was wrong the last time: a change is logged. A lock, held for a comparison.
    lost: Mutex<Option<StoreError>>,
}

#[derive(Debug)]
struct Known {
    path: PathBuf,
    device: u64,
    inode: u64,
}

/// The lock on a database file. Dropping it gives it back and closes its descriptor: SQLite must have closed the file before.
#[derive(Debug)]
pub(super) struct DatabaseLock(File);

impl Drop for DatabaseLock {
    /// Also where a child process that is just being started has the descriptor open.
    fn drop(&mut self) {
        if let Err(error) = self.0.unlock() {
            tracing::warn!(%error, "the lock on the store could not be given back; it goes when its file is closed");
        }
    }
}

impl DatabaseLock {
    /// Takes it. To be called before SQLite opens the file, and only by who has the lock file of its path.
    pub(super) fn take(path: &Path) -> Result<Self, StoreError> {
        let file = OpenOptions::new()
            .read(true)
            .write(true)
            .open(path)
            .map_err(|error| StoreError::file("open", path, &error))?;
        // Elsewhere than on Linux the two kinds of locks are one, and this one would keep SQLite itself out.
        if !cfg!(target_os = "linux") {
            return Ok(Self(file));
        }
        match lock_file::lock(&file) {
            Ok(()) => Ok(Self(file)),
            Err(NotLocked::Held) => {
                // Not closed: a gateway of this very process may have the file under another name, and would lose its locks. That costs a
                // descriptor for each such attempt.
                std::mem::forget(file);
                Err(StoreError::Locked {
                    holder: format!(
                        "it has {} under another name, by a link or a mount",
                        path.display()
                    ),
                })
            }
            Err(NotLocked::Failed(error)) => Err(StoreError::file("lock", path, &error)),
        }
    }
}

impl Identity {
    /// Remembers which files these are. To be called when SQLite has made them all.
    pub(super) fn of(path: &Path, lock: DatabaseLock) -> Result<Arc<Self>, StoreError> {
        let files = SUFFIXES
            .iter()
            .map(|suffix| {
                let path = file::beside(path, suffix);
                let found = fs::metadata(&path)
                    .map_err(|error| StoreError::file("look at", &path, &error))?;
                Ok(Known {
                    device: found.dev(),
                    inode: found.ino(),
                    path,
                })
            })
            .collect::<Result<_, StoreError>>()?;
        Ok(Arc::new(Self {
            database: Mutex::new(Some(lock)),
            files,
            lost: Mutex::new(None),
        }))
    }

    /// Whether each name still leads to the file that is open. Costs a look at each; opens nothing.
    ///
    /// # Errors
    /// [`StoreError::Replaced`]. Once the files are back where they were it is well again: nothing was written meanwhile.
    pub(super) fn check(&self) -> Result<(), StoreError> {
        let lost = self.files.iter().find_map(Known::lost);
        let mut before = self.lost.lock().unwrap_or_else(PoisonError::into_inner);
        if *before != lost {
            match &lost {
                Some(error) => tracing::error!(%error, "the store was taken away"),
                None => tracing::info!("the files of the store are back"),
            }
            (*before).clone_from(&lost);
        }
        lost.map_or(Ok(()), Err)
    }

    /// What the last look found.
    pub(super) fn lost(&self) -> Option<StoreError> {
        let lost = self.lost.lock().unwrap_or_else(PoisonError::into_inner);
        lost.clone()
    }

    /// Gives the lock back. To be called when SQLite has closed the database.
    pub(super) fn release(&self) {
        let mut database = self.database.lock().unwrap_or_else(PoisonError::into_inner);
        drop(database.take());
    }
}

impl Drop for Identity {
    /// Without a release SQLite may have the database open still: the lock goes, and the descriptor stays.
    fn drop(&mut self) {
        let database = self
            .database
            .get_mut()
            .unwrap_or_else(PoisonError::into_inner);
        if let Some(database) = database.take() {
            let _ = database.0.unlock();
            std::mem::forget(database);
        }
    }
}

impl Known {
    fn lost(&self) -> Option<StoreError> {
        let how = match fs::metadata(&self.path) {
            Ok(found) if (found.dev(), found.ino()) == (self.device, self.inode) => return None,
            Ok(_) => "replaced by another file",
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => "deleted or moved away",
            // A directory that cannot be searched says nothing about the file.
            Err(_) => return None,
        };
        Some(StoreError::Replaced {
            path: self.path.clone(),
            how,
        })
    }
}
