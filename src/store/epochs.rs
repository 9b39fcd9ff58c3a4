//! Which sequences the events of this store have, run by run.
//!
//! Each start of a gateway goes on at a sequence that no other history of the same store has: at the time of the start, with more places to a second than
//! events can fill. So a cursor tells whether this store gave it out. One that a copy of the store gave out after the copy was made lies in none of the runs.

use std::time::Duration;

use tokio_rusqlite::rusqlite::{self, Connection, OptionalExtension, named_params};

/// Where a cursor lies.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Cursor {
    /// In this store's history.
    Known,
    /// Before it, or of another store.
    Foreign,
    /// After the last event that the history which gave it out has in common with this store's.
    LostFuture {
        /// The sequence of that event: from there nothing is missed.
        resume_after: u64,
    },
}

/// The first sequence at a time, seconds × 2^20. Until 2242 it stays below 2^53. Parts of a second count, or two starts within one could give the same.
pub(super) fn first_sequence(now: Duration) -> u64 {
    let sequence = (now.as_micros() << 20) / 1_000_000;
    u64::try_from(sequence).unwrap_or(u64::MAX >> 11)
}

/// Begins an epoch behind the last event `head` of a store whose first event has, or will have, the sequence `base`, and answers the first sequence of it. An
/// epoch without an event makes room for the new one.
pub(super) fn begin(
    transaction: &Connection,
    base: u64,
    head: u64,
    now: Duration,
) -> rusqlite::Result<u64> {
    let open: Option<(i64, u64)> = transaction
        .query_row(
            "SELECT epoch, first FROM epochs WHERE last IS NULL ORDER BY epoch DESC LIMIT 1",
            [],
            |row| Ok((row.get(0)?, row.get::<_, i64>(1)?.cast_unsigned())),
        )
        .optional()?;
    let first = first_sequence(now).max(head + 1);
    match open {
        // The store is new, or was made by a version without epochs.
        None if head < base => {
            insert(transaction, 1, base, None)?;
            return Ok(base);
        }
        None => {
            insert(transaction, 1, base, Some(head))?;
            insert(transaction, 2, first, None)?;
        }
        Some((epoch, begun)) if head < begun && epoch > 1 => {
            transaction.execute(
                "UPDATE epochs SET first = :first WHERE epoch = :epoch",
                named_params! {":first": first.cast_signed(), ":epoch": epoch},
            )?;
        }
        Some((epoch, _)) => {
            transaction.execute(
                "UPDATE epochs SET last = :last WHERE epoch = :epoch",
                named_params! {":last": head.cast_signed(), ":epoch": epoch},
            )?;
            insert(transaction, epoch + 1, first, None)?;
        }
    }
    Ok(first)
}

fn insert(
    transaction: &Connection,
    epoch: i64,
    first: u64,
    last: Option<u64>,
) -> rusqlite::Result<()> {
    transaction
        .execute(
            "INSERT INTO epochs (epoch, first, last) VALUES (:epoch, :first, :last)",
            named_params! {
                ":epoch": epoch,
                ":first": first.cast_signed(),
                ":last": last.map(u64::cast_signed),
            },
        )
        .map(drop)
}

/// Where a cursor lies in a store whose first event has the sequence `base` and whose last event is `head`.
pub(super) fn locate(
    connection: &Connection,
    base: u64,
    head: u64,
    cursor: u64,
) -> rusqlite::Result<Cursor> {
    // Before the first event the head is one less.
    if cursor == base - 1 || cursor == head {
        return Ok(Cursor::Known);
    }
    if cursor < base {
        return Ok(Cursor::Foreign);
    }
    let epoch: Option<(i64, Option<i64>)> = connection
        .prepare_cached(
            "SELECT epoch, last FROM epochs WHERE first <= :cursor ORDER BY epoch DESC LIMIT 1",
        )?
        .query_row([cursor.cast_signed()], |row| Ok((row.get(0)?, row.get(1)?)))
        .optional()?;
    let Some((epoch, last)) = epoch else {
        return Ok(if cursor <= head {
            Cursor::Known
        } else {
            Cursor::Foreign
        });
    };
    match last.map(i64::cast_unsigned) {
        None if cursor <= head => Ok(Cursor::Known),
        // This run has not come to it, so another history gave it out. Where the two parted is not known, but it was not before this run began.
        None => {
            let before: Option<i64> = connection
                .prepare_cached("SELECT last FROM epochs WHERE epoch = :epoch")?
                .query_row([epoch - 1], |row| row.get(0))
                .optional()?
                .flatten();
            Ok(before.map_or(Cursor::Foreign, |last| Cursor::LostFuture {
                resume_after: last.cast_unsigned(),
            }))
        }
        Some(last) if cursor <= last => Ok(Cursor::Known),
        Some(resume_after) => Ok(Cursor::LostFuture { resume_after }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const BASE: u64 = 1_000 << 20;

    fn store() -> Connection {
        let connection = Connection::open_in_memory().unwrap();
        connection
            .execute_batch(
                "CREATE TABLE epochs (epoch INTEGER PRIMARY KEY, first INTEGER NOT NULL, last INTEGER)",
            )
            .unwrap();
        connection
    }

    fn start(connection: &mut Connection, head: u64, second: u64) -> u64 {
        let transaction = connection.transaction().unwrap();
        let first = begin(&transaction, BASE, head, Duration::from_secs(second)).unwrap();
        transaction.commit().unwrap();
        first
    }

    #[test]
    fn each_start_goes_on_at_the_time_and_never_behind_the_head() {
        let mut store = store();
        assert_eq!(start(&mut store, BASE - 1, 1_000), BASE);
        assert_eq!(start(&mut store, BASE + 9, 2_000), 2_000 << 20);
        // The clock went back.
        assert_eq!(
            start(&mut store, (2_000 << 20) + 4, 1_500),
            (2_000 << 20) + 5
        );
    }

    #[test]
    fn a_cursor_is_known_where_it_lies_in_a_run_and_the_end_of_the_run_before_is_shared() {
        let mut store = store();
        start(&mut store, BASE - 1, 1_000);
        start(&mut store, BASE + 9, 2_000);
        let head = (2_000 << 20) + 3;
        let at = |cursor| locate(&store, BASE, head, cursor).unwrap();
        for known in [BASE - 1, BASE, BASE + 9, 2_000 << 20, head] {
            assert_eq!(at(known), Cursor::Known, "{known}");
        }
        let resume_after = BASE + 9;
        for lost in [BASE + 10, (2_000 << 20) - 1, head + 1, 9_000 << 20] {
            assert_eq!(at(lost), Cursor::LostFuture { resume_after }, "{lost}");
        }
        assert_eq!(at(BASE - 2), Cursor::Foreign);
    }

    #[test]
    fn starts_without_an_event_add_no_epochs_but_keep_the_cursor_of_an_empty_store() {
        let mut store = store();
        start(&mut store, BASE - 1, 1_000);
        for second in 2_000..2_010 {
            assert_eq!(start(&mut store, BASE - 1, second), second << 20);
        }
        let epochs: i64 = store
            .query_row("SELECT count(*) FROM epochs", [], |row| row.get(0))
            .unwrap();
        assert_eq!(epochs, 2);
        assert_eq!(
            locate(&store, BASE, BASE - 1, BASE - 1).unwrap(),
            Cursor::Known
        );
        // Given out by an earlier copy while it had events.
        assert_eq!(
            locate(&store, BASE, BASE - 1, BASE + 3).unwrap(),
            Cursor::LostFuture {
                resume_after: BASE - 1
            }
        );
    }

    #[test]
    fn a_store_of_a_version_without_epochs_is_one_run_until_now() {
        let mut store = store();
        assert_eq!(start(&mut store, BASE + 20, 3_000), 3_000 << 20);
        let at = |cursor| locate(&store, BASE, BASE + 20, cursor).unwrap();
        assert_eq!(at(BASE + 20), Cursor::Known);
        assert_eq!(
            at(BASE + 21),
            Cursor::LostFuture {
                resume_after: BASE + 20
            }
        );
    }

    #[test]
    fn two_starts_within_a_second_go_on_at_different_sequences() {
        let earlier = first_sequence(Duration::from_millis(1_500));
        let later = first_sequence(Duration::from_millis(1_501));
        assert!(later - earlier > 1_000, "{earlier} {later}");
        assert_eq!(first_sequence(Duration::from_secs(7)), 7 << 20);
    }
}
