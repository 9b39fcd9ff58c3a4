//! Limits, halts and the audit, through faults and restarts.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use ibkr_orders::domain::{
    AuditKind, AuditRecord, HaltIn, HealthIn, PlaceIn, PreviewIn, ResumeIn, Status, TradingState,
};
use ibkr_orders::error::Reason;
use ibkr_orders::simulator::SimulatorConfig;
use ibkr_orders::store::Reader;
use serde_json::json;
use tokio::task::JoinSet;
use tokio_rusqlite::rusqlite::Connection;

use crate::preload::Faults;
use crate::process::{Process, Site};
use crate::world::{World, eventually, limit_order, resting};

/// Every record of the audit.
async fn audit(store: &Path) -> Vec<AuditRecord> {
    let reader = Reader::open(store).await.unwrap();
    let rows = reader.audit_after(0, 100_000).await.unwrap();
    rows.into_iter().map(|row| row.record).collect()
}

async fn of_kind(store: &Path, kind: AuditKind) -> Vec<AuditRecord> {
    let mut records = audit(store).await;
    records.retain(|record| record.kind == kind);
    records
}

#[tokio::test(flavor = "multi_thread")]
async fn the_audit_says_who_was_refused_what_who_halted_and_which_limits_counted() {
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("limits.toml");
    let limits = |quantity: u32| format!("[default]\nmax_order_quantity = {quantity}\n[end]\n");
    std::fs::write(&file, limits(50)).unwrap();
    let world = World::with(SimulatorConfig::explicit(), {
        let file = file.clone();
        |config| config.limits_file = Some(file)
    })
    .await;
    let store = world.config.order_db_path.clone();

    let error = world
        .client
        .place(limit_order("large", 51))
        .await
        .unwrap_err();
    assert_eq!(error.reason, Reason::RiskLimit);
    let refused = of_kind(&store, AuditKind::Refused).await;
    let [refused] = &refused[..] else {
        panic!("{refused:?}");
    };
    assert_eq!(refused.caller.as_deref(), Some("127.0.0.1"));
    assert_eq!(refused.request_id.as_deref(), Some("large"));
    assert_eq!(refused.body["instruction"], "PLACE");
    assert_eq!(refused.body["reason"], "RISK_LIMIT");
    assert_eq!(refused.body["rules"][0]["rule"], "max_order_quantity");
    assert_eq!(refused.body["rules"][0]["subject"], "DU1234567/AAPL");
    let description = refused.body["rules"][0]["description"].as_str().unwrap();
    assert!(
        description.contains("51") && description.contains("50"),
        "{description}"
    );
    assert_eq!(refused.body["asked"]["order"]["quantity"], 51);

    let malformed = PlaceIn {
        request_id: Some("malformed".to_owned()),
        ..PlaceIn::new(json!({
            "action": "BUY", "symbol": "AAPL", "order_type": "LMT", "quantity": 7, "limit_price": -3,
        }))
    };
    let error = world.client.place(malformed).await.unwrap_err();
    assert_eq!(error.reason, Reason::OrderInvalid);
    let refused = of_kind(&store, AuditKind::Refused).await;
    assert_eq!(refused[1].request_id.as_deref(), Some("malformed"));
    assert_eq!(refused[1].body["reason"], "ORDER_INVALID");
    assert_eq!(refused[1].body["violations"][0]["loc"][0], "limit_price");

    world.client.halt(HaltIn::new("a test")).await.unwrap();
    world.client.resume(ResumeIn::default()).await.unwrap();
    let halts = of_kind(&store, AuditKind::Halt).await;
    assert_eq!(halts[0].body["reason"], "a test");
    assert_eq!(halts[0].caller.as_deref(), Some("127.0.0.1"));
    assert_eq!(of_kind(&store, AuditKind::Resume).await.len(), 1);

    let preview = PreviewIn {
        order: json!({"action": "BUY", "symbol": "AAPL", "order_type": "MKT", "quantity": 1})
            .into(),
        timeout: 5.0,
    };
    let _ = world.client.preview(preview).await;
    let previews = of_kind(&store, AuditKind::Preview).await;
    assert_eq!(previews[0].body["order"]["symbol"], "AAPL");

    let logins = of_kind(&store, AuditKind::Login).await;
    assert_eq!(logins[0].body["accounts"], json!(["DU1234567"]));

    std::fs::write(&file, limits(60)).unwrap();
    eventually("the new limits count", async || {
        of_kind(&store, AuditKind::Limits).await.len() == 2
    })
    .await;
    let changes = of_kind(&store, AuditKind::Limits).await;
    assert_eq!(changes[0].body["before"], json!(null), "of the start");
    assert_eq!(changes[0].body["hash"], changes[1].body["before"]);
    assert_eq!(changes[1].body["loosened"][0]["rule"], "max_order_quantity");
    std::fs::write(&file, "[default]\n").unwrap();
    eventually("a bad file is recorded", async || {
        of_kind(&store, AuditKind::Limits)
            .await
            .last()
            .is_some_and(|record| record.body["problem"].is_string())
    })
    .await;
    // What was placed is an instruction, and no record of the audit.
    world.place(resting("fine")).await;
    assert!(
        audit(&store)
            .await
            .iter()
            .all(|record| record.request_id.as_deref() != Some("fine"))
    );
    world.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn settings_that_changed_over_a_restart_are_in_the_audit_once() {
    let mut world = World::start().await;
    let store = world.config.order_db_path.clone();
    assert_eq!(of_kind(&store, AuditKind::Live).await.len(), 0);
    world.stop_gateway().await;
    world.config.ib_allow_live = true;
    world.start_gateway().await;
    let live = async || of_kind(&store, AuditKind::Live).await;
    eventually("it is recorded", async || live().await.len() == 1).await;
    assert_eq!(live().await[0].body["allow_live"], true);
    world.restart().await;
    world.place(resting("between")).await;
    assert_eq!(live().await.len(), 1);
    world.stop_gateway().await;
    world.config.ib_allow_live = false;
    world.start_gateway().await;
    eventually("it is recorded", async || live().await.len() == 2).await;
    assert_eq!(live().await[1].body["allow_live"], false);
    world.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn of_a_flood_of_refusals_a_hundred_a_second_are_recorded_and_the_rest_counted() {
    const CALLS: usize = 1_000;
    let world = World::with(SimulatorConfig::explicit(), |config| {
        config.max_order_quantity = Some(1.into());
    })
    .await;
    let begun = std::time::Instant::now();
    let mut calls = JoinSet::new();
    for number in 0..CALLS {
        let client = world.client.clone();
        calls.spawn(async move { client.place(resting(&number.to_string())).await });
    }
    for answer in calls.join_all().await {
        assert_eq!(answer.unwrap_err().reason, Reason::RiskLimit);
    }
    let seconds = begun.elapsed().as_secs() as usize + 2;
    let store = &world.config.order_db_path;
    eventually("what was left out is recorded", async || {
        !of_kind(store, AuditKind::Unrecorded).await.is_empty()
    })
    .await;
    let recorded = of_kind(store, AuditKind::Refused).await.len();
    assert!((100..=100 * seconds).contains(&recorded), "{recorded}");
    eventually("all of it is counted", async || {
        let records = of_kind(store, AuditKind::Unrecorded).await;
        let counted = records.iter().map(|record| record.body["refused"].as_u64());
        let counted: u64 = counted.map(Option::unwrap).sum();
        recorded as u64 + counted == CALLS as u64
    })
    .await;
    let dropped = world.gateway.stats().risk.audit_dropped.get();
    assert_eq!(dropped as usize + recorded, CALLS);
    world.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn while_the_audit_cannot_be_written_orders_are_refused_and_cancels_go() {
    let world = World::with(SimulatorConfig::explicit(), |config| {
        config.max_order_quantity = Some(100.into());
    })
    .await;
    let store = Connection::open(&world.config.order_db_path).unwrap();
    let open = world.place(resting("before")).await;
    store
        .execute_batch("ALTER TABLE audit RENAME TO audit_away")
        .unwrap();
    // The refusal itself does not depend on the audit. It is what tells that it cannot be written.
    let error = world
        .client
        .place(limit_order("large", 101))
        .await
        .unwrap_err();
    assert!(
        matches!(error.reason, Reason::RiskLimit | Reason::Store),
        "{error:?}"
    );
    let error = world.client.place(resting("fine")).await.unwrap_err();
    assert_eq!(error.reason, Reason::Store, "{error:?}");
    assert!(
        error.message.contains("the audit cannot be written"),
        "{error}"
    );
    assert!(
        error.message.contains("nothing was stored or sent"),
        "{error}"
    );
    assert_eq!(world.orders_in_tws("fine").await, 0);
    eventually("it is shown", async || {
        world.gateway.stats().risk.audit_unwritable.get() == 1
    })
    .await;
    let health = world.health().await;
    assert!(
        health
            .error
            .as_deref()
            .unwrap_or_default()
            .contains("audit"),
        "{health:?}"
    );
    let cancelled = world.cancel(open.order_id, 10.0).await.unwrap();
    assert_eq!(cancelled.status, Status::Cancelled);
    let halted = world.client.halt(HaltIn::new("no audit")).await.unwrap();
    assert_eq!(halted.state, TradingState::CancelOnly);
    assert!(halted.persisted);
    store
        .execute_batch("ALTER TABLE audit_away RENAME TO audit")
        .unwrap();
    eventually("it can be written again", async || {
        world.gateway.stats().risk.audit_unwritable.get() == 0
    })
    .await;
    world.client.resume(ResumeIn::default()).await.unwrap();
    world.place(resting("fine")).await;
    // What could not be recorded then is recorded now.
    let records = audit(&world.config.order_db_path).await;
    for request_id in ["large", "fine"] {
        assert!(
            records
                .iter()
                .any(|record| record.request_id.as_deref() == Some(request_id)),
            "{request_id}"
        );
    }
    assert!(records.iter().any(|record| record.kind == AuditKind::Halt));
    world.end().await;
}

/// A site with a limits file, and a gateway on it.
struct Limited {
    site: Site,
    file: PathBuf,
}

impl Limited {
    async fn new(limits: &str) -> Self {
        let site = Site::new().await;
        let file = site.directory.path().join("limits.toml");
        std::fs::write(&file, limits).unwrap();
        Self { site, file }
    }

    async fn start(&self) -> Process {
        self.site
            .start_with(|command| {
                command
                    .env("LIMITS_FILE", &self.file)
                    .env("HALT_FILE", self.site.directory.path().join("halt"));
            })
            .await
    }

    async fn frames(&self) -> u64 {
        let frames = self.site.control();
        let frames = frames.inspect(|view| view.place_messages_total()).await;
        frames.unwrap()
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn rejections_in_a_row_halt_at_the_limit_and_both_outlive_a_kill() {
    let limited = Limited::new("[default]\nmax_consecutive_rejections = 3\n[end]\n").await;
    let rejected = async |gateway: &Process, id: &str| {
        let control = limited.site.control();
        control.reject_next(201, "no margin", false).await.unwrap();
        let out = gateway.client.place(resting(id)).await.unwrap();
        assert_eq!(out.state.unwrap().status, Status::Rejected);
    };
    let gateway = limited.start().await;
    rejected(&gateway, "one").await;
    rejected(&gateway, "two").await;
    gateway.kill();
    // Two in a row are remembered: the third halts.
    let gateway = limited.start().await;
    let left = gateway.client.limits().await.unwrap().limits;
    assert_eq!(left[0].used.as_deref(), Some("2"));
    rejected(&gateway, "three").await;
    gateway.kill();
    let gateway = limited.start().await;
    let frames = limited.frames().await;
    let error = gateway.client.place(resting("four")).await.unwrap_err();
    assert_eq!(error.reason, Reason::Halted);
    assert!(error.message.contains("3 orders in a row"), "{error}");
    let health = gateway.client.health(HealthIn::default()).await.unwrap();
    assert!(health.error.unwrap().contains("halted"));
    assert_eq!(limited.frames().await, frames);
    gateway.client.resume(ResumeIn::default()).await.unwrap();
    rejected(&gateway, "five").await;
    gateway.kill();
    // A lifted halt begins the count anew.
    let gateway = limited.start().await;
    gateway.client.place(resting("six")).await.unwrap();
    gateway.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_day_s_loss_halts_its_account_beyond_the_limit() {
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("limits.toml");
    std::fs::write(&file, "[default]\nmax_daily_loss = 1000\n[end]\n").unwrap();
    let world = World::with(SimulatorConfig::explicit(), move |config| {
        config.limits_file = Some(file);
    })
    .await;
    let control = world.control();
    let loss = async || {
        let limits = world.client.limits().await.unwrap();
        let rule = limits.limits.into_iter().next().unwrap();
        assert_eq!(rule.rule, "max_daily_loss");
        rule.used.map(|used| used.parse::<f64>().unwrap())
    };
    control.move_price("AAPL", 100.into()).await.unwrap();
    let order = PlaceIn {
        transmit: true,
        ..PlaceIn::new(
            json!({"action": "BUY", "symbol": "AAPL", "order_type": "MKT", "quantity": 10}),
        )
    };
    let bought = world.place(order).await;
    control.fill(bought.order_id).await.unwrap();
    world.until_status(bought.order_id, Status::Filled).await;
    // Ten shares lose 950 USD, which is less in the account's EUR.
    control.move_price("AAPL", 5.into()).await.unwrap();
    eventually("TWS says the loss", async || {
        loss().await.is_some_and(|loss| loss > 700.0)
    })
    .await;
    world.place(resting("inside")).await;
    let limits = world.client.limits().await.unwrap();
    assert_eq!(limits.state, TradingState::Active);
    let order = PlaceIn {
        transmit: true,
        ..PlaceIn::new(json!({
            "action": "BUY", "symbol": "AAPL", "order_type": "MKT", "quantity": 100,
        }))
    };
    let bought = world.place(order).await;
    control.fill(bought.order_id).await.unwrap();
    control.move_price("AAPL", 1.into()).await.unwrap();
    eventually("the account is halted", async || {
        world.client.limits().await.unwrap().state == TradingState::CancelOnly
    })
    .await;
    let error = world.client.place(resting("outside")).await.unwrap_err();
    assert_eq!(error.reason, Reason::Halted);
    assert!(error.message.contains("max_daily_loss"), "{error}");
    assert_eq!(world.orders_in_tws("outside").await, 0);
    world.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_halt_on_a_full_disk_holds_at_once_and_is_stored_when_there_is_room() {
    let site = Site::new().await;
    let faults = Faults::new(site.directory.path())
        .unwrap()
        .only("orders.db");
    let gateway = site.start_under(&faults).await;
    gateway.client.place(resting("before")).await.unwrap();
    faults.set_room(1).unwrap();
    let halted = gateway.client.halt(HaltIn::new("no room")).await.unwrap();
    assert_eq!(
        (halted.state, halted.persisted),
        (TradingState::CancelOnly, false)
    );
    for n in 0..20 {
        let error = gateway
            .client
            .place(resting(&format!("full-{n}")))
            .await
            .unwrap_err();
        assert_eq!(error.reason, Reason::Halted, "{error:?}");
    }
    assert_eq!(site.orders_and_frames("before").await, (1, 1));
    // What was answered before is answered all the same.
    assert!(
        gateway
            .client
            .place(resting("before"))
            .await
            .unwrap()
            .replayed
    );
    faults.set_room(0).unwrap();
    let store = site.store();
    eventually("the halt and the refusals are recorded", async || {
        let records = audit(&store).await;
        let of = |kind| records.iter().filter(|record| record.kind == kind).count();
        of(AuditKind::Halt) == 1 && of(AuditKind::Refused) == 20
    })
    .await;
    gateway.kill();
    let gateway = site.start().await;
    let error = gateway.client.place(resting("after")).await.unwrap_err();
    assert_eq!(error.reason, Reason::Halted);
    assert!(error.message.contains("no room"), "{error}");
    gateway.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_halt_outlives_a_kill_right_after_its_answer_and_a_halt_file_that_cannot_be_read_halts() {
    let limited = Limited::new("[default]\n[end]\n").await;
    let gateway = limited.start().await;
    gateway.client.place(resting("before")).await.unwrap();
    let halted = gateway.client.halt(HaltIn::new("enough")).await.unwrap();
    gateway.kill();
    assert!(halted.persisted);
    let gateway = limited.start().await;
    let error = gateway.client.place(resting("after")).await.unwrap_err();
    assert_eq!(error.reason, Reason::Halted);
    gateway.client.resume(ResumeIn::default()).await.unwrap();
    gateway.client.place(resting("after")).await.unwrap();
    let frames = limited.frames().await;
    gateway.end().await;
    // What should be a directory on the way to it is none, so nobody can say whether it is there.
    let gateway = limited
        .site
        .start_with(|command| {
            command.env("HALT_FILE", limited.file.join("halt"));
        })
        .await;
    let error = gateway.client.place(resting("unread")).await.unwrap_err();
    assert_eq!(error.reason, Reason::Halted);
    assert!(error.message.contains("cannot be looked at"), "{error}");
    let error = gateway
        .client
        .resume(ResumeIn::default())
        .await
        .unwrap_err();
    assert_eq!(error.reason, Reason::Halted);
    assert_eq!(limited.frames().await, frames);
    gateway.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_limits_file_that_changes_under_64_callers_counts_as_one_whole_version_or_the_other() {
    const VERSIONS: [u32; 2] = [5, 50];
    let text = |quantity: u32| format!("[default]\nmax_order_quantity = {quantity}\n[end]\n");
    let limited = Limited::new(&text(VERSIONS[0])).await;
    let gateway = limited.start().await;
    let done = Arc::new(AtomicBool::new(false));
    let mut callers = JoinSet::new();
    for caller in 0..64 {
        let (client, done) = (gateway.client.clone(), Arc::clone(&done));
        callers.spawn(async move {
            let mut taken = 0;
            for n in 0.. {
                if done.load(Ordering::Relaxed) {
                    break;
                }
                let id = format!("{caller}-{n}");
                match client.place(limit_order(&id, 10)).await {
                    Ok(_) => taken += 1,
                    Err(error) => {
                        // Half a file would have had no limit, or another one.
                        assert!(
                            matches!(error.reason, Reason::RiskLimit | Reason::Pacing),
                            "{error:?}"
                        );
                    }
                }
                tokio::time::sleep(Duration::from_millis(40)).await;
            }
            taken
        });
    }
    // Torn writes: each version comes in two halves with a pause, and only the whole one counts.
    for version in [VERSIONS[1], VERSIONS[0], VERSIONS[1]] {
        let whole = text(version);
        let (half, _) = whole.split_at(whole.len() / 2);
        std::fs::write(&limited.file, half).unwrap();
        tokio::time::sleep(Duration::from_millis(2_500)).await;
        std::fs::write(&limited.file, &whole).unwrap();
        tokio::time::sleep(Duration::from_millis(2_500)).await;
    }
    done.store(true, Ordering::Relaxed);
    let taken: u32 = callers.join_all().await.into_iter().sum();
    assert!(taken > 0, "no order went under the higher limit");
    // Each order that was taken stands with the hash of the version that allows it.
    let store = limited.site.store();
    let reader = Reader::open(&store).await.unwrap();
    let changes = of_kind(&store, AuditKind::Limits).await;
    let hashes: Vec<&str> = changes
        .iter()
        .filter_map(|record| record.body["hash"].as_str())
        .collect();
    let (lower, higher) = (hashes[0], hashes[1]);
    assert_ne!(lower, higher);
    assert!(hashes.iter().all(|hash| [lower, higher].contains(hash)));
    let placed = reader.instructions_after(0, 100_000).await.unwrap();
    assert!(!placed.is_empty());
    for row in placed {
        assert_eq!(row.limits_hash.as_deref(), Some(higher), "{row:?}");
    }
    gateway.end().await;
}
