//! A file whose lock keeps a second process off what lies beside it.

use std::fs::{File, OpenOptions, TryLockError};
use std::io::{self, Read, Seek, Write};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::Path;
use std::thread;
use std::time::{Duration, Instant};

/// Mode of the file: it says where a gateway can be called.
const OWNER_ONLY: u32 = 0o600;
/// Longest text of a lock file that is quoted, in bytes.
const HOLDER_BYTES_MAX: u64 = 256;
/// How long a lock that somebody holds is asked for again. A process that is just being started has what its parent has open until it
/// runs its own program, so a lock can outlive its holder by a moment.
const HELD_MAX: Duration = Duration::from_millis(500);
/// Time between two attempts.
const ATTEMPT_INTERVAL: Duration = Duration::from_millis(10);

/// A lock, held until it is dropped or the process ends. The file stays: what counts is the lock on it, which the system releases
/// however a process ends, so a file left behind is no problem.
#[derive(Debug)]
pub(crate) struct LockFile {
    file: File,
}

/// Why there is no lock.
#[derive(Debug)]
pub(crate) enum Refused {
    /// Somebody has it.
    Held {
        /// What the file says about who.
        holder: String,
    },
    /// The file could not be opened or locked.
    Failed {
        /// The attempt, as in "could not open".
        what: &'static str,
        /// What came of it.
        error: io::Error,
    },
}

/// Why an open file was not locked.
#[derive(Debug)]
pub(crate) enum NotLocked {
    /// Somebody has it locked.
    Held,
    /// The system refused.
    Failed(io::Error),
}

/// Locks an open file for as long as it is open. Blocks for a moment where somebody else has it locked.
pub(crate) fn lock(file: &File) -> Result<(), NotLocked> {
    let begun = Instant::now();
    loop {
        match file.try_lock() {
            Ok(()) => return Ok(()),
            Err(TryLockError::WouldBlock) if begun.elapsed() < HELD_MAX => {
                thread::sleep(ATTEMPT_INTERVAL);
            }
            Err(TryLockError::WouldBlock) => return Err(NotLocked::Held),
            Err(TryLockError::Error(error)) => return Err(NotLocked::Failed(error)),
        }
    }
}

impl LockFile {
    /// Takes the lock and writes who holds it: this process, and what `about` adds. Blocks for a moment where somebody else has it.
    pub(crate) fn take(path: &Path, about: Option<&str>) -> Result<Self, Refused> {
        let failed = |what, error| Refused::Failed { what, error };
        let mut file = OpenOptions::new()
            .read(true)
            .write(true)
            .create(true)
            .truncate(false)
            .mode(OWNER_ONLY)
            .open(path)
            .map_err(|error| failed("open", error))?;
        match lock(&file) {
            Ok(()) => {}
            Err(NotLocked::Held) => {
                return Err(Refused::Held {
                    holder: holder(&mut file),
                });
            }
            Err(NotLocked::Failed(error)) => return Err(failed("lock", error)),
        }
        let about = about.map(|about| format!(", {about}")).unwrap_or_default();
        // Only for people: who works on a full disk still starts.
        let written = file
            .set_len(0)
            .and_then(|()| file.rewind())
            .and_then(|()| writeln!(file, "pid {}{about}", std::process::id()));
        if let Err(error) = written {
            tracing::warn!(path = %path.display(), %error, "the lock file does not say who holds it");
        }
        Ok(Self { file })
    }
}

impl Drop for LockFile {
    /// Closing the file would leave the lock with a child process that is just being started and still has it open.
    fn drop(&mut self) {
        if let Err(error) = self.file.unlock() {
            tracing::warn!(%error, "a lock could not be given back; it goes when its file is closed");
        }
    }
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
    use std::path::PathBuf;

    use super::*;

    const ADDRESS: Option<&str> = Some("127.0.0.1:50051");

    fn path() -> (tempfile::TempDir, PathBuf) {
        let directory = tempfile::TempDir::new().unwrap();
        let path = directory.path().join("orders.db.lock");
        (directory, path)
    }

    #[test]
    fn a_child_that_has_the_file_open_does_not_keep_a_lock_that_was_given_back() {
        let (_directory, path) = path();
        let lock = LockFile::take(&path, ADDRESS).unwrap();
        // As a child has it between fork and exec: another descriptor of the same open file.
        let child = lock.file.try_clone().unwrap();
        drop(lock);
        let other = File::open(&path).unwrap();
        other.try_lock().expect("given back at once");
        drop(child);
    }

    #[test]
    fn a_lock_held_for_a_moment_is_waited_for() {
        let (_directory, path) = path();
        let child = File::create(&path).unwrap();
        child.try_lock().unwrap();
        let soon = thread::spawn(move || {
            thread::sleep(HELD_MAX / 10);
            drop(child);
        });
        LockFile::take(&path, ADDRESS).unwrap();
        soon.join().unwrap();
    }

    #[test]
    fn a_lock_that_stays_held_is_refused_with_its_holder() {
        let (_directory, path) = path();
        let _lock = LockFile::take(&path, ADDRESS).unwrap();
        let begun = Instant::now();
        let Err(Refused::Held { holder }) = LockFile::take(&path, None) else {
            panic!("taken twice");
        };
        assert!(begun.elapsed() >= HELD_MAX);
        assert_eq!(
            holder,
            format!("pid {}, 127.0.0.1:50051", std::process::id())
        );
    }

    #[test]
    fn who_has_no_address_is_named_all_the_same() {
        let (_directory, path) = path();
        let _lock = LockFile::take(&path, None).unwrap();
        let text = std::fs::read_to_string(&path).unwrap();
        assert_eq!(text, format!("pid {}\n", std::process::id()));
    }
}
