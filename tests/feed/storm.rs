//! Many watchers that join, lag, go away and resume while events pour in.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use ibkr_orders::domain::{EventKind, OrderRecord, Status, StoredEvent};
use ibkr_orders::feed::{Feed, FeedEvent, WatchSpec};
use tokio::task::JoinSet;

use crate::orders::{fill, order_event};
use crate::random::Random;
use crate::world::{World, quiet, soon};

const STORM_ORDERS: i32 = 6;

const STORM_WATCHERS: u64 = 32;

const STORM_STEPS: u64 = 600;

/// Every watcher of a storm sees exactly the events after its cursor, once and in order, whenever it joins, however slow it reads and
/// however often it goes away and resumes.
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn in_a_storm_every_watcher_sees_each_event_after_its_cursor_once_and_in_order() {
    for seed in [1, 2, 3, 0x9E37_79B9] {
        println!("seed {seed}");
        storm(seed).await;
    }
}

async fn storm(seed: u64) {
    let mut dice = Random::new(seed);
    let mut world = World::new().await;
    let mut rows = Vec::new();
    for id in 1..=STORM_ORDERS {
        rows.push(world.place(id).await);
    }
    let base = world.base;
    let head = Arc::new(AtomicU64::new(world.head));
    let first_storm_event = world.head + 1;
    let done = Arc::new(AtomicBool::new(false));

    let mut watchers = JoinSet::new();
    for n in 0..STORM_WATCHERS {
        let order_id =
            i32::try_from(dice.below(u64::from(STORM_ORDERS.unsigned_abs()) + 2)).unwrap();
        let order_id = if order_id > STORM_ORDERS { 0 } else { order_id };
        let join_at = first_storm_event + dice.below(STORM_STEPS * 2);
        let feed = world.feed.clone();
        let dice = Random::new(seed.wrapping_mul(1000) + n + 1);
        let (head, done) = (Arc::clone(&head), Arc::clone(&done));
        watchers.spawn(async move {
            while head.load(Ordering::Acquire) < join_at && !done.load(Ordering::Acquire) {
                tokio::task::yield_now().await;
            }
            (
                order_id,
                watch_through(feed, order_id, base, &head, dice).await,
            )
        });
    }

    // The engine: batches of steps, each a commit and then the publication.
    let mut all: Vec<StoredEvent> = rows.iter().map(order_event).collect();
    let mut steps = 0;
    while steps < STORM_STEPS {
        let mut events = Vec::new();
        let batch = 1 + dice.below(40);
        for _ in 0..batch {
            let index = usize::try_from(dice.below(rows.len() as u64)).unwrap();
            let row = &mut rows[index];
            if dice.below(3) == 0 {
                world.head += 1;
                events.push(StoredEvent {
                    sequence: world.head,
                    order_id: row.state.order_id,
                    kind: EventKind::Fill(fill(
                        row.state.order_id,
                        &format!("x{}", world.head),
                        "1",
                    )),
                });
            }
            world.head += 1;
            row.state.sequence = world.head;
            row.state.last_error_code = Some(i32::try_from(steps).unwrap());
            events.push(order_event(row));
        }
        steps += batch;
        all.extend(events.iter().cloned());
        commit_and_publish(&world, &rows, events).await;
        head.store(world.head, Ordering::Release);
        if dice.below(4) == 0 {
            tokio::task::yield_now().await;
        }
    }
    let mut events = Vec::new();
    for row in &mut rows {
        world.head += 1;
        row.state.sequence = world.head;
        row.state.status = Status::Cancelled;
        row.state.terminal = true;
        events.push(order_event(row));
    }
    all.extend(events.iter().cloned());
    commit_and_publish(&world, &rows, events).await;
    head.store(world.head, Ordering::Release);
    done.store(true, Ordering::Release);

    let last = world.head;
    // Watches of all orders do not end by themselves: what comes after the storm tells them.
    world.place(STORM_ORDERS + 1).await;
    while let Some(done) = soon(watchers.join_next()).await {
        let (order_id, seen) = done.unwrap();
        for watch in seen {
            check(order_id, &watch, &all, last, seed);
        }
    }
    assert_eq!((world.feed.watchers(), world.feed.channels()), (0, 0));
}

async fn commit_and_publish(world: &World, rows: &[OrderRecord], events: Vec<StoredEvent>) {
    let (stored, rows) = (events.clone(), rows.to_vec());
    world
        .store
        .transact(move |t| {
            rows.iter().try_for_each(|row| t.update_order(row))?;
            stored.iter().try_for_each(|event| t.append_event(event))
        })
        .await
        .unwrap();
    world
        .feed
        .publish(events.into_iter().map(Arc::new).collect());
}

/// One connection of a watcher.
struct Seen {
    after: u64,
    snapshot: Vec<StoredEvent>,
    snapshot_ended: bool,
    events: Vec<StoredEvent>,
    /// Whether it went to the end rather than away.
    ended: bool,
}

/// Watches to the end of the storm, going away and resuming now and then.
async fn watch_through(
    feed: Feed,
    order_id: i32,
    base: u64,
    head: &AtomicU64,
    mut dice: Random,
) -> Vec<Seen> {
    let mut after = match dice.below(2) {
        0 => 0,
        _ => base - 1 + dice.below(head.load(Ordering::Acquire) - base + 2),
    };
    let mut connections = Vec::new();
    loop {
        let spec = WatchSpec {
            after_sequence: after,
            ..quiet(order_id)
        };
        let mut watch = feed.watch(spec).await.unwrap();
        let mut seen = Seen {
            after,
            snapshot: Vec::new(),
            snapshot_ended: after != 0,
            events: Vec::new(),
            ended: false,
        };
        let stay = 1 + dice.below(400);
        let slow = dice.below(20);
        for _ in 0..stay {
            let Some(update) = soon(watch.next()).await else {
                seen.ended = true;
                break;
            };
            let update = update.unwrap();
            after = update.sequence;
            match update.event {
                FeedEvent::Stored(event) if event.order_id > STORM_ORDERS => {
                    seen.ended = true;
                    break;
                }
                FeedEvent::Stored(event) if seen.snapshot_ended => {
                    seen.events.push((*event).clone())
                }
                FeedEvent::Stored(event) => seen.snapshot.push((*event).clone()),
                FeedEvent::SnapshotEnd => seen.snapshot_ended = true,
                FeedEvent::Link(_) | FeedEvent::Heartbeat { .. } => panic!("{:?}", update.event),
            }
            for _ in 0..slow {
                tokio::task::yield_now().await;
            }
        }
        let ended = seen.ended;
        connections.push(seen);
        if ended {
            return connections;
        }
    }
}

fn check(order_id: i32, seen: &Seen, all: &[StoredEvent], last: u64, seed: u64) {
    let mine: Vec<&StoredEvent> = all
        .iter()
        .filter(|event| order_id == 0 || event.order_id == order_id)
        .collect();
    // Where the live part begins.
    let begin = if seen.after != 0 {
        seen.after
    } else if order_id != 0 {
        seen.snapshot[0].sequence
    } else {
        match seen.events.first() {
            Some(first) => first.sequence - 1,
            None => return,
        }
    };
    let expected: Vec<&StoredEvent> = mine
        .iter()
        .copied()
        .filter(|event| event.sequence > begin)
        .take(if seen.ended {
            usize::MAX
        } else {
            seen.events.len()
        })
        .collect();
    let got: Vec<&StoredEvent> = seen.events.iter().collect();
    assert_eq!(
        got, expected,
        "seed {seed}, order {order_id}, after {}, last {last}",
        seen.after
    );
    if seen.after == 0 && seen.snapshot_ended {
        let current: Vec<&StoredEvent> = {
            let mut ids: Vec<i32> = mine.iter().map(|event| event.order_id).collect();
            ids.sort_unstable();
            ids.dedup();
            let mut current: Vec<&StoredEvent> = ids
                .into_iter()
                .filter_map(|id| {
                    mine.iter().copied().rev().find(|event| {
                        event.order_id == id
                            && event.sequence <= begin
                            && matches!(event.kind, EventKind::Order(_))
                    })
                })
                .filter(|event| {
                    order_id != 0
                        || matches!(&event.kind, EventKind::Order(state) if !state.terminal)
                })
                .collect();
            current.sort_by_key(|event| event.sequence);
            current
        };
        assert_eq!(
            seen.snapshot.iter().collect::<Vec<_>>(),
            current,
            "seed {seed}, order {order_id}"
        );
    }
}
