//! Publishes committed batches in order, one record in flight, never more.
//!
//! With one in flight an answer that never came has two possible reasons only: the record is the one behind our last, or it is not there. So a time-out and
//! a refused expectation decide nothing: the record behind our last is read, and that decides.

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Duration;

use time::OffsetDateTime;
use tokio::sync::{mpsc, oneshot, watch};

use super::{Content, Entry, Hash, Journal, JournalError, RECORD_BYTES_MAX, Record, hash_of};
use crate::domain::Timestamp;

/// Time before an append is tried again, at first and at most.
const RETRY_MIN: Duration = Duration::from_millis(50);
const RETRY_MAX: Duration = Duration::from_secs(1);

/// What was committed at once.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Batch {
    /// Counts the commits of this store.
    pub number: u64,
    /// Its rows, encoded.
    pub bytes: Vec<u8>,
}

/// How far the journal has come.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct State {
    /// The last batch that the journal has.
    pub batch: u64,
    /// The sequence of the last record.
    pub number: u64,
    /// Its hash.
    pub hash: Hash,
    /// Why nothing can be appended now.
    pub away: Option<JournalError>,
    /// Why nothing is appended any more.
    pub ended: Option<Ended>,
}

/// Why a publisher ended.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Ended {
    /// Another leader began a higher epoch.
    #[error("another gateway leads since epoch {epoch}: this one ends")]
    Deposed {
        /// Its epoch.
        epoch: u64,
    },
    /// Somebody else wrote into the journal.
    #[error(
        "entry {sequence} of the journal, stored at {stored_at} on {subject}, is none of this gateway's: nobody else may publish there"
    )]
    Foreign {
        /// Where.
        sequence: u64,
        /// On which subject.
        subject: String,
        /// When.
        stored_at: Timestamp,
    },
    /// The journal has lost what it had acknowledged.
    #[error(
        "the journal ends at record {last}, and had acknowledged record {acknowledged}: it lost records; stop it and look at the disks of its servers"
    )]
    Lost {
        /// What it has.
        last: u64,
        /// What it had.
        acknowledged: u64,
    },
    /// The journal is not what it has to be.
    #[error("{0}")]
    Unfit(String),
    /// It resigned, or everybody who could give it anything has gone.
    #[error("the journal was closed")]
    Closed,
}

enum Command {
    Batch(Batch),
    Resign(oneshot::Sender<bool>),
}

/// A running publisher. Dropping it lets it publish what waits, and then ends it.
#[derive(Debug)]
pub struct Publisher {
    commands: mpsc::UnboundedSender<Command>,
    state: watch::Receiver<State>,
    task: tokio::task::AbortHandle,
}

impl Publisher {
    /// Goes on behind a record, with batches that were committed before.
    pub fn start(
        journal: Arc<dyn Journal>,
        store_id: String,
        epoch: u64,
        from: State,
        waiting: Vec<Batch>,
    ) -> Self {
        let (commands, inbox) = mpsc::unbounded_channel();
        let (shown, state) = watch::channel(from.clone());
        let publishing = Publishing {
            journal,
            store_id,
            epoch,
            inbox,
            waiting: waiting.into(),
            resigning: None,
            now: from,
            shown,
        };
        let task = tokio::spawn(publishing.run()).abort_handle();
        Self {
            commands,
            state,
            task,
        }
    }

    /// Publishes a batch behind the others. What waits is bounded by who commits.
    pub fn publish(&self, batch: Batch) {
        // Ended: the state says why.
        let _ = self.commands.send(Command::Batch(batch));
    }

    /// How far it has come, now and from now on.
    pub fn state(&self) -> watch::Receiver<State> {
        self.state.clone()
    }

    /// Publishes nothing more, whoever still holds it.
    pub fn stop(&self) {
        self.task.abort();
    }

    /// Publishes what waits, and then that nothing more comes. False when it could not within `limit`.
    pub async fn resign(&self, limit: Duration) -> bool {
        let (done, resigned) = oneshot::channel();
        let _ = self.commands.send(Command::Resign(done));
        matches!(tokio::time::timeout(limit, resigned).await, Ok(Ok(true)))
    }
}

/// What is to be known about the record behind our last.
#[derive(Debug, PartialEq, Eq)]
enum Resolved {
    /// It is the one that was to be appended.
    Ours,
    /// Nothing is there: the same can be tried again.
    Nothing,
    /// A fence of a leader whom ours has passed over: what we append goes behind it.
    Behind(Hash),
    /// The end.
    Ended(Ended),
}

/// What the entry behind our last says about an append of `bytes` in `epoch` whose outcome is not known.
fn resolve(entry: Option<Entry>, bytes: &[u8], store_id: &str, epoch: u64) -> Resolved {
    let Some(entry) = entry else {
        return Resolved::Nothing;
    };
    if *entry.bytes == *bytes {
        return Resolved::Ours;
    }
    match Record::decode(&entry.bytes) {
        Ok(record) if record.store_id == store_id && record.epoch > epoch => {
            Resolved::Ended(Ended::Deposed {
                epoch: record.epoch,
            })
        }
        Ok(record)
            if record.store_id == store_id
                && record.epoch < epoch
                && record.content == Content::Fence =>
        {
            Resolved::Behind(hash_of(&entry.bytes))
        }
        Ok(_) | Err(_) => Resolved::Ended(Ended::Foreign {
            sequence: entry.sequence,
            subject: entry.subject,
            stored_at: entry.stored_at,
        }),
    }
}

struct Publishing {
    journal: Arc<dyn Journal>,
    store_id: String,
    epoch: u64,
    inbox: mpsc::UnboundedReceiver<Command>,
    waiting: VecDeque<Batch>,
    resigning: Option<oneshot::Sender<bool>>,
    now: State,
    shown: watch::Sender<State>,
}

impl Publishing {
    async fn run(mut self) {
        let ended = loop {
            if let Err(ended) = self.publish_all().await {
                break ended;
            }
            if let Some(resigned) = self.resigning.take() {
                let outcome = self.append(Content::Resign).await;
                let _ = resigned.send(outcome.is_ok());
                break outcome.err().unwrap_or(Ended::Closed);
            }
            match self.inbox.recv().await {
                Some(command) => self.take(command),
                None => break Ended::Closed,
            }
        };
        self.now.ended = Some(ended);
        self.show();
    }

    fn take(&mut self, command: Command) {
        match command {
            Command::Batch(batch) => self.waiting.push_back(batch),
            Command::Resign(done) => self.resigning = Some(done),
        }
    }

    async fn publish_all(&mut self) -> Result<(), Ended> {
        loop {
            while let Ok(command) = self.inbox.try_recv() {
                self.take(command);
            }
            if let Some(batch) = self.too_large() {
                self.append_in_pieces(batch).await?;
                continue;
            }
            let mut bytes = 0;
            let mut batches = Vec::new();
            let mut last = self.now.batch;
            while let Some(next) = self.waiting.front() {
                bytes += next.bytes.len();
                if !batches.is_empty() && bytes > RECORD_BYTES_MAX {
                    break;
                }
                last = next.number;
                batches.extend(self.waiting.pop_front().map(|batch| batch.bytes));
            }
            if batches.is_empty() {
                return Ok(());
            }
            let first = last + 1 - batches.len() as u64;
            self.append(Content::Batches { first, batches }).await?;
            self.now.batch = last;
            self.show();
        }
    }

    /// The next batch, where it does not fit into a record.
    fn too_large(&mut self) -> Option<Batch> {
        let is_large = |batch: &mut Batch| batch.bytes.len() > RECORD_BYTES_MAX;
        self.waiting.pop_front_if(is_large)
    }

    async fn append_in_pieces(&mut self, batch: Batch) -> Result<(), Ended> {
        let mut pieces = batch.bytes.chunks(RECORD_BYTES_MAX).peekable();
        while let Some(piece) = pieces.next() {
            self.append(Content::Piece {
                batch: batch.number,
                more: pieces.peek().is_some(),
                bytes: piece.to_vec(),
            })
            .await?;
        }
        self.now.batch = batch.number;
        self.show();
        Ok(())
    }

    /// Appends one record, however long it takes.
    async fn append(&mut self, content: Content) -> Result<(), Ended> {
        let mut record = Record {
            store_id: self.store_id.clone(),
            epoch: self.epoch,
            number: self.now.number + 1,
            previous: self.now.hash,
            written_at: OffsetDateTime::now_utc().into(),
            content,
        };
        let mut bytes: Arc<[u8]> = record.encode().into();
        let mut pause = RETRY_MIN;
        loop {
            let hash = hash_of(&bytes);
            let id = id_of(&hash);
            let appended = self
                .journal
                .append(Arc::clone(&bytes), &id, Some(self.now.number))
                .await;
            let error = match appended {
                Ok(sequence) if sequence == self.now.number + 1 => {
                    self.appended(hash);
                    return Ok(());
                }
                // The dedupe answered for an older record.
                Ok(_) => JournalError::WrongLast,
                Err(error) => error,
            };
            if let JournalError::Unfit(text) = error {
                return Err(Ended::Unfit(text));
            }
            if error == JournalError::WrongLast {
                match self.resolve(&bytes).await {
                    Ok(Resolved::Ours) => {
                        self.appended(hash);
                        return Ok(());
                    }
                    Ok(Resolved::Behind(fence)) => {
                        self.now.number += 1;
                        self.now.hash = fence;
                        record.number = self.now.number + 1;
                        record.previous = fence;
                        bytes = record.encode().into();
                        continue;
                    }
                    Ok(Resolved::Nothing) => {}
                    Ok(Resolved::Ended(ended)) => return Err(ended),
                    Err(error) => self.away(error),
                }
            } else {
                self.away(error);
            }
            tokio::time::sleep(pause).await;
            pause = (pause * 2).min(RETRY_MAX);
        }
    }

    async fn resolve(&self, bytes: &[u8]) -> Result<Resolved, JournalError> {
        let last = self.journal.last().await?;
        if last < self.now.number {
            return Ok(Resolved::Ended(Ended::Lost {
                last,
                acknowledged: self.now.number,
            }));
        }
        let entry = self.journal.read(self.now.number + 1).await?;
        Ok(resolve(entry, bytes, &self.store_id, self.epoch))
    }

    fn appended(&mut self, hash: Hash) {
        self.now.number += 1;
        self.now.hash = hash;
        if self.now.away.take().is_some() {
            tracing::info!(record = self.now.number, "the journal takes records again");
        }
    }

    fn away(&mut self, error: JournalError) {
        if self.now.away.is_none() {
            tracing::warn!(%error, "nothing can be appended to the journal: new orders are refused until it is back");
        }
        if self.now.away.as_ref() != Some(&error) {
            self.now.away = Some(error);
            self.show();
        }
    }

    fn show(&self) {
        self.shown.send_replace(self.now.clone());
    }
}

/// The id under which a record is stored once.
pub fn id_of(hash: &Hash) -> String {
    use std::fmt::Write as _;
    hash.iter().fold(String::with_capacity(64), |mut id, byte| {
        let _ = write!(id, "{byte:02x}");
        id
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::journal::memory::MemoryJournal;
    use crate::journal::{Added, GENESIS_PREVIOUS, History, Pending};

    const STORE: &str = "a store";

    fn beginning() -> State {
        State {
            batch: 0,
            number: 0,
            hash: GENESIS_PREVIOUS,
            away: None,
            ended: None,
        }
    }

    fn publisher(journal: &MemoryJournal, epoch: u64, waiting: Vec<Batch>) -> Publisher {
        Publisher::start(
            Arc::new(journal.clone()),
            STORE.to_owned(),
            epoch,
            beginning(),
            waiting,
        )
    }

    fn batch(number: u64) -> Batch {
        Batch {
            number,
            bytes: format!("batch {number}").into_bytes(),
        }
    }

    async fn until(publisher: &Publisher, done: impl FnMut(&State) -> bool) -> State {
        let mut state = publisher.state();
        let state = tokio::time::timeout(Duration::from_secs(60), state.wait_for(done)).await;
        state.unwrap().unwrap().clone()
    }

    /// The batches of the journal, and that its records are a chain.
    fn read_back(journal: &MemoryJournal) -> Vec<String> {
        let mut previous = GENESIS_PREVIOUS;
        let mut found = Vec::new();
        for entry in journal.entries() {
            let record = Record::decode(&entry.bytes).unwrap();
            assert_eq!((record.number, record.previous), (entry.sequence, previous));
            previous = hash_of(&entry.bytes);
            if let Content::Batches { first, batches } = record.content {
                assert_eq!(first, found.len() as u64 + 1);
                found.extend(batches.into_iter().map(|b| String::from_utf8(b).unwrap()));
            }
        }
        found
    }

    fn fence(epoch: u64) -> Arc<[u8]> {
        let record = Record {
            store_id: STORE.to_owned(),
            epoch,
            number: 0,
            previous: GENESIS_PREVIOUS,
            written_at: Timestamp::default(),
            content: Content::Fence,
        };
        record.encode().into()
    }

    #[tokio::test(start_paused = true)]
    async fn batches_are_published_in_order_and_those_that_wait_share_a_record() {
        let journal = MemoryJournal::default();
        let publisher = publisher(&journal, 1, (1..=40).map(batch).collect());
        for number in 41..=50 {
            publisher.publish(batch(number));
        }
        until(&publisher, |state| state.batch == 50).await;
        assert_eq!(
            read_back(&journal),
            (1..=50).map(|n| format!("batch {n}")).collect::<Vec<_>>()
        );
        assert!(journal.entries().len() <= 2, "{}", journal.entries().len());
    }

    #[tokio::test(start_paused = true)]
    async fn a_record_stays_within_its_size_and_a_batch_that_is_larger_goes_in_pieces() {
        let journal = MemoryJournal::default();
        let large = |number, bytes| Batch {
            number,
            bytes: vec![b'x'; bytes],
        };
        let waiting = vec![
            large(1, RECORD_BYTES_MAX / 2),
            large(2, RECORD_BYTES_MAX / 2),
            large(3, RECORD_BYTES_MAX + 1),
            large(4, 1),
        ];
        let publisher = publisher(&journal, 1, waiting);
        until(&publisher, |state| state.batch == 4).await;
        let lengths: Vec<usize> = journal
            .entries()
            .iter()
            .map(
                |entry| match Record::decode(&entry.bytes).unwrap().content {
                    Content::Batches { batches, .. } => batches.len(),
                    _ => 0,
                },
            )
            .collect();
        // Two together, two pieces, one.
        assert_eq!(lengths, [2, 0, 0, 1]);
        let mut history = History::beginning();
        history.store_id = STORE.to_owned();
        // Nobody wrote the first record of this history, so it is read as if it stood behind one.
        let mut sizes = Vec::new();
        for mut entry in journal.entries() {
            let mut record = Record::decode(&entry.bytes).unwrap();
            record.number += 1;
            record.previous = history.hash;
            history.number = entry.sequence;
            entry.sequence += 1;
            entry.bytes = record.encode().into();
            if let Added::Batches(_, batches) = history.take(&entry).unwrap() {
                sizes.extend(batches.iter().map(Vec::len));
            }
        }
        let half = RECORD_BYTES_MAX / 2;
        assert_eq!(sizes, [half, half, RECORD_BYTES_MAX + 1, 1]);
    }

    #[tokio::test(start_paused = true)]
    async fn a_record_stored_after_its_time_out_is_adopted_and_stands_there_once() {
        let journal = MemoryJournal::default();
        journal.leave_unanswered(2);
        let publisher = publisher(&journal, 1, Vec::new());
        for number in 1..=3 {
            publisher.publish(batch(number));
            until(&publisher, |state| state.batch == number).await;
        }
        assert_eq!(read_back(&journal), ["batch 1", "batch 2", "batch 3"]);
        assert_eq!(publisher.state().borrow().away, None);
    }

    #[tokio::test(start_paused = true)]
    async fn a_journal_that_is_away_or_full_is_said_to_be_and_taken_up_again_by_itself() {
        let journal = MemoryJournal::default();
        let publisher = publisher(&journal, 1, Vec::new());
        journal.set_away(true);
        publisher.publish(batch(1));
        until(&publisher, |state| state.away.is_some()).await;
        journal.set_full(true);
        journal.set_away(false);
        until(&publisher, |state| {
            matches!(state.away, Some(JournalError::Full(_)))
        })
        .await;
        journal.set_full(false);
        let state = until(&publisher, |state| state.batch == 1).await;
        assert_eq!(state.away, None);
    }

    #[tokio::test(start_paused = true)]
    async fn the_fence_of_a_higher_epoch_ends_it() {
        let journal = MemoryJournal::default();
        let publisher = publisher(&journal, 4, vec![batch(1)]);
        until(&publisher, |state| state.batch == 1).await;
        journal.append(fence(5), "fence", None).await.unwrap();
        publisher.publish(batch(2));
        let state = until(&publisher, |state| state.ended.is_some()).await;
        assert_eq!(state.ended, Some(Ended::Deposed { epoch: 5 }));
        assert_eq!(state.batch, 1);
    }

    #[tokio::test(start_paused = true)]
    async fn the_late_fence_of_a_lower_epoch_is_passed() {
        let journal = MemoryJournal::default();
        let publisher = publisher(&journal, 4, vec![batch(1)]);
        until(&publisher, |state| state.batch == 1).await;
        let late = fence(3);
        journal
            .append(Arc::clone(&late), "fence", None)
            .await
            .unwrap();
        publisher.publish(batch(2));
        let state = until(&publisher, |state| state.batch == 2).await;
        assert_eq!(state.number, 3);
        let last = Record::decode(&journal.entries()[2].bytes).unwrap();
        assert_eq!((last.number, last.previous), (3, hash_of(&late)));
    }

    #[tokio::test(start_paused = true)]
    async fn what_somebody_else_wrote_ends_it_with_its_place() {
        let journal = MemoryJournal::default();
        let publisher = publisher(&journal, 4, vec![batch(1)]);
        until(&publisher, |state| state.batch == 1).await;
        let stray: Arc<[u8]> = Arc::from(&b"stray"[..]);
        journal.append(stray, "stray", None).await.unwrap();
        publisher.publish(batch(2));
        let state = until(&publisher, |state| state.ended.is_some()).await;
        let ended = state.ended.unwrap();
        assert!(matches!(ended, Ended::Foreign { sequence: 2, .. }));
        assert!(ended.to_string().contains("entry 2"), "{ended}");
    }

    #[tokio::test(start_paused = true)]
    async fn a_journal_that_lost_what_it_had_ends_it() {
        let journal = MemoryJournal::default();
        let publisher = publisher(&journal, 4, vec![batch(1)]);
        until(&publisher, |state| state.batch == 1).await;
        journal.lose_after(0);
        publisher.publish(batch(2));
        let state = until(&publisher, |state| state.ended.is_some()).await;
        assert_eq!(
            state.ended,
            Some(Ended::Lost {
                last: 0,
                acknowledged: 1
            })
        );
    }

    #[tokio::test(start_paused = true)]
    async fn a_resignation_comes_behind_all_that_was_committed() {
        let journal = MemoryJournal::default();
        let publisher = publisher(&journal, 4, vec![batch(1)]);
        publisher.publish(batch(2));
        assert!(publisher.resign(Duration::from_secs(1)).await);
        assert_eq!(read_back(&journal), ["batch 1", "batch 2"]);
        let last = journal.entries().pop().unwrap();
        assert_eq!(
            Record::decode(&last.bytes).unwrap().content,
            Content::Resign
        );
    }

    #[tokio::test(start_paused = true)]
    async fn it_does_not_resign_while_the_journal_is_away() {
        let journal = MemoryJournal::default();
        journal.set_away(true);
        let publisher = publisher(&journal, 4, vec![batch(1)]);
        assert!(!publisher.resign(Duration::from_secs(1)).await);
        journal.set_away(false);
        assert!(journal.entries().is_empty());
    }

    #[tokio::test(start_paused = true)]
    async fn no_second_record_is_in_flight_before_the_first_is_answered() {
        /// Answers nothing, and counts.
        #[derive(Debug, Default)]
        struct Mute(std::sync::atomic::AtomicUsize);
        impl Journal for Mute {
            fn append<'a>(&'a self, _: Arc<[u8]>, _: &'a str, _: Option<u64>) -> Pending<'a, u64> {
                self.0.fetch_add(1, std::sync::atomic::Ordering::SeqCst);
                Box::pin(std::future::pending())
            }
            fn last(&self) -> Pending<'_, u64> {
                Box::pin(std::future::pending())
            }
            fn read(&self, _: u64) -> Pending<'_, Option<Entry>> {
                Box::pin(std::future::pending())
            }
            fn follow(&self, _: u64) -> Pending<'_, Box<dyn crate::journal::Follow>> {
                Box::pin(std::future::pending())
            }
            fn lease(&self) -> Pending<'_, Option<crate::journal::LeaseEntry>> {
                Box::pin(std::future::pending())
            }
            fn put_lease(&self, _: Vec<u8>, _: u64) -> Pending<'_, u64> {
                Box::pin(std::future::pending())
            }
        }
        let mute = Arc::new(Mute::default());
        let journal: Arc<dyn Journal> = Arc::clone(&mute) as Arc<dyn Journal>;
        let publisher = Publisher::start(journal, STORE.to_owned(), 1, beginning(), vec![batch(1)]);
        for number in 2..100 {
            publisher.publish(batch(number));
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
        assert_eq!(mute.0.load(std::sync::atomic::Ordering::SeqCst), 1);
    }
}
