//! Two gateways with one journal, in front of a simulated TWS.

use std::path::Path;
use std::time::Instant;

use super::*;
use crate::domain::{
    Action, Amount, OrderKey, OrderRequest, OrderState, PlaceIn, PlaceOut, Status,
};
use crate::gateway::Gateway;
use crate::journal::memory::MemoryJournal;
use crate::journal::{Content, Record};
use crate::simulator::{Simulator, SimulatorConfig};

const LEASE: Duration = Duration::from_millis(1_000);

struct Desk {
    simulator: Simulator,
    journal: MemoryJournal,
    directory: tempfile::TempDir,
}

impl Desk {
    async fn new() -> Self {
        Self {
            simulator: Simulator::start(SimulatorConfig {
                listen: std::net::SocketAddr::from(([127, 0, 0, 1], 0)),
                ..SimulatorConfig::default()
            })
            .await
            .unwrap(),
            journal: MemoryJournal::default(),
            directory: tempfile::tempdir().unwrap(),
        }
    }

    fn path(&self, name: &str) -> std::path::PathBuf {
        self.directory.path().join(name).join("orders.db")
    }

    fn config(&self, name: &str) -> Config {
        let address = self.simulator.address();
        Config {
            ib_host: address.ip().to_string(),
            ib_port: address.port(),
            order_db_path: self.path(name),
            ..Config::default()
        }
    }

    fn shared(&self, name: &str) -> SharedJournal {
        let me = LeaseValue {
            holder: format!("{name} {}", uuid::Uuid::now_v7()),
            address: format!("{name}:50051"),
            ..LeaseValue::default()
        };
        let journal = Arc::new(self.journal.clone());
        SharedJournal::over(
            journal,
            "ORDERS_desk_1".to_owned(),
            "then".to_owned(),
            LEASE,
            me,
        )
    }

    async fn lead(&self, name: &str) -> Gateway {
        let shared = self.shared(name);
        let held = shared.take().await.unwrap();
        let gateway = Gateway::lead(&self.config(name), &shared, held, None)
            .await
            .unwrap();
        let mut link = gateway.link();
        tokio::time::timeout(
            Duration::from_secs(20),
            link.wait_for(|link| link.is_ready()),
        )
        .await
        .expect("connected in time")
        .unwrap();
        gateway
    }

    /// The stores of two gateways that rest, row by row.
    fn assert_equal(&self, one: &str, other: &str) {
        let (one, other) = (dump(&self.path(one)), dump(&self.path(other)));
        assert!(one.len() > 5, "{one:?}");
        assert_eq!(one, other);
    }

    /// Orders that TWS was sent, by what names them.
    async fn placed_at_tws(&self) -> usize {
        self.simulator
            .control()
            .inspect(|view| view.orders().len())
            .await
            .unwrap()
    }
}

fn dump(path: &Path) -> Vec<String> {
    crate::store::history_as_text(path).unwrap()
}

fn order(request_id: &str) -> PlaceIn {
    let mut order = OrderRequest::limit(Action::Buy, "AAPL", Amount::from(10), Amount::from(100));
    order.transmit = true;
    PlaceIn {
        request_id: Some(request_id.to_owned()),
        ..PlaceIn::new(order)
    }
}

async fn place(gateway: &Gateway, request_id: &str) -> PlaceOut {
    gateway.place(order(request_id)).await.expect("placed")
}

async fn placed(gateway: &Gateway, request_id: &str) -> i32 {
    place(gateway, request_id).await.order_id.expect("an id")
}

async fn read(gateway: &Gateway, request_id: &str) -> Option<OrderState> {
    let key = OrderKey::RequestId(request_id.to_owned());
    gateway.get(key).await.ok().map(|detail| detail.order)
}

async fn until_equal(desk: &Desk, one: &str, other: &str) {
    let begun = Instant::now();
    while dump(&desk.path(one)) != dump(&desk.path(other)) {
        if begun.elapsed() > Duration::from_secs(10) {
            desk.assert_equal(one, other);
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    desk.assert_equal(one, other);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_order_survives_the_machine_it_was_placed_on() {
    let desk = Desk::new().await;
    let first = desk.lead("first").await;
    let order_id = placed(&first, "one").await;
    first.close(Duration::from_secs(1)).await;
    std::fs::remove_dir_all(desk.directory.path().join("first")).unwrap();

    let begun = Instant::now();
    let second = desk.lead("second").await;
    assert!(
        begun.elapsed() < LEASE * 3,
        "it was released: {:?}",
        begun.elapsed()
    );
    // The same request is the same order.
    let again = place(&second, "one").await;
    assert_eq!(
        (again.order_id, again.replayed),
        (Some(order_id), true),
        "{again:?}"
    );
    let next = placed(&second, "two").await;
    assert!(next > order_id + 10_000 - 1, "{order_id} {next}");
    assert_eq!(desk.placed_at_tws().await, 2);
    second.close(Duration::from_secs(1)).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_follower_reads_what_the_leader_wrote_and_takes_no_orders() {
    let desk = Desk::new().await;
    let leader = desk.lead("leader").await;
    placed(&leader, "one").await;
    let shared = desk.shared("follower");
    let follower = Gateway::follow(&desk.config("follower"), &shared, None)
        .await
        .unwrap();
    tokio::spawn(async move { match shared.watch_leader().await {} });
    placed(&leader, "two").await;
    until_equal(&desk, "leader", "follower").await;
    let state = read(&follower, "two").await.expect("followed");
    assert!(state.status.may_work(), "{state:?}");
    let mut leader_seen = follower.shared.engine.leader_seen().expect("follows");
    leader_seen.wait_for(|at| !at.is_empty()).await.unwrap();
    let refused = follower.place(order("three")).await.unwrap_err();
    assert_eq!(refused.reason, Reason::Standby);
    assert_eq!(refused.leader.as_deref(), Some("leader:50051"));
    leader.close(Duration::from_secs(1)).await;
    until_equal(&desk, "leader", "follower").await;
    follower.close(Duration::from_secs(1)).await;
    assert_eq!(desk.placed_at_tws().await, 2);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn while_the_journal_is_away_nothing_is_placed_and_reports_are_stored() {
    let desk = Desk::new().await;
    let leader = desk.lead("leader").await;
    let order_id = placed(&leader, "one").await;
    desk.journal.set_away(true);
    // The first one finds it out: it is stored, and never sent.
    let input = PlaceIn {
        timeout: 1.0,
        ..order("two")
    };
    match leader.place(input).await {
        Ok(unsent) => {
            let state = unsent.state.expect("it is stored");
            assert_eq!(state.status, Status::Rejected, "{state:?}");
            assert_eq!(
                state.last_error.as_deref(),
                Some("never sent: not journaled")
            );
        }
        // The lease was written in vain before.
        Err(error) => assert_eq!(error.reason, Reason::Journal),
    }
    let refused = leader.place(order("three")).await.unwrap_err();
    assert_eq!(refused.reason, Reason::Journal);
    // A cancel goes out all the same, and what TWS says of it is stored.
    let cancelled = leader
        .cancel(OrderKey::OrderId(order_id), 5.0)
        .await
        .unwrap();
    assert_eq!(cancelled.status, Status::Cancelled);
    assert_eq!(desk.placed_at_tws().await, 1);

    desk.journal.set_away(false);
    let begun = Instant::now();
    let back = loop {
        match leader.place(order("four")).await {
            Ok(placed) => break placed,
            Err(error) => assert!(begun.elapsed() < Duration::from_secs(10), "{error:?}"),
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    };
    let status = back.state.unwrap().status;
    assert!(
        status.may_work() && status != Status::Submitting,
        "{status:?}"
    );
    assert_eq!(desk.placed_at_tws().await, 2);
    leader.close(Duration::from_secs(1)).await;
    // What was committed meanwhile is in the journal: a new copy has it.
    let second = desk.lead("second").await;
    let state = read(&second, "one").await.expect("journaled");
    assert_eq!(state.status, Status::Cancelled);
    second.close(Duration::from_secs(1)).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_leader_that_was_passed_over_ends_and_sends_nothing_more() {
    let desk = Desk::new().await;
    let first = desk.lead("first").await;
    placed(&first, "one").await;
    // Another epoch begins behind its back.
    let last = desk.journal.entries().pop().unwrap();
    let record = Record::decode(&last.bytes).unwrap();
    let fence = Record {
        epoch: record.epoch + 1_000,
        number: 0,
        content: Content::Fence,
        ..record
    };
    desk.journal
        .append(fence.encode().into(), "fence", None)
        .await
        .unwrap();
    let lost = first.place(order("two")).await;
    assert_eq!(lost.unwrap_err().reason, Reason::Internal);
    let last_word = tokio::time::timeout(Duration::from_secs(5), first.stopped())
        .await
        .expect("it ends")
        .expect("it says why");
    assert!(last_word.contains("another gateway leads"), "{last_word}");
    assert_eq!(desk.placed_at_tws().await, 1);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_store_that_parted_from_the_journal_is_put_aside_and_made_anew() {
    let desk = Desk::new().await;
    let first = desk.lead("first").await;
    placed(&first, "one").await;
    // What it commits now stays in its outbox.
    desk.journal.set_away(true);
    let input = PlaceIn {
        timeout: 0.3,
        ..order("lost")
    };
    // What it answers is told above.
    let _ = first.place(input).await;
    first.close(Duration::ZERO).await;
    desk.journal.set_away(false);
    let second = desk.lead("second").await;
    placed(&second, "two").await;
    second.close(Duration::from_secs(1)).await;

    let again = desk.lead("first").await;
    assert_eq!(read(&again, "lost").await, None);
    assert!(read(&again, "two").await.is_some());
    let aside = std::fs::read_dir(desk.directory.path().join("first"))
        .unwrap()
        .filter_map(|entry| entry.unwrap().file_name().into_string().ok())
        .filter(|name| name.contains(".diverged-"))
        .count();
    assert_eq!(aside, 1);
    again.close(Duration::from_secs(1)).await;
}
