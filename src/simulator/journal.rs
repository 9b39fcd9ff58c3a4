//! What outlives a restart: a file of lines, one record each, the last one about a thing being the one that counts.
//!
//! Lines are appended as things happen, so that a kill loses nothing that a client was told; the file is rewritten
//! when the simulator starts. Staged orders are never in it: TWS forgets them too.

use std::fs::File;
use std::io::{self, BufRead, BufReader, Write};
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use super::account::Account;
use super::ledger::Fill;
use super::market::Walk;
use super::order::Order;

/// One line.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Record {
    Order(Box<Order>),
    Fill(Box<Fill>),
    NextId {
        client_id: i32,
        next: i32,
    },
    Walk(Walk),
    /// An account as it is after a trade.
    Account {
        name: String,
        account: Account,
    },
    /// Everything about orders before this line is void.
    Forgotten,
}

/// A file is started anew when it has grown by this much and to a multiple of what it began with.
const GROWTH_BYTES_MIN: u64 = 16 << 20;
const GROWTH_FACTOR_MAX: u64 = 4;

/// The open file.
#[derive(Debug)]
pub(crate) struct Journal {
    path: PathBuf,
    file: File,
    bytes: u64,
    bytes_at_start: u64,
}

impl Journal {
    /// Reads the records of `path`, if there are any. A line that was cut off by a kill is skipped.
    pub(crate) fn read(path: &Path) -> io::Result<Vec<Record>> {
        let file = match File::open(path) {
            Ok(file) => file,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
            Err(error) => return Err(error),
        };
        let mut records = Vec::new();
        for line in BufReader::new(file).lines() {
            match serde_json::from_str(&line?) {
                Ok(record) => records.push(record),
                Err(error) => {
                    tracing::warn!(%error, "a line of the simulator's state file is skipped")
                }
            }
        }
        Ok(records)
    }

    /// Starts the file anew with `records`, in place of what was there.
    pub(crate) fn start(path: &Path, records: &[Record]) -> io::Result<Self> {
        if let Some(parent) = path
            .parent()
            .filter(|parent| !parent.as_os_str().is_empty())
        {
            std::fs::create_dir_all(parent)?;
        }
        let mut beside = path.as_os_str().to_owned();
        beside.push(".new");
        let beside = PathBuf::from(beside);
        let file = File::create(&beside)?;
        let mut journal = Self {
            path: path.to_owned(),
            file,
            bytes: 0,
            bytes_at_start: 0,
        };
        journal.append(records)?;
        journal.bytes_at_start = journal.bytes;
        journal.file.sync_all()?;
        std::fs::rename(&beside, path)?;
        Ok(journal)
    }

    /// Whether so much of it is outdated that it should be started anew.
    pub(crate) fn is_overgrown(&self) -> bool {
        let grown = self.bytes - self.bytes_at_start;
        grown > GROWTH_BYTES_MIN
            && self.bytes > self.bytes_at_start.saturating_mul(GROWTH_FACTOR_MAX)
    }

    pub(crate) fn path(&self) -> &Path {
        &self.path
    }

    pub(crate) fn append(&mut self, records: &[Record]) -> io::Result<()> {
        let mut lines = Vec::new();
        for record in records {
            serde_json::to_writer(&mut lines, record)?;
            lines.push(b'\n');
        }
        self.bytes += lines.len() as u64;
        self.file.write_all(&lines)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_full_of_outdated_lines_is_overgrown_and_smaller_when_started_anew() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("state");
        let record = Record::NextId {
            client_id: 7,
            next: 8,
        };
        let many = vec![record.clone(); 100_000];
        let mut journal = Journal::start(&path, std::slice::from_ref(&record)).unwrap();
        while !journal.is_overgrown() {
            journal.append(&many).unwrap();
        }
        assert!(std::fs::metadata(&path).unwrap().len() > GROWTH_BYTES_MIN);
        let journal = Journal::start(&path, std::slice::from_ref(&record)).unwrap();
        assert!(!journal.is_overgrown());
        assert_eq!(Journal::read(&path).unwrap().len(), 1);
    }
}
