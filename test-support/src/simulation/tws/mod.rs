//! A model of TWS and of the adapter before it, as the notes on TWS describe them: what it holds, what it says, and how links lose both.
//!
//! It is the truth of a simulation: what the gateway shows is compared with it.

mod changes;
mod family;
mod hand;
mod held;
mod link;
mod market;
mod orders;
mod previews;
mod queries;
mod reports;

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use ibkr_orders::domain::{OrderTicket, TimeInForce};
use ibkr_orders::tws::TwsEvent;

use super::switches::{FaultProfile, Switches};
use crate::random::Random;
pub(super) use held::{Held, Life, Terms, whole};
use queries::Query;

/// A request on its way to TWS.
#[derive(Debug, Clone)]
enum Frame {
    Place(OrderTicket),
    Cancel(i32),
    Preview(OrderTicket),
    Barrier(u64),
    Query(Query),
}

/// placeOrder frames that left for an id.
#[derive(Debug, Clone, Copy, Default)]
struct Frames {
    held_back: u32,
    transmitted: u32,
}

/// TWS, the adapter, and the link between them.
#[derive(Debug)]
pub(super) struct Tws {
    random: Random,
    pub(super) faults: FaultProfile,
    pub(super) switches: Switches,
    pub(super) orders: BTreeMap<i32, Held>,
    /// The most that ever filled of an order by anything that was told.
    pub(super) evidence: BTreeMap<i32, i64>,
    /// Orders whose exits are on their way.
    pub(super) entries: BTreeSet<i32>,
    /// Ids that were spent on a preview.
    pub(super) previews: BTreeSet<i32>,
    /// Orders of our client id that nobody here placed.
    strays: BTreeMap<i32, i64>,
    frames: BTreeMap<i32, Frames>,
    /// Orders about which the gateway heard an error.
    pub(super) refused_aloud: BTreeSet<i32>,
    next_valid_id: i32,
    /// The highest id that this run of TWS has seen.
    highest_id: i32,
    /// The highest id under which the gateway sent an order to this run of TWS.
    highest_sent: i32,
    /// The highest id that any run of it has seen.
    highest_ever: i32,
    counter: u64,
    day: u32,
    pub(super) ib_connected: bool,
    sessions: u64,
    /// What is told at once behind the login.
    pub(super) told_at_login: usize,
    pub(super) session: Option<u64>,
    /// How often in this session each query was left without its end.
    endless: [u32; 3],
    /// Written by the adapter, not yet read by TWS.
    to_tws: VecDeque<Frame>,
    /// Told by adapter and TWS, not yet taken by the engine.
    to_engine: VecDeque<TwsEvent>,
    /// What must never happen and did.
    pub(super) violations: Vec<String>,
}

impl Tws {
    pub(super) fn new(mut random: Random, faults: FaultProfile, switches: Switches) -> Self {
        let next_valid_id = 1 + i32::try_from(random.below(50)).unwrap();
        Self {
            random,
            faults,
            switches,
            orders: BTreeMap::new(),
            evidence: BTreeMap::new(),
            entries: BTreeSet::new(),
            previews: BTreeSet::new(),
            strays: BTreeMap::new(),
            frames: BTreeMap::new(),
            refused_aloud: BTreeSet::new(),
            next_valid_id,
            highest_id: 0,
            highest_sent: 0,
            highest_ever: 0,
            counter: 0,
            day: 0,
            ib_connected: true,
            sessions: 0,
            told_at_login: 0,
            session: None,
            endless: [0; 3],
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
            Some(Frame::Preview(ticket)) => self.preview(&ticket),
            Some(Frame::Barrier(token)) => self.answer_barrier(token),
            Some(Frame::Query(query)) => self.query(query),
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
        if self.switches.ids_rolled_back {
            let back = i32::try_from(self.random.below(6)).unwrap();
            // Below an order that nobody here knows only where its row at the login cannot get lost.
            let strays = self.strays.keys().next_back().copied();
            let lowest = strays
                .filter(|_| self.faults.lost > 0)
                .map_or(1, |id| id + 1);
            self.next_valid_id = (self.next_valid_id - back).max(lowest);
        }
        self.highest_id = self.next_valid_id - 1;
        self.highest_sent = 0;
    }

    /// Days later: TWS has been restarted, DAY orders have expired, and rows of ended orders are gone.
    pub(super) fn days_later(&mut self) {
        self.restart();
        self.day += 1;
        let mut expired = Vec::new();
        for (order_id, order) in &mut self.orders {
            let day_order = order.ticket.terms.tif == TimeInForce::Day;
            if order.life == Life::Working && day_order {
                order.life = Life::Expired;
                expired.push(*order_id);
            }
            if let Some(second) = &mut order.second {
                second.works = false;
            }
        }
        for order_id in expired {
            self.ended(order_id);
        }
    }

    /// The next of the permanent ids, execution ids and the like.
    fn next(&mut self) -> u64 {
        self.counter += 1;
        self.counter
    }

    /// So much of an order filled, by something that was told.
    fn count(&mut self, order_id: i32, shares: i64) {
        let known = self.evidence.entry(order_id).or_default();
        *known = (*known).max(shares);
    }

    pub(super) fn alive(&self) -> Vec<i32> {
        self.orders
            .iter()
            .filter(|(_, order)| order.life == Life::Working)
            .map(|(order_id, _)| *order_id)
            .collect()
    }

    fn set(&mut self, order_id: i32, life: Life) {
        let day = self.day;
        if let Some(order) = self.orders.get_mut(&order_id) {
            order.life = life;
            order.located = false;
            if order.ends() {
                order.ended_on = Some(day);
                // Whoever asks is shown what it was at its end.
                order.shown_later = None;
            }
        }
    }

    /// Rows of an order that ended on an earlier day are no longer shown.
    pub(super) fn is_row_gone(&self, order: &Held) -> bool {
        order.life == Life::Expired || order.ended_on.is_some_and(|day| day < self.day)
    }

    fn break_rule(&mut self, what: String) {
        self.violations.push(what);
    }
}
