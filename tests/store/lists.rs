//! Orders in pages, and events after a sequence.

use std::sync::Arc;

use ibkr_orders::domain::{EventKind, GetIn, ListIn, OrderKey, Status, StoredEvent};
use ibkr_orders::store::{Reader, Store, StoreError};

use crate::orders::{fill, record};
use crate::stores::CLIENT;

#[tokio::test]
async fn pages_of_a_list_are_stable_while_orders_are_placed() {
    let opened = Store::open_in_memory(CLIENT).await.unwrap();
    let base = opened.recovered.head_sequence;
    let insert = |from: i32, to: i32| {
        let store = opened.store.clone();
        async move {
            store
                .transact(move |t| {
                    for id in from..=to {
                        let mut row = record(id, base + u64::from(id.unsigned_abs()));
                        let symbol = if id % 2 == 0 { "AAPL" } else { "MSFT" };
                        Arc::make_mut(&mut row.state.terms.contract).symbol = symbol.to_owned();
                        row.state.status = match id % 3 {
                            0 => Status::Filled,
                            1 => Status::Submitted,
                            _ => Status::Cancelled,
                        };
                        row.state.terminal = row.state.status.is_terminal();
                        t.insert_order(&row)?;
                    }
                    Ok(())
                })
                .await
                .unwrap();
        }
    };
    insert(1, 90).await;
    let reader = opened.store.reader();
    let filters = [
        ListIn::default(),
        ListIn {
            symbol: Some("AAPL".to_owned()),
            ..ListIn::default()
        },
        ListIn {
            statuses: vec![Status::Filled],
            ..ListIn::default()
        },
        ListIn {
            statuses: vec![Status::Cancelled, Status::Filled, Status::Filled],
            symbol: Some("msft".to_owned()),
            ..ListIn::default()
        },
    ];
    let mut next = 91;
    for filter in filters {
        let newest = next - 1;
        let expected: Vec<i32> = (1..=newest)
            .rev()
            .filter(|id| match &filter.symbol {
                Some(symbol) => (symbol == "AAPL") == (id % 2 == 0),
                None => true,
            })
            .filter(|id| {
                filter.statuses.is_empty()
                    || (id % 3 == 0 && filter.statuses.contains(&Status::Filled))
                    || (id % 3 == 2 && filter.statuses.contains(&Status::Cancelled))
            })
            .collect();
        let mut seen = Vec::new();
        let mut request = ListIn {
            page_size: 7,
            ..filter.clone()
        };
        loop {
            let page = reader.list(request.clone()).await.unwrap();
            assert!(page.orders.len() <= 7);
            seen.extend(page.orders.iter().map(|order| order.order_id));
            insert(next, next).await;
            next += 1;
            match page.next_page_token {
                Some(token) => request.page_token = token,
                None => break,
            }
        }
        assert_eq!(seen, expected, "{filter:?}");
    }
}

/// What a gRPC library takes by default.
const LIBRARY_BYTES: usize = 4 << 20;

#[tokio::test]
async fn a_page_of_long_orders_ends_before_a_library_refuses_its_answer() {
    let opened = Store::open_in_memory(CLIENT).await.unwrap();
    let base = opened.recovered.head_sequence;
    opened
        .store
        .transact(move |t| {
            (1..=40).try_for_each(|id| {
                let mut row = record(id, base + u64::from(id.unsigned_abs()));
                row.state.raw_state = Some("\"".repeat(200 << 10));
                t.insert_order(&row)
            })
        })
        .await
        .unwrap();
    let reader = opened.store.reader();
    let mut request = ListIn {
        page_size: 1_000,
        ..ListIn::default()
    };
    let (mut seen, mut pages) = (Vec::new(), 0);
    loop {
        let page = reader.list(request.clone()).await.unwrap();
        let bytes: usize = page
            .orders
            .iter()
            .map(|order| serde_json::to_vec(order).unwrap().len())
            .sum();
        assert!(!page.orders.is_empty() && bytes < LIBRARY_BYTES, "{bytes}");
        seen.extend(page.orders.iter().map(|order| order.order_id));
        pages += 1;
        match page.next_page_token {
            Some(token) => request.page_token = token,
            None => break,
        }
    }
    assert_eq!(seen, (1..=40).rev().collect::<Vec<_>>());
    assert!(pages > 3, "{pages}");
}

#[tokio::test]
async fn the_fills_of_an_order_are_read_in_pages_each_once() {
    let opened = Store::open_in_memory(CLIENT).await.unwrap();
    let base = opened.recovered.head_sequence;
    const FILLS: usize = 40_000;
    opened
        .store
        .transact(move |t| {
            t.insert_order(&record(1, base + 1))?;
            t.insert_order(&record(2, base + 2))?;
            for n in 0..FILLS {
                let exec_id = format!("0000e0d5.6543210f.{n:08}.01");
                t.insert_execution(&fill(1, &exec_id, "1"))?;
            }
            t.insert_execution(&fill(2, "of another order", "1"))
        })
        .await
        .unwrap();
    let reader = opened.store.reader();
    let mut request = GetIn::new(OrderKey::OrderId(1));
    let (mut seen, mut pages) = (Vec::new(), 0);
    loop {
        let page = reader.get_page(request.clone()).await.unwrap().unwrap();
        assert_eq!(page.order.order_id, 1);
        let bytes = serde_json::to_vec(&page).unwrap().len();
        assert!(!page.fills.is_empty() && bytes < LIBRARY_BYTES, "{bytes}");
        seen.extend(page.fills);
        pages += 1;
        match page.next_page_token {
            Some(token) => request.page_token = token,
            None => break,
        }
    }
    assert!(pages > 1, "one page had all");
    let whole = reader.get(OrderKey::OrderId(1)).await.unwrap().unwrap();
    assert_eq!(seen.len(), FILLS);
    assert_eq!(seen, whole.fills);

    // A smaller page where the caller asks for one; a token of another order, or a made-up one, is refused.
    let small = GetIn {
        page_size: 2,
        ..GetIn::new(OrderKey::OrderId(1))
    };
    let page = reader.get_page(small).await.unwrap().unwrap();
    assert_eq!(page.fills.len(), 2);
    let token = page.next_page_token.unwrap();
    for (order_id, token) in [(2, token.as_str()), (1, "x"), (1, "ééééééééé")] {
        let request = GetIn {
            page_token: token.to_owned(),
            ..GetIn::new(OrderKey::OrderId(order_id))
        };
        assert!(matches!(
            reader.get_page(request).await,
            Err(StoreError::Request {
                field: "page_token",
                ..
            })
        ));
    }
    let none = GetIn::new(OrderKey::OrderId(3));
    assert_eq!(reader.get_page(none).await.unwrap(), None);
}

/// A bracket of the orders 2, 3 and 5 with others around and between them.
async fn with_a_bracket() -> Reader {
    let opened = Store::open_in_memory(CLIENT).await.unwrap();
    let base = opened.recovered.head_sequence;
    opened
        .store
        .transact(move |t| {
            (1..=6).try_for_each(|id: i32| {
                let mut row = record(id, base + u64::from(id.unsigned_abs()));
                if [2, 3, 5].contains(&id) {
                    row.state.bracket_id = Some(2);
                    row.state.parent_order_id = (id != 2).then_some(2);
                    row.state.status = if id == 5 {
                        Status::Filled
                    } else {
                        Status::Submitted
                    };
                    row.state.terminal = id == 5;
                }
                t.insert_order(&row)
            })
        })
        .await
        .unwrap();
    opened.store.reader()
}

#[tokio::test]
async fn the_orders_of_a_bracket_are_listed_by_its_id() {
    let reader = with_a_bracket().await;
    let ids = async |list: ListIn| -> Vec<i32> {
        let found = reader.list(list).await.unwrap();
        found.orders.iter().map(|order| order.order_id).collect()
    };
    let of = |bracket_id| ListIn {
        bracket_id: Some(bracket_id),
        ..ListIn::default()
    };
    assert_eq!(ids(of(2)).await, [5, 3, 2]);
    assert_eq!(ids(of(3)).await, [] as [i32; 0], "an exit's id names none");
    let filled = ListIn {
        statuses: vec![Status::Filled],
        symbol: Some("AAPL".to_owned()),
        ..of(2)
    };
    assert_eq!(ids(filled).await, [5]);
    let first = ListIn {
        page_size: 2,
        ..of(2)
    };
    let page = reader.list(first.clone()).await.unwrap();
    let token = page.next_page_token.unwrap();
    let rest = |bracket_id| ListIn {
        page_token: token.clone(),
        bracket_id,
        ..first.clone()
    };
    assert_eq!(ids(rest(Some(2))).await, [2]);
    for (field, wrong) in [
        ("page_token", rest(None)),
        ("page_token", rest(Some(5))),
        ("bracket_id", of(0)),
    ] {
        let error = reader.list(wrong).await.unwrap_err();
        assert!(
            matches!(&error, StoreError::Request { field: named, .. } if *named == field),
            "{error}"
        );
    }
}

#[tokio::test]
async fn an_entry_is_read_with_its_exits_and_any_other_order_alone() {
    let reader = with_a_bracket().await;
    for (order_id, exits, family) in [
        (2, &[3, 5][..], &[2, 3, 5][..]),
        (3, &[], &[2, 3, 5]),
        (5, &[], &[2, 3, 5]),
        (4, &[], &[4]),
    ] {
        let key = OrderKey::OrderId(order_id);
        let whole = reader.get(key.clone()).await.unwrap().unwrap();
        let legs: Vec<i32> = whole.legs.iter().map(|leg| leg.order_id).collect();
        assert_eq!(legs, exits, "{order_id}");
        let page = reader.get_page(GetIn::new(key)).await.unwrap().unwrap();
        assert_eq!(page.legs, whole.legs);
        assert_eq!(reader.family(order_id).await.unwrap(), family);
    }
    assert_eq!(reader.family(9).await.unwrap(), [] as [i32; 0]);
}

#[tokio::test]
async fn a_page_token_of_another_list_is_refused() {
    let opened = Store::open_in_memory(CLIENT).await.unwrap();
    let base = opened.recovered.head_sequence;
    opened
        .store
        .transact(move |t| {
            (1..=5)
                .try_for_each(|id| t.insert_order(&record(id, base + u64::from(id.unsigned_abs()))))
        })
        .await
        .unwrap();
    let reader = opened.store.reader();
    let page = |size: i32, token: &str, symbol: Option<&str>| {
        reader.list(ListIn {
            page_size: size,
            page_token: token.to_owned(),
            symbol: symbol.map(str::to_owned),
            ..ListIn::default()
        })
    };
    let token = page(2, "", None).await.unwrap().next_page_token.unwrap();
    assert!(page(3, &token, None).await.is_ok(), "the size may change");
    let forged = token.replacen('0', "1", 1);
    for (token, symbol) in [
        (token.as_str(), Some("AAPL")),
        (forged.as_str(), None),
        ("x", None),
        ("éééééééé", None),
    ] {
        let refused = page(2, token, symbol).await.unwrap_err();
        assert!(
            matches!(
                refused,
                StoreError::Request {
                    field: "page_token",
                    ..
                }
            ),
            "{token}: {refused}"
        );
    }
    assert!(matches!(
        page(-1, "", None).await,
        Err(StoreError::Request {
            field: "page_size",
            ..
        })
    ));
}

#[tokio::test]
async fn events_of_one_order_and_of_all_are_read_after_a_sequence() {
    let opened = Store::open_in_memory(CLIENT).await.unwrap();
    let base = opened.recovered.head_sequence;
    opened
        .store
        .transact(move |t| {
            (1..=20_u64).try_for_each(|n| {
                t.append_event(&StoredEvent {
                    sequence: base + n,
                    order_id: i32::try_from(n % 2).unwrap(),
                    kind: EventKind::Fill(fill(
                        i32::try_from(n % 2).unwrap(),
                        &format!("e{n}"),
                        "1",
                    )),
                })
            })
        })
        .await
        .unwrap();
    let reader = opened.store.reader();
    let sequences = |events: Vec<StoredEvent>| -> Vec<u64> {
        events.iter().map(|event| event.sequence - base).collect()
    };
    let all = reader.events_after(base + 15, None, 100).await.unwrap();
    assert_eq!(sequences(all), [16, 17, 18, 19, 20]);
    let one = reader.events_after(base + 3, Some(1), 3).await.unwrap();
    assert!(one.iter().all(|event| event.order_id == 1));
    assert_eq!(sequences(one), [5, 7, 9]);
}
