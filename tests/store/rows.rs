//! What is stored comes back, and is found by each of its names.

use std::collections::BTreeSet;

use ibkr_orders::domain::{EventKind, OrderKey, OrderState, Pricing, Status};
use ibkr_orders::store::{Store, StoreError};
use tokio_rusqlite::rusqlite::Connection;

use crate::orders::{amount, fill, order_event, placing, record, record_full};
use crate::place::place;
use crate::stores::{CLIENT, open};

#[tokio::test]
async fn every_column_comes_back_as_it_was_stored() {
    let (_directory, path) = place();
    let opened = open(&path).await;
    let full = record_full(3, opened.recovered.head_sequence + 1);
    let bare = record(4, opened.recovered.head_sequence + 2);
    let execution = fill(3, "0001.01", "33");
    let stored = (full.clone(), bare.clone(), execution.clone());
    opened
        .store
        .transact(move |t| {
            t.insert_instruction(&placing(&stored.0))?;
            t.insert_order(&stored.0)?;
            t.insert_order(&stored.1)?;
            t.insert_execution(&stored.2)?;
            t.append_event(&order_event(&stored.0))?;
            t.append_event(&order_event(&stored.1))?;
            t.pin_accounts(&["DU1".to_owned(), "DU2".to_owned()])
        })
        .await
        .unwrap();
    let events = opened
        .store
        .reader()
        .events_after(opened.recovered.head_sequence, None, 10)
        .await
        .unwrap();
    assert_eq!(events, vec![order_event(&full), order_event(&bare)]);
    opened.store.close().await.unwrap();

    let again = open(&path).await;
    assert_eq!(again.recovered.live, vec![full.clone(), bare.clone()]);
    assert_eq!(again.recovered.fills, vec![execution.clone()]);
    assert_eq!(
        again.recovered.head_sequence,
        opened.recovered.head_sequence + 2
    );
    assert_eq!(again.recovered.highest_order_id, 4);
    assert_eq!(
        again.recovered.accounts,
        Some(vec!["DU1".to_owned(), "DU2".to_owned()])
    );
    for key in [
        OrderKey::OrderId(3),
        OrderKey::RequestId(full.state.request_id.clone()),
    ] {
        let detail = again.store.reader().get(key).await.unwrap().unwrap();
        assert_eq!(detail.order, full.state);
        assert_eq!(detail.fills, vec![execution.clone()]);
    }
    assert_eq!(
        again.store.reader().get(OrderKey::OrderId(5)).await,
        Ok(None)
    );
}

#[tokio::test]
async fn the_table_has_every_column_of_an_order_state_under_its_own_name() {
    let (_directory, path) = place();
    let opened = open(&path).await;
    let connection = Connection::open(&path).unwrap();
    let columns: BTreeSet<String> = connection
        .prepare("SELECT name FROM pragma_table_info('orders')")
        .unwrap()
        .query_map([], |row| row.get(0))
        .unwrap()
        .map(Result::unwrap)
        .collect();
    let state = serde_json::to_string(&record(1, 1).state).unwrap();
    let names = state
        .split('"')
        .skip(1)
        .step_by(2)
        .filter(|word| state.contains(&format!("\"{word}\":")))
        // Read from its instruction.
        .filter(|word| *word != "replacement")
        .map(str::to_owned);
    // And what a caller is not shown.
    let more = [
        "instruction",
        "acknowledged",
        "worked",
        "con_id",
        "released_at",
        "other_working",
    ];
    assert_eq!(
        columns,
        names
            .chain(more.map(str::to_owned))
            .collect::<BTreeSet<_>>()
    );
    opened.store.close().await.unwrap();
}

#[tokio::test]
async fn an_update_changes_what_can_change_and_nothing_else() {
    let (_directory, path) = place();
    let opened = open(&path).await;
    let first = record(3, opened.recovered.head_sequence + 1);
    let mut changed = record_full(3, opened.recovered.head_sequence + 2);
    changed.state.request_id.clone_from(&first.state.request_id);
    let rows = (first.clone(), changed.clone());
    let read = opened
        .store
        .transact(move |t| {
            t.insert_order(&rows.0)?;
            t.update_order(&rows.1)?;
            t.by_order_id(3)
        })
        .await
        .unwrap()
        .unwrap();
    let mut expected = changed.clone();
    expected.instruction = first.instruction;
    let OrderState {
        terms,
        order_ref,
        account,
        client_tag,
        created_at,
        parent_order_id,
        bracket_id,
        placed_by,
        ..
    } = first.state.clone();
    let working = changed.state.terms.working();
    expected.state = OrderState {
        terms,
        order_ref,
        account,
        client_tag,
        created_at,
        parent_order_id,
        bracket_id,
        placed_by,
        ..expected.state
    };
    expected.state.terms.set_working(working);
    assert_eq!(read, expected);
    let missing = record(9, 1);
    let refused = opened
        .store
        .transact(move |t| t.update_order(&missing))
        .await;
    assert!(
        matches!(refused, Err(StoreError::Refused(_))),
        "{refused:?}"
    );
}

#[tokio::test]
async fn orders_are_found_by_each_of_their_names() {
    let opened = Store::open_in_memory(CLIENT).await.unwrap();
    let mut one = record_full(1, opened.recovered.head_sequence + 1);
    one.state.order_ref = "shared".to_owned();
    let mut two = record_full(2, opened.recovered.head_sequence + 2);
    two.state.order_ref = "shared".to_owned();
    two.state.perm_id = Some(42);
    let rows = (one.clone(), two.clone());
    opened
        .store
        .transact(move |t| {
            for row in [&rows.0, &rows.1] {
                t.insert_instruction(&placing(row))?;
                t.insert_order(row)?;
            }
            Ok(())
        })
        .await
        .unwrap();
    let request = one.state.request_id.clone();
    let found = opened
        .store
        .transact(move |t| {
            Ok((
                t.by_request_id(&request)?,
                t.by_perm_id(42)?,
                t.by_order_ref("shared")?,
                t.by_order_ref("none")?,
            ))
        })
        .await
        .unwrap();
    assert_eq!(
        found,
        (Some(one.clone()), Some(two.clone()), vec![two, one], vec![])
    );
}

#[tokio::test]
async fn a_correction_takes_the_place_of_the_execution_it_corrects() {
    let opened = Store::open_in_memory(CLIENT).await.unwrap();
    let first = fill(1, "a.01", "10");
    let second = fill(1, "b.01", "20");
    let correction = fill(1, "a.02", "11");
    let mut paid = second.clone();
    paid.commission = Some(amount("0.35"));
    paid.currency = Some("USD".to_owned());
    let rows = (first, second, correction.clone(), paid.clone());
    let (fills, old, known, unknown) = opened
        .store
        .transact(move |t| {
            t.insert_execution(&rows.0)?;
            t.insert_execution(&rows.1)?;
            t.replace_execution("a.01", &rows.2)?;
            t.update_execution(&rows.3)?;
            let unknown = t.replace_execution("z.01", &rows.2);
            Ok((
                t.executions(1)?,
                t.execution("a.01")?,
                t.execution("a.02")?,
                unknown,
            ))
        })
        .await
        .unwrap();
    assert_eq!(fills, vec![correction.clone(), paid]);
    assert_eq!(old, None);
    assert_eq!(known, Some(correction));
    assert!(matches!(unknown, Err(StoreError::Refused(_))));
}

#[tokio::test]
async fn an_event_shows_the_terms_that_the_order_had_then() {
    let (_directory, path) = place();
    let opened = open(&path).await;
    let mut row = record(3, opened.recovered.head_sequence + 1);
    row.state.terms.pricing = Pricing::Limit {
        limit: amount("150.25"),
    };
    let mut revisions = vec![row.clone()];
    for (revision, quantity, pricing) in [
        (
            2,
            "20",
            Pricing::Limit {
                limit: amount("151"),
            },
        ),
        (3, "7", Pricing::Market),
        (4, "7", Pricing::Other),
    ] {
        row.state.terms_revision = revision;
        row.state.terms.quantity = amount(quantity);
        row.state.terms.pricing = pricing;
        row.state.sequence += 1;
        revisions.push(row.clone());
    }
    let rows = revisions.clone();
    opened
        .store
        .transact(move |t| {
            t.insert_order(&rows[0])?;
            t.append_event(&order_event(&rows[0]))?;
            // Two changes in one transaction: the row skips a revision, the events do not.
            for change in rows[..3].windows(2) {
                let before = &change[0].state;
                t.insert_terms(3, before.terms_revision, &before.terms.working())?;
                t.append_event(&order_event(&change[1]))?;
            }
            t.update_order(&rows[2])
        })
        .await
        .unwrap();
    let rows = revisions.clone();
    opened
        .store
        .transact(move |t| {
            let before = &rows[2].state;
            t.insert_terms(3, before.terms_revision, &before.terms.working())?;
            t.update_order(&rows[3])?;
            t.append_event(&order_event(&rows[3]))
        })
        .await
        .unwrap();
    let reader = opened.store.reader();
    let shown: Vec<_> = reader
        .events_after(opened.recovered.head_sequence, Some(3), 10)
        .await
        .unwrap()
        .into_iter()
        .map(|event| match event.kind {
            EventKind::Order(state) => state,
            EventKind::Fill(fill) => panic!("{fill:?}"),
        })
        .collect();
    let expected: Vec<_> = revisions.iter().map(|row| row.state.clone()).collect();
    assert_eq!(shown, expected);
    let now = reader.get(OrderKey::OrderId(3)).await.unwrap().unwrap();
    assert_eq!(now.order, expected[3]);
    let twice = opened
        .store
        .transact(move |t| t.insert_terms(3, 1, &revisions[0].state.terms.working()))
        .await;
    assert!(matches!(twice, Err(StoreError::Refused(_))), "{twice:?}");
}

#[tokio::test]
async fn a_start_finds_what_may_still_work_and_nothing_else() {
    let (_directory, path) = place();
    let opened = open(&path).await;
    let with = |order_id: i32, status: Status, other_working: Vec<i64>| {
        let mut row = record(
            order_id,
            opened.recovered.head_sequence + u64::try_from(order_id).unwrap(),
        );
        row.state.status = status;
        row.state.terminal = status.is_terminal();
        row.state.other_perm_ids.clone_from(&other_working);
        row.other_working = other_working;
        row
    };
    let held = {
        let mut row = with(4, Status::Inactive, vec![]);
        row.state.terminal = false;
        row.state.why_held = Some("locate".to_owned());
        row
    };
    let rows = [
        with(1, Status::Submitted, vec![]),
        with(2, Status::Cancelled, vec![]),
        with(3, Status::Inactive, vec![]),
        held,
        with(5, Status::Cancelled, vec![77]),
        with(6, Status::Inactive, vec![78]),
        with(7, Status::Filled, vec![]),
    ];
    let fills: Vec<_> = rows
        .iter()
        .map(|row| {
            fill(
                row.state.order_id,
                &format!("{}.01", row.state.order_id),
                "1",
            )
        })
        .collect();
    opened
        .store
        .transact(move |t| {
            rows.iter().try_for_each(|row| t.insert_order(row))?;
            fills.iter().try_for_each(|fill| t.insert_execution(fill))
        })
        .await
        .unwrap();
    opened.store.close().await.unwrap();
    let again = open(&path).await;
    let ids: Vec<_> = again
        .recovered
        .live
        .iter()
        .map(|row| row.state.order_id)
        .collect();
    assert_eq!(ids, [1, 3, 4, 5, 6]);
    let filled: Vec<_> = again
        .recovered
        .fills
        .iter()
        .map(|fill| fill.order_id)
        .collect();
    assert_eq!(filled, ids);
}
