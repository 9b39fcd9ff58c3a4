//! Which orders are left alone when everything is stopped.

use super::super::*;
use super::scene::*;
use crate::domain::Action::{self, Buy, Sell};

fn order(order_id: i32, action: Action, remaining: &str, class: ExitClass) -> OpenOrder {
    OpenOrder {
        order_id,
        account: ACCOUNT.into(),
        instrument: aapl(),
        action,
        remaining: shares(remaining),
        class,
        exclusive: None,
    }
}

fn held(quantity: &str) -> Positions {
    let mut scene = Scene::default();
    scene.position(ACCOUNT, quantity, None);
    scene.positions
}

fn found(orders: &[OpenOrder], positions: &Positions) -> Vec<(i32, String)> {
    let exits = exits(orders, positions);
    exits
        .iter()
        .map(|exit| (exit.order_id, exit.beyond.to_string()))
        .collect()
}

fn kept(expected: &[(i32, &str)]) -> Vec<(i32, String)> {
    expected
        .iter()
        .map(|(id, beyond)| (*id, (*beyond).to_owned()))
        .collect()
}

#[test]
fn stops_come_first_then_active_children_then_the_rest_until_the_position_is_covered() {
    let orders = [
        order(1, Sell, "50", ExitClass::Other),
        order(2, Sell, "40", ExitClass::ActiveChild),
        order(3, Sell, "50", ExitClass::Stop),
        order(4, Sell, "50", ExitClass::Other),
        order(5, Buy, "10", ExitClass::Stop),
        order(6, Sell, "99", ExitClass::HeldChild),
    ];
    assert_eq!(
        found(&orders, &held("100")),
        kept(&[(1, "40"), (2, "0"), (3, "0")])
    );
    assert_eq!(found(&orders, &held("90")), kept(&[(2, "0"), (3, "0")]));
    assert_eq!(found(&orders, &held("-10")), kept(&[(5, "0")]));
    assert_eq!(found(&orders, &held("0")), kept(&[]));
}

#[test]
fn a_stop_that_goes_beyond_its_position_is_left_and_what_is_beyond_is_said() {
    let orders = [
        order(1, Sell, "100", ExitClass::Stop),
        order(2, Sell, "1", ExitClass::Stop),
    ];
    assert_eq!(found(&orders, &held("60")), kept(&[(1, "40")]));
}

#[test]
fn members_of_a_set_of_which_only_one_fills_cover_the_same_shares() {
    let mut orders = [
        order(1, Sell, "60", ExitClass::ActiveChild),
        order(2, Sell, "60", ExitClass::ActiveChild),
        order(3, Sell, "10", ExitClass::Other),
    ];
    for order in &mut orders[..2] {
        order.exclusive = Some(ExclusiveSet::Children(9));
    }
    assert_eq!(found(&orders, &held("60")), kept(&[(1, "0"), (2, "0")]));
    assert_eq!(
        found(&orders, &held("70")),
        kept(&[(1, "0"), (2, "0"), (3, "0")])
    );
}

#[test]
fn while_positions_are_not_known_every_stop_and_active_child_is_left() {
    let orders = [
        order(1, Sell, "1", ExitClass::Other),
        order(2, Sell, "1", ExitClass::ActiveChild),
        order(3, Buy, "1", ExitClass::Stop),
        order(4, Sell, "1", ExitClass::HeldChild),
    ];
    assert_eq!(
        found(&orders, &Positions::default()),
        kept(&[(3, "0"), (2, "0")])
    );
    let mut stale = held("0");
    stale.set_stale();
    assert_eq!(found(&orders, &stale), kept(&[(3, "0"), (2, "0")]));
}
