//! What TWS reports of orders: twice, shuffled, late, wrong, or not at all. The tests by theme, and an order filled in three parts.

mod fills;
mod foreign;
mod missing;
mod refusals;

use ibkr_orders::domain::Status;

use crate::world::{World, decimal, eventually, limit_order};

pub(crate) async fn rests(world: &World, request_id: &str, quantity: u32) -> i32 {
    let order_id = world
        .place(limit_order(request_id, quantity))
        .await
        .order_id;
    world
        .until_status(order_id, Status::Submitted)
        .await
        .order_id
}

/// Three partial fills of 100 shares, at three prices.
pub(crate) async fn fill_in_three(world: &World, order_id: i32) {
    for (quantity, price) in [("20", "0.90"), ("30", "0.95"), ("50", "1.00")] {
        world
            .control()
            .fill_at(order_id, decimal(quantity), decimal(price))
            .await
            .unwrap();
    }
}

/// What three partial fills must come to, however they were told.
pub(crate) async fn filled_in_three(world: &World, order_id: i32) {
    let state = world
        .until(order_id, "filled and charged", |state| {
            state.status == Status::Filled && state.commission.is_some()
        })
        .await;
    assert_eq!(state.filled, 100.into());
    assert_eq!(state.remaining, 0.into());
    // (20 × 0.90 + 30 × 0.95 + 50 × 1.00) / 100
    assert_eq!(state.avg_fill_price.unwrap().value(), decimal("0.965"));
    eventually("three fills are stored with their commission", async || {
        let fills = world.detail(order_id).await.fills;
        fills.len() == 3 && fills.iter().all(|fill| fill.commission.is_some())
    })
    .await;
}
