//! Somebody else logs in with the gateway's client id.

use std::time::Duration;

use ibkr_orders::domain::{LinkState, PlaceIn, Status};
use ibkr_orders::error::Reason;
use ibkr_orders::simulator::SimulatorConfig;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use crate::world::{LIMIT, World, eventually, resting};

/// The gateway waits half a second before it connects again, which somebody else should manage to use.
const ATTEMPTS_MAX: u32 = 10;
const TAKEN: &str = "could not connect to TWS: client id 7 is in use";

#[tokio::test]
async fn a_client_id_in_use_is_said_in_health_and_tried_again() {
    let first = World::start().await;
    let port = first.simulator.address().port();
    let second =
        World::unconnected(SimulatorConfig::explicit(), |config| config.ib_port = port).await;
    let health = second.health().await;
    assert!(!health.connected);
    assert_eq!(
        health.error.as_deref(),
        Some("could not connect to TWS: client id 7 is in use")
    );
    let mut first = first;
    first.stop_gateway().await;
    second.connected(true).await;
    let order_id = second.place(resting("a")).await.order_id;
    first
        .tws_shows(move |view| view.order(order_id).is_some())
        .await;
    second.end().await;
}

/// Logs in with client id 7; `None` when somebody else was quicker.
async fn squat(world: &World) -> Option<TcpStream> {
    let mut stream = TcpStream::connect(world.simulator.address()).await.unwrap();
    let hello = b"API\0\0\0\0\x09v213..226";
    // START_API is message 71; protobuf messages are 200 higher. Field 1 is the client id.
    let start = [0, 0, 0, 6, 0, 0, 1, 15, 8, 7];
    stream.write_all(hello).await.unwrap();
    let version = frame(&mut stream).await?;
    assert!(version.starts_with(b"226\0"), "{version:?}");
    stream.write_all(&start).await.unwrap();
    let answer = frame(&mut stream).await?;
    // An error (4), or what a login begins with.
    (answer[..4] != 204_u32.to_be_bytes()).then_some(stream)
}

/// The next frame; `None` at the end of the connection.
async fn frame(stream: &mut TcpStream) -> Option<Vec<u8>> {
    let mut body = Vec::new();
    let reading = async {
        let length = stream.read_u32().await.ok()?;
        body.resize(usize::try_from(length).unwrap(), 0);
        stream.read_exact(&mut body).await.ok()
    };
    let read = tokio::time::timeout(LIMIT, reading).await.unwrap();
    read.map(|_| body)
}

#[tokio::test]
async fn a_client_id_taken_while_the_link_was_down_is_waited_for() {
    let world = World::with(SimulatorConfig::explicit(), |config| {
        // Long enough for somebody else to be quicker.
        config.timers.tws_reconnect_delay_min = Duration::from_millis(500);
        config.timers.tws_reconnect_delay_max = Duration::from_millis(500);
    })
    .await;
    let order_id = world.place(resting("a")).await.order_id;
    world.until_status(order_id, Status::Submitted).await;
    let mut watch = world.watch_all(0).await;
    watch.next().await.unwrap().unwrap();
    let mut squatter = None;
    for _ in 0..ATTEMPTS_MAX {
        world.control().drop_connections().await.unwrap();
        squatter = squat(&world).await;
        if squatter.is_some() {
            break;
        }
    }
    let squatter = squatter.expect("the gateway was quicker every time");
    world.link_shown(&mut watch, LinkState::Lost).await;
    eventually("the gateway heard why", async || {
        world.health().await.error.as_deref() == Some(TAKEN)
    })
    .await;
    assert!(!world.health().await.connected);
    for _ in 0..2 {
        let order = PlaceIn {
            timeout: 0.3,
            ..resting("b")
        };
        let error = world.client.place(order).await.unwrap_err();
        assert_eq!(
            (error.reason, error.message.as_str()),
            (Reason::TwsUnavailable, TAKEN)
        );
    }
    assert_eq!(world.orders_in_tws("b").await, 0);
    // What is stored is answered all the same.
    assert!(world.client.place(resting("a")).await.unwrap().replayed);
    world.control().fill(order_id).await.unwrap();

    drop(squatter);
    world.link_shown(&mut watch, LinkState::Restored).await;
    world.link_shown(&mut watch, LinkState::Reconciled).await;
    world.until_status(order_id, Status::Filled).await;
    assert_eq!(world.health().await.error, None);
    let placed = world.place(resting("b")).await;
    assert_eq!(world.place_frames(placed.order_id).await, 1);
    world.end().await;
}
