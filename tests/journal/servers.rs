//! Three servers, one of which dies, freezes or comes back, or all of them.

use std::sync::Arc;
use std::time::{Duration, Instant};

use ibkr_orders::journal::jetstream::JetStream;
use ibkr_orders::journal::{
    Batch, Content, GENESIS_PREVIOUS, Journal, Publisher, Record, State, hash_of,
};
use test_support::nats::{self, Nats};
use tokio::time::timeout;

use crate::jetstream::settings;

/// How long the servers may take to agree on a leader again, on a machine that does other things too.
const LIMIT: Duration = Duration::from_secs(60);

fn beginning() -> State {
    State {
        batch: 0,
        number: 0,
        hash: GENESIS_PREVIOUS,
        away: None,
        ended: None,
    }
}

/// Publishes batches one after the other until told to stop; each waits for its acknowledgement.
struct Load {
    publisher: Publisher,
    published: u64,
}

impl Load {
    fn over(journal: &JetStream) -> Self {
        let journal: Arc<dyn Journal> = Arc::new(journal.clone());
        let publisher = Publisher::start(journal, "a store".to_owned(), 1, beginning(), Vec::new());
        Self {
            publisher,
            published: 0,
        }
    }

    async fn publish(&mut self, batches: u64) {
        for _ in 0..batches {
            self.published += 1;
            self.publisher.publish(Batch {
                number: self.published,
                bytes: format!("batch {}", self.published).into_bytes(),
            });
            tokio::time::sleep(Duration::from_millis(2)).await;
        }
    }

    async fn acknowledged(&self) -> State {
        let mut state = self.publisher.state();
        let all = state.wait_for(|state| state.batch == self.published || state.ended.is_some());
        let state = timeout(LIMIT, all).await.expect("in time").unwrap().clone();
        assert_eq!(state.ended, None);
        state
    }
}

/// Everything published stands in the journal once, in order, as a chain.
async fn is_whole(journal: &JetStream, batches: u64) {
    let last = journal.last().await.unwrap();
    let mut following = journal.follow(0).await.unwrap();
    let (mut previous, mut found) = (GENESIS_PREVIOUS, Vec::new());
    for number in 1..=last {
        let entry = timeout(LIMIT, following.next()).await.unwrap().unwrap();
        let record = Record::decode(&entry.bytes).unwrap();
        assert_eq!((record.number, record.previous), (number, previous));
        previous = hash_of(&entry.bytes);
        if let Content::Batches { batches, .. } = record.content {
            found.extend(batches);
        }
    }
    let expected: Vec<Vec<u8>> = (1..=batches)
        .map(|number| format!("batch {number}").into_bytes())
        .collect();
    assert_eq!(found, expected);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn whatever_happens_to_the_servers_each_batch_is_stored_once_and_in_order() {
    let Some(program) = nats::program("whatever_happens_to_the_servers") else {
        return;
    };
    let mut nats = Nats::start(program, 3, "").await;
    let journal = JetStream::open(settings(&nats, 3)).await.unwrap();
    let mut load = Load::over(&journal);
    load.publish(100).await;
    load.acknowledged().await;

    // One after the other is restarted, killed and frozen: whichever leads the stream is among them.
    for at in 0..3 {
        nats.stop(at);
        load.publish(50).await;
        load.acknowledged().await;
        nats.start_node(at);
        nats.healthy().await;
    }
    for at in 0..3 {
        nats.kill(at);
        load.publish(50).await;
        load.acknowledged().await;
        nats.start_node(at);
        nats.healthy().await;
    }
    for at in 0..3 {
        nats.freeze(at);
        load.publish(50).await;
        load.acknowledged().await;
        nats.thaw(at);
        nats.healthy().await;
    }

    // Without a quorum nothing is acknowledged, and that is said.
    nats.kill(0);
    nats.kill(1);
    load.publish(50).await;
    let mut state = load.publisher.state();
    timeout(LIMIT, state.wait_for(|state| state.away.is_some()))
        .await
        .expect("said in time")
        .unwrap();
    nats.start_node(0);
    nats.start_node(1);
    nats.healthy().await;
    load.acknowledged().await;

    // And after all of them were gone at once.
    for at in 0..3 {
        nats.kill(at);
    }
    for at in 0..3 {
        nats.start_node(at);
    }
    load.publish(50).await;
    let begun = Instant::now();
    let state = load.acknowledged().await;
    eprintln!(
        "all back after {:?}, record {}",
        begun.elapsed(),
        state.number
    );
    nats.healthy().await;
    is_whole(&journal, load.published).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_follows_goes_on_through_a_change_of_leaders() {
    let Some(program) = nats::program("who_follows_goes_on") else {
        return;
    };
    let mut nats = Nats::start(program, 3, "").await;
    let journal = JetStream::open(settings(&nats, 3)).await.unwrap();
    let reading = JetStream::open(settings(&nats, 3)).await.unwrap();
    let reader = tokio::spawn(async move {
        let mut after = 0;
        let mut found = 0;
        while found < 300 {
            let Ok(mut following) = reading.follow(after).await else {
                tokio::time::sleep(Duration::from_millis(100)).await;
                continue;
            };
            while let Ok(entry) = following.next().await {
                assert_eq!(entry.sequence, after + 1);
                after = entry.sequence;
                if let Content::Batches { batches, .. } =
                    Record::decode(&entry.bytes).unwrap().content
                {
                    found += batches.len();
                }
                if found >= 300 {
                    break;
                }
            }
        }
        found
    });
    let mut load = Load::over(&journal);
    for at in 0..3 {
        load.publish(50).await;
        nats.kill(at);
        load.publish(50).await;
        nats.start_node(at);
        load.acknowledged().await;
        nats.healthy().await;
    }
    assert_eq!(timeout(LIMIT, reader).await.expect("in time").unwrap(), 300);
}
