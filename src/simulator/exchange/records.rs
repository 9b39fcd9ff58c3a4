//! What outlives a restart, to the journal and back.

use std::collections::{BTreeMap, HashSet};

use super::super::book::Book;
use super::super::journal::Record;
use super::super::ledger::{Fill, Ledger};
use super::super::market::SymbolIndex;
use super::super::order::{Order, PermId, Phase};
use super::Exchange;

impl Exchange {
    pub(super) fn journal_order(&mut self, perm_id: PermId) {
        if !self.journaling {
            return;
        }
        if let Some(order) = self.book.get(perm_id)
            && order.transmit()
        {
            self.journal.push(Record::Order(Box::new(order.clone())));
        }
    }

    pub(super) fn journal_fill(&mut self, fill: &Fill) {
        if self.journaling {
            self.journal.push(Record::Fill(Box::new(fill.clone())));
        }
    }

    pub(super) fn journal_account(&mut self, name: &str) {
        if self.journaling {
            self.journal.push(Record::Account {
                name: name.to_owned(),
                account: self.ledger.account(name).clone(),
            });
        }
    }

    pub(super) fn journal_next_id(&mut self, client_id: i32, next: i32) {
        if self.journaling {
            self.journal.push(Record::NextId { client_id, next });
        }
    }

    pub(super) fn journal_walk(&mut self, symbol: SymbolIndex) {
        if self.journaling
            && let Some(instrument) = self.market.get(symbol)
        {
            self.journal.push(Record::Walk(instrument.walk()));
        }
    }

    /// Where all prices are: the timer moves them without a record for each step.
    pub(crate) fn journal_all_walks(&mut self) {
        for symbol in 0..self.market.len() {
            self.journal_walk(symbol);
        }
    }

    pub(super) fn forget_orders(&mut self) {
        self.book = Book::new(self.market.len(), self.config.history_max);
        self.ledger = self.new_ledger();
        if self.journaling {
            self.journal.push(Record::Forgotten);
        }
    }

    /// Takes up what an earlier run left. Called before anyone connects.
    pub(crate) fn restore(&mut self, records: Vec<Record>) {
        let mut orders: BTreeMap<PermId, Order> = BTreeMap::new();
        let mut fills: Vec<Fill> = Vec::new();
        for record in records {
            match record {
                Record::Order(order) => drop(orders.insert(order.perm_id, *order)),
                Record::Fill(fill) => fills.push(*fill),
                Record::NextId { client_id, next } => drop(self.next_ids.insert(client_id, next)),
                Record::Walk(walk) => self.market.restore(walk),
                Record::Account { name, account } => *self.ledger.account_mut(&name) = account,
                Record::Forgotten => {
                    orders.clear();
                    fills.clear();
                    self.ledger = self.new_ledger();
                }
            }
        }
        let mut seen = HashSet::new();
        for fill in fills {
            if seen.insert(fill.commission.exec_id.clone()) {
                self.ledger.record(fill);
            }
        }
        for (perm_id, mut order) in orders {
            // What was on its way when TWS stopped: the order had gone out, the cancel had not.
            if matches!(
                order.phase,
                Phase::Queued | Phase::Withheld | Phase::PendingCancel
            ) {
                order.set_phase(Phase::Submitted);
            }
            let waits = order.waits_for_trigger() || order.parent.is_some();
            let rests = order.phase == Phase::Submitted
                || (order.phase == Phase::PreSubmitted && waits && !order.awaits_parent);
            let symbol = self.market.by_symbol(&order.symbol);
            self.book.insert(order);
            if let (true, Some(symbol)) = (rests, symbol) {
                self.book.rest(perm_id, symbol);
            }
            self.schedule_good_till(perm_id);
        }
    }

    /// No fills, and every account as it began.
    fn new_ledger(&self) -> Ledger {
        Ledger::new(
            self.config.history_max,
            super::opening_account(&self.config),
        )
    }

    /// All there is to keep, for a file that starts anew.
    pub(crate) fn snapshot(&self) -> Vec<Record> {
        let walks = (0..self.market.len())
            .filter_map(|symbol| self.market.get(symbol))
            .map(|i| Record::Walk(i.walk()));
        let ids = self
            .next_ids
            .iter()
            .map(|(client_id, next)| Record::NextId {
                client_id: *client_id,
                next: *next,
            });
        let orders = self
            .book
            .finished()
            .chain(self.book.open())
            .filter(|order| order.transmit());
        let orders = orders.map(|order| Record::Order(Box::new(order.clone())));
        let fills = self
            .ledger
            .fills()
            .map(|fill| Record::Fill(Box::new(fill.clone())));
        let accounts = self
            .ledger
            .accounts()
            .map(|(name, account)| Record::Account {
                name: name.clone(),
                account: account.clone(),
            });
        walks
            .chain(ids)
            .chain(orders)
            .chain(fills)
            .chain(accounts)
            .collect()
    }
}
