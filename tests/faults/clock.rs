//! The machine's clock is wrong, or jumps while the gateway runs.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use ibkr_orders::domain::{Status, WatchIn};

use crate::preload::Faults;
use crate::process::{Process, Site};
use crate::world::{LIMIT, resting, to_the_end};

const HOUR: i64 = 3_600;

fn now_micros() -> i64 {
    i64::try_from(
        SystemTime::now()
            .duration_since(UNIX_EPOCH)
            .unwrap()
            .as_micros(),
    )
    .unwrap()
}

/// Seconds between this process's clock and what the gateway stamped just now.
async fn ahead(gateway: &Process, order_id: i32) -> i64 {
    let stamped = gateway.get(order_id).await.last_update.unix_micros();
    (stamped - now_micros()) / 1_000_000
}

/// A whole life of an order across a lost link, and its watch to the end.
async fn an_order_lives(site: &Site, gateway: &Process, request_id: &str) -> i32 {
    let placed = gateway.client.place(resting(request_id)).await.unwrap();
    let order_id = placed.order_id.unwrap();
    gateway.until_status(order_id, Status::Submitted).await;
    let watch = gateway.client.watch(WatchIn::new(order_id)).await.unwrap();
    // It fills while the link is down: the executions have to be found by their time.
    site.control().refuse_connections(true).await.unwrap();
    site.control().drop_connections().await.unwrap();
    site.control().fill(order_id).await.unwrap();
    site.control().refuse_connections(false).await.unwrap();
    let (updates, error) = to_the_end(watch).await;
    assert_eq!(error, None);
    assert!(
        updates
            .windows(2)
            .all(|pair| pair[0].sequence <= pair[1].sequence)
    );
    let state = gateway.until_status(order_id, Status::Filled).await;
    assert_eq!(state.filled, 10.into());
    assert_eq!(site.orders_and_frames(request_id).await.0, 1);
    order_id
}

#[tokio::test]
async fn a_clock_an_hour_off_either_way_changes_stamps_and_nothing_else() {
    for offset in [HOUR, -HOUR] {
        let site = Site::new().await;
        let faults = Faults::new(site.directory.path()).unwrap();
        faults.set_clock_offset(offset).unwrap();
        let gateway = site.start_under(&faults).await;
        let order_id = an_order_lives(&site, &gateway, "a").await;
        let ahead = ahead(&gateway, order_id).await;
        assert!((ahead - offset).abs() < 60, "{ahead} for {offset}");
        gateway.end().await;
    }
}

#[tokio::test]
async fn a_clock_that_jumps_while_the_gateway_runs_breaks_no_wait_and_no_order() {
    let site = Site::new().await;
    let faults = Faults::new(site.directory.path()).unwrap();
    let gateway = site.start_under(&faults).await;
    let mut last = 0;
    for (round, offset) in [HOUR, -HOUR, 0].into_iter().enumerate() {
        faults.set_clock_offset(offset).unwrap();
        let order_id = an_order_lives(&site, &gateway, &round.to_string()).await;
        let state = gateway.get(order_id).await;
        assert!(state.sequence > last, "sequences follow no clock");
        last = state.sequence;
        // Waits are measured by another clock: this one neither ends at once nor lasts an hour.
        site.control().hold_acknowledgements().await.unwrap();
        let begun = std::time::Instant::now();
        let silent = gateway
            .client
            .place(ibkr_orders::domain::PlaceIn {
                timeout: 0.3,
                ..resting(&format!("silent {round}"))
            })
            .await
            .unwrap();
        let took = begun.elapsed();
        assert_eq!(silent.state.unwrap().status, Status::Submitting);
        assert!(
            (Duration::from_millis(290)..LIMIT).contains(&took),
            "{took:?}"
        );
        site.control().release_acknowledgements().await.unwrap();
        gateway
            .until_status(silent.order_id.unwrap(), Status::Submitted)
            .await;
    }
    gateway.end().await;
}

#[tokio::test]
async fn a_store_made_by_a_clock_ahead_is_used_by_one_that_is_right() {
    let site = Site::new().await;
    let faults = Faults::new(site.directory.path()).unwrap();
    faults.set_clock_offset(HOUR).unwrap();
    let gateway = site.start_under(&faults).await;
    let placed = gateway.client.place(resting("a")).await.unwrap();
    let order_id = placed.order_id.unwrap();
    let before = gateway.until_status(order_id, Status::Submitted).await;
    gateway.kill();
    faults.set_clock_offset(0).unwrap();
    site.control().fill(order_id).await.unwrap();
    let gateway = site.start_under(&faults).await;
    let state = gateway.until_status(order_id, Status::Filled).await;
    assert!(state.sequence > before.sequence);
    assert!(state.last_update.unix_micros() < before.last_update.unix_micros());
    assert_eq!(site.orders_and_frames("a").await, (1, 1));
    gateway.end().await;
}
