//! The journal: what was committed on one machine, kept by others, so that an order survives the machine it was placed on.
//!
//! Whoever leads appends records to it, each only if the last one is the one it believes to be last; whoever follows reads them in order. A lease says
//! who may lead. What keeps the records is behind [`Journal`]: NATS JetStream, and memory for the simulations.

mod clock;
mod history;
#[cfg(feature = "journal")]
pub mod jetstream;
mod lease;
#[cfg(test)]
pub mod memory;
mod publisher;
mod record;

use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;

use crate::domain::Timestamp;

pub use clock::boot_time;
pub use history::{Added, Broken, History};
pub use lease::{Keeper, Lease, LeaseTimes, LeaseValue, Standing, Taken, take};
pub use publisher::{Batch, Ended, Publisher, State, id_of};
pub use record::{
    Content, GENESIS_PREVIOUS, Genesis, Hash, RECORD_BYTES_MAX, Record, Unreadable, hash_of,
};

/// What comes of an operation of the journal.
pub type Pending<'a, T> = Pin<Box<dyn Future<Output = Result<T, JournalError>> + Send + 'a>>;

/// Where records are kept.
pub trait Journal: fmt::Debug + Send + Sync {
    /// Appends `bytes` if the sequence of the last entry is `last`, or whatever it is where `last` is `None`; answers its own sequence. The same `id`
    /// within a while is stored once, and answers the sequence of the first.
    fn append<'a>(&'a self, bytes: Arc<[u8]>, id: &'a str, last: Option<u64>) -> Pending<'a, u64>;

    /// The sequence of the last entry; 0: there is none.
    fn last(&self) -> Pending<'_, u64>;

    /// One entry, as whoever decides about appends has it. `None`: not there yet.
    fn read(&self, sequence: u64) -> Pending<'_, Option<Entry>>;

    /// The entries behind a sequence, those that are there and those that come.
    fn follow(&self, after: u64) -> Pending<'_, Box<dyn Follow>>;

    /// The lease as it stands. `None`: nobody ever held it.
    fn lease(&self) -> Pending<'_, Option<LeaseEntry>>;

    /// Writes the lease if its revision is `revision`, 0 for one that is not there; answers the new revision.
    fn put_lease(&self, value: Vec<u8>, revision: u64) -> Pending<'_, u64>;
}

/// Entries one after the other.
pub trait Follow: Send {
    /// Waits for the next one.
    fn next(&mut self) -> Pending<'_, Entry>;
}

/// An entry of the journal.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Entry {
    /// Counts the entries, from 1.
    pub sequence: u64,
    /// What was appended.
    pub bytes: Arc<[u8]>,
    /// Where it was published, for people.
    pub subject: String,
    /// When it was stored.
    pub stored_at: Timestamp,
}

/// The lease as it is stored.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LeaseEntry {
    /// Grows with every write.
    pub revision: u64,
    /// What its holder wrote.
    pub value: Vec<u8>,
}

/// Why an operation of the journal failed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum JournalError {
    /// Nothing is known of the outcome: it may have been done, and may still be.
    #[error("the journal does not answer: {0}")]
    Away(String),
    /// Refused: the last entry, or the revision of the lease, is another one.
    #[error("the last entry of the journal is another one")]
    WrongLast,
    /// Refused: there is no room.
    #[error("the journal is full: {0}")]
    Full(String),
    /// The journal is not what it has to be. The text names the setting.
    #[error("{0}")]
    Unfit(String),
}
