//! Brackets in front of a TWS whose every frame is chosen.

mod broken_off;
mod refused;
mod working;

use std::time::Duration;

use ibkr_orders::config::Config;

use ibkr_orders::domain::{BracketIn, BracketOut, CancelIn, OrderKey, OrderState, PlaceIn, Status};
use ibkr_orders::error::{Error, Reason};
use ibkr_orders::gateway::Gateway;
use serde_json::{Value, json};
use tempfile::TempDir;
use test_support::link;
use test_support::tws::frames::{self, Order, order};
use test_support::tws::peer::{CANCEL_ORDER, PLACE_ORDER, Request};
use test_support::tws::scripted::{Script, ScriptedTws};
use test_support::waiting::eventually;

struct Scene {
    tws: ScriptedTws,
    gateway: Gateway,
    directory: TempDir,
}

impl Scene {
    async fn start(script: Script) -> Self {
        Self::start_with(script, |_| {}).await
    }

    async fn start_with(script: Script, change: impl FnOnce(&mut Config)) -> Self {
        let tws = ScriptedTws::start(script).await;
        let directory = TempDir::new().unwrap();
        let mut config = test_support::library::config(tws.port, &directory);
        change(&mut config);
        let gateway = Gateway::open(&config).await.unwrap();
        link::settled(&gateway).await;
        Self {
            tws,
            gateway,
            directory,
        }
    }

    /// A bracket whose three orders TWS shows as working.
    async fn released() -> Self {
        let scene = Self::start(released()).await;
        scene.bracket(10.0).await.unwrap();
        for order_id in [1, 2, 3] {
            scene.until(order_id, Status::PreSubmitted).await;
        }
        scene
    }

    /// A bracket of which the entry was sent and its barrier is not answered.
    async fn torn(script: Script) -> Self {
        let scene = Self::start(Script {
            names_ids: false,
            ..script
        })
        .await;
        let out = scene.bracket(0.2).await.unwrap();
        assert_eq!(out.entry.unwrap().status, Status::Submitting);
        assert_eq!(scene.placed(), [1]);
        scene
    }

    async fn bracket(&self, timeout: f64) -> Result<BracketOut, Error> {
        let input = BracketIn {
            timeout,
            request_id: Some("r-1".to_owned()),
            ..BracketIn::new(bracket(90))
        };
        self.gateway.place_bracket(input).await
    }

    async fn get(&self, order_id: i32) -> OrderState {
        let key = OrderKey::OrderId(order_id);
        self.gateway.get(key).await.unwrap().order
    }

    async fn until(&self, order_id: i32, status: Status) -> OrderState {
        eventually("its status", async || {
            self.get(order_id).await.status == status
        })
        .await;
        self.get(order_id).await
    }

    fn placed(&self) -> Vec<i64> {
        let placed = self.tws.requests(PLACE_ORDER);
        placed.iter().map(Request::number).collect()
    }

    fn cancelled(&self) -> Vec<i64> {
        let cancelled = self.tws.requests(CANCEL_ORDER);
        cancelled.iter().map(Request::number).collect()
    }

    /// Waits until the entry says that a position stands without its stop.
    async fn until_incomplete(&self, what: &str) {
        eventually(what, async || self.get(1).await.bracket_incomplete).await;
    }

    /// How many reconciles have ended well.
    fn reconciled(&self) -> u64 {
        self.gateway.stats().reconcile_seconds.read().count
    }

    async fn end(self) {
        self.gateway.close(Duration::from_secs(1)).await;
    }
}

fn bracket(stop: i32) -> Value {
    json!({
        "entry": {"action": "BUY", "symbol": "AAPL", "order_type": "LMT", "quantity": 100, "limit_price": 150.25},
        "take_profit": {"limit_price": 160},
        "stop_loss": {"stop_price": stop},
    })
}

/// Its three orders as TWS shows them once the last frame has come.
fn family(bracket_id: i32) -> [Order; 3] {
    let exit = |order_id: i32, order_type: &str, limit: f64| Order {
        action: "SELL".to_owned(),
        order_type: order_type.to_owned(),
        limit,
        ..order(order_id, "PreSubmitted")
    };
    [
        order(bracket_id, "PreSubmitted"),
        exit(bracket_id + 1, "LMT", 160.0),
        exit(bracket_id + 2, "STP", 0.0),
    ]
}

fn released() -> Script {
    Script {
        placed: Box::new(|last| {
            let legs = family(last.id - 2);
            legs.iter().map(|leg| leg.status("0", "100")).collect()
        }),
        ..Script::default()
    }
}

/// Field 66 of the order: it transmits.
fn transmits(request: &Request) -> bool {
    let has = |part: &[u8]| request.bytes.windows(part.len()).any(|at| at == part);
    has(&[0x90, 0x04, 0x01])
}

/// Field 4 of the order: its parent.
fn has_parent(request: &Request, parent: u8) -> bool {
    request.bytes.windows(4).any(|at| at[..2] == [0x20, parent])
}

#[tokio::test]
async fn the_frames_of_a_bracket_leave_one_by_one_and_only_the_last_transmits() {
    let scene = Scene::start(released()).await;
    let out = scene.bracket(10.0).await.unwrap();
    let (entry, target, stop) = (
        out.entry.unwrap(),
        out.take_profit.unwrap(),
        out.stop_loss.unwrap(),
    );
    assert_eq!((entry.order_id, target.order_id, stop.order_id), (1, 2, 3));
    assert_eq!(entry.status, Status::PreSubmitted);
    assert_eq!(out.request_id.as_deref(), Some("r-1"));
    assert_eq!(
        (target.parent_order_id, stop.parent_order_id),
        (Some(1), Some(1))
    );
    for leg in [&entry, &target, &stop] {
        assert_eq!(leg.bracket_id, Some(1));
    }
    assert_eq!(
        (target.order_ref.as_str(), stop.order_ref.as_str()),
        ("r-1.tp", "r-1.sl")
    );
    let sent = scene.tws.requests(PLACE_ORDER);
    assert_eq!(scene.placed(), [1, 2, 3]);
    let flags: Vec<bool> = sent.iter().map(transmits).collect();
    assert_eq!(flags, [false, false, true]);
    assert!(has_parent(&sent[1], 1) && has_parent(&sent[2], 1));
    scene.until(2, Status::PreSubmitted).await;
    scene.until(3, Status::PreSubmitted).await;

    // The same request answers the same bracket; another one under its id is refused.
    let again = scene.bracket(10.0).await.unwrap();
    assert!(again.replayed);
    assert_eq!(again.entry.unwrap().order_id, 1);
    let other = BracketIn {
        request_id: Some("r-1".to_owned()),
        ..BracketIn::new(bracket(91))
    };
    let error = scene.gateway.place_bracket(other).await.unwrap_err();
    assert_eq!(error.reason, Reason::RequestIdReused);
    assert_eq!(scene.placed(), [1, 2, 3]);
    scene.end().await;
}

#[tokio::test]
async fn an_entry_refused_before_the_release_ends_the_bracket_and_nothing_more_is_sent() {
    // Its barrier is not answered, so that the refusal comes first.
    let scene = Scene::start(Script {
        names_ids: false,
        ..released()
    })
    .await;
    let refused = async {
        eventually("the entry is sent", async || scene.placed() == [1]).await;
        scene.tws.say(frames::error(
            1,
            110,
            "The price does not conform to the minimum price variation for this contract.",
        ));
    };
    let (out, ()) = tokio::join!(scene.bracket(10.0), refused);
    assert_eq!(out.unwrap().entry.unwrap().status, Status::Rejected);
    for leg in [2, 3] {
        let state = scene.until(leg, Status::Cancelled).await;
        assert!(state.last_error.unwrap().starts_with("not sent"));
    }
    scene.tws.change(|script| script.names_ids = true);
    tokio::time::sleep(Duration::from_millis(200)).await;
    assert_eq!(scene.placed(), [1]);
    scene.end().await;
}

#[tokio::test]
async fn a_link_lost_before_the_release_ends_the_bracket_by_id_and_never_releases_it() {
    let scene = Scene::start(Script {
        names_ids: false,
        cancelled: Box::new(|id| {
            vec![frames::error(
                id,
                10147,
                "OrderId that needs to be cancelled is not found.",
            )]
        }),
        ..released()
    })
    .await;
    let before = link::sessions(&scene.gateway);
    let out = scene.bracket(0.2).await.unwrap();
    assert_eq!(out.entry.unwrap().status, Status::Submitting);
    assert_eq!(scene.placed(), [1]);
    scene.tws.change(|script| script.names_ids = true);
    scene.tws.cut();
    link::session_after(&scene.gateway, before).await;
    scene.until(1, Status::Cancelled).await;
    for leg in [2, 3] {
        assert!(scene.get(leg).await.terminal);
    }
    assert_eq!(scene.cancelled(), [1]);
    assert_eq!(scene.placed(), [1]);
    scene.end().await;
}

#[tokio::test]
async fn no_other_new_order_leaves_between_the_frames_of_a_bracket() {
    let scene = Scene::start(Script {
        names_ids: false,
        ..released()
    })
    .await;
    scene.bracket(0.2).await.unwrap();
    let other = PlaceIn {
        transmit: true,
        timeout: 0.2,
        request_id: Some("other".to_owned()),
        ..PlaceIn::new(bracket(90)["entry"].clone())
    };
    scene.gateway.place(other).await.unwrap();
    assert_eq!(scene.placed(), [1]);
    // A Cancel ends the bracket, and then the other goes.
    let entry = scene
        .gateway
        .cancel(OrderKey::OrderId(1), 0.2)
        .await
        .unwrap();
    assert!(entry.cancel_requested);
    eventually("the other one goes", async || scene.placed() == [1, 4]).await;
    assert_eq!(scene.cancelled(), [1]);
    scene.end().await;
}

#[tokio::test]
async fn a_cancel_never_takes_the_stop_from_a_position() {
    let scene = Scene::start(released()).await;
    scene.bracket(10.0).await.unwrap();
    scene.until(3, Status::PreSubmitted).await;
    // TWS would end the stop with the target.
    let error = scene
        .gateway
        .cancel(OrderKey::OrderId(2), 0.1)
        .await
        .unwrap_err();
    assert_eq!(error.reason, Reason::OrderState);
    assert!(error.message.contains("with_sibling"), "{error}");
    assert!(scene.cancelled().is_empty());
    // The entry alone goes; a part of it had filled, and its exits stay.
    let [entry, ..] = family(1);
    scene.tws.say(entry.is("Submitted").status("40", "60"));
    scene.until(1, Status::Submitted).await;
    scene
        .gateway
        .cancel(OrderKey::OrderId(1), 0.1)
        .await
        .unwrap();
    scene.tws.say(entry.is("Cancelled").status("40", "60"));
    scene.until(1, Status::Cancelled).await;
    tokio::time::sleep(Duration::from_millis(3_500)).await;
    assert_eq!(scene.cancelled(), [1]);
    // With its sibling an exit can be cancelled.
    let key = OrderKey::OrderId(2);
    let both = CancelIn {
        with_sibling: true,
        ..CancelIn::within(key, 0.1)
    };
    scene.gateway.cancel_with(both).await.unwrap();
    eventually("the cancel goes", async || scene.cancelled() == [1, 2]).await;
    scene.end().await;
}

#[tokio::test]
async fn exits_that_outlive_an_entry_that_never_filled_are_cancelled() {
    let scene = Scene::start(released()).await;
    scene.bracket(10.0).await.unwrap();
    scene.until(3, Status::PreSubmitted).await;
    let [entry, ..] = family(1);
    scene.tws.say(entry.is("Cancelled").status("0", "100"));
    scene.until(1, Status::Cancelled).await;
    assert!(scene.cancelled().is_empty());
    eventually("both exits are cancelled", async || {
        scene.cancelled().len() == 2
    })
    .await;
    scene.end().await;
}

#[tokio::test]
async fn a_position_without_its_stop_is_shown() {
    let scene = Scene::start(released()).await;
    scene.bracket(10.0).await.unwrap();
    scene.until(3, Status::PreSubmitted).await;
    let [entry, _, stop] = family(1);
    scene.tws.say(entry.is("Filled").status("100", "0"));
    scene.until(1, Status::Filled).await;
    scene.tws.say(stop.is("Cancelled").status("0", "100"));
    scene.until(3, Status::Cancelled).await;
    assert!(!scene.get(1).await.bracket_incomplete);
    eventually("it is shown", async || {
        scene.get(1).await.bracket_incomplete
    })
    .await;
    scene.end().await;
}

/// What TWS says to the cancel of an order that it does not have.
fn not_found(order_id: i32) -> Vec<Vec<u8>> {
    let text = format!("OrderId {order_id} that needs to be cancelled is not found.");
    vec![frames::error(order_id, 10147, &text)]
}
