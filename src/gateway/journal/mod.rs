//! A gateway that is one of several with one journal: it leads, or it follows.

mod copy;
mod following;
mod leading;

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::watch;

use crate::config::{Config, JournalConfig};
use crate::error::{Error, Reason};
use crate::journal::{Journal, JournalError, Keeper, Lease, LeaseTimes, LeaseValue, take};

/// Between two attempts to reach a journal that is away.
const RETRY: Duration = Duration::from_millis(500);

/// A journal that is open, and what this process is in it.
#[derive(Clone)]
pub struct SharedJournal {
    journal: Arc<dyn Journal>,
    stream: String,
    created: String,
    times: LeaseTimes,
    me: LeaseValue,
    leader: watch::Sender<String>,
}

impl fmt::Debug for SharedJournal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SharedJournal")
            .field("stream", &self.stream)
            .field("holder", &self.me.holder)
            .finish_non_exhaustive()
    }
}

/// The lease, held by this process until it is dropped or given to a gateway that leads.
#[derive(Debug)]
pub struct HeldLease {
    keeper: Keeper,
    epoch: u64,
}

impl HeldLease {
    /// What is looked at before an order leaves.
    fn lease(&self) -> Arc<Lease> {
        self.keeper.lease()
    }
}

impl SharedJournal {
    /// Connects to the journal of a configuration, makes it where there is none, and checks it. A journal that does not answer is waited for.
    ///
    /// # Errors
    /// `JOURNAL` names the setting that is wrong.
    pub async fn open(config: &Config, address: &str) -> Result<Self, Error> {
        let Some(settings) = &config.journal else {
            return Err(unfit("JOURNAL_SERVERS: is not set".to_owned()));
        };
        let (journal, stream, created) = connect(settings).await?;
        let advertised = settings.advertise.clone();
        let me = LeaseValue {
            holder: uuid::Uuid::now_v7().to_string(),
            address: advertised.unwrap_or_else(|| address.to_owned()),
            tws: format!("{}:{}", config.ib_host, config.ib_port),
            ..LeaseValue::default()
        };
        Ok(Self::over(journal, stream, created, settings.lease, me))
    }

    /// Over any journal.
    pub(crate) fn over(
        journal: Arc<dyn Journal>,
        stream: String,
        created: String,
        lease: Duration,
        me: LeaseValue,
    ) -> Self {
        Self {
            journal,
            stream,
            created,
            times: LeaseTimes::of(lease),
            me,
            leader: watch::Sender::default(),
        }
    }

    /// Where the gateway that leads can be called; empty while none is known.
    pub fn leader(&self) -> watch::Receiver<String> {
        self.leader.subscribe()
    }

    /// Waits until the lease can be had, and takes it.
    ///
    /// # Errors
    /// `JOURNAL`: somebody else writes there.
    pub async fn take(&self) -> Result<HeldLease, Error> {
        let taken = take(self.journal.as_ref(), self.times, &self.me, |value, _| {
            self.show_leader(value);
        })
        .await
        .map_err(failed)?;
        let epoch = taken.epoch;
        tracing::info!(epoch, "this gateway leads");
        let journal = Arc::clone(&self.journal);
        let keeper = Keeper::start(journal, self.times, taken, self.me.clone());
        Ok(HeldLease { keeper, epoch })
    }

    /// The same for a gateway that is to lead and not to wait for another one: where that keeps its lease this is an error.
    ///
    /// # Errors
    /// `JOURNAL`: another gateway leads.
    pub async fn take_now(&self) -> Result<HeldLease, Error> {
        // A lease that nobody keeps has run out by then.
        let limit = self.times.taken_after + self.times.taken_after / 2;
        match tokio::time::timeout(limit, self.take()).await {
            Ok(taken) => taken,
            Err(_) => {
                let leader = self.leader.borrow().clone();
                Err(unfit(format!(
                    "another gateway leads, at {leader}: end that one, or start this one with --standby (JOURNAL_NAME)"
                )))
            }
        }
    }

    /// Looks at the lease for ever, so that it is known who leads.
    pub async fn watch_leader(&self) -> std::convert::Infallible {
        loop {
            if let Ok(Some(entry)) = self.journal.lease().await
                && let Ok(value) = LeaseValue::read(&entry)
            {
                self.show_leader(&value);
            }
            tokio::time::sleep(self.times.update_every / 2).await;
        }
    }

    fn show_leader(&self, value: &LeaseValue) {
        let address = if value.released {
            String::new()
        } else {
            value.address.clone()
        };
        self.leader.send_if_modified(|leader| {
            let changed = *leader != address;
            *leader = address;
            changed
        });
    }
}

#[cfg(feature = "journal")]
async fn connect(settings: &JournalConfig) -> Result<(Arc<dyn Journal>, String, String), Error> {
    use crate::journal::jetstream::{JetStream, JetStreamSettings};

    let settings = JetStreamSettings {
        servers: settings.servers.clone(),
        name: settings.name.clone(),
        credentials: settings.credentials.clone(),
        ca: settings.ca.clone(),
        replicas: settings.replicas,
        timeout: settings.timeout,
    };
    let mut said = None;
    loop {
        match JetStream::open(settings.clone()).await {
            Ok(journal) => {
                let (stream, created) = (journal.stream(), journal.created());
                let (stream, created) = (stream.to_owned(), created.to_owned());
                return Ok((Arc::new(journal), stream, created));
            }
            Err(JournalError::Unfit(text)) => return Err(unfit(text)),
            Err(error) => {
                let text = error.to_string();
                if said.as_ref() != Some(&text) {
                    tracing::warn!(error = %text, "the journal is waited for");
                    said = Some(text);
                }
            }
        }
        tokio::time::sleep(RETRY).await;
    }
}

#[cfg(not(feature = "journal"))]
async fn connect(_: &JournalConfig) -> Result<(Arc<dyn Journal>, String, String), Error> {
    Err(unfit(
        "JOURNAL_SERVERS: this program was built without the journal: build it with --features journal"
            .to_owned(),
    ))
}

fn unfit(text: String) -> Error {
    Error::new(Reason::Journal, text)
}

fn failed(error: JournalError) -> Error {
    unfit(error.to_string())
}

#[cfg(test)]
mod tests;
