//! Limits through a client on a real socket: as many callers as there are, across a restart, and as their file changes.

use std::path::Path;
use std::time::Duration;

use ibkr_orders::simulator::SimulatorConfig;
use ibkr_orders::wire::pb;
use ibkr_orders::wire::pb::risk_service_client::RiskServiceClient;
use tokio::task::JoinSet;
use tonic::Code;
use tonic::transport::Channel;

use crate::world::{Plan, World, eventually, place, refused, resting};

async fn world(file: &Path, text: &str) -> World {
    std::fs::write(file, text).unwrap();
    let file = file.to_owned();
    World::plan(Plan {
        simulator: Some(SimulatorConfig::explicit()),
        config: Some(Box::new(move |config| config.limits_file = Some(file))),
        ..Plan::default()
    })
    .await
}

fn at_most(open: u32) -> String {
    format!("[default]\nmax_open_orders = {open}\n[end]\n")
}

#[tokio::test(flavor = "multi_thread")]
async fn of_64_callers_not_one_gets_an_order_too_many() {
    let dir = tempfile::tempdir().unwrap();
    let world = world(&dir.path().join("limits.toml"), &at_most(10)).await;
    let mut callers = JoinSet::new();
    for _ in 0..64 {
        let mut stub = world.stub().await;
        callers.spawn(async move { stub.place(place(resting())).await });
    }
    let mut placed = 0;
    while let Some(answer) = callers.join_next().await {
        match answer.unwrap() {
            Ok(_) => placed += 1,
            answer @ Err(_) => {
                let error = refused(answer);
                assert_eq!(
                    (error.code, error.reason.as_str()),
                    (Code::FailedPrecondition, "RISK_LIMIT")
                );
                let details = error.details.precondition_failure().unwrap();
                let [violation] = &details.violations[..] else {
                    panic!("{details:?}");
                };
                assert_eq!(violation.r#type, "max_open_orders");
                assert_eq!(violation.subject, "DU1234567/AAPL");
                assert!(violation.description.contains("10"), "{violation:?}");
            }
        }
    }
    assert_eq!(placed, 10);
    let sent = world
        .control()
        .inspect(|view| view.place_messages_total())
        .await
        .unwrap();
    assert_eq!(sent, 10);
    world.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_limits_file_counts_as_it_changes_and_a_bad_one_changes_nothing() {
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("limits.toml");
    let world = world(&file, &at_most(1)).await;
    let mut stub = world.stub().await;
    stub.place(place(resting())).await.unwrap();
    assert_eq!(
        refused(stub.place(place(resting())).await).reason,
        "RISK_LIMIT"
    );
    let bad = |world: &World| world.gateway.stats().risk.limits_file_bad.get();
    // Half a file would allow everything.
    std::fs::write(&file, "[default]\n").unwrap();
    eventually("the bad file is said", async || bad(&world) == 1).await;
    assert_eq!(
        refused(stub.place(place(resting())).await).reason,
        "RISK_LIMIT"
    );
    std::fs::write(&file, at_most(2)).unwrap();
    eventually("the new limits count", async || {
        stub.place(place(resting())).await.is_ok()
    })
    .await;
    assert_eq!(bad(&world), 0);
    assert_eq!(
        refused(stub.place(place(resting())).await).reason,
        "RISK_LIMIT"
    );
    std::fs::remove_file(&file).unwrap();
    eventually("the missing file is said", async || bad(&world) == 1).await;
    tokio::time::sleep(Duration::from_millis(50)).await;
    assert_eq!(
        refused(stub.place(place(resting())).await).reason,
        "RISK_LIMIT"
    );
    world.end().await;
}

type Risk = RiskServiceClient<Channel>;

async fn risk(world: &World) -> Risk {
    RiskServiceClient::new(world.channel().await)
}

fn halt(reason: &str) -> pb::HaltRequest {
    pb::HaltRequest {
        reason: reason.to_owned(),
        ..pb::HaltRequest::default()
    }
}

async fn frames(world: &World) -> u64 {
    let control = world.control();
    let frames = control.inspect(|view| view.place_messages_total()).await;
    frames.unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn from_the_answer_to_a_halt_on_not_one_order_leaves() {
    let world = World::plan(Plan {
        simulator: Some(SimulatorConfig::explicit()),
        config: Some(Box::new(|config| config.ib_max_messages_per_second = 50)),
        ..Plan::default()
    })
    .await;
    let mut risk = risk(&world).await;
    let mut callers = JoinSet::new();
    for _ in 0..16 {
        let mut stub = world.stub().await;
        callers.spawn(async move {
            loop {
                match stub.place(place(resting())).await {
                    Ok(_) => {}
                    Err(status) => return refused::<()>(Err(status)),
                }
            }
        });
    }
    eventually("orders leave", async || frames(&world).await > 20).await;
    let halted = risk.halt(halt("a test")).await.unwrap().into_inner();
    assert_eq!(halted.state(), pb::TradingState::CancelOnly);
    assert!(halted.persisted);
    // What was handed over before the answer may still be on its way to the simulator.
    let mut sent = frames(&world).await;
    loop {
        tokio::time::sleep(Duration::from_millis(100)).await;
        let now = frames(&world).await;
        if now == sent {
            break;
        }
        sent = now;
    }
    while let Some(error) = callers.join_next().await {
        let error = error.unwrap();
        assert!(
            matches!(error.reason.as_str(), "HALTED" | "PACING"),
            "{error:?}"
        );
    }
    let mut stub = world.stub().await;
    let error = refused(stub.place(place(resting())).await);
    assert_eq!(
        (error.code, error.reason.as_str()),
        (Code::FailedPrecondition, "HALTED")
    );
    assert!(error.message.contains("a test"), "{}", error.message);
    tokio::time::sleep(Duration::from_millis(300)).await;
    assert_eq!(frames(&world).await, sent);
    // Cancels go.
    let all = pb::CancelAllRequest {
        include_protective: true,
        timeout: crate::world::seconds(20),
        ..pb::CancelAllRequest::default()
    };
    let cancelled = risk.cancel_all(all).await.unwrap().into_inner();
    assert!(!cancelled.results.is_empty());
    assert!(
        cancelled
            .results
            .iter()
            .all(|result| result.error.is_none())
    );
    let resumed = risk.resume(pb::ResumeRequest::default()).await.unwrap();
    assert_eq!(resumed.into_inner().state(), pb::TradingState::Active);
    stub.place(place(resting())).await.unwrap();
    world.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_halt_file_halts_while_it_is_there_and_resume_does_not_lift_it() {
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("halt");
    let world = World::plan(Plan {
        config: Some(Box::new({
            let file = file.clone();
            move |config| config.halt_file = Some(file)
        })),
        ..Plan::default()
    })
    .await;
    let (mut stub, mut risk) = (world.stub().await, risk(&world).await);
    stub.place(place(resting())).await.unwrap();
    std::fs::write(&file, "").unwrap();
    eventually("the file halts", async || {
        stub.place(place(resting())).await.is_err()
    })
    .await;
    assert_eq!(refused(stub.place(place(resting())).await).reason, "HALTED");
    let error = refused(risk.resume(pb::ResumeRequest::default()).await);
    assert_eq!(error.reason, "HALTED");
    std::fs::remove_file(&file).unwrap();
    eventually("the file is gone", async || {
        stub.place(place(resting())).await.is_ok()
    })
    .await;
    world.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn limits_say_what_is_left_of_them() {
    let dir = tempfile::tempdir().unwrap();
    let world = world(
        &dir.path().join("limits.toml"),
        "[default]\nmax_open_orders = 3\nwarn_max_order_quantity = 1\n[end]\n",
    )
    .await;
    let mut stub = world.stub().await;
    let order = pb::Order {
        quantity: "2".to_owned(),
        ..resting()
    };
    let placed = stub.place(place(order)).await.unwrap().into_inner();
    let [warning] = &placed.warnings[..] else {
        panic!("{placed:?}");
    };
    assert_eq!(warning.rule, "max_order_quantity");
    let limits = risk(&world).await;
    let limits = { limits }.get_limits(pb::GetLimitsRequest {}).await;
    let limits = limits.unwrap().into_inner();
    assert_eq!(limits.state(), pb::TradingState::Active);
    assert_eq!(limits.hash.as_ref().map(String::len), Some(64));
    let open = limits.limits.iter().find(|l| l.rule == "max_open_orders");
    let open = open.unwrap();
    assert_eq!((open.table.as_str(), open.limit.as_str()), ("default", "3"));
    assert_eq!(
        (open.used.as_deref(), open.left.as_deref()),
        (Some("1"), Some("2"))
    );
    world.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn entries_of_a_caller_whose_last_stream_ended_are_cancelled_after_its_grace_time() {
    let dir = tempfile::tempdir().unwrap();
    let tokens = dir.path().join("tokens");
    std::fs::write(
        &tokens,
        "a-token-of-the-algorithm role=trade name=algo\na-token-of-another-one role=trade name=other\n",
    )
    .unwrap();
    let world = World::plan(Plan {
        simulator: Some(SimulatorConfig::explicit()),
        config: Some(Box::new(|config| {
            config.cancel_on_disconnect =
                ibkr_orders::config::parse_disconnect_grace("algo=300ms").unwrap();
        })),
        settings: Some(Box::new(move |settings| settings.token_file = Some(tokens))),
        ..Plan::default()
    })
    .await;
    fn of<T>(token: &str, message: T) -> tonic::Request<T> {
        let mut request = tonic::Request::new(message);
        let value = format!("Bearer {token}").parse().unwrap();
        request.metadata_mut().insert("authorization", value);
        request
    }
    let (algo, other) = ("a-token-of-the-algorithm", "a-token-of-another-one");
    let mut stub = world.stub().await;
    let mut placed = Vec::new();
    for token in [algo, other] {
        let answer = stub.place(of(token, place(resting()))).await.unwrap();
        placed.push(answer.into_inner().order_id);
    }
    let open = async |order_id: i32| {
        let state = world.gateway.get(order_id_key(order_id)).await.unwrap();
        !state.order.terminal
    };
    let watch = || of(algo, pb::WatchRequest::default());
    // One of two streams ends: nothing happens.
    let first = stub.watch(watch()).await.unwrap();
    let second = stub.watch(watch()).await.unwrap();
    drop(first);
    tokio::time::sleep(Duration::from_millis(600)).await;
    assert!(open(placed[0]).await);
    // The last one ends, and another begins within the grace time.
    drop(second);
    tokio::time::sleep(Duration::from_millis(50)).await;
    let again = stub.watch(watch()).await.unwrap();
    tokio::time::sleep(Duration::from_millis(600)).await;
    assert!(open(placed[0]).await);
    let begun = std::time::Instant::now();
    drop(again);
    eventually("its entry is cancelled", async || !open(placed[0]).await).await;
    assert!(begun.elapsed() >= Duration::from_millis(300));
    assert!(
        open(placed[1]).await,
        "another caller's order was cancelled"
    );
    world.end().await;
}

fn order_id_key(order_id: i32) -> ibkr_orders::domain::OrderKey {
    ibkr_orders::domain::OrderKey::OrderId(order_id)
}
