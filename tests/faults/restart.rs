//! TWS restarts, the gateway restarts, and both come back with other ideas than the store.

use ibkr_orders::domain::{LinkState, Status, WatchEvent};
use ibkr_orders::error::Reason;
use ibkr_orders::simulator::{Fault, Restart};

use crate::world::{World, limit_order, resting, staged};

#[tokio::test]
async fn an_order_that_filled_while_the_gateway_was_dead_is_found_filled() {
    let mut world = World::start().await;
    let order_id = world.place(resting("a")).await.order_id;
    world.until_status(order_id, Status::Submitted).await;
    world.stop_gateway().await;
    world.control().fill(order_id).await.unwrap();
    world.start_gateway().await;
    let filled = world
        .until(order_id, "filled and charged", |state| {
            state.status == Status::Filled && state.commission.is_some()
        })
        .await;
    assert_eq!(filled.filled, 10.into());
    assert_eq!(world.detail(order_id).await.fills.len(), 1);
    assert_eq!(world.place_frames(order_id).await, 1);
    world.end().await;
}

#[tokio::test]
async fn an_order_that_ended_while_the_gateway_was_dead_is_found_ended() {
    let mut world = World::start().await;
    let order_id = world.place(resting("a")).await.order_id;
    world.until_status(order_id, Status::Submitted).await;
    world
        .control()
        .fill_at(order_id, 4.into(), 1.into())
        .await
        .unwrap();
    world.stop_gateway().await;
    world.control().expire(order_id).await.unwrap();
    world.start_gateway().await;
    let state = world.until_status(order_id, Status::Cancelled).await;
    assert_eq!((state.filled, state.remaining), (4.into(), 6.into()));
    world.end().await;
}

#[tokio::test]
async fn ids_are_used_once_though_tws_rolls_its_counter_back() {
    let mut world = World::start().await;
    let mut ids = Vec::new();
    for round in 0..4 {
        let request_id = round.to_string();
        ids.push(world.place(resting(&request_id)).await.order_id);
        let mut watch = world.watch_all(0).await;
        watch.next().await.unwrap().unwrap();
        world
            .control()
            .restart(Restart {
                roll_back_ids: 100,
                ..Restart::default()
            })
            .await
            .unwrap();
        world.link_shown(&mut watch, LinkState::Restored).await;
        // The gateway's own restart does not forget them either.
        if round == 2 {
            world.restart().await;
        }
    }
    assert_eq!(ids, [1, 2, 3, 4]);
    world.end().await;
}

#[tokio::test]
async fn a_counter_of_tws_that_ran_ahead_is_followed() {
    let world = World::start().await;
    let first = world.place(resting("a")).await.order_id;
    // Somebody else used ids of this client.
    let port = world.simulator.address().port();
    let mut world = world;
    world.stop_gateway().await;
    let other = World::with(
        ibkr_orders::simulator::SimulatorConfig::explicit(),
        |config| {
            config.ib_port = port;
        },
    )
    .await;
    for number in 0..5 {
        other.place(resting(&format!("other {number}"))).await;
    }
    other.end().await;
    world.start_gateway().await;
    world.connected(true).await;
    let next = world.place(resting("b")).await.order_id;
    assert_eq!(next, first + 6);
    world.end().await;
}

#[tokio::test]
async fn an_order_tws_forgot_in_its_restart_is_unconfirmed_and_not_sent_again() {
    let world = World::start().await;
    let order_id = world.place(resting("a")).await.order_id;
    world.until_status(order_id, Status::Submitted).await;
    world
        .control()
        .restart(Restart {
            roll_back_ids: 0,
            keep_orders: false,
        })
        .await
        .unwrap();
    let state = world.until_status(order_id, Status::Unconfirmed).await;
    assert!(!state.terminal);
    // Nor after another look.
    world.reconnect().await;
    assert_eq!(world.place_frames(order_id).await, 1);
    let state = world.cancel(order_id, 10.0).await.unwrap();
    assert_eq!(state.status, Status::Cancelled);
    world.end().await;
}

#[tokio::test]
async fn working_orders_are_untouched_by_the_daily_restart() {
    let world = World::start().await;
    let first = world.place(resting("a")).await.order_id;
    let second = world.place(limit_order("b", 100)).await.order_id;
    world
        .control()
        .fill_at(second, 40.into(), 1.into())
        .await
        .unwrap();
    world
        .until(second, "filled by 40", |state| state.filled == 40.into())
        .await;
    let mut watch = world.watch_all(0).await;
    watch.next().await.unwrap().unwrap();
    world.control().restart(Restart::default()).await.unwrap();
    for state in [LinkState::Lost, LinkState::Restored, LinkState::Reconciled] {
        world.link_shown(&mut watch, state).await;
    }
    for (order_id, filled) in [(first, 0), (second, 40)] {
        let state = world.get(order_id).await;
        assert_eq!(
            (state.status, state.filled),
            (Status::Submitted, filled.into())
        );
        world.control().fill(order_id).await.unwrap();
        world.until_status(order_id, Status::Filled).await;
    }
    assert_eq!(world.detail(second).await.fills.len(), 2);
    world.end().await;
}

#[tokio::test]
async fn a_staged_order_outlives_the_gateway_and_a_lost_link_and_is_transmitted_unchanged() {
    let mut world = World::start().await;
    let order_id = world.place(staged("a")).await.order_id;
    world.reconnect().await;
    assert_eq!(world.get(order_id).await.status, Status::Staged);
    world.restart().await;
    assert_eq!(world.get(order_id).await.status, Status::Staged);
    let state = world.transmit(order_id, 5.0).await.unwrap();
    assert!(state.transmit);
    world.until_status(order_id, Status::Submitted).await;
    world
        .look(move |view| {
            let order = view.order((7, order_id)).unwrap();
            assert_eq!(order.quantity, 10.into());
            assert_eq!(order.limit_price, Some(1.into()));
            assert_eq!(order.order_ref, "a");
            assert!(order.transmitted);
        })
        .await;
    // Transmitting it once more is answered and sends nothing.
    world.transmit(order_id, 1.0).await.unwrap();
    assert_eq!(world.place_frames(order_id).await, 2);
    world.end().await;
}

#[tokio::test]
async fn a_staged_order_that_tws_lost_in_its_restart_ends_when_it_is_cancelled() {
    let world = World::start().await;
    let order_id = world.place(staged("a")).await.order_id;
    let mut watch = world.watch_all(0).await;
    watch.next().await.unwrap().unwrap();
    world.control().restart(Restart::default()).await.unwrap();
    for state in [LinkState::Lost, LinkState::Restored, LinkState::Reconciled] {
        world.link_shown(&mut watch, state).await;
    }
    // No query shows a staged order, so nobody can know yet.
    assert_eq!(world.get(order_id).await.status, Status::Staged);
    let state = world.cancel(order_id, 10.0).await.unwrap();
    assert_eq!(state.status, Status::Cancelled);
    world.end().await;
}

#[tokio::test]
async fn a_transmit_the_link_died_on_is_adopted_or_unconfirmed_and_never_repeated() {
    for (fault, status) in [
        (Fault::DropAfterOrder(1), Status::Submitted),
        (Fault::DropBeforeOrder(1), Status::Unconfirmed),
    ] {
        let world = World::start().await;
        let order_id = world.place(staged("a")).await.order_id;
        world.control().set_fault(fault.clone()).await.unwrap();
        let state = world.transmit(order_id, 5.0).await.unwrap();
        assert!(state.transmit, "{fault}");
        world.until_status(order_id, status).await;
        world.reconnect().await;
        assert_eq!(world.get(order_id).await.status, status, "{fault}");
        // Asking again sends nothing: it may be there.
        let again = world.transmit(order_id, 0.5).await.unwrap();
        assert_eq!(again.status, status, "{fault}");
        assert!(world.place_frames(order_id).await <= 2, "{fault}");
        // It can be ended either way.
        let state = world.cancel(order_id, 10.0).await.unwrap();
        assert_eq!(state.status, Status::Cancelled, "{fault}");
        world
            .look(|view| assert!(view.orders().iter().all(|order| order.over)))
            .await;
        world.end().await;
    }
}

#[tokio::test]
async fn a_watch_resumed_after_a_restart_gets_each_later_event_once_in_order() {
    let mut world = World::start().await;
    let order_id = world.place(limit_order("a", 100)).await.order_id;
    world.until_status(order_id, Status::Submitted).await;
    let mut watch = world.watch(order_id, 0).await;
    let mut seen = Vec::new();
    let mut filled = 0;
    // Ten fills; the gateway stops after the third and the sixth, and the watch resumes where it was.
    for number in 1..=10 {
        world
            .control()
            .fill_at(order_id, 10.into(), 1.into())
            .await
            .unwrap();
        while filled < number {
            match watch.next().await {
                Some(Ok(update)) => {
                    if matches!(update.event, WatchEvent::Order(_) | WatchEvent::Fill(_)) {
                        seen.push(update.sequence);
                    }
                    filled += i32::from(matches!(update.event, WatchEvent::Fill(_)));
                }
                Some(Err(error)) => panic!("{error:?}"),
                None => panic!("the watch ended at {filled} fills"),
            }
        }
        if number == 3 || number == 6 {
            let after = *seen.last().unwrap();
            world.stop_gateway().await;
            world.start_gateway().await;
            watch = world.watch(order_id, after).await;
        }
    }
    world.until_status(order_id, Status::Filled).await;
    while let Some(update) = watch.next().await {
        let update = update.unwrap();
        if matches!(update.event, WatchEvent::Order(_) | WatchEvent::Fill(_)) {
            seen.push(update.sequence);
        }
    }
    assert!(
        seen.windows(2).all(|pair| pair[0] < pair[1]),
        "each once and in order: {seen:?}"
    );
    // A watch from the first event shows the same ones.
    let (all, error) = crate::world::to_the_end(world.watch(order_id, seen[0]).await).await;
    assert_eq!(error, None);
    let all: Vec<_> = all
        .iter()
        .filter(|update| matches!(update.event, WatchEvent::Order(_) | WatchEvent::Fill(_)))
        .map(|update| update.sequence)
        .collect();
    assert_eq!(all, seen[1..]);
    world.end().await;
}

#[tokio::test]
async fn a_cursor_of_the_lost_future_is_refused_and_says_where_to_resume() {
    let mut world = World::start().await;
    let kept = world.place(resting("kept")).await.order_id;
    world.until_status(kept, Status::Submitted).await;
    let path = world.config.order_db_path.clone();
    let copy = path.with_extension("copy");
    let backup = ibkr_orders::store::backup(path.clone(), copy.clone());
    let shared = backup.await.unwrap().head_sequence;
    let lost = world.place(resting("lost")).await.sequence;
    assert!(lost > shared);
    world.stop_gateway().await;
    for end in ["-wal", "-shm"] {
        let mut beside = path.clone().into_os_string();
        beside.push(end);
        let _ = std::fs::remove_file(beside);
    }
    std::fs::rename(copy, &path).unwrap();
    world.start_gateway().await;
    let input = |after_sequence| ibkr_orders::domain::WatchIn {
        after_sequence,
        ..ibkr_orders::domain::WatchIn::new(0)
    };
    let refused = match world.client.watch(input(lost)).await {
        Err(error) => error,
        Ok(mut watch) => watch.next().await.unwrap().unwrap_err(),
    };
    assert_eq!(refused.reason, Reason::Sequence);
    assert_eq!(refused.resume_after, Some(shared));
    // From there nothing is missed, and what comes now is told from what was lost.
    let mut watch = world.watch_all(shared).await;
    test_support::link::settled(&world.gateway).await;
    let next = world.place(resting("next")).await;
    assert!(next.sequence > lost);
    let shown = loop {
        let update = watch.next().await.unwrap().unwrap();
        if let WatchEvent::Order(state) = update.event
            && state.order_id == next.order_id
        {
            break update.sequence;
        }
    };
    assert!(shown > lost);
    world.end().await;
}

#[tokio::test]
async fn the_sequences_that_a_start_leaves_out_are_no_lag() {
    let mut world = World::with(
        ibkr_orders::simulator::SimulatorConfig::explicit(),
        |config| {
            config.bounds.watcher_lag_events_max = 5;
        },
    )
    .await;
    let first = world.place(resting("a")).await.order_id;
    let before = world.until_status(first, Status::Submitted).await.sequence;
    world.restart().await;
    let head = world.get(first).await.sequence;
    // One that stands before the new gateway's first event, and one that resumes over the gap later.
    let mut live = world.watch_all(head.max(before)).await;
    let second = world.place(resting("b")).await;
    assert!(second.sequence > before + 10_000);
    let late = world.watch_all(before).await;
    for watch in [&mut live, &mut { late }] {
        loop {
            let update = watch.next().await.unwrap().unwrap();
            if matches!(&update.event, WatchEvent::Order(state) if state.order_id == second.order_id)
            {
                break;
            }
        }
    }
    world.end().await;
}

#[tokio::test]
async fn a_cursor_of_another_store_is_refused() {
    let world = World::start().await;
    let state = world.place(resting("a")).await;
    let input = ibkr_orders::domain::WatchIn {
        after_sequence: state.sequence + (1 << 40),
        ..ibkr_orders::domain::WatchIn::new(state.order_id)
    };
    let error = match world.client.watch(input).await {
        Err(error) => error,
        Ok(mut watch) => watch.next().await.unwrap().unwrap_err(),
    };
    assert_eq!(error.reason, Reason::Sequence);
    world.end().await;
}
