//! Brackets whose frames break off: by a link, by IB, by the process, by silence.

use std::path::Path;
use std::time::Duration;

use ibkr_orders::config::Config;
use ibkr_orders::domain::{OrderKey, PlaceIn, Status};
use ibkr_orders::gateway::Gateway;
use test_support::link;
use test_support::tws::frames;
use test_support::tws::scripted::{Answer, Script};
use test_support::waiting::eventually;

use super::{Scene, bracket, family, not_found, released};

#[tokio::test]
async fn ib_lost_between_the_frames_ends_the_bracket_by_id() {
    let scene = Scene::torn(Script {
        cancelled: Box::new(not_found),
        ..released()
    })
    .await;
    scene.tws.say(frames::error(
        -1,
        1100,
        "Connectivity between IBKR and Trader Workstation has been lost.",
    ));
    for leg in [2, 3] {
        scene.until(leg, Status::Cancelled).await;
    }
    eventually("the entry is cancelled", async || scene.cancelled() == [1]).await;
    scene.tws.change(|script| script.names_ids = true);
    scene.tws.say(frames::error(
        -1,
        1102,
        "Connectivity between IBKR and Trader Workstation has been restored - data maintained.",
    ));
    scene.until(1, Status::Cancelled).await;
    assert_eq!(scene.placed(), [1]);
    scene.end().await;
}

#[tokio::test]
async fn a_release_that_tws_shows_nothing_of_after_a_lost_link_is_cancelled_entry_first() {
    let scene = Scene::start(Script {
        placed: Box::new(|_| Vec::new()),
        cancelled: Box::new(not_found),
        ..Script::default()
    })
    .await;
    scene.bracket(0.2).await.unwrap();
    eventually("all are sent", async || scene.placed() == [1, 2, 3]).await;
    let before = link::sessions(&scene.gateway);
    scene.tws.cut();
    link::session_after(&scene.gateway, before).await;
    for order_id in [1, 2, 3] {
        scene.until(order_id, Status::Cancelled).await;
    }
    assert_eq!(scene.cancelled()[0], 1);
    assert_eq!(scene.placed(), [1, 2, 3], "never released a second time");
    scene.end().await;
}

#[tokio::test]
async fn a_release_that_arrived_before_the_link_was_lost_is_found() {
    let scene = Scene::start(Script {
        placed: Box::new(|_| Vec::new()),
        ..Script::default()
    })
    .await;
    scene.bracket(0.2).await.unwrap();
    eventually("all are sent", async || scene.placed() == [1, 2, 3]).await;
    let rows = family(1).map(|leg| leg.status("0", "100"));
    scene
        .tws
        .change(|script| script.open_orders = Answer::of(rows));
    let before = link::sessions(&scene.gateway);
    scene.tws.cut();
    link::session_after(&scene.gateway, before).await;
    for order_id in [1, 2, 3] {
        scene.until(order_id, Status::PreSubmitted).await;
    }
    tokio::time::sleep(Duration::from_millis(2_500)).await;
    assert!(scene.cancelled().is_empty());
    assert_eq!(scene.placed(), [1, 2, 3]);
    scene.end().await;
}

#[tokio::test]
async fn a_release_followed_by_silence_is_asked_about_after_five_seconds_and_cancelled() {
    let scene = Scene::start(Script {
        placed: Box::new(|_| Vec::new()),
        cancelled: Box::new(not_found),
        ..Script::default()
    })
    .await;
    let reconciled = scene.reconciled();
    scene.bracket(0.2).await.unwrap();
    eventually("all are sent", async || scene.placed() == [1, 2, 3]).await;
    tokio::time::sleep(Duration::from_secs(3)).await;
    assert_eq!(scene.reconciled(), reconciled, "not before five seconds");
    for order_id in [1, 2, 3] {
        scene.until(order_id, Status::Cancelled).await;
    }
    assert!(scene.reconciled() > reconciled);
    assert_eq!(scene.cancelled()[0], 1);
    scene.end().await;
}

#[tokio::test]
async fn an_exit_that_tws_never_shows_takes_the_entry_along() {
    // It shows entry and target, live and when it is asked.
    let shown = || {
        let [entry, target, _] = family(1);
        [entry.status("0", "100"), target.status("0", "100")]
    };
    let scene = Scene::start(Script {
        placed: Box::new(move |_| shown().to_vec()),
        ..Script::default()
    })
    .await;
    scene
        .tws
        .change(|script| script.open_orders = Answer::of(shown()));
    scene.bracket(10.0).await.unwrap();
    scene.until(3, Status::Unconfirmed).await;
    eventually("the entry is cancelled", async || scene.cancelled() == [1]).await;
    scene.end().await;
}

/// The store as a killed process leaves it: whatever it had committed.
fn as_killed(scene: &Scene, to: &Path) -> Config {
    let config = test_support::library::config(scene.tws.port, &scene.directory);
    for ending in ["", "-wal"] {
        let name = format!("orders.db{ending}");
        std::fs::copy(scene.directory.path().join(&name), to.join(&name)).unwrap();
    }
    Config {
        order_db_path: to.join("orders.db"),
        ..config
    }
}

#[tokio::test]
async fn a_process_that_dies_between_the_frames_finds_the_bracket_gone_or_ends_it() {
    for silent in [false, true] {
        let scene = Scene::torn(Script {
            cancelled: Box::new(not_found),
            ..released()
        })
        .await;
        let left = tempfile::tempdir().unwrap();
        let config = as_killed(&scene, left.path());
        scene.gateway.clone().close(Duration::from_secs(1)).await;
        // The next day: TWS was restarted and has forgotten what it held back. It says so, or it says nothing.
        scene.tws.change(|script| {
            script.names_ids = true;
            if silent {
                script.cancelled = Box::new(|_| Vec::new());
            }
        });
        let scene = Scene {
            gateway: Gateway::open(&config).await.unwrap(),
            ..scene
        };
        link::settled(&scene.gateway).await;
        for order_id in [1, 2, 3] {
            let state = scene.until(order_id, Status::Cancelled).await;
            let error = state.last_error.unwrap();
            assert!(error.starts_with("TWS no longer has it"), "{error}");
        }
        let times = if silent { 2 } else { 1 };
        let first: Vec<i64> = scene.cancelled().into_iter().take(times).collect();
        assert_eq!(first, vec![1; times], "the entry first");
        assert_eq!(scene.placed(), [1], "nothing more is ever sent of it");
        let again = scene.bracket(0.2).await.unwrap();
        assert!(again.replayed);
        assert_eq!(again.entry.unwrap().status, Status::Cancelled);
        scene.end().await;
        drop(left);
    }
}

#[tokio::test]
async fn a_staged_order_whose_cancel_meets_silence_twice_is_not_in_tws() {
    let scene = Scene::start(Script::default()).await;
    let staged = PlaceIn {
        timeout: 10.0,
        request_id: Some("staged".to_owned()),
        ..PlaceIn::new(bracket(90)["entry"].clone())
    };
    scene.gateway.place(staged).await.unwrap();
    scene.until(1, Status::Staged).await;
    let state = scene
        .gateway
        .cancel(OrderKey::OrderId(1), 20.0)
        .await
        .unwrap();
    assert_eq!(state.status, Status::Cancelled);
    assert_eq!(state.last_error.as_deref(), Some("TWS no longer has it"));
    assert_eq!(state.last_error_code, None);
    assert_eq!(scene.cancelled(), [1, 1]);
    scene.end().await;
}
