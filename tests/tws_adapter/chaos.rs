//! Many sessions that end at any point: whatever happens, what the adapter tells must fit together.

use std::collections::HashMap;
use std::time::Duration;

use ibkr_orders::tws::{Answers, Sent, TwsCommand, TwsEvent, TwsSettings};
use tokio::io::{AsyncReadExt, AsyncWriteExt};

use crate::adapter::{Adapter, settings, start, ticket};
use crate::frames::{self, order};
use crate::peer::FakeTws;
use crate::random::Random;

const SESSIONS: u64 = 60;
/// Places of each session.
const ORDERS: i32 = 20;

/// Accepts connections and ends each in some way at some point.
async fn moody_tws(tws: FakeTws, mut dice: Random) {
    loop {
        let mut peer = tws.accept().await;
        let mut bytes = Vec::new();
        for id in 0..dice.below(40) as i32 {
            bytes.extend(order(id + 1, "Submitted").open());
            bytes.extend(order(id + 1, "Submitted").status("0", "100"));
            bytes.extend(order(id + 1, "Filled").execution(-1, "e.1.01"));
        }
        match dice.below(5) {
            0 => bytes.extend([0xff; 8]),
            1 => bytes.extend(order(1, "Submitted").status_without_remaining()),
            2 => bytes.extend(frames::error(-1, 1300, "port reset")),
            3 => bytes.truncate(bytes.len() / 2),
            _ => {}
        }
        let mut hello = [0; 64];
        if peer.stream.read(&mut hello).await.is_err() {
            continue;
        }
        peer.acknowledge(225).await;
        let mut handshake = frames::managed_accounts("DU111");
        handshake.extend(frames::next_valid_id(1));
        if dice.below(10) == 0 {
            handshake.truncate(handshake.len() / 2);
        }
        let _ = peer.stream.write_all(&handshake).await;
        let _ = peer.stream.write_all(&bytes).await;
        // Reads some of what comes, then closes; sometimes with a reset, because something is unread.
        for _ in 0..dice.below(4) {
            let mut buffer = [0; 512];
            let read = peer.stream.read(&mut buffer);
            let _ = tokio::time::timeout(Duration::from_millis(20), read).await;
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_session_has_a_beginning_and_an_end_and_every_place_one_outcome() {
    for seed in [7, 11, 1_795_000_000] {
        println!("seed {seed}");
        let tws = FakeTws::bind().await;
        let port = tws.port;
        let moody = tokio::spawn(moody_tws(tws, Random::new(seed)));
        let mut adapter = start(TwsSettings {
            handshake_timeout: Duration::from_millis(300),
            heartbeat_interval: Duration::from_millis(5),
            heartbeat_timeout: Duration::from_millis(300),
            reconnect_delay_min: Duration::from_millis(1),
            reconnect_delay_max: Duration::from_millis(5),
            reconcile_step_timeout: Duration::from_millis(50),
            ..settings(port)
        });
        let outcomes = play(&mut adapter).await;
        moody.abort();
        assert!(adapter.handle.shutdown(Duration::from_secs(5)).await);
        assert_eq!(outcomes.len(), SESSIONS as usize * ORDERS as usize);
        for (order, count) in outcomes {
            assert_eq!(count, 1, "{order:?}");
        }
    }
}

/// Places orders in each session and counts the outcomes by session and order.
async fn play(adapter: &mut Adapter) -> HashMap<(u64, i32), u32> {
    let mut outcomes = HashMap::new();
    let mut sessions = 0;
    let mut up = None;
    while sessions < SESSIONS
        || up.is_some()
        || outcomes.len() < (SESSIONS as usize) * ORDERS as usize
    {
        match adapter.next().await {
            TwsEvent::SessionUp(info) => {
                assert_eq!(up, None);
                sessions += 1;
                assert_eq!(info.session, sessions);
                up = Some(sessions);
                if sessions <= SESSIONS {
                    for id in 1..=ORDERS {
                        adapter.place(sessions, ticket(id));
                    }
                }
                adapter.command(TwsCommand::Barrier {
                    session: sessions,
                    token: sessions,
                });
                adapter.command(TwsCommand::Reconcile {
                    session: sessions,
                    token: sessions,
                    days_back: 0,
                });
            }
            TwsEvent::SessionDown { session, .. } => {
                assert_eq!(up.take(), Some(session));
            }
            TwsEvent::ConnectFailed(_) => assert_eq!(up, None),
            TwsEvent::Sent {
                session,
                order_id,
                outcome,
                ..
            } => {
                if !matches!(outcome, Sent::NotSent { .. }) {
                    assert_eq!(up, Some(session), "{outcome:?}");
                }
                *outcomes.entry((session, order_id)).or_default() += 1;
            }
            TwsEvent::Reconciled { answers, .. } => assert_ne!(answers, Answers::whole()),
            TwsEvent::BarrierAnswered { token, .. } => panic!("nobody answered {token}"),
            TwsEvent::Heartbeat { .. } => panic!("nobody answered"),
            TwsEvent::BarrierUnanswered { session, .. }
            | TwsEvent::NextValidId { session, .. }
            | TwsEvent::Previewed { session, .. }
            | TwsEvent::Unreadable { session, .. }
            | TwsEvent::Report { session, .. }
            | TwsEvent::IbLink { session, .. }
            | TwsEvent::ReportsMissed { session, .. }
            | TwsEvent::Account { session, .. }
            | TwsEvent::Notice { session, .. } => assert_eq!(up, Some(session)),
        }
    }
    outcomes
}
