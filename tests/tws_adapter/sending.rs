//! What goes to TWS, byte by byte, and what is said about it.

use std::sync::Arc;
use std::time::Duration;

use ibkr_orders::domain::{
    Action, Amount, Contract, OrderReport, OrderTerms, OrderTicket, Pricing, TimeInForce,
};
use ibkr_orders::tws::{self, Answers, SendKind, Sent, TwsCommand, TwsEvent, TwsSettings};

use crate::adapter::{connected, connected_with, settings, start, ticket};
use crate::frames;
use crate::peer::{CANCEL_ORDER, FakeTws, PLACE_ORDER};

fn hex(text: &str) -> Vec<u8> {
    let digits: Vec<u8> = text.bytes().filter(u8::is_ascii_hexdigit).collect();
    digits
        .chunks(2)
        .map(|pair| u8::from_str_radix(std::str::from_utf8(pair).unwrap(), 16).unwrap())
        .collect()
}

/// BUY 100 AAPL LMT 150.25 DAY for DU111 with orderRef gw-1 as order 90, seen on the wire of an independent run.
const PLACE_90: &str = "00000074 000000cb 085a 1217 1204 4141504c 1a03 53544b 4205 534d415254 5203 555344
    1a53 2a03 425559 3203 313030 3800 4203 4c4d54 49 0000000000c86240 5a03 444159 6205 4455313131 e201 04 67772d31
    9004 01 c004 ffffffffffffffffff01 c905 0000000000000000 d905 0000000000000000 a007 00";

#[tokio::test]
async fn a_place_and_a_cancel_are_the_bytes_that_tws_knows() {
    let (_tws, mut peer, mut adapter) = connected().await;
    adapter.place(1, ticket(90));
    assert_eq!(peer.request().await.bytes, hex(PLACE_90));
    assert_eq!(adapter.sent(90, SendKind::Place).await, Sent::Written);

    adapter.command(TwsCommand::Cancel {
        session: 1,
        order_id: 91,
    });
    assert_eq!(
        peer.request().await.bytes,
        hex("00000008 000000cc 085b 1200")
    );
    assert_eq!(adapter.sent(91, SendKind::Cancel).await, Sent::Written);
}

#[tokio::test]
async fn transmit_false_is_absent_on_the_wire() {
    let (_tws, mut peer, adapter) = connected().await;
    adapter.place(
        1,
        OrderTicket {
            transmit: false,
            ..ticket(90)
        },
    );
    // The same frame, three bytes shorter in all lengths and without field 66.
    let staged = PLACE_90
        .replace("9004 01", "")
        .replace("00000074", "00000071")
        .replace("1a53", "1a50");
    assert_eq!(peer.request().await.bytes, hex(&staged));
}

#[tokio::test]
async fn every_field_of_a_ticket_reaches_the_wire() {
    let (_tws, mut peer, adapter) = connected().await;
    let words = [
        (TimeInForce::Day, "DAY"),
        (TimeInForce::GoodTillCancelled, "GTC"),
        (TimeInForce::ImmediateOrCancel, "IOC"),
        (TimeInForce::FillOrKill, "FOK"),
        (TimeInForce::OnOpen, "OPG"),
    ];
    for (tif, word) in words {
        adapter.place(
            1,
            OrderTicket {
                terms: OrderTerms {
                    contract: Arc::new(Contract {
                        primary_exch: Some("NASDAQ".to_owned()),
                        ..Contract::clone(&ticket(91).terms.contract)
                    }),
                    action: Action::Sell,
                    pricing: Pricing::Market,
                    quantity: Amount::parse("0.5").unwrap(),
                    tif,
                    good_till: None,
                    outside_rth: true,
                    oca: None,
                    reference_price: None,
                },
                ..ticket(91)
            },
        );
        let request = peer.expect(PLACE_ORDER).await;
        assert_eq!(request.number(), 91);
        let carries = |field: &[u8], value: &str| {
            let mut bytes = field.to_vec();
            bytes.push(value.len() as u8);
            bytes.extend(value.as_bytes());
            request.bytes.windows(bytes.len()).any(|part| part == bytes)
        };
        assert!(carries(b"\x4a", "NASDAQ"), "contract field 9");
        assert!(carries(b"\x2a", "SELL"), "order field 5");
        assert!(carries(b"\x32", "0.5"), "order field 6");
        assert!(carries(b"\x42", "MKT"), "order field 8");
        assert!(carries(b"\x5a", word), "order field 11");
        assert!(
            request.bytes.windows(3).any(|part| part == b"\x98\x01\x01"),
            "order field 19"
        );
        assert!(
            request.bytes.windows(4).any(|part| part == b"MKT\x5a"),
            "a market order has no limit in field 9"
        );
    }
}

#[tokio::test]
async fn commands_go_out_in_the_order_they_came() {
    const ORDERS: i32 = 500;
    let (_tws, mut peer, mut adapter) = connected().await;
    for id in 1..=ORDERS {
        adapter.place(1, ticket(id));
        if id % 3 == 0 {
            adapter.command(TwsCommand::Cancel {
                session: 1,
                order_id: id,
            });
        }
    }
    for id in 1..=ORDERS {
        assert_eq!(peer.expect(PLACE_ORDER).await.number(), i64::from(id));
        if id % 3 == 0 {
            assert_eq!(peer.expect(CANCEL_ORDER).await.number(), i64::from(id));
        }
    }
    let events = adapter.until_sent(ORDERS).await;
    assert!(
        events.iter().all(|event| matches!(
            event,
            TwsEvent::Sent {
                outcome: Sent::Written,
                ..
            }
        )),
        "{events:?}"
    );
}

#[tokio::test]
async fn an_id_that_is_none_is_not_sent() {
    let (_tws, mut peer, mut adapter) = connected().await;
    for id in [0, -1, 1_500_000_000] {
        adapter.place(1, ticket(id));
        let outcome = adapter.sent(id, SendKind::Place).await;
        assert!(matches!(outcome, Sent::NotSent { .. }), "{id}: {outcome:?}");
    }
    adapter.place(1, ticket(90));
    assert_eq!(peer.expect(PLACE_ORDER).await.number(), 90);
}

#[tokio::test]
async fn an_order_of_a_type_that_we_do_not_have_is_not_sent() {
    let (_tws, mut peer, mut adapter) = connected().await;
    let mut changed_by_hand = ticket(89);
    changed_by_hand.terms.pricing = Pricing::Other;
    adapter.place(1, changed_by_hand);
    let outcome = adapter.sent(89, SendKind::Place).await;
    assert!(
        matches!(&outcome, Sent::NotSent { reason } if reason.contains("changed in TWS")),
        "{outcome:?}"
    );
    adapter.place(1, ticket(90));
    assert_eq!(peer.expect(PLACE_ORDER).await.number(), 90);
}

#[tokio::test]
async fn a_command_for_another_session_is_not_sent() {
    let tws = FakeTws::bind().await;
    let mut adapter = start(settings(tws.port));
    adapter.place(1, ticket(90));
    let outcome = adapter.sent(90, SendKind::Place).await;
    assert!(
        matches!(outcome, Sent::NotSent { .. }),
        "before a session: {outcome:?}"
    );

    drop(tws.session().await);
    adapter.up().await;
    adapter.down().await;
    let mut peer = tws.session().await;
    assert_eq!(adapter.up().await.session, 2);
    adapter.place(1, ticket(91));
    adapter.command(TwsCommand::Cancel {
        session: 1,
        order_id: 91,
    });
    adapter.command(TwsCommand::Reconcile {
        session: 1,
        token: 5,
        days_back: 0,
    });
    adapter.place(2, ticket(92));
    for kind in [SendKind::Place, SendKind::Cancel] {
        let outcome = adapter.sent(91, kind).await;
        assert!(matches!(outcome, Sent::NotSent { .. }), "{outcome:?}");
    }
    let answer = adapter.next().await;
    let over = TwsEvent::Reconciled {
        session: 1,
        token: 5,
        answers: Answers::none("the session with TWS is over"),
    };
    assert_eq!(answer, over);
    assert_eq!(adapter.sent(92, SendKind::Place).await, Sent::Written);
    assert_eq!(
        peer.expect(PLACE_ORDER).await.number(),
        92,
        "and nothing else was"
    );
}

#[tokio::test]
async fn a_tws_that_stops_reading_costs_the_session_and_what_was_on_its_way_is_unknown() {
    let (_tws, peer, mut adapter) = connected_with(|port| TwsSettings {
        heartbeat_timeout: Duration::from_millis(300),
        ..settings(port)
    })
    .await;
    // Larger than what the kernel takes for a peer that does not read.
    let order_ref = "x".repeat(1 << 20);
    let mut sent = 0;
    while sent < 32 {
        sent += 1;
        adapter.place(
            1,
            OrderTicket {
                order_ref: order_ref.clone(),
                ..ticket(sent)
            },
        );
    }
    let events = adapter
        .until(|event| matches!(event, TwsEvent::SessionDown { .. }))
        .await;
    let outcomes: Vec<_> = events
        .iter()
        .filter_map(|event| match event {
            TwsEvent::Sent { outcome, .. } => Some(outcome),
            _ => None,
        })
        .collect();
    let (last, before) = outcomes.split_last().unwrap();
    assert!(
        matches!(last, Sent::Unknown { reason } if reason.contains("does not read")),
        "{last:?}"
    );
    assert!(
        before.iter().all(|outcome| **outcome == Sent::Written),
        "{before:?}"
    );
    // The rest was never begun.
    for id in outcomes.len() as i32 + 1..=sent {
        let outcome = adapter.sent(id, SendKind::Place).await;
        assert!(matches!(outcome, Sent::NotSent { .. }), "{outcome:?}");
    }
    drop(peer);
}

#[tokio::test]
async fn on_a_cut_link_every_place_has_exactly_one_outcome() {
    const ORDERS: i32 = 2_000;
    let (_tws, mut peer, mut adapter) = connected().await;
    for id in 1..=ORDERS {
        adapter.place(1, ticket(id));
    }
    for _ in 0..50 {
        peer.expect(PLACE_ORDER).await;
    }
    drop(peer);
    let events = adapter.until_sent(ORDERS).await;
    let ids: Vec<i32> = events
        .iter()
        .filter_map(|event| match event {
            TwsEvent::Sent { order_id, .. } => Some(*order_id),
            _ => None,
        })
        .collect();
    assert_eq!(ids, (1..=ORDERS).collect::<Vec<_>>());
    let first = events
        .iter()
        .find(|event| matches!(event, TwsEvent::Sent { order_id: 1, .. }));
    assert!(
        matches!(
            first,
            Some(TwsEvent::Sent {
                outcome: Sent::Written,
                ..
            })
        ),
        "{first:?}"
    );
}

#[tokio::test]
async fn commands_that_wait_when_the_adapter_ends_are_answered() {
    let (_tws, _peer, mut adapter) = connected().await;
    for id in 1..=100 {
        adapter.place(1, ticket(id));
    }
    assert!(adapter.handle.shutdown(Duration::from_secs(5)).await);
    let mut ids = Vec::new();
    while let Some(event) = adapter.events.recv().await {
        match event {
            TwsEvent::Sent {
                order_id,
                outcome: Sent::Written | Sent::NotSent { .. },
                ..
            } => ids.push(order_id),
            TwsEvent::SessionDown { .. } => {}
            other => panic!("{other:?}"),
        }
    }
    assert_eq!(ids, (1..=100).collect::<Vec<_>>());
}

#[tokio::test]
async fn an_order_that_tws_refuses_at_once_is_reported() {
    let (_tws, mut peer, mut adapter) = connected().await;
    adapter.place(1, ticket(90));
    peer.expect(PLACE_ORDER).await;
    peer.send(&frames::error(90, 110, "The price does not conform"))
        .await;
    assert_eq!(adapter.sent(90, SendKind::Place).await, Sent::Written);
    match adapter.report().await {
        OrderReport::Error(error) => assert_eq!((error.order_id, error.code), (90, 110)),
        other => panic!("{other:?}"),
    }
}

#[test]
fn the_payload_is_the_order_as_it_would_be_sent() {
    let payload = tws::payload(&OrderTicket {
        transmit: false,
        ..ticket(0)
    });
    assert_eq!(payload.contract["symbol"], "AAPL");
    assert_eq!(payload.contract["currency"], "USD");
    assert_eq!(payload.order["total_quantity"], 100.0);
    assert_eq!(payload.order["limit_price"], 150.25);
    assert_eq!(payload.order["transmit"], false);
    assert_eq!(payload.order["order_ref"], "gw-1");
}
