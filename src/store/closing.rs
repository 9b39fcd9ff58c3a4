//! How a connection is closed.

use tokio_rusqlite::rusqlite;

use super::worker::Connection;

/// Closes the file of a connection and waits until that is done. Calls that come later find an empty database in memory.
///
/// `Connection::close` of `tokio-rusqlite` is not for this: its thread panics when whoever waits for it goes away before the file is
/// closed, as a gateway does whose caller ends it.
///
/// # Errors
/// What SQLite says. A connection that was closed before is closed.
pub(super) async fn close(connection: &Connection) -> Result<(), rusqlite::Error> {
    let closed = connection
        .call_raw(|connection| {
            let empty = rusqlite::Connection::open_in_memory()?;
            std::mem::replace(connection, empty)
                .close()
                .map_err(|(_, error)| error)
        })
        .await;
    // Without a thread behind it the connection is gone, and its file with it.
    closed.unwrap_or(Ok(()))
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[tokio::test]
    async fn a_caller_who_goes_away_while_a_file_is_closed_leaves_no_panic_behind() {
        let connection = Connection::from(rusqlite::Connection::open_in_memory().unwrap());
        let busy = connection.clone();
        let (began, has_begun) = tokio::sync::oneshot::channel();
        let blocker = tokio::spawn(async move {
            busy.call_raw(|_| {
                let _ = began.send(());
                std::thread::sleep(Duration::from_millis(200));
            })
            .await
        });
        has_begun.await.unwrap();
        tokio::time::timeout(Duration::from_millis(20), close(&connection))
            .await
            .unwrap_err();
        blocker.await.unwrap().unwrap();
        let answered = connection
            .call_raw(|connection| connection.query_row("SELECT 1", [], |row| row.get::<_, i64>(0)))
            .await;
        assert_eq!(answered.unwrap().unwrap(), 1);
    }
}
