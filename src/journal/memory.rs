//! A journal in memory, for tests and simulations. It can be made to fail in the ways a real one does.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use tokio::sync::Notify;

use super::{Entry, Follow, Journal, JournalError, LeaseEntry, Pending};
use crate::domain::Timestamp;

/// Every handle is the same journal.
#[derive(Debug, Clone, Default)]
pub struct MemoryJournal {
    shared: Arc<Shared>,
}

#[derive(Debug, Default)]
struct Shared {
    held: Mutex<Held>,
    changed: Notify,
}

#[derive(Debug, Default)]
struct Held {
    entries: Vec<Entry>,
    ids: HashMap<String, u64>,
    lease: Option<LeaseEntry>,
    /// Nothing is answered, and nothing is stored.
    away: bool,
    /// The next appends are stored, and their answers are lost.
    unanswered: u32,
    full: bool,
}

impl MemoryJournal {
    fn held(&self) -> std::sync::MutexGuard<'_, Held> {
        let held = self.shared.held.lock();
        held.unwrap_or_else(PoisonError::into_inner)
    }

    /// Whether it answers.
    pub fn set_away(&self, away: bool) {
        self.held().away = away;
        self.shared.changed.notify_waiters();
    }

    /// Whether it has room.
    pub fn set_full(&self, full: bool) {
        self.held().full = full;
    }

    /// Stores the next so many appends and does not say so.
    pub fn leave_unanswered(&self, appends: u32) {
        self.held().unanswered = appends;
    }

    /// Every entry.
    pub fn entries(&self) -> Vec<Entry> {
        self.held().entries.clone()
    }

    /// Loses what is behind a sequence, as no journal may.
    pub fn lose_after(&self, sequence: usize) {
        self.held().entries.truncate(sequence);
    }

    fn try_append(
        &self,
        bytes: Arc<[u8]>,
        id: &str,
        last: Option<u64>,
    ) -> Result<u64, JournalError> {
        let mut held = self.held();
        if held.away {
            return Err(away());
        }
        let head = held.entries.len() as u64;
        // As NATS does since 2.12: an expectation that is wrong goes before a known id.
        if last.is_some_and(|last| last != head) {
            return Err(JournalError::WrongLast);
        }
        if let Some(known) = held.ids.get(id) {
            return Ok(*known);
        }
        if held.full {
            return Err(JournalError::Full("no room in memory".to_owned()));
        }
        let sequence = head + 1;
        held.ids.insert(id.to_owned(), sequence);
        held.entries.push(Entry {
            sequence,
            bytes,
            subject: "memory".to_owned(),
            stored_at: Timestamp::default(),
        });
        self.shared.changed.notify_waiters();
        match held.unanswered.checked_sub(1) {
            Some(left) => {
                held.unanswered = left;
                Err(away())
            }
            None => Ok(sequence),
        }
    }

    fn answering<T>(&self, read: impl FnOnce(&Held) -> T) -> Result<T, JournalError> {
        let held = self.held();
        if held.away {
            Err(away())
        } else {
            Ok(read(&held))
        }
    }

    fn entry(&self, sequence: u64) -> Result<Option<Entry>, JournalError> {
        self.answering(|held| {
            let at = usize::try_from(sequence.checked_sub(1)?).ok()?;
            held.entries.get(at).cloned()
        })
    }
}

fn away() -> JournalError {
    JournalError::Away("told not to answer".to_owned())
}

impl Journal for MemoryJournal {
    fn append<'a>(&'a self, bytes: Arc<[u8]>, id: &'a str, last: Option<u64>) -> Pending<'a, u64> {
        Box::pin(async move { self.try_append(bytes, id, last) })
    }

    fn last(&self) -> Pending<'_, u64> {
        Box::pin(async { self.answering(|held| held.entries.len() as u64) })
    }

    fn read(&self, sequence: u64) -> Pending<'_, Option<Entry>> {
        Box::pin(async move { self.entry(sequence) })
    }

    fn follow(&self, after: u64) -> Pending<'_, Box<dyn Follow>> {
        let journal = self.clone();
        Box::pin(async move {
            journal.answering(|_| ())?;
            Ok(Box::new(Reading { journal, after }) as Box<dyn Follow>)
        })
    }

    fn lease(&self) -> Pending<'_, Option<LeaseEntry>> {
        Box::pin(async { self.answering(|held| held.lease.clone()) })
    }

    fn put_lease(&self, value: Vec<u8>, revision: u64) -> Pending<'_, u64> {
        Box::pin(async move {
            let mut held = self.held();
            if held.away {
                return Err(away());
            }
            let now = held.lease.as_ref().map_or(0, |lease| lease.revision);
            if now != revision {
                return Err(JournalError::WrongLast);
            }
            held.lease = Some(LeaseEntry {
                revision: now + 1,
                value,
            });
            Ok(now + 1)
        })
    }
}

struct Reading {
    journal: MemoryJournal,
    after: u64,
}

impl Follow for Reading {
    fn next(&mut self) -> Pending<'_, Entry> {
        Box::pin(async {
            let shared = Arc::clone(&self.journal.shared);
            loop {
                let mut changed = std::pin::pin!(shared.changed.notified());
                changed.as_mut().enable();
                if let Some(entry) = self.journal.entry(self.after + 1)? {
                    self.after += 1;
                    return Ok(entry);
                }
                changed.await;
            }
        })
    }
}
