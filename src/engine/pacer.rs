//! TWS takes so many messages a second: when the next one may go.

use std::collections::VecDeque;
use std::time::Duration;

/// The window that the rate counts in.
const WINDOW: Duration = Duration::from_secs(1);
/// Messages are remembered by the millisecond, so that a high rate costs no more memory than a low one.
const GRAIN_MICROS: u128 = 1_000;

/// A sliding window of one second over the messages sent: never more than the rate in any second.
#[derive(Debug)]
pub(crate) struct Pacer {
    rate: usize,
    /// End of a millisecond and messages sent in it, oldest first.
    sent: VecDeque<(Duration, usize)>,
    total: usize,
}

impl Pacer {
    /// For so many messages a second.
    pub(crate) fn new(rate: u32) -> Self {
        Self {
            rate: usize::try_from(rate).unwrap_or(usize::MAX).max(1),
            sent: VecDeque::new(),
            total: 0,
        }
    }

    /// When a message may go that has `ahead` others before it.
    pub(crate) fn slot(&self, now: Duration, ahead: usize) -> Duration {
        let windows = u32::try_from(ahead / self.rate).unwrap_or(u32::MAX);
        let ahead = ahead % self.rate;
        let first = if self.total + ahead < self.rate {
            now
        } else {
            // It takes the place of the message that many before the newest.
            let mut newer = self.rate - 1 - ahead;
            let taken = self.sent.iter().rev().find(|(_, count)| {
                let here = newer < *count;
                newer = newer.saturating_sub(*count);
                here
            });
            taken.map_or(now, |(at, _)| (*at + WINDOW).max(now))
        };
        first + WINDOW.saturating_mul(windows)
    }

    /// Counts messages that go now.
    pub(crate) fn count(&mut self, now: Duration, messages: usize) {
        while let Some(&(at, count)) = self.sent.front()
            && at + WINDOW <= now
        {
            self.sent.pop_front();
            self.total -= count;
        }
        // Rounded up, so that a window is never shorter than a second.
        let micros = now.as_micros().div_ceil(GRAIN_MICROS) * GRAIN_MICROS;
        let at = Duration::from_micros(u64::try_from(micros).unwrap_or(u64::MAX));
        match self.sent.back_mut() {
            Some((last, count)) if *last >= at => *count += messages,
            Some(_) | None => self.sent.push_back((at, messages)),
        }
        self.total += messages;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const fn ms(millis: u64) -> Duration {
        Duration::from_millis(millis)
    }

    #[test]
    fn as_many_as_the_rate_go_at_once_and_the_next_a_second_later() {
        let mut pacer = Pacer::new(3);
        for at in [0, 0, 10] {
            assert_eq!(pacer.slot(ms(at), 0), ms(at));
            pacer.count(ms(at), 1);
        }
        assert_eq!(pacer.slot(ms(20), 0), ms(1000));
        assert_eq!(pacer.slot(ms(20), 1), ms(1000));
        assert_eq!(pacer.slot(ms(20), 2), ms(1010));
        assert_eq!(pacer.slot(ms(20), 3), ms(2000));
        assert_eq!(pacer.slot(ms(20), 30), ms(11_000));
    }

    #[test]
    fn no_second_holds_more_than_the_rate() {
        let mut pacer = Pacer::new(45);
        let mut sent: Vec<Duration> = Vec::new();
        let mut now = ms(0);
        for step in 0..500_u64 {
            now = pacer.slot(now, 0).max(now) + Duration::from_micros(step % 7 * 900);
            pacer.count(now, 1);
            sent.push(now);
        }
        for (index, first) in sent.iter().enumerate() {
            let within = sent[index..]
                .iter()
                .take_while(|at| **at < *first + WINDOW)
                .count();
            assert!(within <= 45, "{within} within a second of {first:?}");
        }
        // And it is used: 500 messages need 500 / 45 seconds and not much more.
        assert!(now < ms(12_500), "{now:?}");
    }

    #[test]
    fn a_high_rate_remembers_no_more_than_the_milliseconds_of_a_second() {
        let mut pacer = Pacer::new(1_000_000);
        for micros in 0..200_000_u64 {
            pacer.count(Duration::from_micros(micros * 10), 1);
        }
        assert!(pacer.sent.len() <= 1_002, "{}", pacer.sent.len());
    }
}
