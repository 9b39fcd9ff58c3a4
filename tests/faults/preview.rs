//! Previews in front of a TWS whose every frame is chosen.

use std::time::Duration;

use ibkr_orders::config::Config;
use ibkr_orders::domain::{Amount, HealthIn, OrderKey, PreviewIn, PreviewOut, Status};
use ibkr_orders::error::{Error, Reason};
use ibkr_orders::gateway::Gateway;
use serde_json::{Value, json};
use tempfile::TempDir;
use test_support::link;
use test_support::tws::frames::{self, Body, Order, frame, order};
use test_support::tws::peer::{CANCEL_ORDER, PLACE_ORDER, Request};
use test_support::tws::scripted::{Script, ScriptedTws};
use test_support::waiting::eventually;

struct Scene {
    tws: ScriptedTws,
    gateway: Gateway,
    directory: TempDir,
}

impl Scene {
    async fn start(placed: impl Fn(&Order) -> Vec<Vec<u8>> + Send + 'static) -> Self {
        let tws = ScriptedTws::start(Script {
            placed: Box::new(placed),
            ..Script::default()
        })
        .await;
        let directory = TempDir::new().unwrap();
        let gateway = open(&tws, &directory).await;
        Self {
            tws,
            gateway,
            directory,
        }
    }

    async fn preview(&self, timeout: f64) -> Result<PreviewOut, Error> {
        let input = PreviewIn {
            timeout,
            ..PreviewIn::new(buy())
        };
        self.gateway.preview(input).await
    }

    /// Another process on the same store.
    async fn restart(&mut self) {
        self.gateway.clone().close(Duration::from_secs(1)).await;
        self.gateway = open(&self.tws, &self.directory).await;
    }

    fn sent(&self) -> Vec<Request> {
        self.tws.requests(PLACE_ORDER)
    }

    async fn end(self) {
        self.gateway.close(Duration::from_secs(1)).await;
    }
}

async fn open(tws: &ScriptedTws, directory: &TempDir) -> Gateway {
    let config = Config {
        previews_per_minute: 1,
        ..test_support::library::config(tws.port, directory)
    };
    let gateway = Gateway::open(&config).await.unwrap();
    link::settled(&gateway).await;
    gateway
}

fn buy() -> Value {
    json!({"action": "BUY", "symbol": "AAPL", "order_type": "LMT", "quantity": 100, "limit_price": 150.25})
}

/// An echo as it was captured: two currencies, noise behind the point, no range of the commission.
fn echo(placed: &Order) -> Vec<u8> {
    let state = Body::default()
        .text(1, "PreSubmitted")
        .double(2, 148_839.9)
        .double(3, 132_591.07)
        .double(4, 1_170_559.72)
        .double(5, 4_398.700000000012)
        .double(6, 3_998.820000000007)
        .double(7, -0.8499999999767169)
        .double(8, 153_238.6)
        .double(9, 136_589.89)
        .double(10, 1_170_558.87)
        .double(11, 1.00030001)
        .double(12, f64::MAX)
        .text(14, "USD")
        .text(15, "EUR");
    placed.clone().what_if().open_with(state)
}

fn warning(placed: &Order) -> Vec<u8> {
    let state = Body::default()
        .text(1, "PreSubmitted")
        .double(5, f64::MAX)
        .text(28, "The stop is far away");
    placed.clone().what_if().open_with(state)
}

fn amount(text: &str) -> Option<Amount> {
    Some(Amount::parse(text).unwrap())
}

/// Field 65 and 66 of the order.
fn is_what_if_and_transmits(request: &Request) -> bool {
    request
        .bytes
        .windows(6)
        .any(|part| part == [0x88, 0x04, 0x01, 0x90, 0x04, 0x01])
}

#[tokio::test]
async fn a_preview_says_margins_in_one_currency_and_the_commission_in_another_and_places_nothing() {
    let scene = Scene::start(|placed| vec![echo(placed)]).await;
    let out = scene.preview(10.0).await.unwrap();
    assert!(out.accepted);
    assert_eq!(out.account, "DU111");
    assert_eq!(out.before.initial, amount("148839.9"));
    assert_eq!(out.before.maintenance, amount("132591.07"));
    assert_eq!(out.change.initial, amount("4398.7"));
    assert_eq!(out.change.maintenance, amount("3998.82"));
    assert_eq!(out.change.equity_with_loan, amount("-0.85"));
    assert_eq!(out.after.equity_with_loan, amount("1170558.87"));
    assert_eq!(out.commission, amount("1.0003"));
    assert_eq!((out.min_commission, out.max_commission), (None, None));
    assert_eq!(out.margin_currency.as_deref(), Some("EUR"));
    assert_eq!(out.commission_currency.as_deref(), Some("USD"));
    assert_eq!(
        (out.error_code, out.error, out.warning_text),
        (None, None, None)
    );
    assert_eq!(out.order_payload["limit_price"], 150.25);

    let sent = scene.sent();
    assert_eq!(sent.len(), 1);
    assert!(is_what_if_and_transmits(&sent[0]), "{sent:?}");
    // Nothing is stored, and TWS is not troubled any further.
    let key = OrderKey::OrderId(i32::try_from(sent[0].number()).unwrap());
    let error = scene.gateway.get(key).await.unwrap_err();
    assert_eq!(error.reason, Reason::OrderNotFound);
    assert!(scene.tws.requests(CANCEL_ORDER).is_empty());
    let health = scene.gateway.health(HealthIn::default()).await.unwrap();
    assert_eq!(health.unknown_orders, 0);
    scene.end().await;
}

#[tokio::test]
async fn the_warning_that_comes_first_is_kept_and_the_numbers_are_waited_for() {
    let scene = Scene::start(|placed| {
        vec![
            warning(placed),
            frames::error(placed.id, 2109, "Outside RTH is ignored"),
            echo(placed),
        ]
    })
    .await;
    let out = scene.preview(10.0).await.unwrap();
    assert!(out.accepted);
    assert_eq!(out.change.initial, amount("4398.7"));
    assert_eq!(out.warning_text.as_deref(), Some("Outside RTH is ignored"));
    scene
        .tws
        .change(|script| script.placed = Box::new(|placed| vec![warning(placed)]));
    let error = scene.preview(0.2).await.unwrap_err();
    assert_eq!(error.reason, Reason::PreviewTimeout);
    assert!(error.message.contains("The stop is far away"), "{error}");
    scene.end().await;
}

#[tokio::test]
async fn an_order_that_tws_would_refuse_is_an_outcome_and_no_error() {
    for (code, text) in [
        (200, "No security definition has been found for the request"),
        (
            110,
            "The price does not conform to the minimum price variation for this contract.",
        ),
        (
            10_255,
            "The 'Display Size' order attribute may not be specified for this order.",
        ),
        (
            201,
            "Equity with Loan Value must exceed the new total Initial Margin",
        ),
    ] {
        let scene = Scene::start(move |placed| vec![frames::error(placed.id, code, text)]).await;
        let out = scene.preview(10.0).await.unwrap();
        assert!(!out.accepted);
        assert_eq!(
            (out.error_code, out.error.as_deref()),
            (Some(code), Some(text))
        );
        assert_eq!((out.change.initial, out.commission), (None, None));
        scene.end().await;
    }
}

#[tokio::test]
async fn the_id_of_a_preview_is_spent_also_for_the_next_process() {
    let mut scene = Scene::start(|placed| vec![echo(placed)]).await;
    scene.preview(10.0).await.unwrap();
    scene.restart().await;
    // TWS's own count has not moved.
    scene.preview(10.0).await.unwrap();
    let ids: Vec<i64> = scene.sent().iter().map(Request::number).collect();
    assert_eq!(ids, [1, 2]);
    scene.end().await;
}

#[tokio::test]
async fn five_previews_may_go_at_once_and_then_one_a_minute() {
    let scene = Scene::start(|placed| vec![echo(placed)]).await;
    for _ in 0..5 {
        assert!(scene.preview(10.0).await.unwrap().accepted);
    }
    let error = scene.preview(10.0).await.unwrap_err();
    assert_eq!(error.reason, Reason::PreviewLimit);
    let wait = error.retry_after.unwrap().as_secs();
    assert!((50..=60).contains(&wait), "{wait}");
    assert_eq!(scene.sent().len(), 5);
    scene.end().await;
}

#[tokio::test]
async fn nothing_is_previewed_while_tws_has_lost_ib_and_a_lost_session_says_so() {
    let scene = Scene::start(|_| Vec::new()).await;
    scene.tws.say(frames::error(
        -1,
        1100,
        "Connectivity between IBKR and TWS has been lost.",
    ));
    eventually("the link to IB is lost", async || {
        !scene.gateway.link().borrow().ib_connected
    })
    .await;
    assert_eq!(
        scene.preview(1.0).await.unwrap_err().reason,
        Reason::IbUnavailable
    );
    assert!(scene.sent().is_empty());
    scene
        .tws
        .say(frames::error(-1, 1102, "Connectivity has been restored."));
    eventually("the link to IB is back", async || {
        scene.gateway.link().borrow().ib_connected
    })
    .await;
    let lost = async {
        eventually("the preview is sent", async || scene.sent().len() == 1).await;
        scene.tws.cut();
    };
    let (preview, ()) = tokio::join!(scene.preview(10.0), lost);
    assert_eq!(preview.unwrap_err().reason, Reason::TwsUnavailable);
    scene.end().await;
}

#[tokio::test]
async fn an_order_that_tws_makes_of_a_preview_is_stored_cancelled_and_counted() {
    // Each kind of word that is not the echo.
    for kind in ["status", "open order"] {
        let scene = Scene::start(move |placed| {
            let works = placed.is("Submitted");
            vec![
                echo(placed),
                match kind {
                    "status" => works.status("0", "100"),
                    _ => works.open(),
                },
            ]
        })
        .await;
        assert!(scene.preview(10.0).await.unwrap().accepted);
        let key = || OrderKey::OrderId(1);
        eventually("it is stored", async || {
            scene.gateway.get(key()).await.is_ok()
        })
        .await;
        assert_eq!(scene.gateway.stats().previews_placed.get(), 1);
        let state = scene.gateway.get(key()).await.unwrap().order;
        assert!(state.cancel_requested, "{kind}");
        assert_eq!(state.terms.symbol(), "AAPL");
        eventually("its cancel is sent", async || {
            let cancels = scene.tws.requests(CANCEL_ORDER);
            cancels.iter().any(|request| request.number() == 1)
        })
        .await;
        scene.tws.say(order(1, "Cancelled").status("0", "100"));
        eventually("it has ended", async || {
            let order = scene.gateway.get(key()).await.unwrap().order;
            order.status == Status::Cancelled
        })
        .await;
        scene.end().await;
    }
}

#[tokio::test]
async fn another_programs_order_under_the_id_of_a_preview_is_not_taken_for_ours() {
    let scene = Scene::start(|placed| vec![echo(placed)]).await;
    scene.preview(10.0).await.unwrap();
    // Another side of another contract.
    let body = Body::default()
        .int(1, 1)
        .message(
            2,
            Body::default()
                .int(1, 76_792_991)
                .text(2, "TSLA")
                .text(3, "STK"),
        )
        .message(
            3,
            Body::default()
                .int(1, 7)
                .int(2, 1)
                .int(3, 555)
                .text(5, "SELL")
                .text(6, "10")
                .text(8, "MKT")
                .text(12, "DU111"),
        )
        .message(4, Body::default().text(1, "Submitted"));
    scene.tws.say(frame(5, body));
    eventually("it is unknown", async || {
        let health = scene.gateway.health(HealthIn::default()).await.unwrap();
        health.unknown_orders == 1
    })
    .await;
    assert_eq!(scene.gateway.stats().previews_placed.get(), 0);
    scene.end().await;
}
