//! The link to TWS breaks, falls silent, or carries what TWS never said.

use std::time::Duration;

use ibkr_orders::domain::{LinkState, Status, WatchEvent};
use ibkr_orders::error::Reason;
use ibkr_orders::simulator::{Fault, SimulatorConfig};

use crate::world::{LIMIT, World, eventually, resting, staged, try_place};

/// Sets a fault, places, and gives the id of the order.
async fn place_into(world: &World, fault: Fault, request_id: &str) -> i32 {
    world.control().set_fault(fault).await.unwrap();
    let placed = try_place(&world.client, resting(request_id)).await.unwrap();
    placed.order_id.unwrap()
}

#[tokio::test]
async fn an_order_tws_took_before_the_link_died_is_adopted() {
    let world = World::start().await;
    let order_id = place_into(&world, Fault::DropAfterOrder(1), "a").await;
    let adopted = world.until_status(order_id, Status::Submitted).await;
    assert!(adopted.perm_id.is_some());
    assert_eq!(world.place_frames(order_id).await, 1);
    assert_eq!(world.orders_in_tws("a").await, 1);
    world.end().await;
}

#[tokio::test]
async fn an_order_the_link_swallowed_is_unconfirmed_and_never_sent_again() {
    let world = World::start().await;
    let order_id = place_into(&world, Fault::DropBeforeOrder(1), "a").await;
    let lost = world.until_status(order_id, Status::Unconfirmed).await;
    assert!(!lost.terminal);
    // Neither another reconnect nor the caller's own retry sends it.
    world.reconnect().await;
    let again = world.client.place(resting("a")).await.unwrap();
    assert!(again.replayed);
    assert_eq!(again.order_id, Some(order_id));
    assert_eq!(again.state.unwrap().status, Status::Unconfirmed);
    assert_eq!(world.orders_in_tws("a").await, 0);
    assert!(world.place_frames(order_id).await <= 1);
    // The next order gets an id of its own.
    let next = world.place(resting("b")).await;
    assert_eq!(
        (next.order_id, next.status),
        (order_id + 1, Status::PreSubmitted)
    );
    world.end().await;
}

#[tokio::test]
async fn an_order_whose_link_died_while_tws_answered_is_adopted() {
    let world = World::start().await;
    let order_id = place_into(&world, Fault::HalfFrameAfterOrder(1), "a").await;
    world.until_status(order_id, Status::Submitted).await;
    assert_eq!(world.place_frames(order_id).await, 1);
    world.end().await;
}

#[tokio::test]
async fn a_staged_order_the_link_died_on_is_never_transmitted_by_itself() {
    for fault in [Fault::DropBeforeOrder(1), Fault::DropAfterOrder(1)] {
        let world = World::start().await;
        world.control().set_fault(fault.clone()).await.unwrap();
        let order_id = try_place(&world.client, staged("a"))
            .await
            .unwrap()
            .order_id
            .unwrap();
        // TWS shows no staged order to anybody, so nobody knows.
        let lost = world.until_status(order_id, Status::Unconfirmed).await;
        assert!(!lost.transmit, "{fault}");
        let refused = world.transmit(order_id, 1.0).await.unwrap_err();
        assert_eq!(refused.reason, Reason::OrderState, "{fault}");
        // A cancel settles it either way.
        let cancelled = world.cancel(order_id, 5.0).await.unwrap();
        assert_eq!(cancelled.status, Status::Cancelled, "{fault}");
        world
            .look(|view| assert!(view.orders().iter().all(|order| order.over)))
            .await;
        world.end().await;
    }
}

#[tokio::test]
async fn garbage_and_impossible_lengths_from_tws_lose_no_order() {
    for fault in [Fault::GarbageAfterOrder(1), Fault::BadLengthAfterOrder(1)] {
        let world = World::start().await;
        let order_id = place_into(&world, fault, "a").await;
        world.until_status(order_id, Status::Submitted).await;
        world.connected(true).await;
        // And the gateway goes on.
        let next = world.place(resting("b")).await;
        world.control().fill(next.order_id).await.unwrap();
        world.until_status(next.order_id, Status::Filled).await;
        world.end().await;
    }
}

#[tokio::test]
async fn random_bytes_and_half_a_frame_from_tws_end_the_session_and_nothing_else() {
    let world = World::start().await;
    let order_id = world.place(resting("a")).await.order_id;
    for bytes in [
        &b"HTTP/1.1 400 Bad Request\r\n\r\n"[..],
        &[0xff; 64],
        // A frame of 100 bytes of which 3 come.
        &[0, 0, 0, 100, 1, 2, 3],
        // A message type that is none, with a body that is none.
        &[0, 0, 0, 8, 0x7f, 0xff, 0xff, 0xff, 9, 9, 9, 9],
    ] {
        let mut watch = world.watch_all(0).await;
        watch.next().await.unwrap().unwrap();
        world.control().inject(bytes).await.unwrap();
        // What follows half a frame is read as a part of it: only a new connection ends that.
        world.control().drop_connections().await.unwrap();
        for state in [LinkState::Lost, LinkState::Restored, LinkState::Reconciled] {
            world.link_shown(&mut watch, state).await;
        }
        assert_eq!(world.get(order_id).await.status, Status::Submitted);
    }
    world.control().fill(order_id).await.unwrap();
    let filled = world.until_status(order_id, Status::Filled).await;
    assert_eq!(filled.filled, 10.into());
    world.end().await;
}

#[tokio::test]
async fn what_filled_while_the_link_was_down_is_counted_once_and_shown_in_order() {
    let world = World::start().await;
    let order_id = world.place(resting("a")).await.order_id;
    let mut watch = world.watch(order_id, 0).await;
    world
        .control()
        .fill_at(order_id, 3.into(), 1.into())
        .await
        .unwrap();
    world
        .until(order_id, "filled by 3", |state| state.filled == 3.into())
        .await;
    world.control().refuse_connections(true).await.unwrap();
    world.control().drop_connections().await.unwrap();
    world.connected(false).await;
    world
        .control()
        .fill_at(order_id, 7.into(), 1.into())
        .await
        .unwrap();
    world.control().refuse_connections(false).await.unwrap();
    let filled = world.until_status(order_id, Status::Filled).await;
    assert_eq!(filled.filled, 10.into());
    // The executions are the last query of the reconcile, after the status.
    eventually("both fills are stored", async || {
        world.detail(order_id).await.fills.len() == 2
    })
    .await;
    // The watch that was open all the time saw it all, each event once.
    let mut links = Vec::new();
    let mut quantities = Vec::new();
    let mut last = 0;
    let seen = async {
        while let Some(update) = watch.next().await {
            let update = update.unwrap();
            match update.event {
                // The first session's own reconcile may still end when the watch begins.
                WatchEvent::Link(change) if links.is_empty() && change.state != LinkState::Lost => {
                }
                WatchEvent::Link(change) => links.push(change.state),
                WatchEvent::Fill(fill) => {
                    assert!(update.sequence > last);
                    quantities.push(fill.quantity);
                }
                WatchEvent::Order(state) => {
                    assert!(update.sequence > last, "{} after {last}", update.sequence);
                    assert_eq!(state.sequence, update.sequence);
                }
                WatchEvent::SnapshotEnd {} | WatchEvent::Heartbeat { .. } => {}
            }
            last = update.sequence;
        }
    };
    tokio::time::timeout(LIMIT, seen).await.unwrap();
    assert_eq!(quantities, [3.into(), 7.into()]);
    assert_eq!(links[..2], [LinkState::Lost, LinkState::Restored]);
    world.end().await;
}

#[tokio::test]
async fn a_link_that_breaks_shows_as_lost_restored_reconciled() {
    let world = World::start().await;
    let order_id = world.place(resting("a")).await.order_id;
    let mut watch = world.watch(order_id, 0).await;
    watch.next().await.unwrap().unwrap();
    world.control().drop_connections().await.unwrap();
    let mut links = Vec::new();
    while links.len() < 3 {
        let update = tokio::time::timeout(LIMIT, watch.next()).await.unwrap();
        if let WatchEvent::Link(change) = update.unwrap().unwrap().event
            && (change.state == LinkState::Lost || !links.is_empty())
        {
            links.push(change.state);
        }
    }
    assert_eq!(
        links,
        [LinkState::Lost, LinkState::Restored, LinkState::Reconciled]
    );
    world.end().await;
}

#[tokio::test]
async fn a_mute_tws_is_noticed_by_the_heartbeat_and_its_orders_are_found_again() {
    let world = World::with(SimulatorConfig::explicit(), |config| {
        config.timers.tws_heartbeat_interval = Duration::from_millis(300);
        config.timers.tws_heartbeat_timeout = Duration::from_secs(3);
        config.timers.tws_handshake_timeout = Duration::from_secs(3);
    })
    .await;
    world
        .control()
        .set_fault(Fault::MuteAfterOrder(1))
        .await
        .unwrap();
    let order_id = world.place_unanswered(resting("a")).await.order_id;
    world.connected(false).await;
    let health = world.health().await;
    assert!(!health.connected);
    assert_eq!(health.error.as_deref(), Some("could not connect to TWS"));
    // While it is mute it acts all the same.
    world.control().fill(order_id).await.unwrap();
    world.control().clear_faults().await.unwrap();
    let filled = world.until_status(order_id, Status::Filled).await;
    assert_eq!(filled.filled, 10.into());
    assert_eq!(world.place_frames(order_id).await, 1);
    world.end().await;
}

#[tokio::test]
async fn a_tws_that_is_mute_in_the_handshake_is_given_up_and_tried_again() {
    let simulator = SimulatorConfig {
        faults: vec![Fault::Mute],
        ..SimulatorConfig::explicit()
    };
    let world = World::unconnected(simulator, |config| {
        config.timers.tws_handshake_timeout = Duration::from_millis(200);
    })
    .await;
    let health = world.health().await;
    assert!(!health.connected);
    assert_eq!(health.error.as_deref(), Some("could not connect to TWS"));
    let error = world
        .client
        .place(ibkr_orders::domain::PlaceIn {
            timeout: 0.3,
            ..resting("a")
        })
        .await
        .unwrap_err();
    assert_eq!(error.reason, Reason::TwsUnavailable);
    assert_eq!(error.message, "could not connect to TWS");
    world.tws_shows(|view| view.connections_total() >= 3).await;
    world.control().unmute().await.unwrap();
    world.connected(true).await;
    world.place(resting("a")).await;
    world.end().await;
}

#[tokio::test]
async fn while_tws_has_lost_ib_orders_are_refused_and_old_ones_are_untouched() {
    for (by_server, data_lost) in [(false, false), (false, true), (true, false)] {
        let world = World::start().await;
        let order_id = world.place(resting("a")).await.order_id;
        world.until_status(order_id, Status::Submitted).await;
        let mut watch = world.watch_all(0).await;
        watch.next().await.unwrap().unwrap();
        if by_server {
            world.control().lose_server().await.unwrap();
        } else {
            world.control().lose_ib().await.unwrap();
        }
        world.link_shown(&mut watch, LinkState::IbLost).await;
        let error = world.client.place(resting("b")).await.unwrap_err();
        assert_eq!(error.reason, Reason::IbUnavailable);
        assert_eq!(world.orders_in_tws("b").await, 0);
        let health = world.health().await;
        assert!(health.connected && !health.ib_connected);
        assert_eq!(world.get(order_id).await.status, Status::Submitted);
        // A known request is answered all the same.
        assert!(world.client.place(resting("a")).await.unwrap().replayed);
        // A cancel goes, and waits in TWS.
        let asked = world.cancel(order_id, 0.2).await.unwrap();
        assert!(asked.cancel_requested);
        world.control().restore_ib(data_lost).await.unwrap();
        world.link_shown(&mut watch, LinkState::IbRestored).await;
        world.link_shown(&mut watch, LinkState::Reconciled).await;
        world.until_status(order_id, Status::Cancelled).await;
        assert_eq!(world.place(resting("b")).await.order_id, order_id + 1);
        world.end().await;
    }
}

#[tokio::test]
async fn a_transmit_while_tws_has_lost_ib_is_refused_and_works_afterwards() {
    let world = World::start().await;
    let order_id = world.place(staged("a")).await.order_id;
    world.control().lose_ib().await.unwrap();
    eventually("IB is lost", async || !world.health().await.ib_connected).await;
    let error = world.transmit(order_id, 0.5).await.unwrap_err();
    assert_eq!(error.reason, Reason::IbUnavailable);
    assert_eq!(world.place_frames(order_id).await, 1);
    world.control().restore_ib(false).await.unwrap();
    eventually("IB is back", async || world.health().await.ib_connected).await;
    world.transmit(order_id, 5.0).await.unwrap();
    world.until_status(order_id, Status::Submitted).await;
    assert_eq!(world.place_frames(order_id).await, 2);
    world.end().await;
}

#[tokio::test]
async fn an_order_of_which_tws_says_nothing_is_looked_for_and_only_then_unconfirmed() {
    let world = World::with(SimulatorConfig::explicit(), |config| {
        config.timers.acknowledgement_timeout = Duration::from_secs(2);
    })
    .await;
    world.control().hold_acknowledgements().await.unwrap();
    let asked = world.reconciles().await;
    let order_id = world.place_unanswered(resting("a")).await.order_id;
    // An order whose acknowledgement is withheld is in no snapshot either: after a whole reconcile nobody knows of it.
    let state = world
        .until(order_id, "looked for", |state| {
            state.status != Status::Submitting
        })
        .await;
    assert_eq!(state.status, Status::Unconfirmed);
    assert!(world.reconciles().await > asked, "nobody looked for it");
    world.control().release_acknowledgements().await.unwrap();
    world.until_status(order_id, Status::Submitted).await;
    assert_eq!(world.place_frames(order_id).await, 1);
    world.end().await;
}

#[tokio::test]
async fn a_slow_tws_loses_nothing() {
    let world = World::start().await;
    world
        .control()
        .set_fault(Fault::Slow(Duration::from_millis(150)))
        .await
        .unwrap();
    let order_id = world.place(resting("a")).await.order_id;
    world.control().fill(order_id).await.unwrap();
    let filled = world
        .until(order_id, "charged", |state| state.commission.is_some())
        .await;
    assert_eq!((filled.status, filled.filled), (Status::Filled, 10.into()));
    world.end().await;
}
