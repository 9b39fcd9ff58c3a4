//! How sessions end, and what follows.

use ibkr_orders::domain::OrderReport;
use ibkr_orders::tws::{TwsCommand, TwsEvent};

use crate::adapter::connected;
use crate::frames::{self, order};

#[tokio::test]
async fn a_lost_connection_is_noticed_at_once_after_all_that_was_said_before_it() {
    let (tws, mut peer, mut adapter) = connected().await;
    let mut bytes = Vec::new();
    for id in 1..=1_000 {
        bytes.extend(order(id, "Submitted").open());
    }
    peer.send(&bytes).await;
    drop(peer);
    // No heartbeat finds it: the next one is an hour away.
    let events = adapter
        .until(|event| matches!(event, TwsEvent::SessionDown { .. }))
        .await;
    assert_eq!(events.len(), 1_001, "every report, then the end");
    tws.session().await;
    assert_eq!(adapter.up().await.session, 2);
}

#[tokio::test]
async fn half_a_frame_garbage_and_a_shutdown_frame_end_the_session_with_a_reason() {
    let (tws, mut peer, mut adapter) = connected().await;
    let endings: [(&[u8], bool, &str); 4] = [
        (
            &[0, 0, 0, 40, 0, 0, 0, 205, 8],
            true,
            "lost in the middle of a message",
        ),
        (&[0xff; 64], false, "a length of 4294967295 bytes"),
        (&[0, 0, 0, 1, 7], false, "a length of 1 bytes"),
        (
            &[0, 0, 0, 4, 0xff, 0xff, 0xff, 0xfe],
            false,
            "ended the session",
        ),
    ];
    for (number, (bytes, close, word)) in (1..).zip(endings) {
        peer.send(bytes).await;
        let old = if close {
            drop(peer);
            None
        } else {
            Some(peer)
        };
        let reason = adapter.down().await;
        assert!(reason.contains(word), "{bytes:?}: {reason}");
        if let Some(mut old) = old {
            old.closed().await;
        }
        peer = tws.session().await;
        assert_eq!(adapter.up().await.session, number + 1);
    }
}

#[tokio::test]
async fn what_tws_says_before_it_closes_is_the_reason() {
    let (_tws, mut peer, mut adapter) = connected().await;
    peer.send(&frames::error(-1, 1300, "TWS socket port has been reset"))
        .await;
    drop(peer);
    let reason = adapter.down().await;
    assert!(reason.contains("1300"), "{reason}");
}

#[tokio::test]
async fn a_restart_ends_the_session_and_only_the_one_that_was_meant() {
    let (tws, mut peer, mut adapter) = connected().await;
    adapter.command(TwsCommand::Restart { session: 7 });
    adapter.command(TwsCommand::Restart { session: 1 });
    let reason = adapter.down().await;
    assert!(reason.contains("new session"), "{reason}");
    peer.closed().await;
    let mut peer = tws.session().await;
    assert_eq!(adapter.up().await.session, 2);
    adapter.command(TwsCommand::Restart { session: 1 });
    peer.send(&order(90, "Submitted").open()).await;
    assert!(
        matches!(adapter.report().await, OrderReport::OpenOrder(_)),
        "the second one goes on"
    );
}
