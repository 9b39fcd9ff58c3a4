//! Reports faster than they can be stored.

use std::time::Duration;

use ibkr_orders::domain::Status;
use ibkr_orders::simulator::SimulatorConfig;

use crate::frames;
use crate::world::{World, limit_order, resting};

/// Orders that fill one after the other in the middle of the flood.
const FILLS: usize = 12;
/// Statuses of another order before each fill, each a change that has to be stored.
const BETWEEN: i32 = 4_000;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_flood_of_reports_faster_than_they_are_stored_loses_none_and_costs_no_session() {
    let world = World::with(SimulatorConfig::explicit(), |config| {
        // The engine is behind after a few reports and not after tens of thousands.
        config.bounds.tws_events_max = 32;
        // TWS's answer to a heartbeat stands behind the flood, and is not missed for that.
        config.timers.tws_heartbeat_interval = Duration::from_millis(200);
        config.timers.tws_heartbeat_timeout = Duration::from_millis(1_000);
    })
    .await;
    let noisy = world.place(limit_order("noisy", 1_000)).await;
    let noisy = world.until_status(noisy.order_id, Status::Submitted).await;
    let mut orders = Vec::new();
    for number in 0..FILLS {
        orders.push(world.place(resting(&number.to_string())).await.order_id);
    }
    for order_id in &orders {
        world.until_status(*order_id, Status::Submitted).await;
    }
    let asked = world.reconciles().await;
    let mut burst = Vec::new();
    for number in 0..BETWEEN {
        let word = ["PreSubmitted", "Submitted"][usize::from(number % 2 == 1)];
        let status = frames::Status {
            order_id: noisy.order_id,
            perm_id: noisy.perm_id.unwrap(),
            word,
            filled: "0",
            remaining: "1000",
        };
        burst.extend(status.frame());
    }
    for order_id in &orders {
        world.control().inject(&burst).await.unwrap();
        world.control().fill(*order_id).await.unwrap();
    }
    world.control().inject(&burst).await.unwrap();

    for order_id in &orders {
        world
            .until(*order_id, "charged", |state| state.commission.is_some())
            .await;
        let detail = world.detail(*order_id).await;
        assert_eq!(detail.order.status, Status::Filled);
        assert_eq!((detail.order.filled, detail.fills.len()), (10.into(), 1));
    }
    assert_eq!(world.reconciles().await, asked, "something was lost");
    world.look(|view| assert_eq!(view.logins_total(), 1)).await;
    // The last of the flood may still be on its way.
    world.until_status(noisy.order_id, Status::Submitted).await;
    assert!(world.health().await.connected);
    world.end().await;
}
