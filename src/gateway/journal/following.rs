//! A gateway that follows: it writes what the journal says into its store, and answers what can be read.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use super::copy::{Copy, Stop, next_entries, open_up_to};
use super::{SharedJournal, failed};
use crate::config::Config;
use crate::domain::Caller;
use crate::engine::Engine;
use crate::error::Error;
use crate::feed::Feed;
use crate::gateway::followed::FollowedLimits;
use crate::gateway::limits::limits;
use crate::gateway::open::feed_limits;
use crate::gateway::refusal::RefusalGate;
use crate::gateway::streams::Streams;
use crate::gateway::{Gateway, Shared};
use crate::stats::Stats;
use crate::store::{Reader, StoreSettings};

/// Between two attempts to read a journal that does not answer.
const RETRY: Duration = Duration::from_millis(250);
/// Events that are read at once for the watchers.
const EVENTS_READ: usize = 1_024;

impl SharedJournal {
    /// Whether it has records that could be followed.
    ///
    /// # Errors
    /// `JOURNAL`: it does not answer.
    pub async fn has_records(&self) -> Result<bool, Error> {
        Ok(self.journal.last().await.map_err(failed)? > 0)
    }
}

impl Gateway {
    /// Opens a gateway that follows: it is as far as the journal is now, and goes on with it.
    ///
    /// # Errors
    /// `JOURNAL`, `STORE`, `STORE_MISMATCH`.
    pub async fn follow(
        config: &Config,
        shared: &SharedJournal,
        address: Option<SocketAddr>,
    ) -> Result<Self, Error> {
        let settings = StoreSettings {
            path: config.order_db_path.clone(),
            client_id: config.ib_client_id,
            address: address.map(|address| address.to_string()),
        };
        let last = shared.journal.last().await.map_err(failed)?;
        let copy = open_up_to(shared, &settings, last).await?;
        let store = copy.opened.store.clone();
        let reader = store.reader();
        let stats = Arc::new(Stats::default());
        let head = reader.head_sequence().await?;
        let feed = Feed::counted(
            reader.clone(),
            head,
            feed_limits(config),
            Arc::clone(&stats),
        );
        let work = go_on(shared.clone(), copy, reader.clone(), feed.clone(), head);
        let engine = Engine::following(store, feed.clone(), shared.leader(), work);
        Ok(Self {
            shared: Arc::new(Shared {
                followed: FollowedLimits::new(config),
                refusals: RefusalGate::default(),
                streams: Streams::new(config.cancel_on_disconnect.clone()),
                limits: limits(config),
                client_id: config.ib_client_id,
                terminal_linger: config.timers.terminal_linger,
                engine,
                reader,
                feed,
                stats,
            }),
            caller: Arc::new(Caller::LOCAL),
        })
    }
}

/// Follows for as long as it can; answers why it cannot go on.
async fn go_on(
    shared: SharedJournal,
    mut copy: Copy,
    reader: Reader,
    feed: Feed,
    mut shown: u64,
) -> String {
    loop {
        let mut following = match shared.journal.follow(copy.history.number).await {
            Ok(following) => following,
            Err(crate::journal::JournalError::Unfit(text)) => return text,
            Err(error) => {
                tracing::debug!(%error, "the journal cannot be followed now");
                tokio::time::sleep(RETRY).await;
                continue;
            }
        };
        loop {
            let entries = match next_entries(following.as_mut()).await {
                Ok(entries) => entries,
                Err(crate::journal::JournalError::Unfit(text)) => return text,
                Err(error) => {
                    tracing::debug!(%error, "the journal is read again from the last record");
                    tokio::time::sleep(RETRY).await;
                    break;
                }
            };
            match copy.take(&shared, &entries).await {
                Ok(()) => {}
                Err(Stop::Store(error)) if !error.is_outcome_unknown() => {
                    // The records are read again: nothing of them was stored.
                    tracing::error!(%error, "what the journal says cannot be stored");
                    if let Err(error) = copy.reread().await {
                        return error.to_string();
                    }
                    tokio::time::sleep(RETRY).await;
                    break;
                }
                Err(stop) => return Error::from(stop).to_string(),
            }
            match show(&reader, &feed, shown).await {
                Ok(head) => shown = head,
                Err(error) => tracing::error!(%error, "events of the journal cannot be read"),
            }
        }
    }
}

/// Shows watchers the events behind a sequence; answers the last one.
async fn show(reader: &Reader, feed: &Feed, mut shown: u64) -> Result<u64, Error> {
    loop {
        let events = reader.events_after(shown, None, EVENTS_READ).await?;
        let Some(last) = events.last() else {
            return Ok(shown);
        };
        shown = last.sequence;
        let whole = events.len() == EVENTS_READ;
        feed.publish(events.into_iter().map(Arc::new).collect());
        if !whole {
            return Ok(shown);
        }
    }
}
