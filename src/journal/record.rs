//! What an entry of the journal holds.
//!
//! A record carries the hash of the one before it, so that two histories which part never look alike again. It names the epoch of who wrote it: a reader
//! that has seen a higher one knows that the writer was deposed.

use prost::Message;
use sha2::{Digest, Sha256};

use crate::domain::Timestamp;

/// The version written. A reader that finds another one stops.
const VERSION: u32 = 1;
/// The most bytes of batches that one record takes. A larger batch goes in several. NATS takes 1 MiB unless told otherwise.
pub const RECORD_BYTES_MAX: usize = 512 << 10;

/// The hash of a record's bytes.
pub type Hash = [u8; 32];

/// What the first record has for the hash of the one before.
pub const GENESIS_PREVIOUS: Hash = [0; 32];

/// A record.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Record {
    /// Which store's history it belongs to.
    pub store_id: String,
    /// Of whoever wrote it: the revision of the lease it took.
    pub epoch: u64,
    /// Its place in the journal. 0 in a fence, which is stored behind whatever is there.
    pub number: u64,
    /// The hash of the record before it. In a fence: of the last one that its writer had read.
    pub previous: Hash,
    /// The writer's clock.
    pub written_at: Timestamp,
    /// What it says.
    pub content: Content,
}

/// What a record says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Content {
    /// A history begins.
    Genesis(Genesis),
    /// The epoch begins: nothing of a lower one is behind this.
    Fence,
    /// Rows of batches that were committed one after the other, from number `first` on.
    Batches {
        /// The number of the first batch, as its writer counts them.
        first: u64,
        /// One commit each, encoded by the store.
        batches: Vec<Vec<u8>>,
    },
    /// A part of a batch that is too large for one record. The batch is there when the last part is.
    Piece {
        /// The number of the batch.
        batch: u64,
        /// More of it follows.
        more: bool,
        /// This part.
        bytes: Vec<u8>,
    },
    /// The writer leads no more: all that it committed is before this.
    Resign,
}

/// Whose history it is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Genesis {
    /// The API client id.
    pub client_id: i32,
    /// The sequence of the first event.
    pub base_sequence: u64,
}

/// Why an entry is no record.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Unreadable {
    /// Of a version this program does not know.
    #[error(
        "it has version {0}, and this program reads version {VERSION}: a newer gateway wrote it; upgrade this one"
    )]
    Version(u32),
    /// Something else's.
    #[error("it is no record of a gateway: {0}")]
    Foreign(String),
}

#[derive(Clone, PartialEq, Message)]
struct Wire {
    #[prost(uint32, tag = "1")]
    version: u32,
    #[prost(string, tag = "2")]
    store_id: String,
    #[prost(uint64, tag = "3")]
    epoch: u64,
    #[prost(uint64, tag = "4")]
    number: u64,
    #[prost(bytes = "vec", tag = "5")]
    previous: Vec<u8>,
    #[prost(int64, tag = "6")]
    written_at_micros: i64,
    #[prost(oneof = "WireContent", tags = "7, 8, 9, 10, 11")]
    content: Option<WireContent>,
}

#[derive(Clone, PartialEq, prost::Oneof)]
enum WireContent {
    #[prost(message, tag = "7")]
    Genesis(WireGenesis),
    #[prost(message, tag = "8")]
    Fence(WireNothing),
    #[prost(message, tag = "9")]
    Batches(WireBatches),
    #[prost(message, tag = "10")]
    Resign(WireNothing),
    #[prost(message, tag = "11")]
    Piece(WirePiece),
}

#[derive(Clone, PartialEq, Message)]
struct WireGenesis {
    #[prost(int32, tag = "1")]
    client_id: i32,
    #[prost(uint64, tag = "2")]
    base_sequence: u64,
}

#[derive(Clone, PartialEq, Message)]
struct WireBatches {
    #[prost(uint64, tag = "1")]
    first: u64,
    #[prost(bytes = "vec", repeated, tag = "2")]
    batches: Vec<Vec<u8>>,
}

#[derive(Clone, PartialEq, Message)]
struct WirePiece {
    #[prost(uint64, tag = "1")]
    batch: u64,
    #[prost(bool, tag = "2")]
    more: bool,
    #[prost(bytes = "vec", tag = "3")]
    bytes: Vec<u8>,
}

#[derive(Clone, PartialEq, Message)]
struct WireNothing {}

impl Record {
    /// Its bytes.
    pub fn encode(&self) -> Vec<u8> {
        let Self {
            store_id,
            epoch,
            number,
            previous,
            written_at,
            content,
        } = self;
        let content = match content {
            Content::Genesis(Genesis {
                client_id,
                base_sequence,
            }) => WireContent::Genesis(WireGenesis {
                client_id: *client_id,
                base_sequence: *base_sequence,
            }),
            Content::Fence => WireContent::Fence(WireNothing {}),
            Content::Batches { first, batches } => WireContent::Batches(WireBatches {
                first: *first,
                batches: batches.clone(),
            }),
            Content::Piece { batch, more, bytes } => WireContent::Piece(WirePiece {
                batch: *batch,
                more: *more,
                bytes: bytes.clone(),
            }),
            Content::Resign => WireContent::Resign(WireNothing {}),
        };
        Wire {
            version: VERSION,
            store_id: store_id.clone(),
            epoch: *epoch,
            number: *number,
            previous: previous.to_vec(),
            written_at_micros: written_at.unix_micros(),
            content: Some(content),
        }
        .encode_to_vec()
    }

    /// From its bytes.
    ///
    /// # Errors
    /// [`Unreadable`].
    pub fn decode(bytes: &[u8]) -> Result<Self, Unreadable> {
        let foreign = |text: &str| Unreadable::Foreign(text.to_owned());
        let wire = Wire::decode(bytes).map_err(|error| Unreadable::Foreign(error.to_string()))?;
        let Wire {
            version,
            store_id,
            epoch,
            number,
            previous,
            written_at_micros,
            content,
        } = wire;
        if version != VERSION {
            return Err(match version {
                0 => foreign("it has no version"),
                other => Unreadable::Version(other),
            });
        }
        let previous = previous
            .try_into()
            .map_err(|_| foreign("it has no hash of the one before"))?;
        let content = match content.ok_or_else(|| foreign("it says nothing"))? {
            WireContent::Genesis(WireGenesis {
                client_id,
                base_sequence,
            }) => Content::Genesis(Genesis {
                client_id,
                base_sequence,
            }),
            WireContent::Fence(WireNothing {}) => Content::Fence,
            WireContent::Batches(WireBatches { first, batches }) => {
                Content::Batches { first, batches }
            }
            WireContent::Piece(WirePiece { batch, more, bytes }) => {
                Content::Piece { batch, more, bytes }
            }
            WireContent::Resign(WireNothing {}) => Content::Resign,
        };
        Ok(Self {
            store_id,
            epoch,
            number,
            previous,
            written_at: Timestamp::from_unix_micros(written_at_micros),
            content,
        })
    }
}

/// The hash of a record's bytes.
pub fn hash_of(bytes: &[u8]) -> Hash {
    Sha256::digest(bytes).into()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn record(content: Content) -> Record {
        Record {
            store_id: "a store".to_owned(),
            epoch: 7,
            number: 12,
            previous: [3; 32],
            written_at: Timestamp::from_unix_micros(1_700_000_000_123_456),
            content,
        }
    }

    #[test]
    fn a_record_reads_back_as_it_was_written() {
        for content in [
            Content::Genesis(Genesis {
                client_id: 7,
                base_sequence: 1 << 50,
            }),
            Content::Fence,
            Content::Batches {
                first: 4,
                batches: vec![vec![1, 2], Vec::new(), vec![9]],
            },
            Content::Piece {
                batch: 9,
                more: true,
                bytes: vec![4; 100],
            },
            Content::Resign,
        ] {
            let record = record(content);
            assert_eq!(Record::decode(&record.encode()), Ok(record));
        }
    }

    #[test]
    fn what_a_newer_gateway_wrote_and_what_no_gateway_wrote_are_told_apart() {
        let newer = Wire {
            version: 2,
            previous: vec![0; 32],
            content: Some(WireContent::Fence(WireNothing {})),
            ..Wire::default()
        };
        assert_eq!(
            Record::decode(&newer.encode_to_vec()),
            Err(Unreadable::Version(2))
        );
        for foreign in [&b"hello"[..], &[], &[8, 1]] {
            assert!(matches!(
                Record::decode(foreign),
                Err(Unreadable::Foreign(_))
            ));
        }
    }

    #[test]
    fn records_that_differ_in_anything_have_different_hashes() {
        let one = record(Content::Resign);
        let other = Record {
            epoch: 8,
            ..one.clone()
        };
        assert_ne!(hash_of(&one.encode()), hash_of(&other.encode()));
    }
}
