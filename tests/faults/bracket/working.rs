//! Brackets that work: who ends them, and what is changed about them.

use std::time::Duration;

use ibkr_orders::domain::{OrderKey, ReplaceIn, ReplacementStatus, Status};
use serde_json::json;
use test_support::tws::frames::{self, Order};
use test_support::tws::peer::PLACE_ORDER;
use test_support::waiting::eventually;

use super::{Scene, family, has_parent};

#[tokio::test]
async fn exits_cancelled_by_hand_leave_the_entry_and_its_position_is_said_to_have_no_stop() {
    let scene = Scene::released().await;
    let [entry, target, stop] = family(1);
    for exit in [&target, &stop] {
        scene.tws.say(exit.is("Cancelled").status("0", "100"));
        scene
            .tws
            .say(frames::error(exit.id, 202, "Order Canceled - reason:"));
        scene.until(exit.id, Status::Cancelled).await;
    }
    scene.tws.say(entry.is("Filled").status("100", "0"));
    scene.until_incomplete("it has no stop any more").await;
    assert!(scene.cancelled().is_empty());
    assert_eq!(scene.gateway.stats().brackets_incomplete.get(), 1);
    scene.end().await;
}

#[tokio::test]
async fn whichever_exit_fills_the_other_goes_and_no_position_is_left() {
    for (fills, goes) in [(2, 3), (3, 2)] {
        let scene = Scene::released().await;
        let legs = family(1);
        let leg = |order_id: i32| &legs[usize::try_from(order_id - 1).unwrap()];
        scene.tws.say(leg(1).is("Filled").status("100", "0"));
        scene.until(1, Status::Filled).await;
        scene.tws.say(leg(fills).is("Filled").status("100", "0"));
        scene.tws.say(leg(goes).is("Cancelled").status("0", "100"));
        scene
            .tws
            .say(frames::error(goes, 202, "Order Canceled - reason:"));
        scene.until(fills, Status::Filled).await;
        scene.until(goes, Status::Cancelled).await;
        tokio::time::sleep(Duration::from_secs(7)).await;
        assert!(!scene.get(1).await.bracket_incomplete);
        assert!(scene.cancelled().is_empty());
        scene.end().await;
    }
}

#[tokio::test]
async fn a_cancel_of_the_entry_that_meets_its_fill_leaves_the_exits_to_the_position() {
    let scene = Scene::released().await;
    let [entry, ..] = family(1);
    let filled = entry.is("Filled");
    scene.tws.change(move |script| {
        script.cancelled = Box::new(move |id| {
            vec![
                filled.status("100", "0"),
                frames::error(
                    id,
                    10148,
                    "OrderId 1 that needs to be cancelled cannot be cancelled, state: Filled.",
                ),
            ]
        });
    });
    let state = scene
        .gateway
        .cancel(OrderKey::OrderId(1), 10.0)
        .await
        .unwrap();
    assert_eq!(state.status, Status::Filled);
    tokio::time::sleep(Duration::from_millis(3_500)).await;
    assert_eq!(scene.cancelled(), [1]);
    for exit in [2, 3] {
        assert_eq!(scene.get(exit).await.status, Status::PreSubmitted);
    }
    scene.end().await;
}

fn target_at(price: i32, request_id: &str) -> ReplaceIn {
    let mut input = ReplaceIn::new(OrderKey::OrderId(2));
    input.change.limit_price = Some(json!(price));
    input.request_id = Some(request_id.to_owned());
    input.timeout = 20.0;
    input
}

#[tokio::test]
async fn an_exit_is_replaced_with_its_parent_and_once_more_without_it_when_that_is_gone() {
    let scene = Scene::released().await;
    let became = |out: ibkr_orders::domain::ReplaceOut| out.order.unwrap().replacement.unwrap();
    // While the entry waits it names its parent.
    scene.tws.change(|script| {
        script.placed = Box::new(|new: &Order| {
            let new = new.is("PreSubmitted");
            vec![new.open(), new.status("0", "100"), new.open()]
        });
    });
    let out = scene.gateway.replace(target_at(161, "one")).await.unwrap();
    assert_eq!(became(out).status, ReplacementStatus::Accepted);
    // After its fill TWS does not know the parent any more.
    let [entry, ..] = family(1);
    scene.tws.say(entry.is("Filled").status("100", "0"));
    scene.until(1, Status::Filled).await;
    scene.tws.change(|script| {
        let refused = std::sync::atomic::AtomicBool::new(false);
        script.placed = Box::new(move |new: &Order| {
            if refused.swap(true, std::sync::atomic::Ordering::Relaxed) {
                let new = new.is("Submitted");
                vec![new.open(), new.status("0", "100"), new.open()]
            } else {
                vec![frames::error(new.id, 135, "Can't find order with id = 1")]
            }
        });
    });
    let out = scene.gateway.replace(target_at(162, "two")).await.unwrap();
    assert_eq!(became(out).status, ReplacementStatus::Accepted);
    let sent = scene.tws.requests(PLACE_ORDER);
    let parents: Vec<bool> = sent[3..].iter().map(|sent| has_parent(sent, 1)).collect();
    assert_eq!(parents, [true, true, false]);
    scene.end().await;
}

#[tokio::test]
async fn an_exit_whose_change_meets_135_twice_is_sent_no_third_time() {
    let scene = Scene::released().await;
    let [entry, ..] = family(1);
    scene.tws.say(entry.is("Filled").status("100", "0"));
    scene.until(1, Status::Filled).await;
    scene.tws.change(|script| {
        script.placed = Box::new(|new: &Order| {
            vec![frames::error(new.id, 135, "Can't find order with id = 1")]
        });
    });
    let out = scene.gateway.replace(target_at(161, "one")).await.unwrap();
    let replacement = out.order.unwrap().replacement.unwrap();
    assert_eq!(replacement.status, ReplacementStatus::Refused);
    assert_eq!(replacement.error_code, Some(135));
    assert_eq!(scene.placed(), [1, 2, 3, 2, 2]);
    assert_eq!(scene.get(2).await.status, Status::PreSubmitted);
    eventually("it is asked how the order stands", async || {
        scene.reconciled() > 1
    })
    .await;
    scene.end().await;
}
