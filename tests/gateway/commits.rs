//! How many commits orders cost: a count, not a time.

use ibkr_orders::domain::Status;
use ibkr_orders::simulator::SimulatorConfig;

use crate::support::{Rig, buy_market, rig_with};

/// Calls under way at a time.
const IN_FLIGHT: u64 = 64;
/// Orders of each call's task.
const ORDERS_EACH: u64 = 10;

async fn fast() -> Rig {
    let mut simulator = SimulatorConfig::fastest();
    simulator.listen.set_port(0);
    let rig = rig_with(simulator, |config| {
        config.ib_max_messages_per_second = 1_000_000;
    })
    .await;
    rig.healthy().await;
    rig
}

fn commits(rig: &Rig) -> u64 {
    rig.gateway.stats().commit_seconds.read().count
}

#[tokio::test]
async fn an_order_alone_costs_at_most_three_commits_to_its_first_answer() {
    let rig = fast().await;
    // The first session pins its accounts.
    rig.place(buy_market(1)).await;
    let mut costs = Vec::new();
    for _ in 0..5 {
        let last = rig.place(buy_market(1)).await;
        rig.until(last.order_id, Status::Filled).await;
        rig.watch_to_the_end(last.order_id).await;
        let before = commits(&rig);
        rig.place(buy_market(1)).await;
        costs.push(commits(&rig) - before);
    }
    // On a loaded machine the count is read when the order has gone on already, so the cheapest one tells.
    assert!(
        costs.iter().min().is_some_and(|&cost| cost <= 3),
        "{costs:?} commits for one order each"
    );
    rig.end().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn orders_that_come_together_share_their_commits() {
    let rig = fast().await;
    let before = commits(&rig);
    let began = std::time::Instant::now();
    let mut tasks = Vec::new();
    for _ in 0..IN_FLIGHT {
        let gateway = rig.gateway.clone();
        tasks.push(tokio::spawn(async move {
            for _ in 0..ORDERS_EACH {
                let placed = gateway.place(buy_market(1)).await.expect("placed");
                assert!(placed.submitted);
            }
        }));
    }
    for task in tasks {
        task.await.expect("no panic");
    }
    let orders = IN_FLIGHT * ORDERS_EACH;
    let cost = commits(&rig) - before;
    println!(
        "{orders} orders, {cost} commits, {:.0} orders/s",
        orders as f64 / began.elapsed().as_secs_f64()
    );
    assert!(cost * 2 <= orders, "{cost} commits for {orders} orders");
    rig.end().await;
}
