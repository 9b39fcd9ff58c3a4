//! What we send, beside what the `ibapi` crate sends for the same: an encoder that somebody else wrote, and that TWS is known to take.

use std::sync::Arc;

use ibapi::Client;
use ibapi::contracts::Contract;
use ibapi::orders::{
    Action as IbAction, ExecutionFilter, OcaType as IbOcaType, Order, TimeInForce as IbTimeInForce,
};
use ibkr_orders::domain::{
    self, Action, Amount, Oca, OcaType, OrderRequest, OrderTerms, OrderTicket, Pricing, SecType,
    TimeInForce, Timestamp, Trail,
};
use ibkr_orders::tws::{TwsCommand, TwsEvent, TwsSettings, payload};

use crate::adapter::{Adapter, connected, settings, start, ticket};
use crate::frames;
use crate::peer::{
    ACCOUNTS, ALL_OPEN_ORDERS, CANCEL_ORDER, COMPLETED_ORDERS, CURRENT_TIME, EXECUTIONS, FakeTws,
    IDS, OPEN_ORDERS, PLACE_ORDER, Peer, Request, START_API,
};

/// A session of `ibapi`, and its START_API.
async fn witness(client_id: i32) -> (Client, Peer, Request) {
    let tws = FakeTws::bind().await;
    let connect = Client::builder()
        .address(format!("127.0.0.1:{}", tws.port))
        .client_id(client_id)
        .max_reconnect_attempts(0)
        .connect();
    let serve = async {
        let mut peer = tws.greeted(226).await;
        let start_api = peer.expect(START_API).await;
        peer.send(&frames::managed_accounts("DU111,")).await;
        peer.send(&frames::next_valid_id(90)).await;
        (peer, start_api)
    };
    let (client, (peer, start_api)) = tokio::join!(connect, serve);
    (client.expect("connects"), peer, start_api)
}

/// The fields of a message, one a line: number, wire type and value, those of messages in it one level deeper.
fn fields(bytes: &[u8], level: usize) -> Option<Vec<String>> {
    let mut lines = Vec::new();
    let mut rest = bytes;
    let varint = |rest: &mut &[u8]| {
        let mut value = 0u64;
        for shift in (0..64).step_by(7) {
            let (byte, after) = rest.split_first()?;
            *rest = after;
            value |= u64::from(byte & 0x7f) << shift;
            if byte & 0x80 == 0 {
                return Some(value);
            }
        }
        None
    };
    let indent = "  ".repeat(level);
    while !rest.is_empty() {
        let key = varint(&mut rest)?;
        let (tag, wire_type) = (key >> 3, key & 7);
        match wire_type {
            0 => lines.push(format!("{indent}{tag}: {}", varint(&mut rest)? as i64)),
            1 => {
                let (double, after) = rest.split_first_chunk::<8>()?;
                rest = after;
                lines.push(format!("{indent}{tag}: {:?}", f64::from_le_bytes(*double)));
            }
            2 => {
                let length = usize::try_from(varint(&mut rest)?).ok()?;
                let (value, after) = rest.split_at_checked(length)?;
                rest = after;
                let printable = value.iter().all(|byte| (0x20..0x7f).contains(byte));
                match (printable && !value.is_empty(), fields(value, level + 1)) {
                    (false, Some(inner)) => {
                        lines.push(format!("{indent}{tag}:"));
                        lines.extend(inner);
                    }
                    _ => lines.push(format!(
                        "{indent}{tag}: {:?}",
                        String::from_utf8_lossy(value)
                    )),
                }
            }
            _ => return None,
        }
    }
    Some(lines)
}

/// Field by field first, because that reads well, and then byte by byte.
#[track_caller]
fn assert_same(ours: &Request, theirs: &Request) {
    assert_eq!(ours.id, theirs.id);
    let decoded = |request: &Request| fields(&request.bytes[8..], 0).expect("protobuf");
    assert_eq!(decoded(ours), decoded(theirs));
    assert_eq!(ours.bytes, theirs.bytes);
}

/// An order as a user of `ibapi` would write it down.
fn in_ibapi(ticket: &OrderTicket) -> (Contract, Order) {
    let OrderTerms {
        contract,
        action,
        pricing,
        quantity,
        tif,
        good_till: _, // beside the ticket, as TWS writes it
        outside_rth,
        oca,
        reference_price: _, // for limits only
    } = &ticket.terms;
    let stock = Contract::stock(contract.symbol.as_str())
        .on_exchange(contract.exchange.as_str())
        .in_currency(contract.currency.as_str());
    let contract = match &contract.primary_exch {
        Some(exchange) => stock.primary(exchange.as_str()).build(),
        None => stock.build(),
    };
    let number = |amount: &Amount| Some(amount.to_f64());
    let trailing = |trail: &Trail| match trail {
        Trail::Amount(amount) => (number(amount), None),
        Trail::Percent(percent) => (None, number(percent)),
    };
    let of_type = |order_type: &str| Order {
        order_type: order_type.to_owned(),
        ..Order::default()
    };
    let priced = match pricing {
        Pricing::Market => of_type("MKT"),
        Pricing::Limit { limit } => Order {
            limit_price: number(limit),
            ..of_type("LMT")
        },
        Pricing::Stop { stop } => Order {
            aux_price: number(stop),
            ..of_type("STP")
        },
        Pricing::StopLimit { stop, limit } => Order {
            aux_price: number(stop),
            limit_price: number(limit),
            ..of_type("STP LMT")
        },
        Pricing::Trail { trail, first_stop } => Order {
            aux_price: trailing(trail).0,
            trailing_percent: trailing(trail).1,
            trail_stop_price: first_stop.as_ref().and_then(number),
            ..of_type("TRAIL")
        },
        Pricing::TrailLimit {
            trail,
            first_stop,
            offset,
        } => Order {
            aux_price: trailing(trail).0,
            trailing_percent: trailing(trail).1,
            trail_stop_price: number(first_stop),
            limit_price_offset: number(offset),
            ..of_type("TRAIL LIMIT")
        },
        Pricing::MarketOnClose => of_type("MOC"),
        Pricing::LimitOnClose { limit } => Order {
            limit_price: number(limit),
            ..of_type("LOC")
        },
        Pricing::Other => panic!("cannot be sent"),
    };
    let order = Order {
        action: match action {
            Action::Buy => IbAction::Buy,
            Action::Sell => IbAction::Sell,
        },
        total_quantity: quantity.to_f64(),
        tif: match tif {
            TimeInForce::Day => IbTimeInForce::Day,
            TimeInForce::GoodTillCancelled => IbTimeInForce::GoodTillCanceled,
            TimeInForce::ImmediateOrCancel => IbTimeInForce::ImmediateOrCancel,
            TimeInForce::FillOrKill => IbTimeInForce::FillOrKill,
            TimeInForce::OnOpen => IbTimeInForce::OnOpen,
            TimeInForce::GoodTillDate => IbTimeInForce::GoodTillDate,
        },
        good_till_date: match tif {
            TimeInForce::GoodTillDate => "20261130-20:00:00".to_owned(),
            _ => String::new(),
        },
        oca_group: oca
            .as_ref()
            .map_or_else(String::new, |oca| oca.group.clone()),
        oca_type: oca.as_ref().map_or(IbOcaType::None, |oca| match oca.kind {
            OcaType::CancelWithBlock => IbOcaType::CancelWithBlock,
            OcaType::ReduceWithBlock => IbOcaType::ReduceWithBlock,
            OcaType::ReduceNonBlock => IbOcaType::ReduceWithoutBlock,
        }),
        account: ticket.account.clone(),
        order_ref: ticket.order_ref.clone(),
        transmit: ticket.transmit,
        outside_rth: *outside_rth,
        ..priced
    };
    (contract, order)
}

fn limit(quantity: &str, price: &str) -> OrderTerms {
    let amount = |text| Amount::parse(text).unwrap();
    OrderRequest::limit(Action::Buy, "AAPL", amount(quantity), amount(price)).terms
}

fn with_terms(order_id: i32, terms: OrderTerms) -> OrderTicket {
    OrderTicket {
        terms,
        ..ticket(order_id)
    }
}

/// Tickets in which every field takes every kind of value that it has.
fn tickets() -> Vec<OrderTicket> {
    let mut tickets = vec![ticket(90)];
    for (action, tif, transmit, outside_rth) in [
        (Action::Buy, TimeInForce::Day, false, true),
        (Action::Sell, TimeInForce::GoodTillCancelled, true, false),
        (Action::Sell, TimeInForce::ImmediateOrCancel, true, true),
        (Action::Buy, TimeInForce::FillOrKill, true, false),
        (Action::Sell, TimeInForce::OnOpen, false, false),
    ] {
        let terms = OrderTerms {
            action,
            tif,
            outside_rth,
            ..limit("100", "150.25")
        };
        tickets.push(OrderTicket {
            transmit,
            ..with_terms(91, terms)
        });
    }
    let market = OrderRequest::market(Action::Sell, "MSFT", Amount::from(1)).terms;
    tickets.push(with_terms(1_499_999_999, market));
    for (quantity, price) in [
        ("0.5", "0.0001"),
        ("123456789012", "1000000000000"),
        ("0.1", "0.3"),
        ("7", "123456.789012345"),
    ] {
        tickets.push(with_terms(1, limit(quantity, price)));
    }
    let elsewhere = OrderTerms {
        contract: Arc::new(domain::Contract {
            symbol: "BRK B".to_owned(),
            sec_type: SecType::Stock,
            exchange: "NYSE".to_owned(),
            currency: "EUR".to_owned(),
            primary_exch: Some("ARCA".to_owned()),
        }),
        ..limit("1", "1")
    };
    tickets.push(OrderTicket {
        order_ref: String::new(),
        account: String::new(),
        ..with_terms(92, elsewhere)
    });
    let amount = |text| Amount::parse(text).unwrap();
    for pricing in [
        Pricing::Stop {
            stop: amount("140.5"),
        },
        Pricing::StopLimit {
            stop: amount("140.5"),
            limit: amount("140"),
        },
        Pricing::Trail {
            trail: Trail::Amount(amount("1.25")),
            first_stop: None,
        },
        Pricing::Trail {
            trail: Trail::Percent(amount("2.5")),
            first_stop: Some(amount("140")),
        },
        Pricing::TrailLimit {
            trail: Trail::Amount(amount("1.25")),
            first_stop: amount("140"),
            offset: amount("0.05"),
        },
        Pricing::MarketOnClose,
        Pricing::LimitOnClose {
            limit: amount("151"),
        },
    ] {
        let terms = OrderTerms {
            pricing,
            ..limit("100", "150.25")
        };
        tickets.push(with_terms(93, terms));
    }
    let until = OrderTerms {
        tif: TimeInForce::GoodTillDate,
        good_till: Timestamp::parse("2026-11-30T20:00:00Z"),
        reference_price: Some(amount("149")),
        ..limit("100", "150.25")
    };
    tickets.push(with_terms(94, until));
    for kind in OcaType::ALL {
        let grouped = OrderTerms {
            oca: Some(Oca {
                group: "exits-7".to_owned(),
                kind: *kind,
            }),
            ..limit("100", "150.25")
        };
        tickets.push(with_terms(95, grouped));
    }
    tickets
}

#[tokio::test]
async fn an_order_is_the_frame_that_ibapi_makes_of_it_and_of_its_payload() {
    let (client, mut theirs, _) = witness(7).await;
    let (_tws, mut ours, adapter) = connected().await;
    for ticket in tickets() {
        adapter.place(1, ticket.clone());
        let sent = ours.expect(PLACE_ORDER).await;
        let (contract, order) = in_ibapi(&ticket);
        client
            .submit_order(ticket.order_id, &contract, &order)
            .await
            .expect("is sent");
        assert_same(&sent, &theirs.expect(PLACE_ORDER).await);

        // What a dry run shows is what would be sent.
        let shown = payload(&ticket);
        let contract: Contract = serde_json::from_value(shown.contract).unwrap();
        let order: Order = serde_json::from_value(shown.order).unwrap();
        client
            .submit_order(ticket.order_id, &contract, &order)
            .await
            .expect("is sent");
        assert_same(&sent, &theirs.expect(PLACE_ORDER).await);
    }
}

#[tokio::test]
async fn a_cancel_is_the_frame_that_ibapi_makes_of_it() {
    let (client, mut theirs, _) = witness(7).await;
    let (_tws, mut ours, adapter) = connected().await;
    for order_id in [1, 91, 1_499_999_999] {
        adapter.command(TwsCommand::Cancel {
            session: 1,
            order_id,
        });
        drop(client.cancel_order(order_id, "").await.expect("is sent"));
        assert_same(
            &ours.expect(CANCEL_ORDER).await,
            &theirs.expect(CANCEL_ORDER).await,
        );
    }
}

#[tokio::test]
async fn a_reconcile_asks_in_the_frames_of_ibapi() {
    let (client, mut theirs, _) = witness(7).await;
    let (_tws, mut ours, mut adapter) = connected().await;
    drop(client.open_orders().await.expect("is sent"));
    let open_orders = theirs.expect(OPEN_ORDERS).await;
    drop(client.completed_orders(false).await.expect("is sent"));
    let completed_orders = theirs.expect(COMPLETED_ORDERS).await;
    // Both number their requests from the same first one.
    for days_back in [0, 2] {
        adapter.command(TwsCommand::Reconcile {
            session: 1,
            token: u64::from(days_back),
            days_back,
        });
        assert_same(&ours.expect(OPEN_ORDERS).await, &open_orders);
        ours.send(&frames::open_orders_end()).await;
        assert_same(&ours.expect(COMPLETED_ORDERS).await, &completed_orders);
        ours.send(&frames::completed_orders_end()).await;
        let filter = ExecutionFilter {
            last_n_days: if days_back == 0 { 0 } else { 3 },
            ..ExecutionFilter::default()
        };
        drop(client.executions(filter).await.expect("is sent"));
        let asked = ours.expect(EXECUTIONS).await;
        assert_same(&asked, &theirs.expect(EXECUTIONS).await);
        ours.send(&frames::executions_end(asked.number())).await;
        let ended = adapter.next().await;
        assert!(matches!(ended, TwsEvent::Reconciled { .. }), "{ended:?}");
    }
}

#[tokio::test]
async fn client_0_begins_and_asks_for_open_orders_in_the_frames_of_ibapi() {
    let (client, mut theirs, start_api) = witness(0).await;
    let tws = FakeTws::bind().await;
    let mut adapter: Adapter = start(TwsSettings {
        client_id: 0,
        ..settings(tws.port)
    });
    let mut ours = tws.greeted(226).await;
    assert_same(&ours.expect(START_API).await, &start_api);
    ours.send(&frames::managed_accounts("DU111")).await;
    ours.send(&frames::next_valid_id(90)).await;
    adapter.up().await;
    adapter.command(TwsCommand::Reconcile {
        session: 1,
        token: 1,
        days_back: 0,
    });
    drop(client.all_open_orders().await.expect("is sent"));
    assert_same(
        &ours.expect(ALL_OPEN_ORDERS).await,
        &theirs.expect(ALL_OPEN_ORDERS).await,
    );
}

#[tokio::test]
async fn questions_about_ids_accounts_and_time_are_the_frames_of_ibapi() {
    let (client, mut theirs, start_api) = witness(7).await;
    let tws = FakeTws::bind().await;
    let mut adapter = start(TwsSettings {
        handshake_timeout: std::time::Duration::from_secs(2),
        heartbeat_interval: std::time::Duration::from_millis(100),
        ..settings(tws.port)
    });
    let mut ours = tws.greeted(226).await;
    assert_same(&ours.expect(START_API).await, &start_api);
    let (id, asked) = tokio::join!(client.next_valid_order_id(), async {
        let asked = theirs.expect(IDS).await;
        theirs.send(&frames::next_valid_id(90)).await;
        asked
    });
    assert_eq!(id.expect("is answered"), 90);
    assert_same(&ours.expect(IDS).await, &asked);
    let (accounts, asked) = tokio::join!(client.managed_accounts(), async {
        let asked = theirs.expect(ACCOUNTS).await;
        theirs.send(&frames::managed_accounts("DU111")).await;
        asked
    });
    assert_eq!(accounts.expect("is answered"), ["DU111"]);
    assert_same(&ours.expect(ACCOUNTS).await, &asked);
    ours.send(&frames::next_valid_id(90)).await;
    ours.send(&frames::managed_accounts("DU111")).await;
    adapter.up().await;
    let (time, asked) = tokio::join!(client.server_time(), async {
        let asked = theirs.expect(CURRENT_TIME).await;
        theirs.send(&frames::current_time(1_795_000_000)).await;
        asked
    });
    time.expect("is answered");
    assert_same(&ours.expect(CURRENT_TIME).await, &asked);
}
