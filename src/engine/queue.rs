//! What waits for its slot on the way to TWS: cancels first, then orders, each in the order they came.

use std::collections::{BTreeMap, VecDeque};
use std::time::Duration;

/// A message that waits.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Message {
    /// cancelOrder.
    Cancel(i32),
    /// A barrier: whatever was placed before it has been read when it is answered.
    Barrier,
    /// placeOrder.
    Place(i32),
}

/// The messages that wait. Orders taken out again are skipped where they stand.
#[derive(Debug)]
pub(crate) struct SendQueue {
    /// Orders that a barrier waits for at most, while others are waiting to go.
    orders_per_request: usize,
    cancels: VecDeque<(i32, Duration)>,
    places: VecDeque<Waiting>,
    /// Orders in `places` that still are to be sent, which of their entries counts, and whether they are staged.
    waiting: BTreeMap<i32, (u64, bool)>,
    /// Staged ones among them.
    staged: usize,
    entries: u64,
    /// What was handed over since the last barrier and must be followed by one.
    unread: Unread,
    /// Orders that went since the first of those.
    since_unread: usize,
    /// Barriers under way, and what they answer for.
    asked: BTreeMap<u64, Unread>,
    tokens: u64,
    /// The batch that what is added now belongs to; 0 without a journal.
    batch: u64,
    /// Orders of batches up to this one may go.
    journaled: u64,
}

/// What a barrier answers for: TWS shows nothing of it by itself.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Unread {
    /// Staged orders.
    pub(crate) staged: Vec<i32>,
    /// Orders whose cancel TWS may leave without a word.
    pub(crate) cancelled: Vec<i32>,
}

impl Unread {
    const fn is_empty(&self) -> bool {
        self.staged.is_empty() && self.cancelled.is_empty()
    }
}

/// An order that waits.
#[derive(Debug, Clone, Copy)]
struct Waiting {
    order_id: i32,
    entry: u64,
    since: Duration,
    /// It goes once the journal has this batch.
    batch: u64,
}

impl SendQueue {
    /// Empty. Under load one barrier goes for so many orders, or they would halve what goes out.
    pub(crate) fn new(orders_per_request: usize) -> Self {
        Self {
            orders_per_request: orders_per_request.max(1),
            cancels: VecDeque::new(),
            places: VecDeque::new(),
            waiting: BTreeMap::new(),
            staged: 0,
            entries: 0,
            unread: Unread::default(),
            since_unread: 0,
            asked: BTreeMap::new(),
            tokens: 0,
            batch: 0,
            journaled: 0,
        }
    }

    /// Messages that wait.
    pub(crate) fn len(&self) -> usize {
        self.cancels.len() + self.waiting.len() + usize::from(!self.unread.is_empty())
    }

    /// Messages that go before an order that is added after `more` others, `more_staged` of them staged.
    pub(crate) fn ahead(&self, more: usize, more_staged: usize) -> usize {
        let orders = self.waiting.len() + more;
        let requests = (orders / self.orders_per_request).min(self.staged + more_staged);
        self.len() + more + requests
    }

    /// Adds an order at the end.
    pub(crate) fn push_place(&mut self, order_id: i32, staged: bool, now: Duration) {
        self.remove_place(order_id);
        self.entries += 1;
        self.places.push_back(Waiting {
            order_id,
            entry: self.entries,
            since: now,
            batch: self.batch,
        });
        self.waiting.insert(order_id, (self.entries, staged));
        self.staged += usize::from(staged);
    }

    /// Adds a cancel, before all orders.
    pub(crate) fn push_cancel(&mut self, order_id: i32, now: Duration) {
        self.cancels.push_back((order_id, now));
    }

    /// Takes an order out again.
    pub(crate) fn remove_place(&mut self, order_id: i32) {
        if let Some((_, staged)) = self.waiting.remove(&order_id) {
            self.staged -= usize::from(staged);
        }
    }

    /// Forgets what waits for a session that is gone.
    pub(crate) fn clear(&mut self) {
        let Self {
            orders_per_request: _,
            cancels,
            places,
            waiting,
            staged,
            entries: _,
            unread,
            since_unread: _,
            asked,
            tokens: _,
            batch: _,
            journaled: _,
        } = self;
        cancels.clear();
        places.clear();
        waiting.clear();
        *staged = 0;
        *unread = Unread::default();
        asked.clear();
    }

    /// Takes the message that goes next, and since when it waited. A barrier goes when no order waits, or enough have gone.
    pub(crate) fn pop(&mut self) -> Option<(Message, Option<Duration>)> {
        if let Some((order_id, since)) = self.cancels.pop_front() {
            return Some((Message::Cancel(order_id), Some(since)));
        }
        while let Some(next) = self.places.front().copied() {
            let Waiting {
                order_id,
                entry,
                since,
                batch,
            } = next;
            let counts = self.waiting.get(&order_id);
            if counts.is_none_or(|(counting, _)| *counting != entry) {
                self.places.pop_front();
            } else if batch > self.journaled {
                break;
            } else if self.unread.is_empty() || self.since_unread < self.orders_per_request {
                self.places.pop_front();
                self.remove_place(order_id);
                self.since_unread += 1;
                return Some((Message::Place(order_id), Some(since)));
            } else {
                break;
            }
        }
        (!self.unread.is_empty()).then_some((Message::Barrier, None))
    }

    /// What is added from now on belongs to this batch.
    pub(crate) const fn begin_batch(&mut self, batch: u64) {
        self.batch = batch;
    }

    /// The journal has every batch up to this one.
    pub(crate) const fn journaled(&mut self, batch: u64) {
        self.journaled = batch;
    }

    /// Since when the order that is next waits for the journal; `None`: it does not.
    pub(crate) fn unjournaled_since(&self) -> Option<Duration> {
        let next = self.places.iter().find(|next| {
            let counts = self.waiting.get(&next.order_id);
            counts.is_some_and(|(counting, _)| *counting == next.entry)
        })?;
        (next.batch > self.journaled).then_some(next.since)
    }

    /// Whether an order waits for the journal.
    pub(crate) fn is_unjournaled(&self, order_id: i32) -> bool {
        self.waiting.get(&order_id).is_some_and(|(counting, _)| {
            let waiting = self.places.iter().find(|next| next.entry == *counting);
            waiting.is_some_and(|next| next.batch > self.journaled)
        })
    }

    /// Whether something may go as soon as it has a slot.
    pub(crate) fn has_next(&self) -> bool {
        self.len() > 0
            && (!self.cancels.is_empty()
                || !self.unread.is_empty()
                || self.unjournaled_since().is_none())
    }

    /// A staged order was handed over: a barrier must follow.
    pub(crate) fn staged_handed(&mut self, order_id: i32) {
        if self.unread.is_empty() {
            self.since_unread = 1;
        }
        self.unread.staged.push(order_id);
    }

    /// The cancel of an order that TWS shows nothing of was handed over: a barrier must follow.
    pub(crate) fn cancel_handed(&mut self, order_id: i32) {
        if self.unread.is_empty() {
            self.since_unread = 0;
        }
        self.unread.cancelled.push(order_id);
    }

    /// The token of a barrier for everything handed over so far.
    pub(crate) fn ask(&mut self) -> u64 {
        self.tokens += 1;
        self.asked
            .insert(self.tokens, std::mem::take(&mut self.unread));
        self.tokens
    }

    /// What an answered barrier stands for.
    pub(crate) fn asked(&self, token: u64) -> Option<&Unread> {
        self.asked.get(&token)
    }

    /// Takes the cancel that goes next.
    pub(crate) fn pop_cancel(&mut self) -> Option<(i32, Duration)> {
        self.cancels.pop_front()
    }

    /// A barrier was answered.
    pub(crate) fn answered(&mut self, token: u64) {
        // Answers come in order: an earlier request without one never gets one.
        self.asked = self.asked.split_off(&(token + 1));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: Duration = Duration::ZERO;

    fn pop(queue: &mut SendQueue) -> Option<Message> {
        queue.pop().map(|(message, _)| message)
    }

    #[test]
    fn cancels_go_first_and_removed_orders_do_not_go() {
        let mut queue = SendQueue::new(8);
        for order_id in [1, 2, 3] {
            queue.push_place(order_id, false, NOW);
        }
        queue.push_cancel(9, NOW);
        queue.remove_place(2);
        assert_eq!(queue.len(), 3);
        let gone: Vec<_> = std::iter::from_fn(|| pop(&mut queue)).collect();
        assert_eq!(
            gone,
            [Message::Cancel(9), Message::Place(1), Message::Place(3)]
        );
        assert_eq!(queue.len(), 0);
    }

    #[test]
    fn an_order_goes_once_the_journal_has_its_batch_and_cancels_do_not_wait() {
        let mut queue = SendQueue::new(8);
        queue.begin_batch(1);
        queue.push_place(1, false, NOW);
        queue.begin_batch(2);
        queue.push_place(2, false, NOW);
        queue.push_cancel(9, NOW);
        assert_eq!(pop(&mut queue), Some(Message::Cancel(9)));
        assert!(!queue.has_next() && queue.is_unjournaled(1));
        assert_eq!(
            (pop(&mut queue), queue.unjournaled_since()),
            (None, Some(NOW))
        );
        queue.journaled(1);
        assert!(queue.has_next() && !queue.is_unjournaled(1));
        assert_eq!(pop(&mut queue), Some(Message::Place(1)));
        assert_eq!(pop(&mut queue), None);
        queue.journaled(2);
        assert_eq!(pop(&mut queue), Some(Message::Place(2)));
        assert!(!queue.has_next());
    }

    #[test]
    fn an_order_taken_out_and_put_back_goes_once_at_its_new_place() {
        let mut queue = SendQueue::new(8);
        queue.push_place(1, false, NOW);
        queue.push_place(2, false, NOW);
        queue.remove_place(1);
        queue.push_place(1, false, NOW);
        let gone: Vec<_> = std::iter::from_fn(|| pop(&mut queue)).collect();
        assert_eq!(gone, [Message::Place(2), Message::Place(1)]);
    }

    #[test]
    fn one_time_request_answers_for_all_staged_orders_before_it() {
        let mut queue = SendQueue::new(8);
        queue.push_place(1, true, NOW);
        queue.push_place(2, true, NOW);
        for expected in [1, 2] {
            assert_eq!(pop(&mut queue), Some(Message::Place(expected)));
            queue.staged_handed(expected);
        }
        assert_eq!(pop(&mut queue), Some(Message::Barrier));
        let token = queue.ask();
        assert_eq!(pop(&mut queue), None);
        assert_eq!(queue.asked(token).unwrap().staged, [1, 2]);
        queue.answered(token);
        assert_eq!(queue.asked(token), None);
    }

    #[test]
    fn a_barrier_follows_a_cancel_that_tws_may_leave_without_a_word() {
        let mut queue = SendQueue::new(8);
        queue.push_place(2, false, NOW);
        queue.push_cancel(1, NOW);
        assert_eq!(pop(&mut queue), Some(Message::Cancel(1)));
        queue.cancel_handed(1);
        assert_eq!(queue.len(), 2);
        assert_eq!(pop(&mut queue), Some(Message::Place(2)));
        assert_eq!(pop(&mut queue), Some(Message::Barrier));
        let token = queue.ask();
        assert_eq!(queue.asked(token).unwrap().cancelled, [1]);
        assert_eq!((pop(&mut queue), queue.len()), (None, 0));
    }

    #[test]
    fn under_load_a_time_request_goes_for_every_few_orders_and_is_reckoned_with() {
        let mut queue = SendQueue::new(3);
        for order_id in 1..=7 {
            queue.push_place(order_id, order_id % 2 == 1, NOW);
        }
        assert_eq!(queue.ahead(0, 0), 9);
        let mut gone = Vec::new();
        while let Some(message) = pop(&mut queue) {
            match message {
                Message::Place(order_id) if order_id % 2 == 1 => queue.staged_handed(order_id),
                Message::Barrier => drop(queue.ask()),
                Message::Place(_) | Message::Cancel(_) => {}
            }
            gone.push(message);
        }
        let requests: Vec<_> = (0..gone.len())
            .filter(|at| gone[*at] == Message::Barrier)
            .collect();
        assert_eq!(requests, [3, 8]);
        assert_eq!(queue.ahead(2, 2), 2);
    }
}
