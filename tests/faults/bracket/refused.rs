//! Orders of a bracket that TWS, IB, a limit or a halt refuses.

use ibkr_orders::domain::{BracketIn, HaltIn, OrderKey, Status};
use ibkr_orders::error::Reason;
use test_support::tws::frames;
use test_support::tws::scripted::{Answer, Script};
use test_support::waiting::eventually;

use super::{Scene, bracket, family, not_found, released};

#[tokio::test]
async fn an_exit_refused_before_the_release_ends_the_bracket_by_id() {
    for (code, text) in [
        (200, "No security definition has been found for the request"),
        (
            328,
            "Trailing stop orders can be attached to limit or stop-limit orders only.",
        ),
    ] {
        let scene = Scene::torn(Script {
            cancelled: Box::new(|id| {
                vec![
                    frames::error(id, 202, "Order Canceled - reason:"),
                    frames::error(
                        id,
                        161,
                        "Cancel attempted when order is not in a cancellable state.",
                    ),
                ]
            }),
            ..released()
        })
        .await;
        // The entry is read; the target is sent and refused before its barrier is answered.
        scene.tws.say(frames::next_valid_id(1));
        eventually("the target is sent", async || scene.placed() == [1, 2]).await;
        scene.tws.say(frames::error(2, code, text));
        let target = scene.until(2, Status::Rejected).await;
        assert_eq!(target.last_error_code, Some(code));
        scene.until(1, Status::Cancelled).await;
        let stop = scene.until(3, Status::Cancelled).await;
        assert!(stop.last_error.unwrap().starts_with("not sent"));
        assert_eq!((scene.placed(), scene.cancelled()), (vec![1, 2], vec![1]));
        scene.end().await;
    }
}

#[tokio::test]
async fn an_error_of_no_list_before_the_release_counts_as_a_refusal() {
    let scene = Scene::torn(Script {
        cancelled: Box::new(not_found),
        ..released()
    })
    .await;
    scene
        .tws
        .say(frames::error(1, 10_999, "Something new about this order"));
    for leg in [2, 3] {
        scene.until(leg, Status::Cancelled).await;
    }
    scene.tws.change(|script| script.names_ids = true);
    eventually("the entry has ended", async || scene.get(1).await.terminal).await;
    assert_eq!(scene.placed(), [1]);
    scene.end().await;
}

#[tokio::test]
async fn the_releasing_exit_refused_releases_nothing_and_the_others_go_by_id() {
    let scene = Scene::start(Script {
        placed: Box::new(|last| {
            vec![frames::error(
                last.id,
                110,
                "The price does not conform to the minimum price variation for this contract.",
            )]
        }),
        cancelled: Box::new(not_found),
        ..Script::default()
    })
    .await;
    scene.bracket(1.0).await.unwrap();
    let stop = scene.until(3, Status::Rejected).await;
    assert_eq!(stop.last_error_code, Some(110));
    for order_id in [1, 2] {
        let state = scene.until(order_id, Status::Cancelled).await;
        let error = state.last_error.unwrap();
        assert!(error.starts_with("TWS no longer has it"), "{error}");
        assert_eq!(state.last_error_code, Some(10147));
    }
    assert_eq!(scene.placed(), [1, 2, 3]);
    scene.end().await;
}

#[tokio::test]
async fn an_exit_refused_after_the_release_takes_the_entry_along_and_leaves_the_other_to_what_filled()
 {
    let scene = Scene::released().await;
    scene.tws.say(frames::error(
        3,
        201,
        "Order rejected - reason:The stop price is invalid",
    ));
    eventually("the entry is cancelled", async || scene.cancelled() == [1]).await;
    // A part of it had filled: the target stays for that.
    let [entry, target, _] = family(1);
    scene.tws.say(entry.is("Cancelled").status("40", "60"));
    scene.until(1, Status::Cancelled).await;
    tokio::time::sleep(std::time::Duration::from_millis(3_500)).await;
    assert_eq!(scene.cancelled(), [1]);
    scene.tws.say(target.is("Submitted").status("0", "40"));
    scene.until(2, Status::Submitted).await;
    scene
        .until_incomplete("40 shares stand without their stop")
        .await;
    scene.end().await;
}

#[tokio::test]
async fn an_exit_refused_after_the_entry_filled_is_said_and_nothing_is_cancelled() {
    let scene = Scene::released().await;
    let [entry, target, _] = family(1);
    let works = target.is("Submitted").status("0", "100");
    scene
        .tws
        .change(|script| script.open_orders = Answer::of([works]));
    scene.tws.say(entry.is("Filled").status("100", "0"));
    scene.until(1, Status::Filled).await;
    scene.tws.say(frames::error(
        3,
        201,
        "Order rejected - reason:The stop price is invalid",
    ));
    scene.until_incomplete("the position has no stop").await;
    assert_eq!(scene.gateway.stats().brackets_incomplete.get(), 1);
    assert!(scene.cancelled().is_empty());
    assert!(!scene.get(2).await.terminal);
    scene.end().await;
}

#[tokio::test]
async fn a_halt_takes_no_bracket_and_ends_one_that_is_not_released() {
    let scene = Scene::torn(Script {
        cancelled: Box::new(not_found),
        ..released()
    })
    .await;
    scene.gateway.halt(HaltIn::new("enough")).await.unwrap();
    let error = scene
        .gateway
        .place_bracket(BracketIn {
            request_id: Some("r-2".to_owned()),
            ..BracketIn::new(bracket(90))
        })
        .await
        .unwrap_err();
    assert_eq!(error.reason, Reason::Halted);
    eventually("the entry is cancelled", async || scene.cancelled() == [1]).await;
    for leg in [2, 3] {
        let state = scene.until(leg, Status::Cancelled).await;
        assert!(state.last_error.unwrap().starts_with("not sent"));
    }
    scene.tws.change(|script| script.names_ids = true);
    scene.tws.say(frames::next_valid_id(1));
    scene.until(1, Status::Cancelled).await;
    assert_eq!(scene.placed(), [1]);
    scene.end().await;
}

#[tokio::test]
async fn a_bracket_beyond_a_limit_leaves_nothing_behind_and_a_dry_run_says_the_same() {
    let scene = Scene::start_with(released(), |config| {
        config.max_order_quantity = Some(99.into());
    })
    .await;
    for dry_run in [true, false] {
        let input = BracketIn {
            dry_run,
            request_id: Some("r-1".to_owned()),
            ..BracketIn::new(bracket(90))
        };
        let error = scene.gateway.place_bracket(input).await.unwrap_err();
        assert_eq!(error.reason, Reason::RiskLimit, "{error}");
    }
    let key = OrderKey::RequestId("r-1".to_owned());
    let error = scene.gateway.get(key).await.unwrap_err();
    assert_eq!(error.reason, Reason::OrderNotFound);
    assert!(scene.placed().is_empty());
    scene.end().await;
}

#[tokio::test]
async fn a_pacing_too_short_for_the_family_stores_and_sends_nothing() {
    let scene = Scene::start_with(released(), |config| {
        config.ib_max_messages_per_second = 1;
    })
    .await;
    let error = scene.bracket(0.5).await.unwrap_err();
    assert_eq!(error.reason, Reason::Pacing, "{error}");
    assert!(error.retry_after.is_some());
    let key = OrderKey::RequestId("r-1".to_owned());
    let error = scene.gateway.get(key).await.unwrap_err();
    assert_eq!(error.reason, Reason::OrderNotFound);
    assert!(scene.placed().is_empty());
    scene.end().await;
}
