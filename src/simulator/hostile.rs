//! Random peers against the frame reader, the request decoder and the exchange.
//!
//! Each runs as part of `cargo test`. For ten minutes and more: `PROPTEST_CASES=160000 cargo test --lib simulator::hostile`.

use std::collections::BTreeMap;

use proptest::prelude::*;
use prost::Message;
use rust_decimal::Decimal;

use super::clock::Now;
use super::codec::decode_request;
use super::config::{Mode, SimulatorConfig};
use super::exchange::{Exchange, FillReport};
use super::fault::Fault;
use super::frame::{Frame, FrameReader, Hello};
use super::message::Request;
use super::order::OrderKey;
use super::protobuf::NUMBER_OFFSET;
use super::switches::Switches;
use super::{text, wire};

const FRAME_BYTES_MAX: usize = 4096;

proptest! {
    /// Nothing panics, no frame is larger than allowed, and what is kept is less than what was pushed.
    #[test]
    fn any_bytes_in_any_pieces_are_frames_or_an_error(
        pieces in prop::collection::vec(prop::collection::vec(any::<u8>(), 0..64), 0..32),
        introduce in any::<bool>(),
        version in 157_i32..=226,
    ) {
        let mut reader = FrameReader::new(FRAME_BYTES_MAX);
        if version < text::BINARY_NUMBERS {
            reader.read_text_numbers();
        }
        let mut waiting_for_hello = introduce;
        'bytes: for piece in pieces {
            reader.push(&piece);
            if waiting_for_hello {
                match reader.hello() {
                    Ok(Some(_)) => waiting_for_hello = false,
                    Ok(None) => continue,
                    Err(_) => break,
                }
            }
            loop {
                match reader.next_frame() {
                    Ok(Some(frame)) => {
                        prop_assert!(frame.body.len() + 4 <= FRAME_BYTES_MAX);
                        let _request = decode_request(&frame, version);
                    }
                    Ok(None) => break,
                    Err(_) => break 'bytes,
                }
            }
        }
    }

    /// However a stream of frames is cut, the same frames come out.
    #[test]
    fn frames_do_not_depend_on_how_their_bytes_arrive(
        frames in prop::collection::vec((any::<i32>(), prop::collection::vec(any::<u8>(), 0..200)), 0..20),
        cuts in prop::collection::vec(1_usize..40, 1..50),
    ) {
        let mut bytes = Vec::new();
        for (id, body) in &frames {
            bytes.extend(u32::try_from(body.len() + 4).unwrap().to_be_bytes());
            bytes.extend(id.to_be_bytes());
            bytes.extend(body);
        }
        let mut reader = FrameReader::new(FRAME_BYTES_MAX);
        let mut seen = Vec::new();
        let mut rest = bytes.as_slice();
        for cut in cuts.iter().cycle() {
            let (piece, after) = rest.split_at((*cut).min(rest.len()));
            rest = after;
            reader.push(piece);
            while let Some(frame) = reader.next_frame().unwrap() {
                seen.push((frame.id, frame.body.to_vec()));
            }
            if rest.is_empty() {
                break;
            }
        }
        prop_assert_eq!(seen, frames);
    }

    /// Random bodies under known numbers, after a login, with random faults set.
    #[test]
    fn any_frame_is_survived_by_the_exchange(
        frames in prop::collection::vec((195_i32..320, prop::collection::vec(any::<u8>(), 0..80)), 0..40),
        faults in prop::collection::vec(fault(), 0..4),
        switches in switches(),
    ) {
        let mut exchange = exchange(faults, switches, 226);
        for (turn, (id, body)) in frames.iter().enumerate() {
            exchange.request(1, decode_request(&Frame { id: *id, body }, 226), at(turn));
            check_frames(&mut exchange, 226)?;
        }
    }

    /// The same in the text protocol: fields of every kind, too few and too many.
    #[test]
    fn any_text_is_survived_by_the_exchange(
        messages in prop::collection::vec((1_i32..110, prop::collection::vec(field(), 0..140)), 0..30),
        version in 157_i32..=212,
        faults in prop::collection::vec(fault(), 0..4),
        switches in switches(),
    ) {
        let mut exchange = exchange(faults, switches, version);
        for (turn, (id, fields)) in messages.iter().enumerate() {
            let body: Vec<u8> = fields.iter().flat_map(|field| [field.as_bytes(), &[0]].concat()).collect();
            exchange.request(1, decode_request(&Frame { id: *id, body: &body }, version), at(turn));
            check_frames(&mut exchange, version)?;
        }
    }

    /// Orders with fields from the edges of their ranges, modified, cancelled and filled in any order.
    #[test]
    fn any_orders_leave_the_books_balanced(
        steps in prop::collection::vec(step(), 0..60),
        faults in prop::collection::vec(fault(), 0..3),
        switches in switches(),
    ) {
        let mut exchange = exchange(faults, switches, 226);
        for (turn, step) in steps.into_iter().enumerate() {
            match step {
                Step::Request(request) => exchange.request(1, *request, at(turn)),
                Step::Fill(id) => {
                    let key = OrderKey { client_id: 7, order_id: id };
                    let _refused = exchange.fill(key, None, None, FillReport::Usual, at(turn));
                }
                Step::Tick => exchange.tick(at(turn)),
                Step::Price(cents) => {
                    let price = rust_decimal::Decimal::new(cents, 2);
                    let _unknown = exchange.set_price("AAPL", price, at(turn));
                }
                Step::Ib(true) => exchange.restore_ib(false, at(turn)),
                Step::Ib(false) => exchange.lose_ib(1100, at(turn)),
                Step::Exchange(true) => exchange.open_exchange(at(turn)),
                Step::Exchange(false) => exchange.close_exchange(false, at(turn)),
                Step::LogIn => {
                    exchange.disconnected(1);
                    log_in(&mut exchange, turn, 226);
                }
            }
            exchange.run_due(at(turn));
            check_frames(&mut exchange, 226)?;
            for order in exchange.all_orders() {
                prop_assert!(order.filled >= rust_decimal::Decimal::ZERO && order.filled <= order.quantity);
            }
            check_positions(&exchange)?;
        }
    }
}

#[derive(Clone, Debug)]
enum Step {
    Request(Box<Request>),
    Fill(i32),
    Tick,
    LogIn,
    /// Of AAPL, in cents.
    Price(i64),
    /// Whether TWS has its link to IB.
    Ib(bool),
    /// Whether the exchange is open.
    Exchange(bool),
}

fn step() -> impl Strategy<Value = Step> {
    let id = prop_oneof![4 => 1..8_i32, 1 => any::<i32>()];
    prop_oneof![
        8 => place().prop_map(|place| Step::Request(Box::new(Request::Place(Box::new(place))))),
        3 => id.prop_map(|order_id| Step::Request(Box::new(Request::Cancel { order_id }))),
        2 => (1..8_i32).prop_map(Step::Fill),
        1 => Just(Step::Tick),
        1 => Just(Step::LogIn),
        1 => (15_000_i64..35_000).prop_map(Step::Price),
        1 => any::<bool>().prop_map(Step::Ib),
        1 => any::<bool>().prop_map(Step::Exchange),
        1 => account_request().prop_map(|request| Step::Request(Box::new(request))),
        1 => prop::sample::select(vec![
            Request::GlobalCancel,
            Request::OpenOrders,
            Request::AllOpenOrders,
            Request::CompletedOrders { api_only: false },
            Request::Executions(wire::ExecutionsRequest::default()),
            Request::Ids,
        ])
        .prop_map(|request| Step::Request(Box::new(request))),
    ]
}

/// What a client asks of positions and accounts, and what it ends of it.
fn account_request() -> impl Strategy<Value = Request> {
    let account = prop::sample::select(vec!["DU1234567", "", "All", "DU9"]);
    (0..4_i32, account, any::<bool>(), 0..8_usize).prop_map(|(id, account, flag, which)| {
        let account = Some(account.to_owned());
        let of_account = wire::AccountRequest {
            request_id: Some(id),
            account: account.clone(),
            ledger_only: Some(flag),
            ..wire::AccountRequest::default()
        };
        match which {
            0 if flag => Request::Positions,
            0 => Request::CancelPositions,
            1 => Request::AccountUpdates(wire::AccountUpdatesRequest {
                subscribe: Some(flag),
                account,
            }),
            2 => Request::AccountSummary(wire::AccountSummaryRequest {
                request_id: Some(id),
                group: Some("All".to_owned()),
                tags: Some("NetLiquidation,$LEDGER:ALL,,x".to_owned()),
            }),
            3 => Request::CancelAccountSummary { request_id: id },
            4 => Request::PositionsMulti(of_account),
            5 => Request::AccountUpdatesMulti(of_account),
            6 => Request::Pnl(of_account),
            _ => Request::PnlSingle(wire::PnlSingleRequest {
                request_id: Some(id),
                account,
                model: None,
                con_id: Some(if flag { 265_598 } else { 1 }),
            }),
        }
    })
}

/// Every switch by a seed of its own, or as it is.
fn switches() -> impl Strategy<Value = Switches> {
    prop_oneof![
        1 => Just(Switches::default()),
        3 => any::<u64>().prop_map(Switches::drawn),
    ]
}

fn place() -> impl Strategy<Value = wire::PlaceOrder> {
    let quantity = prop::sample::select(vec![
        "1",
        "100",
        "5000",
        "0",
        "-1",
        "0.0001",
        "",
        "1e9",
        "79228162514264337593543950335",
        "x",
        "9999999999999",
    ]);
    let price = prop_oneof![
        prop::sample::select(vec![
            0.01,
            100.0,
            230.0,
            1e9,
            1e28,
            100.001,
            0.0,
            -5.0,
            f64::NAN,
            f64::MAX,
            f64::INFINITY
        ]),
        any::<f64>(),
    ];
    let order_type = prop::sample::select(vec![
        "MKT",
        "LMT",
        "STP",
        "STP LMT",
        "TRAIL",
        "TRAIL LIMIT",
        "MIT",
        "LIT",
        "MOC",
        "LOC",
        "",
    ]);
    let stop = prop_oneof![
        2 => Just(None),
        3 => (15_000_i64..35_000).prop_map(|cents| Some(cents as f64 / 100.0)),
        1 => any::<f64>().prop_map(Some),
    ];
    let parent = prop_oneof![3 => Just(0), 2 => 1..8_i32];
    let group = prop::sample::select(vec![None, None, Some("one"), Some("two")]);
    let tif = prop::sample::select(vec!["DAY", "GTC", "IOC", "FOK", "OPG", "", "GTD"]);
    let action = prop::sample::select(vec!["BUY", "SELL", "SSHORT"]);
    let symbol = prop::sample::select(vec!["AAPL", "F", "EUR", "NOPE"]);
    let flags = (any::<bool>(), prop::bool::weighted(0.1), any::<bool>());
    (
        1..8_i32,
        symbol,
        action,
        order_type,
        quantity,
        price,
        tif,
        flags,
        (stop, parent, group, 0..5_i32),
    )
        .prop_map(
            |(
                id,
                symbol,
                action,
                order_type,
                quantity,
                price,
                tif,
                (transmit, what_if, outside),
                (stop, parent, group, oca_type),
            )| wire::PlaceOrder {
                order_id: Some(id),
                contract: Some(wire::Contract {
                    symbol: Some(symbol.to_owned()),
                    sec_type: Some(if symbol == "EUR" { "CASH" } else { "STK" }.to_owned()),
                    exchange: Some("SMART".to_owned()),
                    currency: Some("USD".to_owned()),
                    ..wire::Contract::default()
                }),
                order: Some(wire::Order {
                    action: Some(action.to_owned()),
                    order_type: Some(order_type.to_owned()),
                    total_quantity: Some(quantity.to_owned()),
                    lmt_price: Some(price),
                    aux_price: stop,
                    trail_stop_price: stop.filter(|_| outside),
                    parent_id: Some(parent),
                    oca_group: group.map(str::to_owned),
                    oca_type: Some(oca_type),
                    tif: Some(tif.to_owned()),
                    transmit: Some(transmit),
                    what_if: Some(what_if),
                    outside_rth: Some(outside),
                    ..wire::Order::default()
                }),
            },
        )
}

/// What a field of the text protocol may hold, and what it may not.
fn field() -> impl Strategy<Value = String> {
    let usual = vec![
        "",
        "0",
        "1",
        "-1",
        "7",
        "100",
        "230.5",
        "2147483647",
        "1.7976931348623157E308",
        "BUY",
        "MKT",
        "LMT",
        "DAY",
        "AAPL",
        "STK",
        "BAG",
        "SMART",
        "USD",
        "99999999999999999999",
        "NaN",
        "1000000",
    ];
    let usual = prop::sample::select(usual).prop_map(str::to_owned);
    prop_oneof![9 => usual, 1 => "[^\0]{0,12}"]
}

fn fault() -> impl Strategy<Value = Fault> {
    let texts = vec![
        "drop-before-order=3",
        "drop-after-order=2",
        "mute-after-order=4",
        "half-frame-after-order=2",
        "garbage-after-order=1",
        "duplicate",
        "reorder",
        "lose-statuses",
        "lose-open-orders",
        "lose-executions",
        "ib-lost-after-order=2:1ms",
        "ib-lost-after-order=1",
        "rollback-ids=3",
        "restart-after-order=3",
        "reject-order=2",
        "held-for-locate=1",
    ];
    prop::sample::select(texts).prop_map(|text| text.parse().unwrap())
}

fn at(turn: usize) -> Now {
    Now(1_787_681_490_000_000 + i64::try_from(turn).unwrap() * 700)
}

fn exchange(faults: Vec<Fault>, switches: Switches, version: i32) -> Exchange {
    let mode = Mode::Automatic {
        tick: std::time::Duration::from_millis(1),
    };
    let config = SimulatorConfig {
        mode,
        faults,
        switches,
        buying_power: None,
        state_file: Some("kept in memory by this test".into()),
        ..SimulatorConfig::default()
    };
    let mut exchange = Exchange::new(config, at(0));
    log_in(&mut exchange, 0, version);
    exchange
}

fn log_in(exchange: &mut Exchange, turn: usize, version: i32) {
    exchange.connected(1);
    let hello = Hello {
        min: version,
        max: version,
    };
    exchange.hello(1, &hello, at(turn));
    // The version exchange is no frame with a number.
    exchange.hand_over();
    exchange.request(1, Request::StartApi { client_id: 7 }, at(turn));
}

/// An account holds of each stock what its orders bought less what they sold.
fn check_positions(exchange: &Exchange) -> Result<(), TestCaseError> {
    let mut traded = BTreeMap::new();
    for order in exchange.all_orders() {
        let bought = order.side.signed(order.filled);
        *traded.entry(order.symbol.clone()).or_insert(Decimal::ZERO) += bought;
    }
    for (symbol, held, _) in exchange.position_quantities("DU1234567") {
        let traded = traded.get(&symbol).copied().unwrap_or_default();
        prop_assert_eq!(held, traded, "{}", symbol);
    }
    Ok(())
}

/// What goes out is whole frames with numbers that the protocol has, unless a fault cut it.
fn check_frames(exchange: &mut Exchange, version: i32) -> Result<(), TestCaseError> {
    exchange.take_journal();
    for handover in exchange.hand_over() {
        let mut reader = FrameReader::new(1 << 24);
        reader.push(&handover.bytes);
        if version < text::BINARY_NUMBERS {
            reader.read_text_numbers();
        }
        while let Ok(Some(frame)) = reader.next_frame() {
            let number = frame.id % NUMBER_OFFSET;
            prop_assert!((3..=109).contains(&number), "message {}", frame.id);
            prop_assert!(
                version < 213 || frame.id > NUMBER_OFFSET,
                "text at {version}"
            );
            if frame.id == 203 && frame.body != [0x12, 0xff, 0x01] {
                let status = wire::OrderStatus::decode(frame.body);
                prop_assert!(
                    status
                        .is_ok_and(|status| status.filled.is_some() && status.remaining.is_some())
                );
            }
        }
    }
    Ok(())
}
