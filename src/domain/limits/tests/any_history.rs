//! Whatever orders do, in whatever batches, the running totals are what adding everything up anew would give.

use std::collections::BTreeMap;

use proptest::prelude::*;

use super::super::*;
use super::scene::*;
use crate::domain::Action;

const ACCOUNTS: [&str; 2] = ["DU1", "DU2"];

#[derive(Debug, Clone)]
enum Move {
    Change(i32, Option<OrderExposure>),
    Commit,
    Drop,
}

fn an_exposure() -> impl Strategy<Value = OrderExposure> {
    let open = (
        1..200_i64,
        proptest::option::of(1..100_i64),
        proptest::option::of(1..6_i64),
        proptest::option::of(0..2_i32),
    )
        .prop_map(|(remaining, value, working, set)| OpenExposure {
            remaining: Shares::of(remaining.into()),
            value: value.map(|value| Cents::of(value.into())),
            working: working.map(|price| match price {
                5 => WorkingPrice::Any,
                price => WorkingPrice::Limit(price.into()),
            }),
            exclusive: set.map(ExclusiveSet::Children),
            family: set,
        });
    (
        0..2_usize,
        any::<bool>(),
        proptest::option::of(open),
        0..50_i64,
        proptest::option::of(0..3_u128),
    )
        .prop_map(
            |(account, buys, open, executed, fingerprint)| OrderExposure {
                account: ACCOUNTS[account].into(),
                instrument: aapl(),
                action: if buys { Action::Buy } else { Action::Sell },
                open,
                executed: Cents::of(executed.into()),
                likeness: fingerprint.map(|fingerprint| Likeness {
                    fingerprint,
                    placed_at: at(0),
                }),
            },
        )
}

fn a_move() -> impl Strategy<Value = Move> {
    prop_oneof![
        8 => (1..12_i32, proptest::option::weighted(0.8, an_exposure()))
            .prop_map(|(id, exposure)| Move::Change(id, exposure)),
        1 => Just(Move::Commit),
        1 => Just(Move::Drop),
    ]
}

/// What open orders are worth: of a set of which only one is to fill the most of each account and side.
fn worth(orders: &[&OrderExposure]) -> (Cents, i64) {
    let mut sets: BTreeMap<(&ExclusiveSet, &str, &str), (Cents, i64)> = BTreeMap::new();
    let (mut value, mut unpriced) = (Cents::ZERO, 0);
    for order in orders {
        let Some(open) = &order.open else { continue };
        let own = (
            open.value.unwrap_or_default(),
            i64::from(open.value.is_none()),
        );
        match &open.exclusive {
            None => {
                value += own.0;
                unpriced += own.1;
            }
            Some(set) => {
                let most = sets
                    .entry((set, &*order.account, order.action.as_str()))
                    .or_default();
                *most = (own.0.max(most.0), own.1.max(most.1));
            }
        }
    }
    for (set_value, set_unpriced) in sets.into_values() {
        value += set_value;
        unpriced += set_unpriced;
    }
    (value, unpriced)
}

/// Everything that a check reads, added up anew from the orders.
fn compare(view: View<'_>, orders: &BTreeMap<i32, OrderExposure>) {
    for scope in [
        ScopeRef::Default,
        ScopeRef::Account("DU1"),
        ScopeRef::Account("DU2"),
    ] {
        let of_scope = |order: &&OrderExposure| match scope {
            ScopeRef::Account(name) => *order.account == *name,
            ScopeRef::Default | ScopeRef::Caller(_) => true,
        };
        let mine: Vec<_> = orders.values().filter(of_scope).collect();
        let open = mine.iter().filter(|order| order.open.is_some()).count();
        assert_eq!(view.open_orders(scope), open as u64);
        let executed: Cents = mine.iter().map(|order| order.executed).sum();
        let (open, unpriced) = worth(&mine);
        let expected = Money {
            open,
            unpriced,
            executed,
        };
        assert_eq!(view.money(scope, "USD"), expected, "{scope:?}");
        for action in [Action::Buy, Action::Sell] {
            for price in (0..7)
                .map(|p| WorkingPrice::Limit(p.into()))
                .chain([WorkingPrice::Any])
            {
                let naive = orders.iter().any(|(_, order)| {
                    let working = order.open.as_ref().and_then(|open| open.working);
                    of_scope(&order)
                        && order.action != action
                        && working.is_some_and(|other| match action {
                            Action::Buy => other.as_offer() <= price.as_bid(),
                            Action::Sell => other.as_bid() >= price.as_offer(),
                        })
                });
                let found = view.would_trade_with(scope, &aapl(), action, price, Taker::default());
                assert_eq!(found.is_some(), naive, "{scope:?} {action} {price:?}");
            }
        }
    }
    for account in ACCOUNTS {
        for action in [Action::Buy, Action::Sell] {
            let mut alone = Shares::ZERO;
            let mut sets: BTreeMap<&ExclusiveSet, Shares> = BTreeMap::new();
            for order in orders.values() {
                let Some(open) = &order.open else { continue };
                if *order.account != *account || order.action != action {
                    continue;
                }
                match &open.exclusive {
                    None => alone += open.remaining,
                    Some(set) => {
                        let largest = sets.entry(set).or_default();
                        *largest = open.remaining.max(*largest);
                    }
                }
            }
            let expected = alone + sets.into_values().sum();
            let found = view.open_shares(account, &aapl());
            let found = match action {
                Action::Buy => found.buy,
                Action::Sell => found.sell,
            };
            assert_eq!(found, expected, "{account} {action}");
        }
    }
    for fingerprint in 0..3 {
        let latest = orders.iter().rev().find_map(|(id, order)| {
            let likeness = order.likeness.as_ref()?;
            (likeness.fingerprint == fingerprint).then_some((*id, likeness.placed_at))
        });
        let found = view.alike(fingerprint).map(|(_, at)| at);
        assert_eq!(found, latest.map(|(_, at)| at), "{fingerprint}");
    }
}

proptest! {
    #[test]
    fn running_totals_are_what_adding_up_anew_gives(moves in prop::collection::vec(a_move(), 1..60)) {
        let mut committed = Totals::default();
        let mut batch = Totals::default();
        let mut orders: BTreeMap<i32, OrderExposure> = BTreeMap::new();
        let mut stored = orders.clone();
        for step in moves {
            match step {
                Move::Change(id, after) => {
                    let before = orders.get(&id);
                    batch.change(Some(&committed), id, before, after.as_ref());
                    match after {
                        Some(after) => orders.insert(id, after),
                        None => orders.remove(&id),
                    };
                }
                Move::Commit => {
                    committed.absorb(std::mem::take(&mut batch));
                    stored = orders.clone();
                    compare(View::new(&committed, &batch), &orders);
                }
                Move::Drop => {
                    batch = Totals::default();
                    orders = stored.clone();
                }
            }
            compare(View::new(&committed, &batch), &orders);
        }
        // Everything ends: nothing is left over.
        for (id, order) in std::mem::take(&mut orders) {
            batch.change(Some(&committed), id, Some(&order), None);
        }
        committed.absorb(batch);
        committed.forget(at(0));
        let nothing = Totals::default();
        let view = View::new(&committed, &nothing);
        compare(view, &orders);
        prop_assert_eq!(view.money(ScopeRef::Default, "USD"), Money::default());
        prop_assert!(view.instruments().is_empty());
    }
}
