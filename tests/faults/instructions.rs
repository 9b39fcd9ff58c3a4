//! Instructions as they are stored: each done once under its request id, whoever repeats it and whatever dies in between.

use ibkr_orders::domain::{
    CancelIn, InstructionKind, InstructionState, OrderKey, OrderState, PlaceIn, ReplaceIn, Status,
    TransmitIn,
};
use ibkr_orders::error::{Error, Reason};
use ibkr_orders::store::{InstructionRow, Reader};
use serde_json::json;
use test_support::scene::{Scene, buy_limit};
use test_support::tws::frames::{self, order};
use test_support::tws::peer::PLACE_ORDER;
use test_support::tws::scripted::{Answer, Script};
use test_support::waiting::eventually;

async fn cancel(scene: &Scene, order_id: i32, request_id: &str) -> Result<OrderState, Error> {
    let input = CancelIn {
        request_id: Some(request_id.to_owned()),
        ..CancelIn::within(OrderKey::OrderId(order_id), 10.0)
    };
    scene.gateway.cancel_with(input).await
}

async fn transmit(
    scene: &Scene,
    order_id: i32,
    request_id: &str,
    timeout: f64,
) -> Result<OrderState, Error> {
    let input = TransmitIn {
        request_id: Some(request_id.to_owned()),
        ..TransmitIn::within(OrderKey::OrderId(order_id), timeout)
    };
    scene.gateway.transmit_with(input).await
}

/// A staged order of this request.
async fn staged(scene: &Scene, request_id: &str) -> i32 {
    let input = PlaceIn {
        transmit: false,
        ..buy_limit(request_id, 10)
    };
    let order_id = scene.place(input).await.order_id;
    scene
        .until(order_id, "it is staged", |state| {
            state.status == Status::Staged
        })
        .await;
    order_id
}

/// The instructions of a kind as they are stored.
async fn stored(scene: &Scene, kind: InstructionKind) -> Vec<InstructionRow> {
    let reader = Reader::open(&scene.config.order_db_path).await.unwrap();
    let mut rows = reader.instructions_after(0, 1_000).await.unwrap();
    rows.retain(|row| row.kind == kind);
    rows
}

async fn until_stored(scene: &Scene, kind: InstructionKind, state: InstructionState) {
    eventually("it is decided", async || {
        let rows = stored(scene, kind).await;
        rows.last().is_some_and(|row| row.state == state)
    })
    .await;
}

fn confirms(id: i32) -> Vec<Vec<u8>> {
    vec![
        order(id, "Cancelled").status("0", "10"),
        frames::error(id, 202, "Order Canceled - reason:"),
    ]
}

#[tokio::test]
async fn a_cancel_is_done_once_under_its_request_id_also_by_the_next_process() {
    let mut scene = Scene::start(Script {
        cancelled: Box::new(confirms),
        ..Script::default()
    })
    .await;
    let first = scene.works("a", 10).await;
    let other = scene.works("b", 10).await;
    let calls = (0..4).map(|_| cancel(&scene, first.id, "c"));
    for state in futures_all(calls).await {
        assert_eq!(state.unwrap().status, Status::Cancelled);
    }
    scene.close().await;
    scene.reopen().await;
    assert_eq!(
        cancel(&scene, first.id, "c").await.unwrap().status,
        Status::Cancelled
    );
    assert_eq!(scene.cancels_of(first.id), 1);
    let rows = stored(&scene, InstructionKind::Cancel).await;
    assert_eq!(rows.len(), 1);
    assert_eq!(rows[0].request_id.as_deref(), Some("c"));
    assert_eq!(rows[0].state, InstructionState::Accepted);
    assert!(rows[0].decided_at.is_some());

    // One namespace over all kinds and orders.
    for error in [
        cancel(&scene, other.id, "c").await.unwrap_err(),
        cancel(&scene, other.id, "a").await.unwrap_err(),
        transmit(&scene, first.id, "c", 1.0).await.unwrap_err(),
        scene.gateway.place(buy_limit("c", 10)).await.unwrap_err(),
    ] {
        assert_eq!(error.reason, Reason::RequestIdReused, "{error}");
    }
    let mut change = ReplaceIn::new(OrderKey::OrderId(other.id));
    change.change.limit_price = Some(json!(151));
    change.request_id = Some("c".to_owned());
    let error = scene.gateway.replace(change).await.unwrap_err();
    assert_eq!(error.reason, Reason::RequestIdReused);
    assert_eq!(scene.cancels_of(other.id), 0);
    scene.end().await;
}

/// All of them, each awaited in its turn while the others run on.
async fn futures_all<T>(calls: impl Iterator<Item = impl Future<Output = T>>) -> Vec<T> {
    let mut done = Vec::new();
    for call in calls {
        done.push(call.await);
    }
    done
}

#[tokio::test]
async fn cancels_with_ids_of_their_own_join_the_one_under_way_and_are_all_decided_by_the_fill() {
    let scene = Scene::start(Script::default()).await;
    let order = scene.works("a", 10).await;
    for request_id in ["c1", "c2", "c3"] {
        let input = CancelIn {
            request_id: Some(request_id.to_owned()),
            ..CancelIn::within(OrderKey::OrderId(order.id), 0.2)
        };
        let state = scene.gateway.cancel_with(input).await.unwrap();
        assert!(state.cancel_requested);
    }
    assert_eq!(scene.cancels_of(order.id), 1);
    scene.tws.say(order.is("Filled").status("10", "0"));
    until_stored(&scene, InstructionKind::Cancel, InstructionState::Refused).await;
    for row in stored(&scene, InstructionKind::Cancel).await {
        assert_eq!(row.state, InstructionState::Refused);
        assert_eq!(row.error.as_deref(), Some("the order is FILLED"));
        assert!(row.decided_at.is_some());
    }
    scene.end().await;
}

#[tokio::test]
async fn a_cancel_that_tws_refuses_while_the_order_works_on_is_stored_with_its_verdict() {
    let scene = Scene::start(Script {
        cancelled: Box::new(|id| vec![frames::error(id, 136, "This order cannot be cancelled.")]),
        ..Script::default()
    })
    .await;
    let order = scene.works("a", 10).await;
    let row = [order.open(), order.status("0", "10")];
    scene
        .tws
        .change(|script| script.open_orders = Answer::of(row));
    let state = cancel(&scene, order.id, "c").await.unwrap();
    assert_eq!(state.status, Status::Submitted);
    until_stored(&scene, InstructionKind::Cancel, InstructionState::Refused).await;
    let rows = stored(&scene, InstructionKind::Cancel).await;
    assert_eq!(rows[0].error_code, Some(136));
    // The same again does nothing, another one does.
    cancel(&scene, order.id, "c").await.unwrap();
    assert_eq!(scene.cancels_of(order.id), 1);
    cancel(&scene, order.id, "again").await.unwrap();
    assert_eq!(scene.cancels_of(order.id), 2);
    scene.end().await;
}

#[tokio::test]
async fn a_release_is_sent_once_under_its_request_id_whatever_ends_in_between() {
    let mut scene = Scene::start(Script::default()).await;
    let order_id = staged(&scene, "a").await;
    scene
        .tws
        .change(|script| script.placed = Box::new(|_| Vec::new()));
    let state = transmit(&scene, order_id, "t", 0.2).await.unwrap();
    assert_eq!(state.status, Status::Submitting);
    let state = transmit(&scene, order_id, "t", 0.2).await.unwrap();
    assert_eq!(state.status, Status::Submitting);
    scene.close().await;
    let works = order(order_id, "Submitted").quantity("10");
    let row = [works.status("0", "10")];
    scene
        .tws
        .change(|script| script.open_orders = Answer::of(row));
    scene.reopen().await;
    let state = transmit(&scene, order_id, "t", 10.0).await.unwrap();
    assert_eq!(state.status, Status::Submitted);
    assert_eq!(scene.tws.requests(PLACE_ORDER).len(), 2);
    let rows = stored(&scene, InstructionKind::Transmit).await;
    assert_eq!(rows.len(), 1);
    assert_eq!(rows[0].state, InstructionState::Accepted);
    scene.end().await;
}

#[tokio::test]
async fn a_release_that_tws_refused_is_not_repeated_under_its_request_id() {
    let scene = Scene::start(Script::default()).await;
    let order_id = staged(&scene, "a").await;
    scene.tws.change(|script| {
        script.placed = Box::new(|placed| {
            vec![frames::error(
                placed.id,
                105,
                "Order being modified does not match original order.",
            )]
        });
    });
    let state = transmit(&scene, order_id, "t", 10.0).await.unwrap();
    assert_eq!(state.status, Status::Staged);
    let rows = stored(&scene, InstructionKind::Transmit).await;
    assert_eq!(rows[0].state, InstructionState::Refused);
    assert_eq!(rows[0].error_code, Some(105));
    let error = transmit(&scene, order_id, "t", 10.0).await.unwrap_err();
    assert_eq!(error.reason, Reason::OrderState, "{error}");
    assert!(error.message.contains("another request id"), "{error}");
    assert_eq!(scene.tws.requests(PLACE_ORDER).len(), 2);
    scene.tws.change(|script| {
        script.placed = Box::new(|placed| vec![placed.status("0", "10")]);
    });
    let state = transmit(&scene, order_id, "u", 10.0).await.unwrap();
    assert_eq!(state.status, Status::Submitted);
    scene.end().await;
}

#[tokio::test]
async fn only_one_of_place_transmit_and_replace_is_on_its_way_for_an_order() {
    let scene = Scene::start(Script {
        names_ids: false,
        ..Script::default()
    })
    .await;
    let input = PlaceIn {
        transmit: false,
        timeout: 0.2,
        ..buy_limit("a", 10)
    };
    let order_id = scene.place(input).await.order_id;
    let replace = |request_id: &str| {
        let mut change = ReplaceIn::new(OrderKey::OrderId(order_id));
        change.change.limit_price = Some(json!(151));
        change.request_id = Some(request_id.to_owned());
        change.timeout = 0.2;
        change
    };
    let pending = |error: Error| assert_eq!(error.reason, Reason::InstructionPending, "{error}");
    pending(transmit(&scene, order_id, "t", 0.2).await.unwrap_err());
    pending(scene.gateway.replace(replace("r")).await.unwrap_err());
    scene.tws.say(frames::next_valid_id(1));
    scene
        .until(order_id, "it is staged", |state| {
            state.status == Status::Staged
        })
        .await;
    // A replacement that waits for its barrier keeps a release back, and a second replacement.
    scene.gateway.replace(replace("r")).await.unwrap();
    pending(transmit(&scene, order_id, "t", 0.2).await.unwrap_err());
    pending(scene.gateway.replace(replace("s")).await.unwrap_err());
    // A cancel is always taken.
    let state = scene.cancel(order_id).await.unwrap();
    assert!(state.cancel_requested);
    scene.end().await;
}

#[tokio::test]
async fn what_became_of_each_place_is_stored_with_its_reason_and_its_time() {
    let scene = Scene::start(Script::default()).await;
    scene.works("works", 10).await;
    scene.tws.change(|script| {
        script.placed = Box::new(|placed| {
            vec![frames::error(
                placed.id,
                201,
                "Order rejected - reason:margin",
            )]
        });
    });
    let refused = scene.place(buy_limit("refused", 10)).await;
    assert_eq!(refused.status, Status::Rejected);
    let rows = stored(&scene, InstructionKind::Place).await;
    let [works, refused] = &rows[..] else {
        panic!("{rows:?}");
    };
    assert_eq!(
        (works.state, works.error_code, works.decided_at.is_some()),
        (InstructionState::Accepted, None, true)
    );
    assert_eq!(
        (refused.state, refused.error_code),
        (InstructionState::Refused, Some(201))
    );
    assert_eq!(
        refused.error.as_deref(),
        Some("Order rejected - reason:margin")
    );
    assert!(refused.decided_at.is_some());
    scene.end().await;
}
