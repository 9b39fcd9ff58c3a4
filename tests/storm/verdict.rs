//! The comparison of what TWS, the store, the clients and the watcher know in the end.

use std::collections::{BTreeMap, HashMap};
use std::sync::atomic::Ordering;

use ibkr_orders::domain::{EventKind, OrderState, Status};
use ibkr_orders::simulator::{Control, OrderView};
use ibkr_orders::store::Reader;

use crate::clients::Told;

/// Whether no order can change any more: TWS has ended all that were transmitted, as it does with market orders at once and with the
/// others when they are cancelled, and the store knows it. What is left is staged in TWS or never came there.
pub(crate) fn all_has_ended(unfinished: &[OrderState], in_tws: &[OrderView]) -> bool {
    let in_tws: HashMap<i32, &OrderView> =
        in_tws.iter().map(|order| (order.order_id, order)).collect();
    unfinished
        .iter()
        .all(|state| match in_tws.get(&state.order_id) {
            Some(order) => {
                !order.transmitted && !state.cancel_requested && state.status != Status::Submitting
            }
            None => state.status == Status::Unconfirmed,
        })
}

/// The numbers, and what must hold. The watcher had seen `head` when it was ended; what came later, a commission for example, it may
/// have missed.
pub(crate) async fn judge(
    kills: u64,
    head: u64,
    reader: &Reader,
    tws: &Control,
    told: &Told,
    seen: &[u64],
) {
    let mut stored: BTreeMap<i32, OrderState> = BTreeMap::new();
    let first_seen = seen.first().copied().unwrap_or(head);
    let last_seen = seen.last().copied().unwrap_or(head).max(head);
    let (mut cursor, mut sequences, mut gaps) = (0, 0, 0);
    let end = reader.head_sequence().await.unwrap();
    while cursor < end {
        for event in reader.events_after(cursor, None, 10_000).await.unwrap() {
            assert!(event.sequence > cursor, "a sequence twice in the store");
            gaps += u64::from(cursor != 0 && event.sequence > cursor + 1);
            cursor = event.sequence;
            if (first_seen..=last_seen).contains(&cursor) {
                assert_eq!(
                    seen.get(sequences),
                    Some(&cursor),
                    "the watcher missed, doubled or reordered an event"
                );
                sequences += 1;
            }
            if let EventKind::Order(state) = event.kind {
                stored.insert(state.order_id, state);
            }
        }
    }
    assert_eq!(seen.len(), sequences);
    // Each start begins a new epoch of sequences.
    assert!(gaps <= kills, "{gaps} gaps after {kills} kills");
    let (in_tws, messages) = tws
        .inspect(|view| {
            let orders = view.orders();
            let messages: HashMap<i32, u32> = orders
                .iter()
                .map(|order| (order.order_id, view.place_messages(order.order_id)))
                .collect();
            (orders, messages)
        })
        .await
        .unwrap();

    let mut by_ref: HashMap<&str, usize> = HashMap::new();
    for order in &in_tws {
        *by_ref.entry(&order.order_ref).or_default() += 1;
    }
    let mut doubled = by_ref.values().filter(|count| **count > 1).count();
    let answers = told.orders.lock().unwrap().clone();
    let mut lost = 0;
    for (request_id, (order_id, _)) in &answers {
        let known = stored
            .get(order_id)
            .is_some_and(|state| state.request_id == *request_id);
        lost += usize::from(!known);
    }
    let (mut wrong, mut unseen) = (Vec::new(), 0);
    for order in &in_tws {
        let Some(state) = stored.get(&order.order_id) else {
            lost += 1;
            continue;
        };
        let released = answers
            .get(&state.request_id)
            .is_some_and(|(_, released)| *released);
        doubled += usize::from(messages[&order.order_id] > 1 + u32::from(released));
        let same = state.order_ref == order.order_ref
            && state.filled.value() == order.filled
            && state.terminal == order.over
            && !matches!(state.status, Status::Unconfirmed | Status::Rejected);
        // A staged order that was read just before a kill cannot be seen again: nobody can tell.
        let hidden = !order.transmitted && state.status == Status::Unconfirmed;
        unseen += usize::from(hidden);
        if !same && !hidden {
            wrong.push(format!("{order:?} is {state:?}"));
        }
    }
    let of = |status: Status| {
        stored
            .values()
            .filter(|state| state.status == status)
            .count()
    };
    println!(
        "storm: kills {kills}, attempts {}, answered {}, replayed {}, cancels {}, stored {}, in TWS {}, filled {}, cancelled {}, unconfirmed {} ({unseen} of them staged in TWS), \
         not sent {}, \
         events {sequences}, lost {lost}, doubled {doubled}, wrong {}",
        told.attempts.load(Ordering::Relaxed),
        answers.len(),
        told.replayed.load(Ordering::Relaxed),
        told.cancels.load(Ordering::Relaxed),
        stored.len(),
        in_tws.len(),
        of(Status::Filled),
        of(Status::Cancelled),
        of(Status::Unconfirmed),
        of(Status::Rejected),
        wrong.len(),
    );
    assert!(wrong.is_empty(), "{wrong:#?}");
    assert_eq!((lost, doubled), (0, 0));
    assert!(
        in_tws.len() as u64 > kills,
        "too little was placed to prove anything"
    );
}
