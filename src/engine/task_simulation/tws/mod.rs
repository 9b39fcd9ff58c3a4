//! A model of TWS and of the adapter before it, as the notes on TWS describe them: what it holds, what it says, and how links lose both.
//!
//! It is the truth of a simulation: what the gateway shows in the end is compared with it.

mod held;
mod link;
mod orders;
mod reports;

use std::collections::{BTreeMap, VecDeque};

pub(super) use held::{Held, Life, whole};

use crate::domain::OrderTicket;
use crate::engine::sim_support::Random;
use crate::tws::TwsEvent;

const ACCOUNT: &str = "DU1234567";

/// What may go wrong in a run.
#[derive(Debug, Clone)]
pub(super) struct FaultProfile {
    /// Of a hundred reports, so many are lost without a word.
    pub(super) lost: u64,
    /// So many come twice.
    pub(super) doubled: u64,
    /// So many change places with a later one.
    pub(super) shuffled: u64,
    /// Executions are corrected downwards now and then.
    pub(super) corrections: bool,
    /// Of a hundred messages, so many tear the link.
    pub(super) torn: u64,
    /// The executions query answers with commissions.
    pub(super) commissions_again: bool,
}

/// A request on its way to TWS.
#[derive(Debug, Clone)]
pub(super) enum Frame {
    Place(OrderTicket),
    Cancel(i32),
    Barrier(u64),
    /// A query of the reconcile with this token: 0 open orders, 1 completed orders, 2 executions.
    Query(u64, u8),
}

/// TWS, the adapter, and the link between them.
#[derive(Debug)]
pub(super) struct Tws {
    random: Random,
    pub(super) weather: FaultProfile,
    pub(super) orders: BTreeMap<i32, Held>,
    /// placeOrder frames that left for an id: held back, and transmitted.
    frames: BTreeMap<i32, (u32, u32)>,
    next_valid_id: i32,
    counter: u64,
    pub(super) ib_connected: bool,
    sessions: u64,
    pub(super) session: Option<u64>,
    /// Written by the adapter, not yet read by TWS.
    to_tws: VecDeque<Frame>,
    /// Told by adapter and TWS, not yet taken by the engine.
    to_engine: VecDeque<TwsEvent>,
    /// What must never happen and did.
    pub(super) violations: Vec<String>,
}

impl Tws {
    pub(super) fn new(seed: u64, weather: FaultProfile) -> Self {
        Self {
            random: Random::new(seed),
            weather,
            orders: BTreeMap::new(),
            frames: BTreeMap::new(),
            next_valid_id: 1,
            counter: 0,
            ib_connected: true,
            sessions: 0,
            session: None,
            to_tws: VecDeque::new(),
            to_engine: VecDeque::new(),
            violations: Vec::new(),
        }
    }

    /// TWS reads one request.
    pub(super) fn read(&mut self) {
        match self.to_tws.pop_front() {
            None => {}
            Some(Frame::Place(ticket)) => self.place(ticket),
            Some(Frame::Cancel(order_id)) => self.cancel(order_id),
            Some(Frame::Barrier(token)) => {
                let session = self.session.unwrap_or_default();
                self.to_engine.push_back(TwsEvent::BarrierAnswered {
                    session,
                    token,
                    next_valid_id: None,
                });
            }
            Some(Frame::Query(token, stage)) => self.query(token, stage),
        }
    }

    /// TWS itself is restarted: orders held back are gone, and ids may come again.
    pub(super) fn restart(&mut self) {
        self.drop_link("TWS was restarted");
        self.ib_connected = true;
        for order in self.orders.values_mut() {
            if order.life == Life::Staged {
                order.life = Life::Forgotten;
            }
            order.pending = false;
        }
        let back = self.random.below(6) as i32;
        self.next_valid_id = (self.next_valid_id - back).max(1);
    }
}
