//! What waits for its slot on the way to TWS: cancels first, then orders, each in the order they came.

use std::collections::{BTreeMap, VecDeque};
use std::time::Duration;

/// A message that waits.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Message {
    /// cancelOrder.
    Cancel(i32),
    /// A time request: whatever was placed before it has been read when it is answered.
    AskTime,
    /// placeOrder.
    Place(i32),
}

/// The messages that wait. Orders taken out again are skipped where they stand.
#[derive(Debug, Default)]
pub(crate) struct SendQueue {
    cancels: VecDeque<(i32, Duration)>,
    places: VecDeque<Waiting>,
    /// Orders in `places` that still are to be sent, and which of their entries counts.
    waiting: BTreeMap<i32, u64>,
    entries: u64,
    /// Staged orders handed over since the last time request.
    unread: Vec<i32>,
    /// Time requests under way, and the staged orders they answer for.
    asked: BTreeMap<u64, Vec<i32>>,
    tokens: u64,
}

/// An order that waits.
#[derive(Debug, Clone, Copy)]
struct Waiting {
    order_id: i32,
    entry: u64,
    since: Duration,
}

impl SendQueue {
    /// Messages that wait.
    pub(crate) fn len(&self) -> usize {
        self.cancels.len() + self.waiting.len() + usize::from(!self.unread.is_empty())
    }

    /// Adds an order at the end.
    pub(crate) fn push_place(&mut self, order_id: i32, now: Duration) {
        self.entries += 1;
        self.places.push_back(Waiting {
            order_id,
            entry: self.entries,
            since: now,
        });
        self.waiting.insert(order_id, self.entries);
    }

    /// Adds a cancel, before all orders.
    pub(crate) fn push_cancel(&mut self, order_id: i32, now: Duration) {
        self.cancels.push_back((order_id, now));
    }

    /// Takes an order out again.
    pub(crate) fn remove_place(&mut self, order_id: i32) {
        self.waiting.remove(&order_id);
    }

    /// Forgets what waits for a session that is gone.
    pub(crate) fn clear(&mut self) {
        let Self {
            cancels,
            places,
            waiting,
            entries: _,
            unread,
            asked,
            tokens: _,
        } = self;
        cancels.clear();
        places.clear();
        waiting.clear();
        unread.clear();
        asked.clear();
    }

    /// Takes the message that goes next, and since when it waited. A time request goes as soon as no other order can go with it.
    pub(crate) fn pop(&mut self, more_slots: bool) -> Option<(Message, Option<Duration>)> {
        if let Some((order_id, since)) = self.cancels.pop_front() {
            return Some((Message::Cancel(order_id), Some(since)));
        }
        while let Some(next) = self.places.front().copied() {
            let Waiting {
                order_id,
                entry,
                since,
            } = next;
            if self.waiting.get(&order_id) != Some(&entry) {
                self.places.pop_front();
            } else if self.unread.is_empty() || more_slots {
                self.places.pop_front();
                self.waiting.remove(&order_id);
                return Some((Message::Place(order_id), Some(since)));
            } else {
                break;
            }
        }
        (!self.unread.is_empty()).then_some((Message::AskTime, None))
    }

    /// A staged order was handed over: a time request must follow.
    pub(crate) fn staged_handed(&mut self, order_id: i32) {
        self.unread.push(order_id);
    }

    /// The token of a time request for every staged order handed over so far.
    pub(crate) fn ask(&mut self) -> u64 {
        self.tokens += 1;
        self.asked
            .insert(self.tokens, std::mem::take(&mut self.unread));
        self.tokens
    }

    /// The staged orders that an answered time request stands for.
    pub(crate) fn asked(&self, token: u64) -> &[i32] {
        self.asked.get(&token).map_or(&[], Vec::as_slice)
    }

    /// A time request was answered.
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
        queue.pop(true).map(|(message, _)| message)
    }

    #[test]
    fn cancels_go_first_and_removed_orders_do_not_go() {
        let mut queue = SendQueue::default();
        for order_id in [1, 2, 3] {
            queue.push_place(order_id, NOW);
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
    fn an_order_taken_out_and_put_back_goes_once_at_its_new_place() {
        let mut queue = SendQueue::default();
        queue.push_place(1, NOW);
        queue.push_place(2, NOW);
        queue.remove_place(1);
        queue.push_place(1, NOW);
        let gone: Vec<_> = std::iter::from_fn(|| pop(&mut queue)).collect();
        assert_eq!(gone, [Message::Place(2), Message::Place(1)]);
    }

    #[test]
    fn one_time_request_answers_for_all_staged_orders_before_it() {
        let mut queue = SendQueue::default();
        queue.push_place(1, NOW);
        queue.push_place(2, NOW);
        for expected in [1, 2] {
            assert_eq!(pop(&mut queue), Some(Message::Place(expected)));
            queue.staged_handed(expected);
        }
        assert_eq!(pop(&mut queue), Some(Message::AskTime));
        let token = queue.ask();
        assert_eq!(pop(&mut queue), None);
        assert_eq!(queue.asked(token), [1, 2]);
        queue.answered(token);
        assert!(queue.asked(token).is_empty());
    }
}
