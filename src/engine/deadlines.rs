//! When callers have waited long enough.

use std::cmp::Reverse;
use std::collections::{BinaryHeap, HashSet};
use std::time::Duration;

/// Deadlines that are kept whether or not somebody still waits for them.
const SWEPT_AT_MIN: usize = 4_096;

/// The ends of the callers' time, earliest first.
#[derive(Debug, Default)]
pub(crate) struct Deadlines {
    /// When, who, and for which order; 0: for a session.
    heap: BinaryHeap<Reverse<(Duration, u64, i32)>>,
    /// How many there were after the last sweep.
    kept: usize,
}

impl Deadlines {
    /// Takes one in.
    pub(crate) fn push(&mut self, at: Duration, waiter: u64, order_id: i32) {
        self.heap.push(Reverse((at, waiter, order_id)));
    }

    /// Takes the next one that is over by now: who, and for which order.
    pub(crate) fn pop_due(&mut self, now: Duration) -> Option<(u64, i32)> {
        if self.next()? > now {
            return None;
        }
        let Reverse((_, waiter, order_id)) = self.heap.pop()?;
        Some((waiter, order_id))
    }

    /// The earliest.
    pub(crate) fn next(&self) -> Option<Duration> {
        self.heap.peek().map(|Reverse((at, _, _))| *at)
    }

    /// How many there are.
    #[cfg(test)]
    pub(crate) fn len(&self) -> usize {
        self.heap.len()
    }

    /// Whether there are so many that those of nobody are to be thrown away. At twice as many as were left the last time, so that a sweep
    /// costs each of them little.
    pub(crate) fn is_sweep_due(&self) -> bool {
        self.heap.len() > (2 * self.kept).max(SWEPT_AT_MIN)
    }

    /// Throws away those of callers who do not wait any more: one that was answered at once may have been given a day.
    pub(crate) fn sweep(&mut self, waiting: &HashSet<u64>) {
        self.heap
            .retain(|Reverse((_, waiter, _))| waiting.contains(waiter));
        self.kept = self.heap.len();
    }
}
