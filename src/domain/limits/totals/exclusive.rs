//! Sets of orders of which only one is to fill.

use std::sync::Arc;

use super::super::super::Action;
use super::super::exposure::Instrument;
use super::super::quantity::{Cents, Shares};

/// A member of a set.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Member {
    pub(super) order_id: i32,
    account: Arc<str>,
    instrument: Instrument,
    action: Action,
    remaining: Shares,
    value: Cents,
    unpriced: i64,
}

/// What a set, or an order outside of any, adds to the totals of an account, an instrument and a side.
#[derive(Debug)]
pub(super) struct Share<'a> {
    pub(super) account: &'a Arc<str>,
    pub(super) instrument: &'a Instrument,
    pub(super) action: Action,
    pub(super) remaining: Shares,
    pub(super) value: Cents,
    pub(super) unpriced: i64,
}

impl Member {
    pub(super) fn new(order_id: i32, share: &Share<'_>) -> Self {
        let Share {
            account,
            instrument,
            action,
            remaining,
            value,
            unpriced,
        } = share;
        Self {
            order_id,
            account: Arc::clone(account),
            instrument: (*instrument).clone(),
            action: *action,
            remaining: *remaining,
            value: *value,
            unpriced: *unpriced,
        }
    }
}

/// The largest of a set, for each account, instrument and side that it has members of.
pub(super) fn largest(members: &[Member]) -> Vec<Share<'_>> {
    let mut shares: Vec<Share<'_>> = Vec::with_capacity(1);
    for member in members {
        let Member {
            order_id: _,
            account,
            instrument,
            action,
            remaining,
            value,
            unpriced,
        } = member;
        let known = shares.iter_mut().find(|share| {
            share.account == account && share.instrument == instrument && share.action == *action
        });
        match known {
            Some(share) => {
                share.remaining = share.remaining.max(*remaining);
                share.value = share.value.max(*value);
                share.unpriced = share.unpriced.max(*unpriced);
            }
            None => shares.push(Share {
                account,
                instrument,
                action: *action,
                remaining: *remaining,
                value: *value,
                unpriced: *unpriced,
            }),
        }
    }
    shares
}
