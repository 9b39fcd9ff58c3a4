//! Peers that are not clients, or bad ones: they go, the rest stays.

use std::time::Duration;

use ibkr_orders::simulator::SimulatorConfig;
use tokio::io::AsyncReadExt;

use super::peer::{LIMIT, Peer, frame, number, resting, start};

#[tokio::test]
async fn whoever_does_not_speak_the_protocol_is_dropped_and_the_others_go_on() {
    let simulator = start(SimulatorConfig::on_free_port()).await;
    let mut good = Peer::log_in(&simulator, 1).await;
    let nonsense: [&[u8]; 8] = [
        b"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n",
        b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03",
        b"API\0\xff\xff\xff\xff",
        b"API\0\x00\x00\x00\x05hello",
        b"API\0\x00\x00\x00\x09v226..213",
        b"API\0\x00\x00\x00\x09v213..226\xff\xff\xff\xff",
        b"API\0\x00\x00\x00\x09v213..226\x00\x00\x00\x03\x00\x00\x00",
        b"API\0\x00\x00\x00\x09v213..226\x7f\xff\xff\xff\x00\x00\x00",
    ];
    for bytes in nonsense {
        let mut peer = Peer::open(&simulator).await;
        peer.write(bytes).await;
        peer.rest().await;
    }
    good.place(resting(1)).await;
    assert_eq!(good.hear().await.len(), 4);
}

#[tokio::test]
async fn unknown_messages_are_skipped_and_unreadable_ones_answered_with_320() {
    let simulator = start(SimulatorConfig::on_free_port()).await;
    let mut peer = Peer::log_in(&simulator, 1).await;
    for kind in [1, 2, 59, 60, 1000, 2_000_000] {
        peer.send(kind, b"\xff\xff\xff").await;
    }
    // Text framing, a negative number and an empty body are unknown too.
    peer.write(&[0, 0, 0, 6, 0, 0, 0, 9, b'1', 0]).await;
    peer.write(&[0, 0, 0, 4, 0xff, 0xff, 0xff, 0xff]).await;
    assert_eq!(peer.hear().await, Vec::<String>::new());
    peer.send(3, b"\xff\xff\xff").await;
    assert!(peer.hear().await[0].starts_with("320 "));
    peer.send(3, &[]).await;
    assert!(peer.hear().await[0].starts_with("321 "));
}

#[tokio::test]
async fn nothing_is_answered_before_the_login_and_a_half_frame_waits_for_its_end() {
    let simulator = start(SimulatorConfig::on_free_port()).await;
    let mut peer = Peer::open(&simulator).await;
    peer.introduce("v213..226").await;
    peer.send(49, &[]).await;
    let login = frame(71, &number(1, 4));
    peer.write(&login[..5]).await;
    simulator
        .control()
        .wait_until(|view| view.messages().len() == 1)
        .await
        .unwrap();
    peer.write(&login[5..]).await;
    assert_eq!(peer.until("2158").await[0].words(), "accounts DU1234567");
}

#[tokio::test]
async fn a_silent_connection_is_closed_after_the_handshake_time() {
    let handshake_timeout = Duration::from_millis(50);
    let simulator = start(SimulatorConfig {
        handshake_timeout,
        ..SimulatorConfig::on_free_port()
    })
    .await;
    assert_eq!(Peer::open(&simulator).await.rest().await, Vec::<u8>::new());
}

#[tokio::test]
async fn a_thousand_connections_come_and_go_and_the_simulator_still_serves() {
    let simulator = start(SimulatorConfig::on_free_port()).await;
    let mut good = Peer::log_in(&simulator, 1).await;
    let mut crowd = Vec::new();
    for _ in 0..1000 {
        crowd.push(Peer::open(&simulator).await);
    }
    simulator
        .control()
        .wait_until(|view| view.connections_total() == 1001)
        .await
        .unwrap();
    good.place(resting(1)).await;
    assert_eq!(good.hear().await.len(), 4);
    drop(crowd);
    simulator
        .control()
        .wait_until(|view| view.connections() == 1)
        .await
        .unwrap();
    good.cancel(1).await;
    assert_eq!(good.hear().await.len(), 2);
}

#[tokio::test]
async fn connections_beyond_the_limit_are_closed_at_once() {
    let simulator = start(SimulatorConfig {
        connections_max: 2,
        ..SimulatorConfig::on_free_port()
    })
    .await;
    let _first = Peer::log_in(&simulator, 1).await;
    let _second = Peer::log_in(&simulator, 2).await;
    assert_eq!(Peer::open(&simulator).await.rest().await, Vec::<u8>::new());
}

#[tokio::test]
async fn the_thirty_third_client_is_closed() {
    let simulator = start(SimulatorConfig::on_free_port()).await;
    let mut clients = Vec::new();
    for client_id in 0..32 {
        clients.push(Peer::log_in(&simulator, client_id).await);
    }
    let mut one_more = Peer::open(&simulator).await;
    one_more.introduce("v213..226").await;
    one_more.send(71, &number(1, 99)).await;
    assert_eq!(one_more.rest().await, Vec::<u8>::new());
}

#[tokio::test]
async fn a_peer_that_does_not_read_is_dropped_and_the_others_do_not_wait_for_it() {
    let config = SimulatorConfig {
        outbox_bytes_max: 256 << 10,
        ..SimulatorConfig::on_free_port()
    };
    let simulator = start(config).await;
    let mut good = Peer::log_in(&simulator, 1).await;
    for id in 1..=100 {
        good.place(resting(id)).await;
    }
    good.hear().await;
    let mut deaf = Peer::log_in(&simulator, 2).await;
    let asks = frame(16, &[]).repeat(1000);
    deaf.write(&asks).await;
    simulator
        .control()
        .wait_until(|view| view.clients() == [1])
        .await
        .unwrap();
    good.cancel(1).await;
    assert_eq!(good.hear().await.len(), 2);
    let mut bytes = vec![0; 1 << 16];
    let drained = async {
        while deaf
            .socket
            .read(&mut bytes)
            .await
            .is_ok_and(|count| count > 0)
        {}
    };
    tokio::time::timeout(LIMIT, drained)
        .await
        .expect("its connection is closed");
}
