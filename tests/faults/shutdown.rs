//! SIGTERM, whatever is open.

use std::io::Read as _;
use std::net::TcpStream;

use ibkr_orders::domain::{PlaceIn, PlaceOut, Status, WatchIn};
use ibkr_orders::error::{Error, Reason};
use tokio::task::JoinHandle;

use crate::process::{Process, Site};
use crate::world::{LIMIT, resting};

/// What it says when the grace of calls in flight is over. A shutdown that takes longer still is given up, and does not end well.
const GRACE_OVER: &str = "did not finish in time";

/// Sends SIGTERM, and says whether it waited out the grace before it ended well.
async fn term(gateway: &mut Process) -> bool {
    gateway.signal("TERM");
    let status = gateway.ended().await;
    assert_eq!(status.code(), Some(0), "{}", gateway.said());
    gateway.said().contains(GRACE_OVER)
}

/// A call that waits for TWS, longer than the grace.
fn patient(gateway: &Process) -> JoinHandle<Result<PlaceOut, Error>> {
    let client = gateway.client.clone();
    tokio::spawn(async move {
        client
            .place(PlaceIn {
                timeout: 60.0,
                ..resting("a")
            })
            .await
    })
}

#[tokio::test]
async fn with_open_watches_it_ends_at_once_and_they_are_told_to_resume() {
    let site = Site::new().await;
    let mut gateway = site.start().await;
    let order_id = gateway
        .client
        .place(resting("a"))
        .await
        .unwrap()
        .order_id
        .unwrap();
    let mut watches = Vec::new();
    for _ in 0..50 {
        let mut watch = gateway.client.watch(WatchIn::new(order_id)).await.unwrap();
        watch.next().await.unwrap().unwrap();
        watches.push(watch);
    }
    assert!(!term(&mut gateway).await, "it waited for them");
    for watch in watches {
        let (_, error) = crate::world::to_the_end(watch).await;
        let error = error.expect("a watch of an order that lives does not end well");
        assert_eq!(error.reason, Reason::ShuttingDown);
        assert!(
            error.message.contains("after_sequence"),
            "{}",
            error.message
        );
    }
    // The log was written back: the file alone is the store.
    assert!(!site.directory.path().join("orders.db-wal").exists());
}

#[tokio::test]
async fn a_connection_that_never_speaks_does_not_hold_it_up() {
    let site = Site::new().await;
    let mut gateway = site.start().await;
    let mut silent = TcpStream::connect(&gateway.address).unwrap();
    silent.set_read_timeout(Some(LIMIT)).unwrap();
    assert!(!term(&mut gateway).await, "it waited for them");
    let mut rest = Vec::new();
    // Closed or reset; it does not hang.
    let _ = silent.read_to_end(&mut rest);
}

#[tokio::test]
async fn a_tws_that_never_answers_does_not_hold_it_up() {
    let site = Site::new().await;
    let mut gateway = site.start().await;
    site.control().mute().await.unwrap();
    let placing = patient(&gateway);
    site.placed().await;
    term(&mut gateway).await;
    // Its caller was answered: the order is stored and may be in TWS.
    let out = placing.await.unwrap().unwrap();
    assert_eq!(out.state.unwrap().status, Status::Submitting);
    // And the next gateway finds out.
    site.control().unmute().await.unwrap();
    site.adopts().await;
}

#[tokio::test]
async fn a_tws_that_was_never_there_does_not_hold_it_up() {
    let site = Site::new().await;
    site.control().mute().await.unwrap();
    let mut gateway = Process::serve(&mut site.command(&site.store())).await;
    let parked = patient(&gateway);
    site.control()
        .wait_until(|view| view.connections_total() >= 1)
        .await
        .unwrap();
    term(&mut gateway).await;
    let error = parked.await.unwrap().unwrap_err();
    assert!(
        matches!(
            error.reason,
            Reason::ShuttingDown | Reason::TwsUnavailable | Reason::GatewayUnavailable
        ),
        "{error:?}"
    );
    assert_eq!(site.orders_and_frames("a").await, (0, 0));
}

#[tokio::test]
async fn sigint_is_as_good_as_sigterm_and_a_second_one_ends_it_at_once() {
    let site = Site::new().await;
    let mut gateway = site.start().await;
    gateway.signal("INT");
    assert_eq!(gateway.ended().await.code(), Some(0));

    let mut gateway = site.start().await;
    site.control().mute().await.unwrap();
    let _placing = patient(&gateway);
    site.placed().await;
    gateway.signal("TERM");
    crate::world::eventually("it says that it ends", async || {
        gateway.said().contains("shutting down")
    })
    .await;
    gateway.signal("TERM");
    let status = gateway.ended().await;
    assert!(!status.success(), "it did not finish what was under way");
    let said = gateway.said();
    assert!(said.contains("during the shutdown"), "{said}");
    assert!(!said.contains(GRACE_OVER), "{said}");
}
