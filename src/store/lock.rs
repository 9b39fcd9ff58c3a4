//! Keeps a second gateway off a store.

use std::ffi::OsString;
use std::fs::{File, OpenOptions, TryLockError};
use std::io::{Read, Seek, Write};
use std::path::{Path, PathBuf};
use std::thread;
use std::time::{Duration, Instant};

use super::StoreError;

/// Longest text of a lock file that is quoted, in bytes.
const HOLDER_BYTES_MAX: u64 = 256;
/// How long a lock that somebody holds is asked for again. A process that is just being started has what its parent has open until it
/// runs its own program, so a lock can outlive its holder by a moment.
const HELD_MAX: Duration = Duration::from_millis(500);
/// Time between two attempts.
const ATTEMPT_INTERVAL: Duration = Duration::from_millis(10);
/// What stands in place of an address: a command or a program that embeds the gateway.
const UNREACHABLE: &str = "which cannot be called";

/// The lock on `<database>.lock`, held until it is dropped or the process ends. The file stays: what counts is the lock on it, which
/// the system releases however a process ends, so a file left behind is no problem.
#[derive(Debug)]
pub(super) struct StoreLock {
    file: File,
}

impl StoreLock {
    /// Takes the lock and writes who holds it. Blocks for a moment where somebody else has it.
    pub(super) fn take(database: &Path, address: Option<&str>) -> Result<Self, StoreError> {
        let path = path_of(database);
        let failed = |what: &str, error: &std::io::Error| StoreError::file(what, &path, error);
        let mut file = OpenOptions::new()
            .read(true)
            .write(true)
            .create(true)
            .truncate(false)
            .open(&path)
            .map_err(|error| failed("open", &error))?;
        let begun = Instant::now();
        loop {
            match file.try_lock() {
                Ok(()) => break,
                Err(TryLockError::WouldBlock) if begun.elapsed() < HELD_MAX => {
                    thread::sleep(ATTEMPT_INTERVAL);
                }
                Err(TryLockError::WouldBlock) => {
                    return Err(StoreError::Locked {
                        holder: holder(&mut file),
                    });
                }
                Err(TryLockError::Error(error)) => return Err(failed("lock", &error)),
            }
        }
        // Only for people: a gateway on a full disk still starts, to answer what it knows.
        let written = file.set_len(0).and_then(|()| file.rewind()).and_then(|()| {
            let address = address.unwrap_or(UNREACHABLE);
            writeln!(file, "pid {}, {address}", std::process::id())
        });
        if let Err(error) = written {
            tracing::warn!(path = %path.display(), %error, "the lock file does not say who holds it");
        }
        Ok(Self { file })
    }
}

impl Drop for StoreLock {
    /// Closing the file would leave the lock with a child process that is just being started and still has it open.
    fn drop(&mut self) {
        if let Err(error) = self.file.unlock() {
            tracing::warn!(%error, "the store's lock could not be given back; it goes when the file is closed");
        }
    }
}

/// `<database>.lock`.
pub(super) fn path_of(database: &Path) -> PathBuf {
    let mut name = OsString::from(database);
    name.push(".lock");
    PathBuf::from(name)
}

fn holder(file: &mut File) -> String {
    let mut text = String::new();
    match file.take(HOLDER_BYTES_MAX).read_to_string(&mut text) {
        Ok(_) if !text.trim().is_empty() => text.trim().to_owned(),
        _ => "its lock file does not say which".to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ADDRESS: Option<&str> = Some("127.0.0.1:50051");

    fn database() -> (tempfile::TempDir, PathBuf) {
        let directory = tempfile::TempDir::new().unwrap();
        let database = directory.path().join("orders.db");
        (directory, database)
    }

    #[test]
    fn a_child_that_has_the_file_open_does_not_keep_a_lock_that_was_given_back() {
        let (_directory, database) = database();
        let lock = StoreLock::take(&database, ADDRESS).unwrap();
        // As a child has it between fork and exec: another descriptor of the same open file.
        let child = lock.file.try_clone().unwrap();
        let begun = Instant::now();
        drop(lock);
        StoreLock::take(&database, ADDRESS).unwrap();
        assert!(begun.elapsed() < HELD_MAX / 2);
        drop(child);
    }

    #[test]
    fn a_lock_held_for_a_moment_is_waited_for() {
        let (_directory, database) = database();
        let child = File::create(path_of(&database)).unwrap();
        child.try_lock().unwrap();
        let soon = thread::spawn(move || {
            thread::sleep(HELD_MAX / 10);
            drop(child);
        });
        StoreLock::take(&database, ADDRESS).unwrap();
        soon.join().unwrap();
    }

    #[test]
    fn a_lock_that_stays_held_is_refused_in_bounded_time_with_its_holder() {
        let (_directory, database) = database();
        let _lock = StoreLock::take(&database, ADDRESS).unwrap();
        let begun = Instant::now();
        let refused = StoreLock::take(&database, ADDRESS).unwrap_err();
        assert!(begun.elapsed() >= HELD_MAX);
        let holder = format!("pid {}, 127.0.0.1:50051", std::process::id());
        assert_eq!(refused, StoreError::Locked { holder });
    }
}
