//! Whether a record is the next one of the history that was read so far, and what it adds.

use super::{Content, Entry, GENESIS_PREVIOUS, Genesis, Hash, Record, Unreadable, hash_of};
use crate::domain::Timestamp;

/// How far the records were read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct History {
    /// Names the history; empty before its first record.
    pub store_id: String,
    /// The last record.
    pub number: u64,
    /// Its hash.
    pub hash: Hash,
    /// The highest epoch.
    pub epoch: u64,
    /// The last batch that is whole.
    pub batch: u64,
    /// Of the batch behind that: what has come.
    pieces: Vec<u8>,
    /// The record before the first of those, and its hash.
    before_pieces: Option<(u64, Hash)>,
}

/// What a record adds.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Added {
    /// The history begins.
    Genesis(Genesis),
    /// Batches, the first of which has this number.
    Batches(u64, Vec<Vec<u8>>),
    /// A leader began an epoch, or gave it up. Of a batch that was begun before nothing is kept.
    Epoch,
    /// Nothing that can be used yet.
    Nothing,
}

/// Why a record is not the next one.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Broken {
    /// It is no record that this program reads.
    #[error("entry {sequence} of the journal, stored at {stored_at} on {subject}: {why}")]
    Unreadable {
        /// Where.
        sequence: u64,
        /// On which subject.
        subject: String,
        /// When.
        stored_at: Timestamp,
        /// Why.
        why: Unreadable,
    },
    /// It belongs to another history, or does not follow the record before it.
    #[error("record {sequence} of the journal, stored at {stored_at}, does not follow: {why}")]
    Foreign {
        /// Where.
        sequence: u64,
        /// When.
        stored_at: Timestamp,
        /// What is wrong with it.
        why: &'static str,
    },
}

impl History {
    /// Before the first record.
    pub const fn beginning() -> Self {
        Self {
            store_id: String::new(),
            number: 0,
            hash: GENESIS_PREVIOUS,
            epoch: 0,
            batch: 0,
            pieces: Vec::new(),
            before_pieces: None,
        }
    }

    /// As far as a store has it.
    pub const fn at(store_id: String, number: u64, hash: Hash, epoch: u64, batch: u64) -> Self {
        Self {
            store_id,
            number,
            hash,
            epoch,
            batch,
            pieces: Vec::new(),
            before_pieces: None,
        }
    }

    /// The last record, and its hash, behind which no batch is begun and not whole.
    pub fn whole(&self) -> (u64, Hash) {
        self.before_pieces.unwrap_or((self.number, self.hash))
    }

    /// Takes the next record in. On an error nothing changes.
    ///
    /// # Errors
    /// [`Broken`].
    pub fn take(&mut self, entry: &Entry) -> Result<Added, Broken> {
        let sequence = entry.sequence;
        let foreign = |why| {
            Err(Broken::Foreign {
                sequence,
                stored_at: entry.stored_at,
                why,
            })
        };
        if sequence != self.number + 1 {
            return foreign("a record before it is missing");
        }
        let record = Record::decode(&entry.bytes).map_err(|why| Broken::Unreadable {
            sequence,
            subject: entry.subject.clone(),
            stored_at: entry.stored_at,
            why,
        })?;
        let is_genesis = matches!(record.content, Content::Genesis(_));
        if is_genesis != (sequence == 1) {
            return foreign("a history begins with one record that says so, and with no other");
        }
        if !is_genesis && record.store_id != self.store_id {
            return foreign("it belongs to the history of another store");
        }
        if record.content == Content::Fence {
            // Stored behind whatever was there. A late one of a leader that was passed over changes nothing.
            if record.epoch >= self.epoch {
                self.pieces.clear();
                self.before_pieces = None;
                self.epoch = record.epoch;
            }
            self.advance(entry);
            return Ok(Added::Epoch);
        }
        if record.number != sequence || record.previous != self.hash {
            return foreign("it was written behind another record than the one before it");
        }
        if record.epoch < self.epoch {
            return foreign("its writer was deposed before it was stored");
        }
        let added = match record.content {
            Content::Genesis(genesis) => {
                self.store_id = record.store_id;
                Added::Genesis(genesis)
            }
            Content::Batches { first, batches } => {
                if first != self.batch + 1 || !self.pieces.is_empty() {
                    return foreign("a batch before it is missing");
                }
                self.batch += batches.len() as u64;
                Added::Batches(first, batches)
            }
            Content::Piece { batch, more, bytes } => {
                if batch != self.batch + 1 {
                    return foreign("a batch before it is missing");
                }
                self.before_pieces.get_or_insert((self.number, self.hash));
                self.pieces.extend(bytes);
                if more {
                    Added::Nothing
                } else {
                    self.batch = batch;
                    self.before_pieces = None;
                    Added::Batches(batch, vec![std::mem::take(&mut self.pieces)])
                }
            }
            Content::Fence | Content::Resign => Added::Epoch,
        };
        self.epoch = record.epoch;
        self.advance(entry);
        Ok(added)
    }

    fn advance(&mut self, entry: &Entry) {
        self.number = entry.sequence;
        self.hash = hash_of(&entry.bytes);
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;

    /// A journal that is written by hand.
    struct Written {
        entries: Vec<Entry>,
        hash: Hash,
    }

    impl Written {
        fn new() -> Self {
            let mut written = Self {
                entries: Vec::new(),
                hash: GENESIS_PREVIOUS,
            };
            written.add(
                1,
                Content::Genesis(Genesis {
                    client_id: 7,
                    base_sequence: 99,
                }),
            );
            written
        }

        fn record(&self, epoch: u64, content: Content) -> Record {
            Record {
                store_id: "a store".to_owned(),
                epoch,
                number: self.entries.len() as u64 + 1,
                previous: self.hash,
                written_at: Timestamp::default(),
                content,
            }
        }

        fn add(&mut self, epoch: u64, content: Content) {
            let record = self.record(epoch, content);
            self.add_record(&record);
        }

        fn add_record(&mut self, record: &Record) {
            let bytes: Arc<[u8]> = record.encode().into();
            self.hash = hash_of(&bytes);
            self.entries.push(Entry {
                sequence: self.entries.len() as u64 + 1,
                bytes,
                subject: "s".to_owned(),
                stored_at: Timestamp::default(),
            });
        }

        fn read(&self) -> (History, Result<Vec<Added>, Broken>) {
            let mut history = History::beginning();
            let added = self.entries.iter().map(|entry| history.take(entry));
            let added = added.collect();
            (history, added)
        }
    }

    fn batches(first: u64, texts: &[&str]) -> Content {
        Content::Batches {
            first,
            batches: texts.iter().map(|text| text.as_bytes().to_vec()).collect(),
        }
    }

    fn piece(batch: u64, more: bool, text: &str) -> Content {
        Content::Piece {
            batch,
            more,
            bytes: text.as_bytes().to_vec(),
        }
    }

    fn added(first: u64, texts: &[&str]) -> Added {
        let batches = texts.iter().map(|text| text.as_bytes().to_vec());
        Added::Batches(first, batches.collect())
    }

    #[test]
    fn records_that_follow_each_other_are_taken_with_their_batches() {
        let mut written = Written::new();
        written.add(1, batches(1, &["a", "b"]));
        written.add(1, piece(3, true, "long "));
        written.add(1, piece(3, false, "batch"));
        written.add(1, batches(4, &["d"]));
        written.add(1, Content::Resign);
        let (history, read) = written.read();
        assert_eq!(
            read.unwrap()[1..],
            [
                added(1, &["a", "b"]),
                Added::Nothing,
                added(3, &["long batch"]),
                added(4, &["d"]),
                Added::Epoch
            ]
        );
        assert_eq!((history.number, history.batch, history.epoch), (6, 4, 1));
        assert_eq!(history.whole(), (6, history.hash));
        assert_eq!(history.hash, written.hash);
    }

    #[test]
    fn a_fence_stands_behind_whatever_is_there_and_ends_a_batch_that_was_begun() {
        let mut written = Written::new();
        let before = (1, written.hash);
        written.add(1, piece(1, true, "half"));
        assert_eq!(written.read().0.whole(), before);
        let fence = Record {
            number: 0,
            previous: [9; 32],
            ..written.record(5, Content::Fence)
        };
        written.add_record(&fence);
        written.add(5, batches(1, &["other"]));
        let (history, read) = written.read();
        assert_eq!(read.unwrap()[3], added(1, &["other"]));
        assert_eq!(history.epoch, 5);
        // A late fence of a lower epoch is passed.
        let late = Record {
            number: 0,
            ..written.record(4, Content::Fence)
        };
        written.add_record(&late);
        written.add(5, batches(2, &["more"]));
        let (history, read) = written.read();
        assert!(read.is_ok(), "{read:?}");
        assert_eq!((history.epoch, history.batch), (5, 2));
    }

    #[test]
    fn what_does_not_follow_is_refused() {
        let mut deposed = Written::new();
        deposed.add(3, Content::Fence);
        deposed.add(2, batches(1, &["late"]));
        let mut gap = Written::new();
        gap.add(1, batches(2, &["b"]));
        let mut unchained = Written::new();
        unchained.hash = [7; 32];
        unchained.add(1, batches(1, &["a"]));
        let mut other = Written::new();
        let record = Record {
            store_id: "another".to_owned(),
            ..other.record(1, batches(1, &["a"]))
        };
        other.add_record(&record);
        let mut twice = Written::new();
        twice.add(
            1,
            Content::Genesis(Genesis {
                client_id: 7,
                base_sequence: 99,
            }),
        );
        for (written, why) in [
            (deposed, "deposed"),
            (gap, "missing"),
            (unchained, "behind another record"),
            (other, "another store"),
            (twice, "begins"),
        ] {
            let error = written.read().1.unwrap_err().to_string();
            assert!(error.contains(why), "{why}: {error}");
        }
    }

    #[test]
    fn what_is_no_record_is_named_with_its_place() {
        let mut written = Written::new();
        written.entries.push(Entry {
            sequence: 2,
            bytes: Arc::from(&b"stray"[..]),
            subject: "orders.desk.journal.1".to_owned(),
            stored_at: Timestamp::default(),
        });
        let (history, read) = written.read();
        let error = read.unwrap_err().to_string();
        assert!(
            error.contains("entry 2") && error.contains("orders.desk.journal.1"),
            "{error}"
        );
        assert_eq!(history.number, 1);
    }
}
