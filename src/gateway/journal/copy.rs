//! A store that is a copy of the journal's history, and how far it has come.

use std::collections::VecDeque;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use time::OffsetDateTime;

use super::{SharedJournal, failed, unfit};
use crate::error::Error;
use crate::journal::{
    Added, Broken, Content, Entry, Genesis, History, Journal, JournalError, Record,
};
use crate::store::{Binding, Follow, OpenStore, Progress, Store, StoreError, StoreSettings};

/// What is applied in one transaction at most.
const BATCH_MAX: usize = 256;

/// A copy of the history.
#[derive(Debug)]
pub(super) struct Copy {
    pub(super) opened: OpenStore,
    pub(super) history: History,
    /// Batches that were committed here, and that the journal may not have.
    outbox: VecDeque<(u64, Vec<u8>)>,
}

/// Why a copy cannot go on.
#[derive(Debug)]
pub(super) enum Stop {
    /// What was committed here is not what the journal says.
    Diverged(String),
    /// The journal holds what this program must not go on behind.
    Broken(Broken),
    /// The store failed.
    Store(StoreError),
}

impl From<Stop> for Error {
    fn from(stop: Stop) -> Self {
        match stop {
            Stop::Diverged(text) => unfit(text),
            Stop::Broken(broken) => unfit(broken.to_string()),
            Stop::Store(error) => error.into(),
        }
    }
}

impl From<StoreError> for Stop {
    fn from(error: StoreError) -> Self {
        Self::Store(error)
    }
}

impl Copy {
    /// Opens the store of a journal. `genesis`: the journal's first record, where it has one.
    ///
    /// # Errors
    /// `STORE`, `STORE_MISMATCH`, `JOURNAL`: it belongs to another journal, or to none and is not empty.
    pub(super) async fn open(
        shared: &SharedJournal,
        settings: StoreSettings,
        genesis: Option<&Genesis>,
    ) -> Result<Self, Error> {
        if let Some(genesis) = genesis
            && genesis.client_id != settings.client_id
        {
            return Err(unfit(format!(
                "JOURNAL_NAME: the journal {} belongs to client id {}, not {}: set IB_CLIENT_ID={}, or take another name",
                shared.stream, genesis.client_id, settings.client_id, genesis.client_id
            )));
        }
        let now = OffsetDateTime::now_utc().unix_timestamp();
        let base_sequence = match genesis {
            Some(genesis) => genesis.base_sequence,
            None => u64::try_from(now).unwrap_or(0) << 20,
        };
        let opened = Store::follow(settings, Follow { base_sequence }).await?;
        let store = &opened.store;
        let history = match store.binding().await? {
            Some(binding) => {
                if binding.stream != shared.stream || binding.created != shared.created {
                    return Err(unfit(format!(
                        "JOURNAL_NAME: the store belongs to the journal {} of {}, and this one is {} of {}: set the name it had, or give this gateway a store of its own with ORDER_DB_PATH",
                        binding.stream, binding.created, shared.stream, shared.created
                    )));
                }
                if genesis.is_none() {
                    return Err(unfit(format!(
                        "JOURNAL_NAME: the journal {} is empty, and the store has its records up to {}: it lost them; look at the disks of its servers",
                        shared.stream, binding.progress.number
                    )));
                }
                let Progress {
                    number,
                    hash,
                    epoch,
                    batch,
                } = binding.progress;
                let committed = store.outbox().await?.len() as u64;
                History::at(binding.store_id, number, hash, epoch, batch - committed)
            }
            None if store.has_rows().await? => {
                return Err(unfit(format!(
                    "JOURNAL_NAME: the store has orders and belongs to no journal: a journal begins with an empty store, so give the gateway of the journal {} a store of its own with ORDER_DB_PATH, or leave JOURNAL_SERVERS unset",
                    shared.stream
                )));
            }
            None => History::beginning(),
        };
        let outbox = store.outbox().await?.into();
        Ok(Self {
            opened,
            history,
            outbox,
        })
    }

    /// Takes entries in, in one transaction each of so many. Those that hold what was committed here are noted, the others applied.
    ///
    /// # Errors
    /// [`Stop`]; what came before stays.
    pub(super) async fn take(
        &mut self,
        shared: &SharedJournal,
        entries: &[Entry],
    ) -> Result<(), Stop> {
        for entries in entries.chunks(BATCH_MAX) {
            let mut batches = Vec::new();
            let mut adopted = false;
            let mut broken = None;
            let before = self.history.clone();
            for entry in entries {
                match self.history.take(entry) {
                    Ok(Added::Genesis(_)) => self.bind(shared).await?,
                    Ok(Added::Batches(first, found)) => {
                        if self.outbox.is_empty() {
                            batches.extend(found);
                        } else {
                            self.adopt(first, &found, entry)?;
                            adopted = true;
                        }
                    }
                    Ok(Added::Epoch | Added::Nothing) => {}
                    Err(error) => {
                        broken = Some(error);
                        break;
                    }
                }
            }
            if self.history != before {
                let progress = self.progress();
                let store = &self.opened.store;
                if adopted {
                    store.adopt(progress).await?;
                }
                store.apply(batches, progress).await?;
            }
            if let Some(broken) = broken {
                return Err(Stop::Broken(broken));
            }
        }
        Ok(())
    }

    fn adopt(&mut self, first: u64, found: &[Vec<u8>], entry: &Entry) -> Result<(), Stop> {
        for (number, bytes) in (first..).zip(found) {
            if self
                .outbox
                .front()
                .is_some_and(|(known, own)| *known == number && own == bytes)
            {
                self.outbox.pop_front();
            } else {
                return Err(Stop::Diverged(format!(
                    "record {} of the journal holds another batch {number} than was committed here",
                    entry.sequence
                )));
            }
        }
        Ok(())
    }

    /// Reads up to a record, this one included.
    ///
    /// # Errors
    /// [`Stop`], or that the journal does not answer.
    pub(super) async fn catch_up(
        &mut self,
        shared: &SharedJournal,
        until: u64,
    ) -> Result<Result<(), Stop>, JournalError> {
        if self.history.number >= until {
            return Ok(Ok(()));
        }
        let mut following = shared.journal.follow(self.history.number).await?;
        let mut entries = Vec::new();
        while self.history.number + (entries.len() as u64) < until {
            entries.push(following.next().await?);
            if entries.len() == BATCH_MAX
                && let Err(stop) = self.take(shared, &std::mem::take(&mut entries)).await
            {
                return Ok(Err(stop));
            }
        }
        Ok(self.take(shared, &entries).await)
    }

    async fn bind(&self, shared: &SharedJournal) -> Result<(), Stop> {
        let binding = Binding {
            store_id: self.history.store_id.clone(),
            stream: shared.stream.clone(),
            created: shared.created.clone(),
            progress: self.progress(),
        };
        Ok(self.opened.store.bind(binding).await?)
    }

    /// How far this copy has come. Of a batch that is not whole nothing is stored: it is read again.
    fn progress(&self) -> Progress {
        let (number, hash) = self.history.whole();
        Progress {
            number,
            hash,
            epoch: self.history.epoch,
            batch: self.history.batch,
        }
    }

    /// Goes back to what is stored.
    ///
    /// # Errors
    /// `STORE`.
    pub(super) async fn reread(&mut self) -> Result<(), Error> {
        if let Some(binding) = self.opened.store.binding().await? {
            let Progress {
                number,
                hash,
                epoch,
                batch,
            } = binding.progress;
            self.history = History::at(binding.store_id, number, hash, epoch, batch);
        }
        Ok(())
    }

    /// Whether something was committed here that the journal may not have.
    pub(super) fn has_more(&self) -> bool {
        !self.outbox.is_empty()
    }
}

/// Opens the copy and reads the journal up to `until`. A store whose history is another one than the journal's is put aside, and made anew.
///
/// # Errors
/// `STORE`, `JOURNAL`.
pub(super) async fn open_up_to(
    shared: &SharedJournal,
    settings: &StoreSettings,
    until: u64,
) -> Result<Copy, Error> {
    let genesis = genesis(shared).await?;
    let mut put_aside = false;
    loop {
        let mut copy = Copy::open(shared, settings.clone(), genesis.as_ref()).await?;
        let why = match is_prefix(shared, &copy).await? {
            None => match copy.catch_up(shared, until).await.map_err(failed)? {
                Ok(()) => return Ok(copy),
                Err(Stop::Diverged(why)) => why,
                // What it committed and the journal does not have was overtaken by another leader.
                Err(Stop::Broken(Broken::Foreign { why, .. })) if copy.has_more() => why.to_owned(),
                Err(stop) => return Err(stop.into()),
            },
            Some(why) => why,
        };
        if put_aside {
            return Err(unfit(why));
        }
        put_aside = true;
        copy.opened.store.clone().close().await?;
        drop(copy);
        let aside = put_store_aside(&settings.path)?;
        tracing::error!(
            %why,
            aside = %aside.display(),
            "the store is not a copy of the journal: it was put aside, and is made anew"
        );
    }
}

/// Why the journal does not have the record that the copy believes to be its last. `None`: it does.
async fn is_prefix(shared: &SharedJournal, copy: &Copy) -> Result<Option<String>, Error> {
    let History { number, hash, .. } = &copy.history;
    if *number == 0 {
        return Ok(None);
    }
    let entry = shared.journal.read(*number).await.map_err(failed)?;
    Ok(match entry {
        Some(entry) if crate::journal::hash_of(&entry.bytes) == *hash => None,
        Some(_) => Some(format!("record {number} of the journal is another one")),
        None => {
            let last = shared.journal.last().await.map_err(failed)?;
            return Err(unfit(format!(
                "JOURNAL_NAME: the journal {} ends at record {last}, and this store has record {number}: the journal lost records; look at the disks of its servers",
                shared.stream
            )));
        }
    })
}

/// The journal's first record. `None`: it is empty.
async fn genesis(shared: &SharedJournal) -> Result<Option<Genesis>, Error> {
    let Some(entry) = shared.journal.read(1).await.map_err(failed)? else {
        return Ok(None);
    };
    match Record::decode(&entry.bytes).map(|record| record.content) {
        Ok(Content::Genesis(genesis)) => Ok(Some(genesis)),
        Ok(_) => Err(unfit(format!(
            "JOURNAL_NAME: the stream {} does not begin as a journal does",
            shared.stream
        ))),
        Err(why) => Err(unfit(format!(
            "JOURNAL_NAME: the first entry of the stream {}: {why}",
            shared.stream
        ))),
    }
}

/// Gives the files of a closed store another name.
fn put_store_aside(path: &Path) -> Result<PathBuf, Error> {
    let now = OffsetDateTime::now_utc().unix_timestamp_nanos() / 1_000_000;
    let beside = |suffix: &str| {
        let mut name = path.as_os_str().to_owned();
        name.push(suffix);
        PathBuf::from(name)
    };
    let aside = beside(&format!(".diverged-{now}"));
    for suffix in ["", "-wal", "-shm"] {
        let from = beside(suffix);
        let mut to = aside.as_os_str().to_owned();
        to.push(suffix);
        match std::fs::rename(&from, &to) {
            Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
                return Err(StoreError::Io(format!(
                    "could not rename {} to {}: {error}",
                    from.display(),
                    Path::new(&to).display()
                ))
                .into());
            }
            Ok(()) | Err(_) => {}
        }
    }
    Ok(aside)
}

/// Reads on for as long as the journal answers, and hands over what is there.
pub(super) async fn next_entries(
    following: &mut dyn crate::journal::Follow,
) -> Result<Vec<Entry>, JournalError> {
    let mut entries = vec![following.next().await?];
    while entries.len() < BATCH_MAX {
        match tokio::time::timeout(std::time::Duration::ZERO, following.next()).await {
            Ok(entry) => entries.push(entry?),
            Err(_) => break,
        }
    }
    Ok(entries)
}

/// The journal that a copy follows.
pub(super) fn journal_of(shared: &SharedJournal) -> Arc<dyn Journal> {
    Arc::clone(&shared.journal)
}
