//! A connection to the database, and where its work is done.

#[cfg(feature = "internals")]
use std::sync::{Arc, Mutex, PoisonError};

use tokio_rusqlite::rusqlite;

/// A connection whose work is done one piece after the other, on a thread of its own. A simulation has it done where it is asked for: then a
/// history takes no longer than its work, and comes out the same every time. A cheap handle.
#[derive(Debug, Clone)]
pub(super) enum Connection {
    Thread(tokio_rusqlite::Connection),
    #[cfg(feature = "internals")]
    Here(Arc<Mutex<rusqlite::Connection>>),
}

/// The connection was closed.
#[derive(Debug)]
pub(super) struct Closed;

impl Connection {
    /// Does `work` and waits for what it answers. Once begun it ends, whether or not somebody still waits.
    pub(super) async fn call_raw<T: Send + 'static>(
        &self,
        work: impl FnOnce(&mut rusqlite::Connection) -> T + Send + 'static,
    ) -> Result<T, Closed> {
        match self {
            Self::Thread(connection) => connection.call_raw(work).await.map_err(|_| Closed),
            #[cfg(feature = "internals")]
            Self::Here(connection) => Ok(work(
                &mut connection.lock().unwrap_or_else(PoisonError::into_inner),
            )),
        }
    }
}

impl From<rusqlite::Connection> for Connection {
    fn from(connection: rusqlite::Connection) -> Self {
        Self::Thread(connection.into())
    }
}
