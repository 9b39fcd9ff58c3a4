//! A disk that is full, that fails, that loses what was not synced; files that are not what they should be.

use std::fs;
use std::os::unix::fs::FileExt as _;
use std::path::Path;
use std::time::{Duration, Instant};

use ibkr_orders::domain::{HealthIn, LinkState, ListIn, OrderKey, PlaceIn, Status};
use ibkr_orders::error::Reason;
use ibkr_orders::simulator::SimulatorConfig;
use tokio_rusqlite::rusqlite::Connection;

use crate::preload::Faults;
use crate::process::{Process, Site};
use crate::world::{World, eventually, limit_order, resting};

fn faults(site: &Site) -> Faults {
    Faults::new(site.directory.path())
        .unwrap()
        .only("orders.db")
}

#[tokio::test]
async fn on_a_full_disk_nothing_is_sent_and_with_room_everything_goes_on() {
    let site = Site::new().await;
    let faults = faults(&site);
    let gateway = site.start_under(&faults).await;
    let rests = gateway.client.place(resting("before")).await.unwrap();
    let order_id = rests.order_id.unwrap();
    gateway.until_status(order_id, Status::Submitted).await;
    // From now on no byte more.
    faults.set_room(1).unwrap();
    let error = gateway.client.place(resting("full")).await.unwrap_err();
    assert_eq!(error.reason, Reason::Store);
    assert!(error.message.contains("disk full"), "{}", error.message);
    assert_eq!(site.orders_and_frames("full").await, (0, 1));
    // A fill that cannot be stored is shown to nobody, and found when there is room.
    site.control().fill(order_id).await.unwrap();
    let health = gateway.client.health(HealthIn::default()).await.unwrap();
    assert!(!health.store_ok);
    assert!(health.error.unwrap().contains("store cannot be written"));
    assert_eq!(gateway.get(order_id).await.status, Status::Submitted);
    // What is stored is answered all the same.
    let again = gateway.client.place(resting("before")).await.unwrap();
    assert!(again.replayed);
    faults.set_room(0).unwrap();
    let filled = gateway.until_status(order_id, Status::Filled).await;
    assert_eq!(filled.filled, 10.into());
    let placed = gateway.client.place(resting("full")).await.unwrap();
    assert!(!placed.replayed);
    assert_eq!(site.orders_and_frames("full").await, (1, 2));
    gateway.end().await;
}

#[tokio::test]
async fn on_a_read_only_file_system_it_does_not_start_and_goes_nowhere_near_tws() {
    let site = Site::new().await;
    let faults = faults(&site);
    faults.set_read_only(true).unwrap();
    for started_before in [false, true] {
        if started_before {
            site.start().await.end().await;
        }
        let logins = site.look_at_logins().await;
        let (code, said) = site
            .refused(|command| {
                faults.apply(command).unwrap();
            })
            .await;
        assert_eq!(code, Some(1), "{said}");
        assert!(
            said.contains("the store is read-only: give the gateway write access"),
            "{said}"
        );
        assert_eq!(site.look_at_logins().await, logins, "it went to TWS");
    }
}

#[tokio::test]
async fn a_file_system_that_turns_read_only_sends_nothing_and_loses_nothing() {
    let site = Site::new().await;
    let faults = faults(&site);
    let gateway = site.start_under(&faults).await;
    let rests = gateway.client.place(resting("before")).await.unwrap();
    let order_id = rests.order_id.unwrap();
    gateway.until_status(order_id, Status::Submitted).await;
    faults.set_read_only(true).unwrap();
    let error = gateway.client.place(resting("refused")).await.unwrap_err();
    assert_eq!(error.reason, Reason::Store, "{error:?}");
    assert!(error.message.contains("can be written"), "{error:?}");
    assert_eq!(site.orders_and_frames("refused").await, (0, 1));
    site.control().fill(order_id).await.unwrap();
    let health = gateway.client.health(HealthIn::default()).await.unwrap();
    assert!(!health.store_ok);
    assert!(health.error.unwrap().contains("write access"));
    assert_eq!(gateway.get(order_id).await.status, Status::Submitted);
    faults.set_read_only(false).unwrap();
    let filled = gateway.until_status(order_id, Status::Filled).await;
    assert_eq!(filled.filled, 10.into());
    gateway.client.place(resting("refused")).await.unwrap();
    assert_eq!(site.orders_and_frames("refused").await, (1, 2));
    gateway.end().await;
}

#[tokio::test]
async fn a_failed_fsync_stops_the_gateway_with_a_clear_last_word_and_no_success() {
    // The next commit is the order's own, then its acknowledgement's.
    for nth in 1..=3 {
        let site = Site::new().await;
        let faults = faults(&site);
        let mut gateway = site.start_under(&faults).await;
        faults.fail_fsync(faults.fsyncs().unwrap() + nth).unwrap();
        let mut acknowledged = Vec::new();
        for number in 0..20 {
            let id = format!("{nth}-{number}");
            match gateway.client.place(resting(&id)).await {
                Ok(out) => acknowledged.push((id, out.order_id)),
                Err(error) => {
                    assert!(
                        matches!(
                            error.reason,
                            Reason::Internal | Reason::GatewayUnavailable | Reason::ShuttingDown
                        ),
                        "{error:?}"
                    );
                    break;
                }
            }
        }
        let status = gateway.ended().await;
        let said = gateway.said();
        assert_eq!(status.code(), Some(1), "{said}");
        let last = said.lines().last().unwrap();
        assert!(
            last.contains("stopped") && last.contains("may or may not be on disk"),
            "{said}"
        );
        assert_eq!(faults.failures().unwrap(), 1);
        assert!(acknowledged.len() < 20);
        // What it had said before is true, and nothing was sent twice.
        let gateway = site.start().await;
        for (id, order_id) in acknowledged {
            let again = gateway.client.place(resting(&id)).await.unwrap();
            assert!(again.replayed, "{id}");
            assert_eq!(again.order_id, order_id, "{id}");
            assert_eq!(site.orders_and_frames(&id).await.0, 1, "{id}");
        }
        // The order whose commit failed: stored or not, TWS has it at most once, and never without a row.
        let id = format!("{nth}-0");
        assert!(site.orders_and_frames(&id).await.0 <= 1);
        gateway.end().await;
    }
}

#[tokio::test]
async fn the_order_whose_commit_failed_was_never_sent() {
    let site = Site::new().await;
    let faults = faults(&site);
    let mut gateway = site.start_under(&faults).await;
    faults.fail_fsync(faults.fsyncs().unwrap() + 1).unwrap();
    let error = gateway.client.place(resting("a")).await.unwrap_err();
    assert!(
        matches!(error.reason, Reason::Internal | Reason::GatewayUnavailable),
        "{error:?}"
    );
    assert_eq!(gateway.ended().await.code(), Some(1));
    assert_eq!(site.orders_and_frames("a").await, (0, 0));
}

#[tokio::test]
async fn after_a_power_loss_every_acknowledged_order_is_there() {
    let site = Site::new().await;
    let synced = site.directory.path().join("synced");
    fs::create_dir(&synced).unwrap();
    let faults = faults(&site).keep_synced_copies(&synced);
    let gateway = site.start_under(&faults).await;
    let mut calls = tokio::task::JoinSet::new();
    for number in 0..40 {
        let client = gateway.client.clone();
        let id = number.to_string();
        calls.spawn(async move { (client.place(resting(&id)).await.unwrap(), id) });
    }
    let placed = calls.join_all().await;
    // A fill that a watcher was shown must survive, too.
    let filled = placed[0].0.order_id.unwrap();
    site.control().fill(filled).await.unwrap();
    gateway.until_status(filled, Status::Filled).await;
    gateway.kill();
    // TWS forgets nothing, but it must not be what saves us.
    site.control().refuse_connections(true).await.unwrap();
    let store = synced.join("orders.db");
    let gateway = Process::serve(&mut site.command(&store)).await;
    for (out, id) in &placed {
        let found = gateway
            .client
            .get(OrderKey::RequestId(id.clone()))
            .await
            .unwrap_or_else(|error| panic!("{id} was acknowledged and is gone: {error:?}"));
        assert_eq!(Some(found.order.order_id), out.order_id);
    }
    let detail = gateway.client.get(OrderKey::OrderId(filled)).await.unwrap();
    assert_eq!(
        (detail.order.status, detail.fills.len()),
        (Status::Filled, 1)
    );
    gateway.end().await;
}

#[tokio::test]
async fn a_store_in_use_names_its_holder() {
    let site = Site::new().await;
    let gateway = site.start().await;
    let (code, said) = site.refused(|_| {}).await;
    assert_eq!(code, Some(1), "{said}");
    assert!(said.contains("another gateway uses this store"), "{said}");
    assert!(said.contains(&gateway.pid().to_string()), "{said}");
    // The first one does not notice.
    gateway.client.place(resting("a")).await.unwrap();
    gateway.end().await;
}

#[tokio::test]
async fn a_lock_file_left_by_a_kill_is_no_lock() {
    let site = Site::new().await;
    site.start().await.kill();
    assert!(site.directory.path().join("orders.db.lock").exists());
    site.start().await.end().await;
}

#[tokio::test]
async fn a_store_locked_by_another_program_delays_and_then_refuses_and_then_works() {
    let site = Site::new().await;
    let gateway = site.start().await;
    let holder = tokio_rusqlite::rusqlite::Connection::open(site.store()).unwrap();
    holder.execute_batch("BEGIN IMMEDIATE").unwrap();
    let asked = Instant::now();
    let error = gateway.client.place(resting("a")).await.unwrap_err();
    let alone = asked.elapsed();
    assert_eq!(error.reason, Reason::Store);
    assert!(
        error.message.contains("another program"),
        "{}",
        error.message
    );
    assert_eq!(site.orders_and_frames("a").await, (0, 0));
    // Many at once wait for the other program together, not one after the other.
    let mut calls = tokio::task::JoinSet::new();
    let asked = Instant::now();
    for n in 0..10 {
        let client = gateway.client.clone();
        calls.spawn(async move { client.place(resting(&format!("b{n}"))).await });
    }
    while let Some(refused) = calls.join_next().await {
        assert_eq!(refused.unwrap().unwrap_err().reason, Reason::Store);
    }
    let together = asked.elapsed();
    assert!(
        together < alone * 5,
        "one call took {alone:?}, ten {together:?}"
    );
    holder.execute_batch("ROLLBACK").unwrap();
    gateway.client.place(resting("a")).await.unwrap();
    assert_eq!(site.orders_and_frames("a").await, (1, 1));
    gateway.end().await;
}

#[tokio::test]
async fn a_store_of_a_newer_version_is_left_as_it_is() {
    let site = Site::new().await;
    site.start().await.end().await;
    // user_version, big endian, at byte 60 of the file.
    let file = fs::OpenOptions::new()
        .write(true)
        .open(site.store())
        .unwrap();
    file.write_all_at(&99_u32.to_be_bytes(), 60).unwrap();
    drop(file);
    let before = fs::read(site.store()).unwrap();
    let (code, said) = site.refused(|_| {}).await;
    assert_eq!(code, Some(1), "{said}");
    assert!(said.contains("schema version 99"), "{said}");
    assert_eq!(fs::read(site.store()).unwrap(), before);
}

#[tokio::test]
async fn a_file_that_is_no_store_is_left_as_it_is() {
    let site = Site::new().await;
    let text = b"these are my notes, not orders\n".repeat(200);
    fs::write(site.store(), &text).unwrap();
    let (code, said) = site.refused(|_| {}).await;
    assert_eq!(code, Some(1), "{said}");
    assert!(said.contains("is not an SQLite database"), "{said}");
    assert_eq!(fs::read(site.store()).unwrap(), text);
}

#[tokio::test]
async fn a_damaged_store_is_refused_and_nothing_is_sent() {
    let site = Site::new().await;
    let gateway = site.start().await;
    for number in 0..30 {
        gateway
            .client
            .place(limit_order(&number.to_string(), 1))
            .await
            .unwrap();
    }
    gateway.end().await;
    let logins = site
        .control()
        .inspect(|view| view.logins_total())
        .await
        .unwrap();
    // Every page but the first is overwritten.
    let length = fs::metadata(site.store()).unwrap().len();
    let file = fs::OpenOptions::new()
        .write(true)
        .open(site.store())
        .unwrap();
    file.write_all_at(&vec![0xa5; usize::try_from(length - 4096).unwrap()], 4096)
        .unwrap();
    drop(file);
    let (code, said) = site.refused(|_| {}).await;
    assert_eq!(code, Some(1), "{said}");
    assert!(said.contains("damaged"), "{said}");
    let after = site
        .control()
        .inspect(|view| view.logins_total())
        .await
        .unwrap();
    assert_eq!(after, logins, "it went to TWS with a damaged store");
}

#[tokio::test]
async fn a_slow_disk_delays_and_loses_nothing() {
    let site = Site::new().await;
    let faults = faults(&site);
    let gateway = site.start_under(&faults).await;
    faults.set_fsync_delay(Duration::from_millis(150)).unwrap();
    let mut calls = tokio::task::JoinSet::new();
    for number in 0..20 {
        let client = gateway.client.clone();
        calls.spawn(async move { client.place(resting(&number.to_string())).await });
    }
    for out in calls.join_all().await {
        assert!(out.unwrap().submitted);
    }
    eventually("TWS has all of them", async || {
        site.orders_and_frames("0").await == (1, 20)
    })
    .await;
    gateway.end().await;
}

/// Makes the store refuse every change of an order, as a row does that contradicts the schema.
fn refuse_rows(path: &Path, refuse: bool) {
    let connection = Connection::open(path).unwrap();
    connection.busy_timeout(Duration::from_secs(5)).unwrap();
    let sql = if refuse {
        "CREATE TRIGGER refused BEFORE UPDATE ON orders BEGIN SELECT RAISE(ABORT, 'refused by the test'); END"
    } else {
        "DROP TRIGGER refused"
    };
    connection.execute_batch(sql).unwrap();
}

#[tokio::test]
async fn what_the_store_refuses_for_a_while_is_made_good_the_loss_of_the_session_among_it() {
    let world = World::with(SimulatorConfig::explicit(), |config| {
        config.ib_max_messages_per_second = 2;
    })
    .await;
    let rests = world.place(resting("rests")).await;
    world.until_status(rests.order_id, Status::Submitted).await;
    // The slots of most are seconds away: they wait in the gateway.
    let client = world.client.clone();
    let waiting = tokio::spawn(async move {
        let mut placed = Vec::new();
        for number in 0..10 {
            let input = PlaceIn {
                timeout: 20.0,
                ..resting(&number.to_string())
            };
            let client = client.clone();
            placed.push(tokio::spawn(async move { client.place(input).await }));
        }
        let mut states = Vec::new();
        for place in placed {
            states.push(place.await.unwrap().unwrap().state.unwrap());
        }
        states
    });
    eventually("ten orders are stored", || async {
        let waiting = world.client.list(ListIn::default()).await.unwrap().orders;
        waiting.len() == 11
    })
    .await;
    let mut watch = world.watch_all(0).await;
    watch.next().await.unwrap().unwrap();

    let failures = || world.gateway.stats().commit_failures.get();
    let before = failures();
    refuse_rows(&world.config.order_db_path, true);
    world.control().fill(rests.order_id).await.unwrap();
    world.control().drop_connections().await.unwrap();
    eventually("the store has refused", || async {
        failures() > before + 2
    })
    .await;
    refuse_rows(&world.config.order_db_path, false);

    for state in [LinkState::Lost, LinkState::Restored, LinkState::Reconciled] {
        world.link_shown(&mut watch, state).await;
    }
    let filled = world.until_status(rests.order_id, Status::Filled).await;
    assert_eq!(filled.filled, 10.into());
    // Some may have had their slot before the link broke; what had not is known not to have been sent.
    let never_sent = waiting.await.unwrap().into_iter().filter(|state| {
        state.status == Status::Rejected
            && state
                .last_error
                .as_deref()
                .is_some_and(|text| text.contains("not sent: the session with TWS was lost"))
    });
    let never_sent: Vec<i32> = never_sent.map(|state| state.order_id).collect();
    assert!(!never_sent.is_empty());
    for order_id in never_sent {
        assert_eq!(world.place_frames(order_id).await, 0);
    }
    assert_eq!(world.gateway.stats().inputs_dropped.get(), 0);
    world.end().await;
}
