//! TWS takes so many messages a second: when the next one may go.

use std::collections::VecDeque;
use std::time::Duration;

/// The window that the rate counts in.
const WINDOW: Duration = Duration::from_secs(1);
/// Messages are remembered by the millisecond, so that a high rate costs no more memory than a low one.
const GRAIN_MICROS: u128 = 1_000;

/// The part of the rate that may go at once after a pause. The rest of a burst goes evenly, so that under load a slot is always
/// near: a cancel, which goes before all orders, waits for one message and not for the end of the second.
const BURST_DIVISOR: u32 = 4;
/// But so many messages at least, as far as the rate goes: a session begins with the reconcile's, and an order follows.
const BURST_MIN: u32 = 8;

/// Two limits at once. A sliding window of one second over the messages sent: never more than the rate in any second. And an even
/// flow: messages go `1 / rate` apart, but for a burst after a pause.
#[derive(Debug)]
pub(crate) struct Pacer {
    rate: usize,
    /// End of a millisecond and messages sent in it, oldest first.
    sent: VecDeque<(Duration, usize)>,
    total: usize,
    /// Time between two messages of an even flow.
    interval: Duration,
    /// How far a burst may be ahead of the even flow.
    ahead_max: Duration,
    /// When the next message would go if every one so far had gone evenly.
    even: Duration,
}

impl Pacer {
    /// For so many messages a second.
    pub(crate) fn new(rate: u32) -> Self {
        let rate = rate.max(1);
        let interval = WINDOW / rate;
        let burst = (rate / BURST_DIVISOR).max(BURST_MIN).min(rate);
        Self {
            rate: usize::try_from(rate).unwrap_or(usize::MAX),
            sent: VecDeque::new(),
            total: 0,
            interval,
            ahead_max: interval.saturating_mul(burst.saturating_sub(1)),
            even: Duration::ZERO,
        }
    }

    /// When a message may go that has `ahead` others before it.
    pub(crate) fn slot(&self, now: Duration, ahead: usize) -> Duration {
        self.window_slot(now, ahead).max(self.even_slot(now, ahead))
    }

    fn window_slot(&self, now: Duration, ahead: usize) -> Duration {
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

    fn even_slot(&self, now: Duration, ahead: usize) -> Duration {
        let ahead = u32::try_from(ahead).unwrap_or(u32::MAX);
        let even = self.even.max(now) + self.interval.saturating_mul(ahead);
        even.saturating_sub(self.ahead_max).max(now)
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
        let messages = u32::try_from(messages).unwrap_or(u32::MAX);
        self.even = self.even.max(now) + self.interval.saturating_mul(messages);
        if self.total >= self.rate
            && let Some((oldest, _)) = self.sent.front()
        {
            // The wait for the window is no pause: no burst follows it, or there would be one in every second from now on.
            let reopens = *oldest + WINDOW;
            let no_burst = (reopens + self.ahead_max).saturating_sub(self.interval);
            self.even = self.even.max(no_burst);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const fn ms(millis: u64) -> Duration {
        Duration::from_millis(millis)
    }

    #[test]
    fn a_quarter_of_the_rate_goes_at_once_and_the_rest_evenly() {
        let mut pacer = Pacer::new(40);
        for _ in 0..10 {
            assert_eq!(pacer.slot(ms(0), 0), ms(0));
            pacer.count(ms(0), 1);
        }
        assert_eq!(pacer.slot(ms(0), 0), ms(25));
        assert_eq!(pacer.slot(ms(0), 3), ms(100));
        assert_eq!(pacer.slot(ms(30), 0), ms(30));
        pacer.count(ms(30), 1);
        assert_eq!(pacer.slot(ms(30), 0), ms(50), "lateness is made up for");
    }

    #[test]
    fn the_window_holds_where_the_even_flow_would_let_more_through() {
        let mut pacer = Pacer::new(4);
        for at in [0, 250, 500, 750] {
            assert_eq!(pacer.slot(ms(at), 0), ms(at));
            pacer.count(ms(at), 1);
        }
        // Messages sent without a slot, as a reconcile's are, count too.
        pacer.count(ms(750), 2);
        assert_eq!(pacer.slot(ms(750), 0), ms(1500));
        assert_eq!(pacer.slot(ms(750), 8), ms(3500));
    }

    #[test]
    fn under_load_a_slot_is_never_far() {
        let mut pacer = Pacer::new(50);
        let mut now = ms(0);
        let mut longest = ms(0);
        for message in 0..500 {
            let slot = pacer.slot(now, 0);
            if message > 100 {
                longest = longest.max(slot - now);
            }
            now = slot;
            pacer.count(now, 1);
        }
        assert!(longest <= ms(41), "{longest:?}");
        assert!(now < ms(10_000), "{now:?}");
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
