//! A store in memory that outlives the processes of a simulation.

use std::sync::{Arc, Mutex, PoisonError};

use tokio_rusqlite::rusqlite;

use super::start::{self, Started};
use super::worker::Connection;
use super::{OpenStore, Store, StoreError};

/// A store in memory that can be opened again and again, as one on disk is by one process after the other.
#[derive(Debug, Clone)]
pub struct PlayedStore {
    connection: Arc<Mutex<rusqlite::Connection>>,
    client_id: i32,
}

impl PlayedStore {
    /// An empty store.
    ///
    /// # Errors
    /// [`StoreError`].
    pub fn new(client_id: i32) -> Result<Self, StoreError> {
        Ok(Self {
            connection: Arc::new(Mutex::new(start::memory()?)),
            client_id,
        })
    }

    /// Opens it for the next process. The one before must have ended.
    ///
    /// # Errors
    /// [`StoreError`].
    pub fn open(&self) -> Result<OpenStore, StoreError> {
        let (base_sequence, recovered) = {
            let mut connection = self
                .connection
                .lock()
                .unwrap_or_else(PoisonError::into_inner);
            start::begin(&mut connection, self.client_id)?
        };
        let started = Started {
            connection: Connection::Here(Arc::clone(&self.connection)),
            lock: None,
            identity: None,
            path: None,
            base_sequence,
            recovered,
        };
        Ok(Store::assemble(started, None))
    }
}
