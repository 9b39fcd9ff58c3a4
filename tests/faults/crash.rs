//! `kill -9` while an order is placed. The crash points need `--features failpoints`; the rest does not.

use ibkr_orders::domain::{OrderKey, OrderState, Status, WatchEvent, WatchIn};
use ibkr_orders::error::Reason;

use crate::process::Site;
use crate::world::{LIMIT, resting, staged};

#[tokio::test]
async fn an_order_placed_before_a_kill_goes_on_to_filled_in_its_resumed_watch() {
    let site = Site::new().await;
    let gateway = site.start().await;
    let placed = gateway.client.place(resting("a")).await.unwrap();
    let order_id = placed.order_id.unwrap();
    let before = gateway.until_status(order_id, Status::Submitted).await;
    gateway.kill();
    // It fills while nobody looks.
    site.control().fill(order_id).await.unwrap();
    let gateway = site.start().await;
    let mut watch = gateway
        .client
        .watch(WatchIn {
            after_sequence: before.sequence,
            ..WatchIn::new(order_id)
        })
        .await
        .unwrap();
    let mut last: Option<OrderState> = None;
    let seen = async {
        while let Some(update) = watch.next().await {
            let update = update.unwrap();
            assert!(update.sequence >= before.sequence);
            if let WatchEvent::Order(state) = update.event {
                last = Some(state);
            }
        }
    };
    tokio::time::timeout(LIMIT, seen).await.unwrap();
    let last = last.unwrap();
    assert_eq!((last.status, last.filled), (Status::Filled, 10.into()));
    assert!(last.commission.is_some());
    assert_eq!(site.orders_and_frames("a").await, (1, 1));
    gateway.end().await;
}

#[tokio::test]
async fn an_order_whose_gateway_was_killed_before_tws_answered_is_adopted() {
    let site = Site::new().await;
    site.control().hold_acknowledgements().await.unwrap();
    let gateway = site.start().await;
    let client = gateway.client.clone();
    let placing = tokio::spawn(async move { client.place(resting("a")).await });
    site.placed().await;
    gateway.kill();
    let error = placing.await.unwrap().unwrap_err();
    assert_eq!(error.reason, Reason::GatewayUnavailable);
    site.control().release_acknowledgements().await.unwrap();
    site.adopts().await;
}

#[tokio::test]
async fn a_staged_order_outlives_a_kill_and_is_transmitted_then() {
    let site = Site::new().await;
    let gateway = site.start().await;
    let placed = gateway.client.place(staged("a")).await.unwrap();
    let order_id = placed.order_id.unwrap();
    assert_eq!(placed.state.unwrap().status, Status::Staged);
    gateway.kill();
    let gateway = site.start().await;
    assert_eq!(gateway.get(order_id).await.status, Status::Staged);
    gateway
        .client
        .transmit(OrderKey::RequestId("a".to_owned()), 5.0)
        .await
        .unwrap();
    gateway.until_status(order_id, Status::Submitted).await;
    assert_eq!(site.orders_and_frames("a").await, (1, 2));
    gateway.end().await;
}

#[tokio::test]
async fn every_order_acknowledged_before_a_kill_under_load_is_there_and_none_twice() {
    let site = Site::new().await;
    for round in 0..3 {
        let gateway = site.start().await;
        let placed_before = site
            .control()
            .inspect(|view| view.place_messages_total())
            .await
            .unwrap();
        let mut calls = tokio::task::JoinSet::new();
        for number in 0..60 {
            let client = gateway.client.clone();
            let id = format!("{round}-{number}");
            calls.spawn(async move { (client.place(resting(&id)).await, id) });
        }
        // In the middle of it.
        let goal = placed_before + 15;
        site.control()
            .wait_until(move |view| view.place_messages_total() >= goal)
            .await
            .unwrap();
        gateway.kill();
        let outs = calls.join_all().await;
        let gateway = site.start().await;
        let mut ids = std::collections::HashSet::new();
        for (out, id) in outs {
            let again = gateway.client.place(resting(&id)).await.unwrap();
            assert!(ids.insert(again.order_id), "two requests, one order: {id}");
            if let Ok(out) = out {
                assert!(again.replayed, "{id} was acknowledged and is gone");
                assert_eq!(again.order_id, out.order_id);
            }
            let (orders, _) = site.orders_and_frames(&id).await;
            assert!(orders <= 1, "{id} is {orders} times in TWS");
        }
        gateway.end().await;
    }
}

#[cfg(feature = "failpoints")]
mod at_a_crash_point {
    use ibkr_orders::domain::PlaceIn;

    use super::*;
    use crate::process::Process;
    use crate::world::limit_order;

    /// Runs a gateway that ends at a crash point while it places, then one without, and asks again.
    async fn killed_at(
        point: &str,
        order: fn(&str) -> PlaceIn,
    ) -> (Site, Process, OrderState, bool) {
        let site = Site::new().await;
        let mut gateway = site
            .start_with(|command| {
                command.env("FAILPOINTS", point);
            })
            .await;
        let error = gateway.client.place(order("a")).await.unwrap_err();
        assert_eq!(error.reason, Reason::GatewayUnavailable, "{error:?}");
        let status = gateway.ended().await;
        assert_eq!(status.code(), None, "it did not crash: {}", gateway.said());
        drop(gateway);
        let gateway = site.start().await;
        let again = gateway.client.place(order("a")).await.unwrap();
        let state = again.state.unwrap();
        (site, gateway, state, again.replayed)
    }

    #[tokio::test]
    async fn before_the_commit_nothing_happened_and_the_retry_makes_the_order() {
        // The first commit of a new store is the one that pins its accounts.
        for point in [
            "place-before-commit=panic",
            "store-before-commit=1*off->panic",
        ] {
            let (site, gateway, state, replayed) = killed_at(point, resting).await;
            assert!(!replayed, "{point}");
            assert!(!state.terminal, "{point}");
            gateway
                .until_status(state.order_id, Status::Submitted)
                .await;
            assert_eq!(site.orders_and_frames("a").await, (1, 1), "{point}");
            gateway.end().await;
        }
    }

    #[tokio::test]
    async fn after_the_commit_and_before_the_send_the_order_is_unconfirmed_and_never_sent() {
        for point in [
            "store-after-commit=1*off->panic",
            "place-after-commit=panic",
            "place-before-send=panic",
        ] {
            let (site, gateway, state, replayed) = killed_at(point, resting).await;
            assert!(replayed, "{point}");
            let state = gateway
                .until_status(state.order_id, Status::Unconfirmed)
                .await;
            assert!(!state.terminal, "{point}");
            assert_eq!(site.orders_and_frames("a").await, (0, 0), "{point}");
            // Another request is another order, with another id.
            let next = gateway.client.place(limit_order("b", 5)).await.unwrap();
            assert_eq!(next.order_id, Some(state.order_id + 1), "{point}");
            gateway.end().await;
        }
    }

    #[tokio::test]
    async fn after_the_send_the_order_is_adopted_and_not_sent_again() {
        for point in ["place-after-send=panic", "place-before-reply=panic"] {
            let (site, gateway, state, replayed) = killed_at(point, resting).await;
            assert!(replayed, "{point}");
            gateway
                .until_status(state.order_id, Status::Submitted)
                .await;
            assert_eq!(site.orders_and_frames("a").await, (1, 1), "{point}");
            site.control().fill(state.order_id).await.unwrap();
            gateway.until_status(state.order_id, Status::Filled).await;
            gateway.end().await;
        }
    }

    #[tokio::test]
    async fn a_staged_order_is_not_taken_for_staged_until_tws_has_read_it() {
        for (point, status) in [
            ("place-after-commit=panic", Status::Unconfirmed),
            ("place-after-send=panic", Status::Unconfirmed),
            ("place-before-reply=panic", Status::Staged),
        ] {
            let (site, gateway, state, replayed) = killed_at(point, staged).await;
            assert!(replayed, "{point}");
            gateway.until_status(state.order_id, status).await;
            let (orders, frames) = site.orders_and_frames("a").await;
            assert!(orders <= 1 && frames <= 1, "{point}");
            let cancelled = gateway
                .client
                .cancel(OrderKey::OrderId(state.order_id), 10.0)
                .await
                .unwrap();
            assert_eq!(cancelled.status, Status::Cancelled, "{point}");
            gateway.end().await;
        }
    }
}
