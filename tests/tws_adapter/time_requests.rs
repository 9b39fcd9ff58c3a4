//! A time request's answer shows that TWS has read what was sent before it.

use ibkr_orders::domain::OrderReport;
use ibkr_orders::tws::{TwsCommand, TwsEvent};

use crate::adapter::{Adapter, connected, ticket};
use crate::frames;
use crate::peer::{CURRENT_TIME, PLACE_ORDER};

fn ask(adapter: &Adapter, token: u64) {
    adapter.command(TwsCommand::Barrier { session: 1, token });
}

/// Tokens that were answered, and what else was told, up to the answer to `last`.
async fn answered(adapter: &mut Adapter, last: u64) -> Vec<TwsEvent> {
    adapter
        .until(|event| matches!(event, TwsEvent::BarrierAnswered { token, .. } if *token == last))
        .await
}

fn tokens(events: &[TwsEvent]) -> Vec<u64> {
    events
        .iter()
        .filter_map(|event| match event {
            TwsEvent::BarrierAnswered { token, .. } => Some(*token),
            _ => None,
        })
        .collect()
}

#[tokio::test]
async fn it_follows_the_order_and_its_answer_follows_what_tws_said_before() {
    let (_tws, mut peer, mut adapter) = connected().await;
    adapter.place(1, ticket(90));
    ask(&adapter, 1);
    peer.expect(PLACE_ORDER).await;
    peer.expect(CURRENT_TIME).await;
    peer.send(&frames::error(90, 321, "Error validating request"))
        .await;
    peer.send(&frames::current_time(1_795_000_000)).await;
    let events = answered(&mut adapter, 1).await;
    let error = events.iter().position(|event| {
        matches!(
            event,
            TwsEvent::Report {
                report: OrderReport::Error(_),
                ..
            }
        )
    });
    assert!(error.is_some_and(|at| at < events.len() - 1), "{events:?}");
}

#[tokio::test]
async fn an_answer_counts_only_for_orders_that_were_sent_before_its_request() {
    let (_tws, mut peer, mut adapter) = connected().await;
    ask(&adapter, 1);
    peer.expect(CURRENT_TIME).await;
    // These come while the first request is in flight.
    adapter.place(1, ticket(90));
    ask(&adapter, 2);
    adapter.place(1, ticket(91));
    ask(&adapter, 3);
    peer.expect(PLACE_ORDER).await;
    peer.expect(PLACE_ORDER).await;
    peer.send(&frames::current_time(1)).await;
    assert_eq!(tokens(&answered(&mut adapter, 1).await), [1]);
    // One request serves both.
    peer.expect(CURRENT_TIME).await;
    peer.send(&frames::current_time(2)).await;
    assert_eq!(tokens(&answered(&mut adapter, 3).await), [2, 3]);
}

#[tokio::test]
async fn an_error_that_ends_the_wait_is_no_answer_and_a_late_answer_is_not_a_later_ones() {
    let (_tws, mut peer, mut adapter) = connected().await;
    ask(&adapter, 1);
    peer.expect(CURRENT_TIME).await;
    peer.send(&frames::error(-1, 320, "Error reading request"))
        .await;
    let events = adapter
        .until(|event| matches!(event, TwsEvent::Notice { code: 320, .. }))
        .await;
    assert_eq!(tokens(&events), Vec::<u64>::new());
    // Asked again. Meanwhile an order is sent, and another question put.
    peer.expect(CURRENT_TIME).await;
    adapter.place(1, ticket(90));
    ask(&adapter, 2);
    peer.expect(PLACE_ORDER).await;
    // The answer to the first request at last.
    peer.send(&frames::current_time(1)).await;
    assert_eq!(tokens(&answered(&mut adapter, 1).await), [1]);
    peer.expect(CURRENT_TIME).await;
    // The answer to the second, which left before order 90.
    peer.send(&frames::current_time(2)).await;
    // So order 90 is known to be read only after the answer to the third.
    peer.expect(CURRENT_TIME).await;
    adapter.place(1, ticket(91));
    peer.expect(PLACE_ORDER).await;
    peer.send(&frames::current_time(3)).await;
    let events = answered(&mut adapter, 2).await;
    let placed = events
        .iter()
        .position(|event| matches!(event, TwsEvent::Sent { order_id: 91, .. }));
    assert!(
        placed.is_some(),
        "token 2 came with the second answer already: {events:?}"
    );
}
