//! Recordings of a real gateway (server version 225), played to the adapter: what it makes of frames that nobody here wrote.

use std::path::PathBuf;

use ibkr_orders::domain::{Action, Amount, OrderReport, Origin};
use ibkr_orders::tws::{SessionInfo, TwsEvent, TwsSettings};

use crate::adapter::{settings, start};
use crate::peer::{FakeTws, START_API};

/// One recording: the time that TWS named at the login, and every message of it.
struct Recording {
    connection_time: String,
    frames: Vec<Vec<u8>>,
}

fn folder() -> PathBuf {
    let folder = std::env::var_os("CAPTURES").expect("CAPTURES names a folder with the recordings");
    PathBuf::from(folder)
}

fn recording(file: &str) -> Recording {
    let text = std::fs::read_to_string(folder().join(file)).unwrap();
    let mut recording = Recording {
        connection_time: String::new(),
        frames: Vec::new(),
    };
    for line in text.lines() {
        if let Some(frame) = line.strip_prefix("raw server ") {
            recording.frames.push(base64(frame));
        } else if let Some(handshake) = line.strip_prefix("handshake ") {
            let handshake: serde_json::Value = serde_json::from_str(handshake).unwrap();
            handshake["connection_time"]
                .as_str()
                .unwrap()
                .clone_into(&mut recording.connection_time);
        }
    }
    recording
}

fn base64(text: &str) -> Vec<u8> {
    let digits = text.bytes().filter_map(|byte| match byte {
        b'A'..=b'Z' => Some(byte - b'A'),
        b'a'..=b'z' => Some(byte - b'a' + 26),
        b'0'..=b'9' => Some(byte - b'0' + 52),
        b'+' => Some(62),
        b'/' => Some(63),
        _ => None,
    });
    let mut bytes = Vec::new();
    let (mut bits, mut count) = (0u32, 0);
    for digit in digits {
        bits = bits << 6 | u32::from(digit);
        count += 6;
        if count >= 8 {
            count -= 8;
            bytes.push((bits >> count) as u8);
        }
    }
    bytes
}

/// Plays a recording as a session of its client: the session, and everything that was told of it.
async fn play(recording: &Recording) -> (SessionInfo, Vec<TwsEvent>) {
    let tws = FakeTws::bind().await;
    let mut adapter = start(TwsSettings {
        client_id: 1,
        ..settings(tws.port)
    });
    let mut peer = tws.accept().await;
    peer.read_hello().await;
    let greeting = format!("225\0{}\0", recording.connection_time);
    let mut bytes = u32::try_from(greeting.len())
        .unwrap()
        .to_be_bytes()
        .to_vec();
    bytes.extend(greeting.as_bytes());
    peer.send(&bytes).await;
    peer.expect(START_API).await;
    peer.send(&recording.frames.concat()).await;
    drop(peer);
    let info = adapter.up().await;
    let mut events = adapter
        .until(|event| matches!(event, TwsEvent::SessionDown { .. }))
        .await;
    events.pop();
    (info, events)
}

fn reports(events: Vec<TwsEvent>) -> Vec<OrderReport> {
    let reports = events.into_iter().filter_map(|event| match event {
        TwsEvent::Report { report, .. } => Some(report),
        _ => None,
    });
    reports.collect()
}

/// A report in a few words.
fn words(report: &OrderReport) -> String {
    match report {
        OrderReport::OpenOrder(r) => format!("open {} {}", r.order_id, r.status),
        OrderReport::Status(r) => format!(
            "status {} {} {}/{} {}",
            r.order_id,
            r.status,
            r.filled,
            r.remaining,
            r.why_held.as_deref().unwrap_or("-")
        ),
        OrderReport::Execution(r) => {
            format!("executed {} {} @ {}", r.order_id, r.quantity, r.price)
        }
        OrderReport::Commission(r) => format!("commission {} {}", r.amount, r.currency),
        OrderReport::Completed(r) => format!("completed {:?}", r.order_id),
        OrderReport::Error(r) => format!("error {} {}", r.order_id, r.code),
    }
}

fn amount(text: &str) -> Option<Amount> {
    Some(Amount::parse(text).unwrap())
}

#[tokio::test]
#[ignore = "needs the recordings: CAPTURES=../shared/captures"]
async fn two_market_orders_that_filled_are_told_frame_by_frame() {
    let (info, events) = play(&recording("api_order_fill_aapl.sv225.txt")).await;
    assert_eq!(info.accounts, ["DU9000001"]);
    assert_eq!((info.next_valid_id, info.server_version), (600, 225));
    // CET in August: the zone's name is that of its winter.
    assert_eq!(info.tws_time.unwrap().to_string(), "2026-08-25T18:11:28Z");
    let heartbeat = events.iter().find_map(|event| match event {
        TwsEvent::Heartbeat { tws_time, .. } => Some(tws_time.to_string()),
        _ => None,
    });
    assert_eq!(heartbeat.as_deref(), Some("2026-08-25T18:11:29Z"));
    let reports = reports(events);
    let told: Vec<_> = reports.iter().map(words).collect();
    assert_eq!(
        told,
        [
            "open 600 Submitted",
            "status 600 Submitted 0/1 -",
            "executed 600 1 @ 309.16",
            "open 600 Filled",
            "status 600 Filled 1/0 -",
            "commission 1.000003 USD",
            "open 601 PreSubmitted",
            "status 601 PreSubmitted 0/1 -",
            "open 601 Submitted",
            "status 601 Submitted 0/1 -",
            "executed 601 1 @ 309.15",
            "open 601 Filled",
            "status 601 Filled 1/0 -",
            "open 601 Filled",
            "status 601 Filled 1/0 -",
            "commission 1.006566 USD",
        ]
    );
    let OrderReport::OpenOrder(open) = &reports[0] else {
        panic!()
    };
    assert_eq!((open.client_id, open.origin), (1, Origin::Live));
    assert_eq!(open.perm_id, Some(9_000_000_600));
    assert_eq!(
        open.order_ref.as_deref(),
        Some("sanitized-order-ref-0000000000000001")
    );
    assert_eq!(open.account.as_deref(), Some("DU9000001"));
    let contract = &open.contract;
    assert_eq!(contract.con_id, Some(265_598));
    assert_eq!(
        (&contract.symbol, &contract.sec_type, &contract.currency),
        (
            &Some("AAPL".to_owned()),
            &Some("STK".to_owned()),
            &Some("USD".to_owned())
        )
    );
    let terms = &open.terms;
    assert_eq!(terms.action, Some(Action::Buy));
    assert_eq!(terms.order_type.as_deref(), Some("MKT"));
    assert_eq!(terms.tif.as_deref(), Some("DAY"));
    assert_eq!(terms.quantity, amount("1"));
    assert_eq!((terms.parent_order_id, &terms.oca_group), (None, &None));
    assert_eq!(open.filled_quantity, amount("0"));

    let OrderReport::Execution(fill) = &reports[2] else {
        panic!()
    };
    assert_eq!(fill.time.unwrap().to_string(), "2026-08-25T18:11:30Z");
    assert_eq!(fill.exec_id, "sanitized-exec-00000001");
    assert_eq!((fill.side, fill.origin), (Some(Action::Buy), Origin::Live));
    assert_eq!(fill.exchange, "NASDAQ");
    assert_eq!(fill.cumulative_quantity, amount("1"));
    assert_eq!(fill.avg_price, amount("309.16"));
    let OrderReport::OpenOrder(filled) = &reports[3] else {
        panic!()
    };
    assert_eq!(filled.filled_quantity, amount("1"));
    assert_eq!(filled.completed_status.as_deref(), Some("Filled Size: 1"));
    let OrderReport::Status(status) = &reports[4] else {
        panic!()
    };
    assert_eq!(status.avg_fill_price, amount("309.16"));
    let OrderReport::Execution(sold) = &reports[10] else {
        panic!()
    };
    assert_eq!(sold.side, Some(Action::Sell));
}

#[tokio::test]
#[ignore = "needs the recordings: CAPTURES=../shared/captures"]
async fn stops_and_the_orders_that_stood_at_the_login_have_their_terms() {
    let (info, events) = play(&recording("api_order_stop_cancel_aapl.sv225.txt")).await;
    assert_eq!(info.next_valid_id, 515);
    let reports = reports(events);
    let opened: Vec<_> = reports
        .iter()
        .filter_map(|report| match report {
            OrderReport::OpenOrder(open) => Some(open),
            _ => None,
        })
        .collect();
    let at_login: Vec<_> = opened
        .iter()
        .take_while(|open| open.origin == Origin::Snapshot)
        .map(|open| open.order_id)
        .collect();
    assert_eq!(at_login, [509, 505, 507, 508, 504, 497, 493, 494, 495, 496]);
    assert_eq!(
        opened[1].terms.oca_group.as_deref(),
        Some("oca-0000000000000000000001")
    );
    let stop = opened.iter().find(|open| open.order_id == 515).unwrap();
    assert_eq!(stop.terms.order_type.as_deref(), Some("STP"));
    assert_eq!(stop.terms.aux_price, amount("2000"));
    assert_eq!(stop.terms.trail_stop_price, amount("2000"));
    assert_eq!(stop.terms.limit_price, amount("0"));
    let stop_limit = opened.iter().find(|open| open.order_id == 516).unwrap();
    assert_eq!(stop_limit.terms.order_type.as_deref(), Some("STP LMT"));
    assert_eq!(
        (stop_limit.terms.aux_price, stop_limit.terms.limit_price),
        (amount("2000"), amount("2001"))
    );
    let of_stop: Vec<_> = reports
        .iter()
        .map(words)
        .filter(|words| words.contains(" 515 "))
        .collect();
    assert_eq!(
        of_stop,
        [
            "error 515 399",
            "open 515 PreSubmitted",
            "status 515 PreSubmitted 0/1 trigger",
            "open 515 PreSubmitted",
            "status 515 PreSubmitted 0/1 trigger",
            "open 515 PreSubmitted",
            "status 515 PreSubmitted 0/1 trigger",
            "status 515 Cancelled 0/1 -",
            "error 515 202",
        ]
    );
}

#[tokio::test]
#[ignore = "needs the recordings: CAPTURES=../shared/captures"]
async fn the_legs_of_a_bracket_name_their_parent_and_their_group() {
    let (_, events) = play(&recording("api_bracket_trigger_aapl.sv225.txt")).await;
    let reports = reports(events);
    let terms = |id| {
        reports.iter().rev().find_map(|report| match report {
            OrderReport::OpenOrder(open) if open.order_id == id => Some(&open.terms),
            _ => None,
        })
    };
    let parent = terms(477).unwrap();
    assert_eq!((parent.parent_order_id, &parent.oca_group), (None, &None));
    for (leg, order_type) in [(478, "LMT"), (479, "STP")] {
        let leg = terms(leg).unwrap();
        assert_eq!(leg.parent_order_id, Some(477));
        assert_eq!(leg.order_type.as_deref(), Some(order_type));
        assert!(leg.oca_group.is_some());
    }
    for (id, held) in [(478, "child"), (479, "child,trigger")] {
        let shown = reports.iter().any(|report| {
            matches!(report, OrderReport::Status(status)
                if status.order_id == id && status.why_held.as_deref() == Some(held))
        });
        assert!(shown, "{id} {held}");
    }
}

#[tokio::test]
#[ignore = "needs the recordings: CAPTURES=../shared/captures"]
async fn a_preview_is_no_order_and_its_refusals_are_told() {
    let (_, events) = play(&recording("api_whatif_margin_aapl.sv225.txt")).await;
    let told: Vec<_> = reports(events).iter().map(words).collect();
    assert_eq!(told, ["error 558 200", "error 559 10255"]);
}

#[tokio::test]
#[ignore = "needs the recordings: CAPTURES=../shared/captures"]
async fn every_recorded_frame_about_an_order_is_one_report_and_none_is_unreadable() {
    const OPEN_ORDER: u8 = 205;
    let mut files = 0;
    for entry in std::fs::read_dir(folder()).unwrap() {
        let name = entry.unwrap().file_name().into_string().unwrap();
        if !name.ends_with(".sv225.txt") {
            continue;
        }
        files += 1;
        let recording = recording(&name);
        let (_, events) = play(&recording).await;
        assert!(
            !events.iter().any(|event| matches!(
                event,
                TwsEvent::Unreadable { .. } | TwsEvent::ReportsMissed { .. }
            )),
            "{name}: {events:?}"
        );
        // orderStatus, openOrder, execDetails, commissionAndFeesReport. One of the open orders is a preview.
        let about_orders = recording
            .frames
            .iter()
            .filter(|frame| [203, OPEN_ORDER, 211].contains(&frame[7]) || frame[6..8] == [1, 3])
            .count();
        let previews = usize::from(name.starts_with("api_whatif_margin"));
        let told = reports(events)
            .into_iter()
            .filter(|report| !matches!(report, OrderReport::Error(_)))
            .count();
        assert_eq!(told, about_orders - previews, "{name}");
    }
    assert!(files >= 10, "{files} recordings");
}
