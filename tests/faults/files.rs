//! The files of the store, deleted, moved or replaced while a gateway has them open, or known by two names.

use std::fs;
use std::path::{Path, PathBuf};

use ibkr_orders::domain::{HealthIn, OrderKey, Status};
use ibkr_orders::error::Reason;

use crate::process::{Process, Site};
use crate::world::{eventually, resting};

/// The database, its log and its shared memory.
fn files(store: &Path) -> [PathBuf; 3] {
    ["", "-wal", "-shm"].map(|suffix| {
        let mut name = store.as_os_str().to_owned();
        name.push(suffix);
        name.into()
    })
}

fn moved(from: &Path, to: &Path) {
    for (from, to) in files(from).iter().zip(files(to)) {
        fs::rename(from, to).unwrap();
    }
}

/// A gateway with an order that TWS has.
async fn with_an_order(site: &Site) -> (Process, i32) {
    let gateway = site.start().await;
    let placed = gateway.client.place(resting("before")).await.unwrap();
    let order_id = placed.order_id.unwrap();
    gateway.until_status(order_id, Status::Submitted).await;
    (gateway, order_id)
}

/// Waits until Health says what happened to the store, without a call that writes.
async fn says(gateway: &Process, what: &str) {
    eventually(&format!("health says {what:?}"), async || {
        let health = gateway.client.health(HealthIn::default()).await.unwrap();
        !health.store_ok && health.error.is_some_and(|error| error.contains(what))
    })
    .await;
    eventually("the log says it", async || gateway.said().contains(what)).await;
}

/// A new order is refused, and TWS hears nothing of it.
async fn takes_no_order(site: &Site, gateway: &Process) {
    let error = gateway.client.place(resting("refused")).await.unwrap_err();
    assert_eq!(error.reason, Reason::Store, "{error}");
    assert!(error.message.contains("nothing was stored"), "{error}");
    assert_eq!(site.orders_and_frames("refused").await.0, 0);
}

#[tokio::test]
async fn a_store_deleted_under_the_gateway_takes_no_order_and_says_so() {
    // All of it, or what SQLite keeps beside it: each is enough to lose orders.
    for deleted in [&[0, 1, 2][..], &[0], &[1], &[2]] {
        let site = Site::new().await;
        let (gateway, order_id) = with_an_order(&site).await;
        for file in deleted {
            fs::remove_file(&files(&site.store())[*file]).unwrap();
        }
        takes_no_order(&site, &gateway).await;
        says(&gateway, "was deleted or moved away").await;
        // What the gateway holds can be read.
        assert_eq!(gateway.get(order_id).await.order_id, order_id);
        gateway.end().await;
    }
}

#[tokio::test]
async fn a_store_moved_away_and_back_goes_on_where_it_was() {
    let site = Site::new().await;
    let (gateway, order_id) = with_an_order(&site).await;
    let away = site.directory.path().join("away.db");
    moved(&site.store(), &away);
    says(&gateway, "was deleted or moved away").await;
    takes_no_order(&site, &gateway).await;
    // What happens meanwhile is not lost.
    site.control().fill(order_id).await.unwrap();
    moved(&away, &site.store());
    gateway.until_status(order_id, Status::Filled).await;
    let placed = gateway.client.place(resting("refused")).await.unwrap();
    assert!(!placed.replayed);
    gateway.end().await;

    let gateway = site.start().await;
    let again = gateway.client.place(resting("refused")).await.unwrap();
    assert!(again.replayed);
    assert_eq!(again.order_id, placed.order_id);
    gateway.end().await;
}

#[tokio::test]
async fn a_store_put_in_the_place_of_an_open_one_is_left_alone_to_the_end() {
    let site = Site::new().await;
    let (gateway, _) = with_an_order(&site).await;
    // Another store with a log that was not written back, as a kill leaves it.
    let other = Site::new().await;
    let (killed, _) = with_an_order(&other).await;
    killed.kill();
    for (from, to) in files(&other.store()).iter().zip(files(&site.store())) {
        // As a restore does it: by name, not into the open file.
        let copy = site.directory.path().join("copy");
        fs::copy(from, &copy).unwrap();
        fs::rename(copy, to).unwrap();
    }
    let before = files(&site.store()).map(|file| fs::read(file).unwrap());
    takes_no_order(&site, &gateway).await;
    says(&gateway, "was replaced by another file").await;
    gateway.end().await;
    let after = files(&site.store()).map(|file| fs::read(file).unwrap());
    assert!(before == after, "the other store was touched");
}

#[tokio::test]
async fn a_second_gateway_on_a_hard_link_is_refused_and_the_first_goes_on() {
    let site = Site::new().await;
    let (gateway, _) = with_an_order(&site).await;
    let elsewhere = site.directory.path().join("elsewhere");
    fs::create_dir(&elsewhere).unwrap();
    let link = elsewhere.join("link.db");
    fs::hard_link(site.store(), &link).unwrap();
    let (code, said) = site
        .refused(|command| {
            command.env("ORDER_DB_PATH", &link);
        })
        .await;
    assert_eq!(code, Some(1), "{said}");
    assert!(said.contains("under another name"), "{said}");
    assert_eq!(site.look_at_logins().await, 1);
    let placed = gateway.client.place(resting("after")).await.unwrap();
    let found = gateway.client.get(OrderKey::RequestId("after".to_owned()));
    assert_eq!(
        found.await.unwrap().order.order_id,
        placed.order_id.unwrap()
    );
    gateway.end().await;
}
