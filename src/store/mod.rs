//! Orders, their events and their executions on disk: SQLite in WAL mode, every commit synced.
//!
//! One connection on a thread of its own writes ([`Store::transact`]: one commit, one fsync, however many rows). A small
//! pool of read-only connections reads beside it ([`Reader`]), each call a short transaction, so that the log stays small. The
//! only module that knows SQLite. A thread beside them writes the log back into the database, so that no commit waits for it.
//!
//! What a program that crashes, a machine that loses power or a disk that fills up leaves is always a whole number of
//! transactions. A failed commit that may or may not be on disk is [`StoreError::OutcomeUnknown`]: the process must stop, and the
//! next start reads what became of it.

mod audit;
mod backup;
mod checkpoint;
mod closing;
mod columns;
mod epochs;
mod error;
mod event_body;
mod events;
mod export;
mod file;
mod fills;
mod history;
mod identity;
mod journal;
mod list;
mod lock;
mod page;
#[cfg(feature = "internals")]
mod played;
mod pool;
mod prune;
mod reader;
mod rows;
mod schema;
mod scope;
mod snapshot;
mod start;
mod statements;
mod transaction;
mod worker;
mod writer;

pub use audit::AuditRow;
pub use backup::{Backup, backup};
pub use epochs::Cursor;
pub use error::StoreError;
pub use export::{ExecutionRow, InstructionRow};
#[cfg(test)]
pub(crate) use journal::history_as_text;
pub use journal::{Binding, Progress};
#[cfg(feature = "internals")]
pub use played::PlayedStore;
pub use prune::{Pruned, prune};
pub use reader::Reader;
pub use snapshot::Snapshot;
pub use start::{Follow, OpenStore, RecoveredState, StoreSettings};
pub use transaction::{ORDERS_OF_A_REF_MAX, Transaction};
pub use writer::Store;
