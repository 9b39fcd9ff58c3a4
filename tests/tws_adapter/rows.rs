//! Messages that cannot be read whole: what of them is told, and what is counted.

use ibkr_orders::domain::{Action, Amount, OrderReport, ReportedContract};
use ibkr_orders::tws::TwsEvent;

use crate::adapter::connected;
use crate::frames::{self, Body, frame, order};

const OPEN_ORDER: i32 = 5;
const EXECUTION: i32 = 11;
const COMPLETED: i32 = 101;

fn contract() -> Body {
    Body::default()
        .int(1, 265_598)
        .text(2, "AAPL")
        .text(3, "STK")
}

fn terms() -> Body {
    Body::default()
        .int(1, 7)
        .int(3, 1_090)
        .text(5, "BUY")
        .text(6, "100")
        .text(8, "LMT")
}

fn state() -> Body {
    Body::default().text(1, "Submitted")
}

fn open(contract: Body, order: Body, state: Option<Body>) -> Vec<u8> {
    let body = Body::default()
        .int(1, 90)
        .message(2, contract)
        .message(3, order);
    frame(
        OPEN_ORDER,
        match state {
            Some(state) => body.message(4, state),
            None => body,
        },
    )
}

fn execution(body: Body) -> Vec<u8> {
    frame(
        EXECUTION,
        Body::default()
            .int(1, -1)
            .message(2, contract())
            .message(3, body),
    )
}

/// An execution of order 90, but for what a test adds.
fn executed() -> Body {
    Body::default()
        .int(1, 90)
        .text(2, "e.1.01")
        .text(4, "DU111")
        .double(8, 150.25)
        .int(10, 7)
}

/// What one message comes to: a report, what was said not to be readable, and whether that was said to be missed.
async fn one(bytes: Vec<u8>) -> (Option<OrderReport>, Option<String>, bool) {
    let (_tws, mut peer, mut adapter) = connected().await;
    peer.send(&bytes).await;
    let (mut report, mut unread, mut missed) = (None, None, false);
    // What was missed is told a moment after the message, so a second notice follows the first.
    for _ in 0..2 {
        peer.send(&frames::error(-1, 2104, "OK")).await;
        let events = adapter
            .until(|event| matches!(event, TwsEvent::Notice { code: 2104, .. }))
            .await;
        for event in events {
            match event {
                TwsEvent::Report { report: told, .. } => {
                    assert_eq!(report.replace(told), None);
                }
                TwsEvent::Unreadable {
                    message,
                    order_id,
                    detail,
                    ..
                } => {
                    let said = format!("{message} {order_id:?}: {detail}");
                    assert_eq!(unread.replace(said), None);
                }
                TwsEvent::ReportsMissed { .. } => missed = true,
                TwsEvent::Notice { .. } => {}
                other => panic!("{other:?}"),
            }
        }
        if report.is_none() && !missed {
            adapter
                .until(|event| matches!(event, TwsEvent::ReportsMissed { .. }))
                .await;
            missed = true;
        }
    }
    (report, unread, missed)
}

fn amount(text: &str) -> Option<Amount> {
    Some(Amount::parse(text).unwrap())
}

#[tokio::test]
async fn of_an_open_order_each_part_that_can_be_read_is_told() {
    let garbage = || Body(vec![0xff; 5]);
    for (bytes, said) in [
        (open(contract(), terms(), None), "no orderState"),
        (
            open(contract(), terms(), Some(Body::default())),
            "no status",
        ),
        (open(contract(), terms(), Some(garbage())), "orderState: "),
        (open(garbage(), terms(), Some(state())), "contract: "),
        (
            open(contract(), terms().text(5, "LEND"), Some(state())),
            "action \"LEND\"",
        ),
        (
            open(contract(), terms().text(5, ""), Some(state())),
            "action \"\"",
        ),
        (
            open(contract(), terms().text(6, "1,000"), Some(state())),
            "totalQuantity \"1,000\"",
        ),
    ] {
        let (report, unread, missed) = one(bytes).await;
        let unread = unread.unwrap_or_else(|| panic!("{said} was not said"));
        assert!(
            unread.starts_with("openOrder Some(90): ") && unread.contains(said),
            "{unread}"
        );
        assert!(!missed, "what can be told is not missed");
        let Some(OrderReport::OpenOrder(open)) = report else {
            panic!("{report:?}")
        };
        assert_eq!((open.order_id, open.client_id), (90, 7));
        assert_eq!(open.perm_id, Some(1_090));
        assert_eq!(open.terms.order_type.as_deref(), Some("LMT"));
        match said {
            "contract: " => assert_eq!(open.contract, ReportedContract::default()),
            _ => assert_eq!(open.contract.symbol.as_deref(), Some("AAPL")),
        }
        let status = if said.contains("tate") || said.contains("tatus") {
            ""
        } else {
            "Submitted"
        };
        assert_eq!(open.status, status);
        // Never 1.
        let quantity = if said.contains("1,000") {
            None
        } else {
            amount("100")
        };
        assert_eq!(open.terms.quantity, quantity);
        let action = (!said.starts_with("action")).then_some(Action::Buy);
        assert_eq!(open.terms.action, action);
    }
}

#[tokio::test]
async fn an_order_that_breaks_off_is_told_as_far_as_it_goes_unless_it_may_be_anybodys() {
    // After the client id and the permanent id.
    let mut broken = Body::default().int(1, 7).int(3, 1_090);
    broken.0.extend([0xff; 3]);
    let (report, unread, missed) = one(open(contract(), broken, Some(state()))).await;
    assert!(
        matches!(report, Some(OrderReport::OpenOrder(open)) if open.perm_id == Some(1_090) && open.terms.quantity.is_none())
    );
    assert!(unread.is_some() && !missed);
    // Before it: whose it is nobody can say.
    let (report, unread, missed) = one(open(contract(), Body(vec![0xff; 3]), Some(state()))).await;
    assert_eq!(report, None);
    assert!(unread.is_some() && missed);
}

#[tokio::test]
async fn an_order_without_a_client_id_is_ours() {
    let order = Body::default().int(3, 1_090).text(5, "SELL").text(6, "1");
    let (report, unread, _) = one(open(contract(), order, Some(state()))).await;
    assert!(matches!(report, Some(OrderReport::OpenOrder(open)) if open.client_id == 7));
    assert_eq!(unread, None);
}

#[tokio::test]
async fn an_execution_counts_as_long_as_its_shares_and_price_can_be_read() {
    let (report, unread, missed) = one(execution(
        executed()
            .text(6, "?")
            .text(7, "60")
            .text(12, "sixty")
            .text(3, "20260825 22:11:30 Central European Summer Time"),
    ))
    .await;
    let Some(OrderReport::Execution(fill)) = report else {
        panic!("{report:?}")
    };
    assert_eq!((fill.side, fill.cumulative_quantity), (None, None));
    assert_eq!(Some(fill.quantity), amount("60"));
    assert_eq!(fill.time.unwrap().to_string(), "2026-08-25T20:11:30Z");
    let unread = unread.unwrap();
    assert!(
        unread.contains("side \"?\"") && unread.contains("cumQty \"sixty\""),
        "{unread}"
    );
    assert!(!missed);

    for lost in [
        executed().text(6, "BOT").text(7, "1,000"),
        executed().text(6, "BOT").text(7, "9223372036854775807"),
        executed().text(6, "BOT"),
        executed().text(6, "BOT").text(7, "1").double(8, f64::MAX),
    ] {
        let (report, unread, missed) = one(execution(lost)).await;
        assert_eq!(report, None);
        assert!(unread.is_some() && missed);
    }
}

#[tokio::test]
async fn an_execution_without_an_order_id_keeps_its_permanent_id() {
    let body = Body::default()
        .text(2, "e.1.01")
        .text(6, "SLD")
        .text(7, "5")
        .double(8, 1.5)
        .int(9, 4_711)
        .int(10, 7)
        .text(14, "gw-90");
    let (report, unread, _) = one(execution(body)).await;
    let Some(OrderReport::Execution(fill)) = report else {
        panic!("{report:?}")
    };
    assert_eq!((fill.order_id, fill.perm_id), (0, Some(4_711)));
    assert_eq!(fill.order_ref.as_deref(), Some("gw-90"));
    assert_eq!(fill.side, Some(Action::Sell));
    assert_eq!(unread, None);
}

#[tokio::test]
async fn a_completed_order_is_told_with_what_it_carries() {
    let whole = terms().int(2, 90).text(115, "40").text(6, "60");
    let state = Body::default()
        .text(1, "Cancelled")
        .text(30, "Filled Size: 40");
    let row = Body::default()
        .message(1, contract())
        .message(2, whole)
        .message(3, state);
    let (report, unread, _) = one(frame(COMPLETED, row)).await;
    let Some(OrderReport::Completed(row)) = report else {
        panic!("{report:?}")
    };
    assert_eq!((row.order_id, row.client_id), (Some(90), Some(7)));
    assert_eq!((row.unfilled, row.filled), (amount("60"), amount("40")));
    assert_eq!(row.terms.quantity, amount("60"));
    assert_eq!(unread, None);

    // Of client 0, which is also what a row says that names none.
    let manual = Body::default()
        .message(1, contract())
        .message(2, terms().int(1, 0).text(6, "1,000"))
        .message(3, Body::default().text(1, "Filled"));
    let (report, unread, missed) = one(frame(COMPLETED, manual)).await;
    assert!(
        matches!(report, Some(OrderReport::Completed(row)) if row.client_id.is_none() && row.unfilled.is_none())
    );
    assert!(unread.is_some() && !missed);
}

#[tokio::test]
async fn messages_that_nobody_knows_and_text_messages_are_passed_over() {
    let (_tws, mut peer, mut adapter) = connected().await;
    for id in [1, 5, 203 - 200, 281, 461, 32_000] {
        let mut bytes = frame(0, Body(b"5\0 90\0 text\0".to_vec()));
        bytes[4..8].copy_from_slice(&i32::to_be_bytes(id));
        peer.send(&bytes).await;
    }
    peer.send(&order(90, "Submitted").open()).await;
    assert!(matches!(adapter.report().await, OrderReport::OpenOrder(_)));
}
