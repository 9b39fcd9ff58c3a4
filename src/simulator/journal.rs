//! What outlives a restart: a file of lines, one record each, the last one about a thing being the one that counts.
//!
//! Lines are appended as things happen, so that a kill loses nothing that a client was told; the file is rewritten
//! when the simulator starts. Staged orders are never in it: TWS forgets them too.

use std::fs::{File, OpenOptions};
use std::io::{self, BufRead, BufReader, Write};
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

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
    /// Everything about orders before this line is void.
    Forgotten,
}

/// The open file.
#[derive(Debug)]
pub(crate) struct Journal {
    file: File,
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
        let mut journal = Self {
            file: File::create(&beside)?,
        };
        journal.append(records)?;
        journal.file.sync_all()?;
        std::fs::rename(&beside, path)?;
        journal.file = OpenOptions::new().append(true).open(path)?;
        Ok(journal)
    }

    pub(crate) fn append(&mut self, records: &[Record]) -> io::Result<()> {
        let mut lines = Vec::new();
        for record in records {
            serde_json::to_writer(&mut lines, record)?;
            lines.push(b'\n');
        }
        self.file.write_all(&lines)
    }
}
