//! A gateway that leads: what it commits goes into the journal, and what could open risk leaves once it is there.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use time::OffsetDateTime;
use tokio::sync::mpsc;

use super::copy::{Copy, journal_of, open_up_to};
use super::{HeldLease, SharedJournal, failed, unfit};
use crate::config::Config;
use crate::engine::{JournalLink, TwsLink};
use crate::error::Error;
use crate::gateway::Gateway;
use crate::gateway::open::{EVENTS_MIN, tws_settings};
use crate::journal::{
    Batch, Content, GENESIS_PREVIOUS, Genesis, Hash, JournalError, Publisher, Record, State,
    hash_of,
};
use crate::store::StoreSettings;
use crate::tws::{self, Permit};

/// Ids that a new leader leaves out, in case the one before used some that nobody heard of.
const IDS_LEFT_OUT: i32 = 10_000;
/// Between two attempts to append what must be there before anything else.
const RETRY: Duration = Duration::from_millis(200);
/// A copy that does not get behind the fence in so many attempts gives up.
const ATTEMPTS_MAX: usize = 50;

impl Gateway {
    /// Opens a gateway that leads: fences off whoever led before, reads all that was journaled, and connects to TWS.
    ///
    /// # Errors
    /// `JOURNAL`, `STORE`, `STORE_MISMATCH`.
    pub async fn lead(
        config: &Config,
        shared: &SharedJournal,
        held: HeldLease,
        address: Option<SocketAddr>,
    ) -> Result<Self, Error> {
        let permit = held.lease();
        let (opened, link) = open(config, shared, held, address).await?;
        let (sender, events) = mpsc::channel(config.bounds.tws_events_max.max(EVENTS_MIN));
        let settings = tws::TwsSettings {
            permit: Some(Permit::new(move || permit.is_held())),
            ..tws_settings(config)
        };
        let adapter = tws::start(settings, sender);
        let tws = TwsLink {
            events,
            commands: adapter.commands.clone(),
            adapter: Some(adapter),
        };
        Ok(Self::leading(config, opened, Some(link), tws))
    }
}

/// Everything before the connection to TWS.
pub(super) async fn open(
    config: &Config,
    shared: &SharedJournal,
    held: HeldLease,
    address: Option<SocketAddr>,
) -> Result<(crate::store::OpenStore, JournalLink), Error> {
    let HeldLease { keeper, epoch } = held;
    let settings = StoreSettings {
        path: config.order_db_path.clone(),
        client_id: config.ib_client_id,
        address: address.map(|address| address.to_string()),
    };
    let last = again(shared, async || shared.journal.last().await).await?;
    let copy = if last == 0 {
        begin(shared, &settings, epoch).await?
    } else {
        let copy = open_up_to(shared, &settings, last).await?;
        fence(shared, copy, &settings, epoch).await?
    };
    let journal = journal_of(shared);
    let (number, hash) = (copy.history.number, copy.history.hash);
    let store = copy.opened.store.clone();
    let start = State {
        batch: copy.history.batch,
        number,
        hash,
        away: None,
        ended: None,
    };
    let store_id = copy.history.store_id.clone();
    let publisher = Arc::new(Publisher::start(
        journal,
        store_id,
        epoch,
        start,
        Vec::new(),
    ));
    let sink = Arc::clone(&publisher);
    store
        .capture(move |number, bytes| sink.publish(Batch { number, bytes }))
        .await?;
    // A history that has no batch yet begins with what every store begins with.
    let is_new = copy.history.batch == 0 && !copy.has_more();
    let mut opened = store.lead(is_new).await?;
    opened.recovered.highest_order_id = opened
        .recovered
        .highest_order_id
        .saturating_add(IDS_LEFT_OUT);
    Ok((opened, JournalLink::new(publisher, keeper, epoch)))
}

/// Begins a history with an empty store.
async fn begin(
    shared: &SharedJournal,
    settings: &StoreSettings,
    epoch: u64,
) -> Result<Copy, Error> {
    let copy = Copy::open(shared, settings.clone(), None).await?;
    let base_sequence = copy.opened.store.reader().base_sequence();
    let record = Record {
        store_id: uuid::Uuid::now_v7().to_string(),
        epoch,
        number: 1,
        previous: GENESIS_PREVIOUS,
        written_at: OffsetDateTime::now_utc().into(),
        content: Content::Genesis(Genesis {
            client_id: settings.client_id,
            base_sequence,
        }),
    };
    let (number, _) = append(shared, &record, Some(0)).await?;
    let mut copy = copy;
    copy.catch_up(shared, number).await.map_err(failed)??;
    Ok(copy)
}

/// Ends every epoch before this one, and takes in all that was stored until then.
async fn fence(
    shared: &SharedJournal,
    mut copy: Copy,
    settings: &StoreSettings,
    epoch: u64,
) -> Result<Copy, Error> {
    let record = Record {
        store_id: copy.history.store_id.clone(),
        epoch,
        number: 0,
        previous: copy.history.hash,
        written_at: OffsetDateTime::now_utc().into(),
        content: Content::Fence,
    };
    let (number, _) = append(shared, &record, None).await?;
    for _ in 0..ATTEMPTS_MAX {
        match copy.catch_up(shared, number).await {
            Ok(Ok(())) => {
                if copy.history.epoch != epoch {
                    return Err(unfit(format!(
                        "another gateway leads since epoch {}: this one ends",
                        copy.history.epoch
                    )));
                }
                return Ok(copy);
            }
            Ok(Err(_)) => {
                // Opening it anew decides whether the store or the journal is at fault.
                copy.opened.store.clone().close().await?;
                drop(copy);
                return open_up_to(shared, settings, number).await;
            }
            Err(JournalError::Unfit(text)) => return Err(unfit(text)),
            Err(_) => tokio::time::sleep(RETRY).await,
        }
    }
    Err(unfit(
        "the journal does not answer: this gateway does not begin to lead".to_owned(),
    ))
}

/// Appends a record, however often that takes; the same bytes under the same id.
async fn append(
    shared: &SharedJournal,
    record: &Record,
    last: Option<u64>,
) -> Result<(u64, Hash), Error> {
    let bytes: Arc<[u8]> = record.encode().into();
    let hash = hash_of(&bytes);
    let id = crate::journal::id_of(&hash);
    for _ in 0..ATTEMPTS_MAX {
        match shared.journal.append(Arc::clone(&bytes), &id, last).await {
            Ok(sequence) => return Ok((sequence, hash)),
            Err(JournalError::WrongLast) => {
                // The first record: ours, or that of another gateway that was first.
                let first = shared.journal.read(1).await;
                match first {
                    Ok(Some(entry)) if entry.bytes == bytes => return Ok((1, hash)),
                    Ok(Some(_)) => {
                        return Err(unfit(
                            "another gateway began the journal: start this one again".to_owned(),
                        ));
                    }
                    Ok(None) | Err(_) => {}
                }
            }
            Err(JournalError::Unfit(text)) => return Err(unfit(text)),
            Err(error) => {
                tracing::warn!(%error, "the journal does not take the record that begins the epoch")
            }
        }
        tokio::time::sleep(RETRY).await;
    }
    Err(unfit(
        "the journal does not answer: this gateway does not begin to lead".to_owned(),
    ))
}

/// Asks until there is an answer.
async fn again<T>(
    _: &SharedJournal,
    ask: impl AsyncFn() -> Result<T, JournalError>,
) -> Result<T, Error> {
    let mut attempts = 0;
    loop {
        match ask().await {
            Ok(answer) => return Ok(answer),
            Err(JournalError::Unfit(text)) => return Err(unfit(text)),
            Err(error) if attempts >= ATTEMPTS_MAX => return Err(failed(error)),
            Err(_) => {
                attempts += 1;
                tokio::time::sleep(RETRY).await;
            }
        }
    }
}
