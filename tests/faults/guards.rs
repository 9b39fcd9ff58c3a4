//! What must never be sent: to a live account, from the wrong store, beyond the operator's limits.

use ibkr_orders::domain::{PlaceIn, Status};
use ibkr_orders::error::Reason;
use ibkr_orders::simulator::SimulatorConfig;
use serde_json::json;

use crate::process::Site;
use crate::world::{World, eventually, limit_order, resting, staged};

#[tokio::test]
async fn a_login_with_any_live_account_gets_no_order() {
    for accounts in [&["U1234567"][..], &["DU1234567", "U1234567"], &["F7654321"]] {
        let simulator = SimulatorConfig {
            accounts: accounts.iter().map(|&account| account.to_owned()).collect(),
            ..SimulatorConfig::explicit()
        };
        let world = World::with(simulator, |_| {}).await;
        let error = world.client.place(resting("a")).await.unwrap_err();
        assert_eq!(error.reason, Reason::LiveAccount);
        let live = accounts.last().unwrap();
        assert!(error.message.contains(live), "{}", error.message);
        assert!(error.message.contains("IB_ALLOW_LIVE"), "{}", error.message);
        let health = world.health().await;
        assert_eq!(health.paper, Some(false));
        world
            .look(|view| assert_eq!(view.place_messages_total(), 0))
            .await;
        world.end().await;
    }
}

#[tokio::test]
async fn a_live_account_is_traded_only_when_it_is_allowed() {
    let simulator = SimulatorConfig {
        accounts: vec!["U1234567".to_owned()],
        ..SimulatorConfig::explicit()
    };
    let world = World::with(simulator, |config| config.ib_allow_live = true).await;
    world.place(resting("a")).await;
    world.end().await;
}

#[tokio::test]
async fn when_live_trading_is_switched_off_working_orders_are_still_cancelled_and_reconciled() {
    let simulator = SimulatorConfig {
        accounts: vec!["U1234567".to_owned()],
        ..SimulatorConfig::explicit()
    };
    let mut world = World::with(simulator, |config| config.ib_allow_live = true).await;
    let cancelled = world.place(resting("cancelled")).await.order_id;
    let fills = world.place(resting("fills")).await.order_id;
    let stays = world.place(resting("stays")).await.order_id;
    let held_back = world.place(staged("staged")).await.order_id;
    world.until_status(held_back, Status::Staged).await;

    world.stop_gateway().await;
    world.control().fill(fills).await.unwrap();
    world.config.ib_allow_live = false;
    world.start_gateway().await;
    world.connected(true).await;
    // What happened meanwhile is asked for and shown.
    world.until_status(fills, Status::Filled).await;
    let health = world.health().await;
    assert_eq!(health.paper, Some(false));
    assert!(health.error.unwrap().contains("IB_ALLOW_LIVE"));
    let error = world.client.place(resting("new")).await.unwrap_err();
    assert_eq!(error.reason, Reason::LiveAccount);
    let error = world.transmit(held_back, 0.5).await.unwrap_err();
    assert_eq!(error.reason, Reason::LiveAccount);
    for order_id in [cancelled, held_back] {
        let state = world.cancel(order_id, 5.0).await.unwrap();
        assert_eq!(state.status, Status::Cancelled);
    }
    assert_eq!(world.get(stays).await.status, Status::Submitted);
    world
        .look(|view| assert_eq!(view.place_messages_total(), 4))
        .await;
    world.end().await;
}

#[tokio::test]
async fn a_paper_login_that_turns_live_gets_no_order_and_no_cancel() {
    let world = World::start().await;
    let order_id = world.place(resting("a")).await.order_id;
    world
        .control()
        .set_accounts(vec!["U1234567".to_owned()])
        .await
        .unwrap();
    world.control().drop_connections().await.unwrap();
    eventually("the login is live", async || {
        world.health().await.paper == Some(false)
    })
    .await;
    let error = world.client.place(resting("b")).await.unwrap_err();
    assert_eq!(error.reason, Reason::LiveAccount);
    let error = world.cancel(order_id, 0.5).await.unwrap_err();
    assert_eq!(error.reason, Reason::LiveAccount);
    world
        .look(|view| assert_eq!(view.place_messages_total(), 1))
        .await;
    assert_eq!(world.cancel_frames(order_id).await, 0);
    // Logged in to the right one again, everything goes on.
    world
        .control()
        .set_accounts(vec!["DU1234567".to_owned()])
        .await
        .unwrap();
    world.control().drop_connections().await.unwrap();
    eventually("the login is a paper one", async || {
        world.health().await.error.is_none()
    })
    .await;
    world.place(resting("b")).await;
    world.end().await;
}

#[tokio::test]
async fn a_store_of_other_accounts_sends_nothing_and_says_whose_it_is() {
    let world = World::start().await;
    world.place(resting("a")).await;
    world
        .control()
        .set_accounts(vec!["DU7777777".to_owned()])
        .await
        .unwrap();
    world.control().drop_connections().await.unwrap();
    eventually("the other login is refused", async || {
        world
            .health()
            .await
            .error
            .is_some_and(|error| error.contains("DU7777777"))
    })
    .await;
    let error = world.client.place(resting("b")).await.unwrap_err();
    assert_eq!(error.reason, Reason::StoreMismatch);
    assert!(
        error.message.contains("DU1234567") && error.message.contains("DU7777777"),
        "{}",
        error.message
    );
    assert_eq!(world.orders_in_tws("b").await, 0);
    // A known request is answered.
    assert!(world.client.place(resting("a")).await.unwrap().replayed);
    world.end().await;
}

#[tokio::test]
async fn a_store_of_another_client_id_is_refused_at_the_start() {
    let site = Site::new().await;
    let gateway = site.start().await;
    gateway.client.place(resting("a")).await.unwrap();
    gateway.end().await;
    let (code, said) = site
        .refused(|command| {
            command.env("IB_CLIENT_ID", "8");
        })
        .await;
    assert_eq!(code, Some(1), "{said}");
    assert!(said.contains("belongs to client id 7, not 8"), "{said}");
    site.control()
        .inspect(|view| assert_eq!(view.logins_total(), 1))
        .await
        .unwrap();
}

#[tokio::test]
async fn orders_beyond_the_operators_limits_are_refused_before_anything_is_stored() {
    let world = World::with(SimulatorConfig::explicit(), |config| {
        config.max_order_quantity = Some(100.into());
        config.max_order_notional = Some(500.into());
    })
    .await;
    let market = PlaceIn {
        order: json!({"action": "BUY", "symbol": "AAPL", "order_type": "MKT", "quantity": 1})
            .into(),
        ..resting("market")
    };
    let dear = PlaceIn {
        order: json!({"action": "BUY", "symbol": "AAPL", "order_type": "LMT", "quantity": 100, "limit_price": "5.01"}).into(),
        ..resting("dear")
    };
    for (order, id) in [
        (limit_order("large", 101), "large"),
        (market, "market"),
        (dear, "dear"),
    ] {
        let error = world.client.place(order).await.unwrap_err();
        assert_eq!(error.reason, Reason::RiskLimit, "{id}");
        let missing = world
            .client
            .get(ibkr_orders::domain::OrderKey::RequestId(id.to_owned()))
            .await
            .unwrap_err();
        assert_eq!(missing.reason, Reason::OrderNotFound, "{id}");
    }
    world.place(limit_order("as large as allowed", 100)).await;
    world
        .look(|view| assert_eq!(view.place_messages_total(), 1))
        .await;
    world.end().await;
}

#[tokio::test]
async fn the_only_account_allowed_is_the_only_one_used() {
    let simulator = SimulatorConfig {
        accounts: vec!["DU1111111".to_owned(), "DU2222222".to_owned()],
        ..SimulatorConfig::explicit()
    };
    let world = World::with(simulator, |config| {
        config.ib_account = Some("DU2222222".to_owned());
    })
    .await;
    let state = world.place(resting("a")).await;
    assert_eq!(state.account, "DU2222222");
    let other = PlaceIn {
        order: json!({"action": "BUY", "symbol": "AAPL", "order_type": "LMT", "quantity": 1, "limit_price": 1, "account": "DU1111111"}).into(),
        ..resting("b")
    };
    let error = world.client.place(other).await.unwrap_err();
    assert_eq!(error.reason, Reason::OrderInvalid);
    world
        .look(|view| {
            assert_eq!(view.place_messages_total(), 1);
            assert!(
                view.orders()
                    .iter()
                    .all(|order| order.account == "DU2222222")
            );
        })
        .await;
    world.end().await;
}

#[tokio::test]
async fn a_token_is_asked_for_and_never_written_down() {
    let site = Site::new().await;
    let tokens = site.directory.path().join("tokens");
    std::fs::write(&tokens, "a-very-secret-token\n").unwrap();
    let mut command = site.command(&site.store());
    command
        .env("AUTH_TOKEN_FILE", &tokens)
        .env("RUST_LOG", "trace");
    let gateway = crate::process::Process::serve(&mut command).await;
    let error = gateway.client.place(resting("a")).await.unwrap_err();
    assert_eq!(error.reason, Reason::Unauthenticated);
    for (token, welcome) in [
        ("a-very-secret-token", true),
        ("a-wrong-guessed-token", false),
    ] {
        let options = ibkr_orders::client::ClientOptions {
            token: Some(ibkr_orders::client::Token::new(token).unwrap()),
            ..ibkr_orders::client::ClientOptions::default()
        };
        let url = format!("http://{}", gateway.address);
        let client = ibkr_orders::client::Client::connect(url, options)
            .await
            .unwrap();
        let placed = client.place(resting("a")).await;
        assert_eq!(placed.is_ok(), welcome, "{placed:?}");
    }
    let said = gateway.said();
    assert!(
        !said.contains("secret") && !said.contains("guessed"),
        "{said}"
    );
    assert!(said.lines().count() > 20, "there was something to look at");
    gateway.end().await;
}
