//! A TWS whose every frame is chosen: rows that cannot be read, queries that are never answered, time requests left unanswered, ids that are
//! spent or refused.

mod changed;
mod ends;
mod held;
mod refused;
mod replaced;
mod shares;
mod whose;

use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use ibkr_orders::domain::{Amount, HealthIn, OrderKey, PlaceIn, Status};
use ibkr_orders::gateway::Gateway;
use tempfile::TempDir;
use test_support::link;
use test_support::ports::ClosedPort;
use test_support::scene::{Scene, buy_limit};
use test_support::tws::frames::{self, Body, frame, order};
use test_support::tws::peer::{CURRENT_TIME, IDS, OPEN_ORDERS, PLACE_ORDER};
use test_support::tws::scripted::{Answer, Script};
use test_support::waiting::eventually;

/// BUY 100 AAPL LMT 150.
fn buy(request_id: &str, transmit: bool) -> PlaceIn {
    PlaceIn {
        transmit,
        ..buy_limit(request_id, 100)
    }
}

/// Rows that a client library ends a whole answer at: a right, an action, a side and a status of a later TWS, empty ones, none at all, a quantity with a comma,
/// a message that is none.
fn bad_orders(completed: bool) -> Vec<Vec<u8>> {
    let contract = |right: &str| Body::default().text(2, "XYZ").text(3, "OPT").text(6, right);
    let of = |action: &str, quantity: &str| {
        Body::default()
            .int(1, 3)
            .int(3, 4_711)
            .text(5, action)
            .text(6, quantity)
    };
    let state = |status: &str| Body::default().text(1, status);
    let row = |contract: Body, order: Body, state: Option<Body>| {
        let first = if completed { 0 } else { 1 };
        let body = Body::default();
        let body = if completed { body } else { body.int(1, 77) };
        let body = body.message(first + 1, contract).message(first + 2, order);
        let body = match state {
            Some(state) => body.message(first + 3, state),
            None => body,
        };
        frame(if completed { 101 } else { 5 }, body)
    };
    vec![
        row(contract("?"), of("BUY", "1"), Some(state("Submitted"))),
        row(contract("0"), of("BUY", "1"), Some(state("Submitted"))),
        row(contract("C"), of("EXCHANGE", "1"), Some(state("Submitted"))),
        row(contract("C"), of("", "1"), Some(state("WarnState"))),
        row(contract("C"), of("BUY", "1,000"), Some(state(""))),
        row(contract("C"), of("BUY", "1"), None),
        frame(if completed { 101 } else { 5 }, Body(vec![0xff; 9])),
    ]
}

fn bad_executions(request: i64) -> Vec<Vec<u8>> {
    let execution = |side: &str, shares: &str| {
        let execution = Body::default()
            .int(1, 77)
            .text(2, "x.1.01")
            .text(6, side)
            .text(7, shares)
            .double(8, 1.0)
            .int(10, 3);
        frame(
            11,
            Body::default()
                .int(1, request)
                .message(2, Body::default().text(6, "?"))
                .message(3, execution),
        )
    };
    vec![
        execution("LENT", "1"),
        execution("", "1"),
        execution("BOT", "1,000"),
        frame(11, Body(vec![0xff; 9])),
    ]
}

#[tokio::test]
async fn rows_of_anybody_that_cannot_be_read_cost_themselves_and_no_reconcile() {
    let scene = Scene::start(Script::default()).await;
    let lost = scene.place(buy("lost", true)).await.order_id;
    let kept = scene.place(buy("kept", true)).await.order_id;
    scene.tws.change(|script| {
        let mut open = bad_orders(false);
        let kept = order(kept, "Submitted").order_ref("kept");
        open.push(kept.open());
        open.push(kept.status("40", "60"));
        open.push(kept.of_client(3).status("1,000", "0"));
        script.open_orders = Answer::of(open);
        script.completed_orders = Answer::of(bad_orders(true));
        script.executions.rows = (0..4)
            .map(|row| -> test_support::tws::scripted::Row {
                Box::new(move |request| bad_executions(request)[row].clone())
            })
            .collect();
    });
    let before = scene.gateway.stats().tws_unreadable.get();
    scene.reconnect().await;
    assert_eq!(scene.gateway.stats().reconcile_failures.get(), 0);
    // Concluded about all others.
    assert_eq!(scene.get(kept).await.filled, Amount::from(40));
    assert_eq!(scene.get(lost).await.status, Status::Unconfirmed);
    // A status of a later TWS and an option's right are no faults of a row.
    let counted = scene.gateway.stats().tws_unreadable.get() - before;
    assert_eq!(counted, 2 * 5 + 1 + 4);
    scene.end().await;
}

#[tokio::test]
async fn an_execution_of_ours_whose_side_and_contract_cannot_be_read_is_a_fill() {
    let scene = Scene::start(Script::default()).await;
    let order_id = scene.place(buy("a", true)).await.order_id;
    let execution = Body::default()
        .int(1, i64::from(order_id))
        .text(2, "e.1.01")
        .text(3, "20260825 22:11:30 SGT")
        .text(4, "DU111")
        .text(5, "NASDAQ")
        .text(6, "?")
        .text(7, "100")
        .double(8, 150.25)
        .int(9, 1_000 + i64::from(order_id))
        .int(10, 7)
        .text(12, "100");
    scene.tws.say(frame(
        11,
        Body::default()
            .int(1, -1)
            .message(2, Body(vec![0xff]))
            .message(3, execution),
    ));
    scene
        .until(order_id, "filled", |state| {
            state.filled == Amount::from(100)
        })
        .await;
    let fills = scene
        .gateway
        .get(OrderKey::OrderId(order_id))
        .await
        .unwrap()
        .fills;
    assert_eq!(fills.len(), 1);
    assert_eq!(fills[0].time.unwrap().to_string(), "2026-08-25T14:11:30Z");
    assert_eq!(scene.gateway.stats().tws_unreadable.get(), 1);
    scene.end().await;
}

#[tokio::test]
async fn orders_asked_for_and_never_answered_are_concluded_about_in_the_same_session() {
    let scene = Scene::open(
        Script {
            open_orders: Answer {
                ends: false,
                ..Answer::default()
            },
            completed_orders: Answer {
                ends: false,
                ..Answer::default()
            },
            ..Script::default()
        },
        |config| config.timers.reconcile_step_timeout = Duration::from_millis(200),
    )
    .await;
    link::settled(&scene.gateway).await;
    let order_id = scene.place(buy("a", true)).await.order_id;
    let failures = scene.gateway.stats().reconcile_failures.get();
    scene.reconnect().await;
    assert_eq!(scene.get(order_id).await.status, Status::Unconfirmed);
    // Asked twice, in one session.
    assert!(scene.gateway.stats().reconcile_failures.get() > failures);
    assert_eq!(link::sessions(&scene.gateway), 2);
    scene.end().await;
}

#[tokio::test]
async fn a_tws_that_answers_no_time_request_is_alive_and_stages_orders() {
    let scene = Scene::open(
        Script {
            tells_time: false,
            ..Script::default()
        },
        |config| {
            config.timers.tws_heartbeat_interval = Duration::from_millis(100);
            config.timers.tws_heartbeat_timeout = Duration::from_millis(1_000);
        },
    )
    .await;
    link::settled(&scene.gateway).await;
    // Two within a second, and right after the login.
    for request_id in ["a", "b"] {
        assert_eq!(
            scene.place(buy(request_id, false)).await.status,
            Status::Staged
        );
    }
    eventually(
        "a heartbeat without an answer and life after it",
        async || !scene.tws.requests(CURRENT_TIME).is_empty() && scene.tws.requests(IDS).len() > 12,
    )
    .await;
    assert_eq!(link::sessions(&scene.gateway), 1);
    scene.end().await;
}

#[tokio::test]
async fn a_barrier_that_is_never_answered_costs_no_session_and_is_no_staged_order() {
    let scene = Scene::start(Script {
        names_ids: false,
        ..Script::default()
    })
    .await;
    let reconciles = scene.tws.requests(OPEN_ORDERS).len();
    let order_id = scene
        .place(PlaceIn {
            timeout: 0.5,
            ..buy("a", false)
        })
        .await
        .order_id;
    // Asked twice, then TWS is asked what it holds.
    eventually("a reconcile", async || {
        scene.tws.requests(OPEN_ORDERS).len() > reconciles
    })
    .await;
    assert_eq!(scene.tws.requests(IDS).len(), 2);
    assert_eq!(scene.get(order_id).await.status, Status::Submitting);
    assert_eq!(link::sessions(&scene.gateway), 1);
    // And when it speaks again the next order is staged, and with it the first.
    scene.tws.change(|script| script.names_ids = true);
    let next = scene.place(buy("b", false)).await;
    scene
        .until(order_id, "staged", |state| state.status == Status::Staged)
        .await;
    scene
        .until(next.order_id, "staged", |state| {
            state.status == Status::Staged
        })
        .await;
    scene.end().await;
}

#[tokio::test]
async fn after_the_first_refused_id_the_next_order_has_one_that_tws_takes() {
    static TAKES: AtomicBool = AtomicBool::new(false);
    let scene = Scene::start(Script {
        placed: Box::new(|placed| {
            if placed.id < 500 {
                TAKES.store(true, Ordering::Relaxed);
                return vec![frames::error(placed.id, 103, "Duplicate order id")];
            }
            vec![placed.open(), placed.status("0", "100")]
        }),
        ..Script::default()
    })
    .await;
    // Another program has used ids of this client meanwhile.
    scene.tws.change(|script| script.next_valid_id = 500);
    let refused = scene.place(buy("a", true)).await;
    assert_eq!(refused.status, Status::Rejected);
    assert_eq!(refused.last_error_code, Some(103));
    assert!(TAKES.load(Ordering::Relaxed));
    eventually("the next id", async || {
        scene.gateway.link().borrow().next_order_id == Some(500)
    })
    .await;
    let taken = scene.place(buy("b", true)).await;
    assert_eq!((taken.order_id, taken.status), (500, Status::Submitted));
    assert_eq!(scene.tws.requests(PLACE_ORDER).len(), 2);
    scene.end().await;
}

#[tokio::test]
async fn an_id_sequence_that_is_spent_is_said_in_health_and_nothing_is_sent() {
    let scene = Scene::open(
        Script {
            next_valid_id: 1_500_000_000,
            ..Script::default()
        },
        |_| {},
    )
    .await;
    let health = scene.gateway.health(HealthIn::default()).await.unwrap();
    assert!(!health.connected);
    let error = health.error.unwrap();
    assert!(error.contains("reset the API order id sequence"), "{error}");
    let refused = scene
        .gateway
        .place(PlaceIn {
            timeout: 0.2,
            ..buy("a", true)
        })
        .await
        .unwrap_err();
    assert!(
        refused
            .to_string()
            .contains("reset the API order id sequence"),
        "{refused}"
    );
    assert!(scene.tws.requests(PLACE_ORDER).is_empty());
    // Reset, the gateway goes on by itself.
    scene.tws.change(|script| script.next_valid_id = 1);
    link::connected(&scene.gateway, true).await;
    assert_eq!(scene.place(buy("b", true)).await.status, Status::Submitted);
    scene.end().await;
}

#[tokio::test]
async fn orders_of_our_client_id_that_the_store_does_not_know_are_shown_and_can_be_cancelled() {
    let scene = Scene::start(Script {
        open_orders: Answer::of([
            order(77, "Submitted").open(),
            order(77, "Submitted").status("40", "60"),
            order(78, "PreSubmitted").open(),
            // Another client's, and one that has ended.
            order(79, "Submitted").of_client(3).open(),
            order(80, "Cancelled").open(),
        ]),
        next_valid_id: 90,
        ..Script::default()
    })
    .await;
    let health = async || scene.gateway.health(HealthIn::default()).await.unwrap();
    assert_eq!(health().await.unknown_orders, 2);
    assert_eq!(scene.gateway.stats().unknown_orders.get(), 2);
    let detail = health().await.detail.unwrap();
    assert!(detail.contains("77, 78"), "{detail}");
    // Orders can be placed all the same.
    assert_eq!(scene.place(buy("a", true)).await.status, Status::Submitted);

    let cancel = async |order_id, timeout| {
        let key = OrderKey::OrderId(order_id);
        scene.gateway.cancel(key, timeout).await
    };
    // TWS says nothing yet: the answer says what is known.
    let state = cancel(77, 0.1).await.unwrap();
    assert_eq!(
        (state.order_id, state.terms.symbol(), state.perm_id),
        (77, "AAPL", Some(1_077))
    );
    assert_eq!((state.filled, state.remaining), (40.into(), 60.into()));
    assert!(state.cancel_requested && !state.terminal);
    let sent = scene.tws.requests(test_support::tws::peer::CANCEL_ORDER);
    assert_eq!(
        sent.iter()
            .map(test_support::tws::peer::Request::number)
            .collect::<Vec<_>>(),
        [77]
    );
    let verdict = cancel(77, 10.0);
    let said = async {
        tokio::time::sleep(Duration::from_millis(50)).await;
        scene.tws.say(order(77, "Cancelled").status("40", "60"));
    };
    let (verdict, ()) = tokio::join!(verdict, said);
    assert_eq!(verdict.unwrap().status, Status::Cancelled);
    eventually("one left", async || health().await.unknown_orders == 1).await;

    // A cancel that TWS refuses answers with TWS's word.
    let refused = cancel(78, 10.0);
    let said = async {
        eventually("a second cancel", async || {
            let sent = scene.tws.requests(test_support::tws::peer::CANCEL_ORDER);
            sent.len() == 2
        })
        .await;
        scene.tws.say(frames::error(
            78,
            10147,
            "OrderId 78 that needs to be cancelled is not found.",
        ));
    };
    let (refused, ()) = tokio::join!(refused, said);
    assert_eq!(refused.unwrap().last_error_code, Some(10147));
    assert_eq!(
        cancel(79, 1.0).await.unwrap_err().reason.as_str(),
        "ORDER_NOT_FOUND"
    );
    assert_eq!(
        cancel(80, 1.0).await.unwrap_err().reason.as_str(),
        "ORDER_NOT_FOUND"
    );
    scene.end().await;
}

#[tokio::test]
async fn a_cancel_of_an_unknown_order_goes_again_after_the_link_broke_and_one_that_is_gone_is_forgotten()
 {
    let scene = Scene::start(Script {
        open_orders: Answer::of([order(77, "Submitted").open(), order(78, "Submitted").open()]),
        next_valid_id: 90,
        ..Script::default()
    })
    .await;
    let state = scene
        .gateway
        .cancel(OrderKey::OrderId(77), 0.1)
        .await
        .unwrap();
    assert!(state.cancel_requested);
    scene
        .tws
        .change(|script| script.open_orders = Answer::of([order(77, "Submitted").open()]));
    scene.reconnect().await;
    eventually("the cancel goes again", async || {
        let sent = scene.tws.requests(test_support::tws::peer::CANCEL_ORDER);
        sent.len() == 2 && sent.iter().all(|request| request.number() == 77)
    })
    .await;
    let health = scene.gateway.health(HealthIn::default()).await.unwrap();
    assert_eq!(health.unknown_orders, 1);
    scene.end().await;
}

#[tokio::test]
async fn health_says_what_happened_at_the_address_and_the_metric_counts() {
    let closed = ClosedPort::new();
    let port = closed.port();
    let directory = TempDir::new().unwrap();
    let config = test_support::library::config(port, &directory);
    let gateway = Gateway::open(&config).await.unwrap();
    let health = gateway.health(HealthIn::default()).await.unwrap();
    assert_eq!(health.error.as_deref(), Some("could not connect to TWS"));
    assert_eq!(
        health.detail,
        Some(format!("nothing listens at 127.0.0.1:{port}"))
    );
    eventually("attempts", async || {
        gateway.stats().tws_connect_failures.get() > 1
    })
    .await;
    gateway.close(Duration::from_secs(1)).await;
}

#[tokio::test]
async fn health_names_the_query_that_a_reconcile_fails_at() {
    let refused = || Answer {
        ends: false,
        ..Answer::of([frames::error(-1, 321, "Error validating request")])
    };
    let scene = Scene::start(Script {
        open_orders: refused(),
        ..Script::default()
    })
    .await;
    let health = scene.gateway.health(HealthIn::default()).await.unwrap();
    // Orders can be placed all the same.
    assert_eq!((health.connected, health.error), (true, None));
    let detail = health.detail.unwrap();
    assert!(
        detail.contains("times in a row")
            && detail.contains("open orders: TWS said 321: Error validating request"),
        "{detail}"
    );
    assert!(scene.gateway.stats().reconcile_failures.get() > 0);
    scene
        .tws
        .change(|script| script.open_orders = Answer::default());
    eventually("a reconcile that ended well", async || {
        scene.reconciled() > 0
    })
    .await;
    let health = scene.gateway.health(HealthIn::default()).await.unwrap();
    assert_eq!(health.detail, None);
    scene.end().await;
}
