//! Who may lead.
//!
//! The lease is one value, written by revision. Its holder writes it anew several times while it counts; another takes it when its revision has not moved
//! for as long as it counts, on a clock of its own. The holder stops sooner than that. The lease alone fences nobody: a process that was stopped wakes and
//! goes on. So it is looked at before each message that could open risk, and the fence in the journal keeps the rest out.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use serde::{Deserialize, Serialize};
use tokio::sync::watch;

use super::{Journal, JournalError, LeaseEntry, boot_time};

/// Between two looks at somebody else's lease at most.
const LOOK_EVERY_MAX: Duration = Duration::from_millis(250);

/// The waits of a lease.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct LeaseTimes {
    /// Its holder writes it so often.
    pub update_every: Duration,
    /// Its holder relies on it for so long from the start of the last write that succeeded.
    pub held_for: Duration,
    /// Another takes it when it has not moved for so long.
    pub taken_after: Duration,
}

impl LeaseTimes {
    /// Of a lease that counts for so long.
    pub fn of(lease: Duration) -> Self {
        Self {
            update_every: lease / 10,
            held_for: lease * 3 / 4,
            taken_after: lease,
        }
    }
}

/// What its holder writes.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct LeaseValue {
    /// Names one process, and no other ever.
    pub holder: String,
    /// The revision under which this holder took it; 0 in that very write.
    pub epoch: u64,
    /// Where it can be called.
    pub address: String,
    /// The number of its last record.
    #[serde(default)]
    pub head: u64,
    /// Batches that it has committed and the journal does not have.
    #[serde(default)]
    pub lag: u64,
    /// The address of its TWS.
    #[serde(default)]
    pub tws: String,
    /// It is connected to TWS.
    #[serde(default)]
    pub tws_connected: bool,
    /// New orders are halted there.
    #[serde(default)]
    pub halted: bool,
    /// Its holder gave it back: whoever is next need not wait.
    #[serde(default)]
    pub released: bool,
}

impl LeaseValue {
    /// From what is stored.
    ///
    /// # Errors
    /// [`JournalError::Unfit`]: somebody else writes there.
    pub fn read(entry: &LeaseEntry) -> Result<Self, JournalError> {
        serde_json::from_slice(&entry.value).map_err(|error| {
            JournalError::Unfit(format!(
                "revision {} of the lease is none of a gateway's: {error}",
                entry.revision
            ))
        })
    }

    /// The epoch of who wrote it.
    pub fn epoch_at(&self, revision: u64) -> u64 {
        if self.epoch == 0 {
            revision
        } else {
            self.epoch
        }
    }

    fn bytes(&self) -> Vec<u8> {
        serde_json::to_vec(self).unwrap_or_default()
    }
}

/// Until when this process may send what opens risk. Cheap to look at from any thread.
#[derive(Debug)]
pub struct Lease {
    /// Nanoseconds of [`boot_time`].
    until: AtomicU64,
}

impl Lease {
    fn until(until: Duration) -> Arc<Self> {
        let lease = Self {
            until: AtomicU64::new(0),
        };
        lease.extend(until);
        Arc::new(lease)
    }

    fn extend(&self, until: Duration) {
        let until = u64::try_from(until.as_nanos()).unwrap_or(u64::MAX);
        self.until.fetch_max(until, Ordering::SeqCst);
    }

    fn end(&self) {
        self.until.store(0, Ordering::SeqCst);
    }

    /// Whether it is held at this very moment.
    pub fn is_held(&self) -> bool {
        boot_time().as_nanos() < u128::from(self.until.load(Ordering::SeqCst))
    }
}

/// A lease that was taken.
#[derive(Debug)]
pub struct Taken {
    /// The epoch that begins.
    pub epoch: u64,
    /// Until when it counts.
    pub lease: Arc<Lease>,
}

/// How the lease stands, to its holder.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Standing {
    /// The last write succeeded.
    Held,
    /// It did not. Whether the lease still counts, [`Lease::is_held`] says.
    Unsure(String),
    /// Another process has it.
    Lost {
        /// The epoch of that one.
        epoch: u64,
        /// Where that one can be called.
        address: String,
    },
}

/// Waits until the lease can be had, and takes it. `seen` hears of every lease that is somebody else's.
///
/// # Errors
/// [`JournalError::Unfit`]. A journal that does not answer is waited for: the time of its silence does not count.
pub async fn take(
    journal: &dyn Journal,
    times: LeaseTimes,
    me: &LeaseValue,
    mut seen: impl FnMut(&LeaseValue, u64),
) -> Result<Taken, JournalError> {
    let look_every = LOOK_EVERY_MAX.min(times.taken_after / 20);
    // The revision last seen, and how long it was seen to stand.
    let mut stands: Option<(u64, Duration)> = None;
    let mut looked: Option<Duration> = None;
    let mut put: Option<Duration> = None;
    loop {
        let now = boot_time();
        match journal.lease().await {
            Ok(found) => {
                let revision = found.as_ref().map_or(0, |entry| entry.revision);
                let value = found.as_ref().map(LeaseValue::read).transpose()?;
                if let (Some(value), Some(begun)) = (&value, put)
                    && value.holder == me.holder
                {
                    // The write whose answer did not come.
                    return Ok(taken(revision, begun, times));
                }
                // A look that came late says nothing about the time before it: this process may have been stopped.
                let passed = looked.map_or(Duration::ZERO, |before| {
                    now.saturating_sub(before).min(look_every * 2)
                });
                stands = match stands {
                    Some((known, stood)) if known == revision => Some((known, stood + passed)),
                    Some(_) | None => Some((revision, Duration::ZERO)),
                };
                looked = Some(now);
                if let Some(value) = &value {
                    seen(value, value.epoch_at(revision));
                }
                let is_free = value.as_ref().is_none_or(|value| value.released)
                    || stands.is_some_and(|(_, stood)| stood >= times.taken_after);
                if is_free {
                    let begun = boot_time();
                    put = Some(begun);
                    let value = LeaseValue {
                        epoch: 0,
                        released: false,
                        ..me.clone()
                    };
                    match journal.put_lease(value.bytes(), revision).await {
                        Ok(epoch) => return Ok(taken(epoch, begun, times)),
                        Err(JournalError::WrongLast) => put = None,
                        Err(error @ JournalError::Unfit(_)) => return Err(error),
                        Err(JournalError::Away(_) | JournalError::Full(_)) => {}
                    }
                }
            }
            Err(error @ JournalError::Unfit(_)) => return Err(error),
            Err(_) => looked = None,
        }
        tokio::time::sleep(look_every).await;
    }
}

fn taken(epoch: u64, begun: Duration, times: LeaseTimes) -> Taken {
    Taken {
        epoch,
        lease: Lease::until(begun + times.held_for),
    }
}

/// Keeps a lease. Dropping it lets the lease run out.
#[derive(Debug)]
pub struct Keeper {
    value: watch::Sender<LeaseValue>,
    standing: watch::Receiver<Standing>,
    task: tokio::task::JoinHandle<()>,
    lease: Arc<Lease>,
}

impl Keeper {
    /// Writes the lease anew for as long as nobody else takes it.
    pub fn start(
        journal: Arc<dyn Journal>,
        times: LeaseTimes,
        taken: Taken,
        value: LeaseValue,
    ) -> Self {
        let Taken { epoch, lease } = taken;
        let value = LeaseValue { epoch, ..value };
        let (value, written) = watch::channel(value);
        let (standing, seen) = watch::channel(Standing::Held);
        let keeping = Keeping {
            journal,
            times,
            epoch,
            revision: epoch,
            lease: Arc::clone(&lease),
            value: written,
            standing,
        };
        Self {
            value,
            standing: seen,
            task: tokio::spawn(keeping.run()),
            lease,
        }
    }

    /// Changes what is written from now on.
    pub fn write(&self, change: impl FnOnce(&mut LeaseValue)) {
        self.value.send_modify(change);
    }

    /// How it stands, now and from now on.
    pub fn standing(&self) -> watch::Receiver<Standing> {
        self.standing.clone()
    }

    /// What is looked at before a message leaves.
    pub fn lease(&self) -> Arc<Lease> {
        Arc::clone(&self.lease)
    }

    /// Gives it back: another takes it at once. To be called when nothing is sent any more.
    pub async fn release(self, limit: Duration) {
        self.lease.end();
        self.value.send_modify(|value| value.released = true);
        let mut standing = self.standing.clone();
        // The task ends once it has written that, or found the lease taken.
        let _ =
            tokio::time::timeout(limit, async { while standing.changed().await.is_ok() {} }).await;
    }
}

impl Drop for Keeper {
    fn drop(&mut self) {
        self.task.abort();
    }
}

struct Keeping {
    journal: Arc<dyn Journal>,
    times: LeaseTimes,
    epoch: u64,
    revision: u64,
    lease: Arc<Lease>,
    value: watch::Receiver<LeaseValue>,
    standing: watch::Sender<Standing>,
}

impl Keeping {
    async fn run(mut self) {
        loop {
            let value = self.value.borrow().clone();
            let begun = boot_time();
            let written = self.journal.put_lease(value.bytes(), self.revision).await;
            let pause = match written {
                Ok(revision) => {
                    self.revision = revision;
                    if value.released {
                        return;
                    }
                    self.lease.extend(begun + self.times.held_for);
                    self.standing.send_if_modified(|standing| {
                        std::mem::replace(standing, Standing::Held) != Standing::Held
                    });
                    self.times.update_every
                }
                Err(JournalError::WrongLast) => match self.journal.lease().await {
                    Ok(found) => match self.look(found) {
                        Some(lost) => {
                            self.lease.end();
                            self.standing.send_replace(lost);
                            return;
                        }
                        // Our own write whose answer did not come: the next one goes on from it.
                        None => Duration::ZERO,
                    },
                    Err(error) => self.unsure(&error),
                },
                Err(error) => self.unsure(&error),
            };
            let mut value = self.value.clone();
            tokio::select! {
                () = tokio::time::sleep(pause) => {}
                released = value.wait_for(|value| value.released) => {
                    if released.is_err() {
                        return;
                    }
                }
            }
        }
    }

    /// What the lease is when it is not what was written last; `None`: ours all the same.
    fn look(&mut self, found: Option<LeaseEntry>) -> Option<Standing> {
        let lost = |epoch, address| Some(Standing::Lost { epoch, address });
        let Some(entry) = found else {
            return lost(0, String::new());
        };
        match LeaseValue::read(&entry) {
            Ok(value) if value.holder == self.value.borrow().holder => {
                self.revision = entry.revision;
                None
            }
            Ok(value) => lost(value.epoch_at(entry.revision), value.address),
            Err(_) => lost(entry.revision, String::new()),
        }
    }

    fn unsure(&self, error: &JournalError) -> Duration {
        let text = error.to_string();
        tracing::debug!(epoch = self.epoch, error = %text, "the lease was not written");
        self.standing.send_if_modified(|standing| {
            let unsure = Standing::Unsure(text);
            let changed = *standing != unsure;
            *standing = unsure;
            changed
        });
        self.times.update_every / 4
    }
}

#[cfg(test)]
mod tests {
    use std::time::Instant;

    use super::*;
    use crate::journal::memory::MemoryJournal;

    // The lease counts on the clock of the machine, so these tests wait for real.
    const LEASE: Duration = Duration::from_millis(400);

    fn value(holder: &str) -> LeaseValue {
        LeaseValue {
            holder: holder.to_owned(),
            address: format!("{holder}:50051"),
            ..LeaseValue::default()
        }
    }

    async fn take_for(journal: &MemoryJournal, holder: &str) -> Taken {
        let times = LeaseTimes::of(LEASE);
        take(journal, times, &value(holder), |_, _| ())
            .await
            .unwrap()
    }

    fn keep(journal: &MemoryJournal, taken: Taken, holder: &str) -> Keeper {
        let times = LeaseTimes::of(LEASE);
        Keeper::start(Arc::new(journal.clone()), times, taken, value(holder))
    }

    #[tokio::test]
    async fn a_free_lease_is_taken_at_once_and_its_revision_is_the_epoch() {
        let journal = MemoryJournal::default();
        let taken = take_for(&journal, "a").await;
        assert_eq!(taken.epoch, 1);
        assert!(taken.lease.is_held());
    }

    #[tokio::test]
    async fn nobody_takes_a_lease_that_is_kept_and_who_waits_sees_whose_it_is() {
        let journal = MemoryJournal::default();
        let taken = take_for(&journal, "a").await;
        let keeper = keep(&journal, taken, "a");
        let mut seen = String::new();
        let (times, other) = (LeaseTimes::of(LEASE), value("b"));
        let waiting = take(&journal, times, &other, |value, epoch| {
            seen = format!("{} {epoch}", value.address);
        });
        assert!(
            tokio::time::timeout(LEASE * 3, waiting).await.is_err(),
            "it was taken"
        );
        assert_eq!(seen, "a:50051 1");
        assert!(keeper.lease().is_held());
    }

    #[tokio::test]
    async fn a_lease_that_is_not_kept_is_given_up_by_its_holder_before_another_takes_it() {
        let journal = MemoryJournal::default();
        let first = take_for(&journal, "a").await;
        let begun = Instant::now();
        let second = take_for(&journal, "b").await;
        assert!(begun.elapsed() >= LEASE * 9 / 10);
        assert!(!first.lease.is_held());
        assert!(second.lease.is_held() && second.epoch > first.epoch);
        let keeper = keep(&journal, first, "a");
        let mut standing = keeper.standing();
        let lost = standing
            .wait_for(|standing| matches!(standing, Standing::Lost { .. }))
            .await
            .unwrap()
            .clone();
        assert_eq!(
            lost,
            Standing::Lost {
                epoch: second.epoch,
                address: "b:50051".to_owned()
            }
        );
        assert!(!keeper.lease().is_held());
    }

    #[tokio::test]
    async fn a_released_lease_is_taken_at_once() {
        let journal = MemoryJournal::default();
        let taken = take_for(&journal, "a").await;
        let keeper = keep(&journal, taken, "a");
        let lease = keeper.lease();
        keeper.release(Duration::from_secs(5)).await;
        assert!(!lease.is_held());
        let begun = Instant::now();
        take_for(&journal, "b").await;
        assert!(begun.elapsed() < LEASE / 2);
    }

    #[tokio::test]
    async fn while_the_journal_is_away_the_holder_loses_it_and_nobody_takes_it() {
        let journal = MemoryJournal::default();
        let taken = take_for(&journal, "a").await;
        let keeper = keep(&journal, taken, "a");
        let other = journal.clone();
        let second = tokio::spawn(async move { take_for(&other, "b").await.epoch });
        journal.set_away(true);
        tokio::time::sleep(LEASE * 2).await;
        assert!(!keeper.lease().is_held());
        assert!(matches!(*keeper.standing().borrow(), Standing::Unsure(_)));
        assert!(!second.is_finished());
        journal.set_away(false);
        let mut standing = keeper.standing();
        standing.wait_for(|s| *s == Standing::Held).await.unwrap();
        assert!(keeper.lease().is_held());
        second.abort();
    }
}
