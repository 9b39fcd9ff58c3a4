//! TWS takes so many messages a second: when the next one may go.

use std::collections::VecDeque;
use std::time::Duration;

/// The second that TWS counts in, and a little more: what leaves here at even distances does not arrive at even ones.
const WINDOW: Duration = Duration::from_millis(1_012);
/// Messages are remembered by the millisecond, so that a high rate costs no more memory than a low one.
const GRAIN_MICROS: u128 = 1_000;

/// The part of the rate that may go at once after a pause. The rest of a burst goes evenly, so that under load a slot is always
/// near: a cancel, which goes before all orders, waits for one message and not for the end of the second.
const BURST_DIVISOR: u32 = 4;
/// But so many messages at least, as far as the rate goes: a session begins with the reconcile's, and an order follows.
const BURST_MIN: u32 = 8;

/// From this rate on, half of what TWS takes by default, what the adapter sends by itself (handshake, heartbeats) has its share of it. A
/// smaller one is somebody's own caution about orders, and TWS has room beside it.
const SHARED_RATE_MIN: usize = 25;

/// Two limits at once. A sliding window over the messages sent: never more than the rate in any second. And an even flow: messages go
/// the window's length through the rate apart, but for a burst after a pause.
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
    /// When the next message without a slot goes, where the rate is shared with such.
    foreseen: Option<Duration>,
}

/// Messages that may go at once after a pause.
pub(crate) fn burst(rate: u32) -> u32 {
    (rate / BURST_DIVISOR).max(BURST_MIN).min(rate.max(1))
}

impl Pacer {
    /// For so many messages a second.
    pub(crate) fn new(rate: u32) -> Self {
        let rate = rate.max(1);
        let interval = WINDOW / rate;
        let burst = burst(rate);
        Self {
            rate: usize::try_from(rate).unwrap_or(usize::MAX),
            sent: VecDeque::new(),
            total: 0,
            interval,
            ahead_max: interval.saturating_mul(burst.saturating_sub(1)),
            even: Duration::ZERO,
            foreseen: None,
        }
    }

    /// When a message may go that has `ahead` others before it.
    pub(crate) fn slot(&self, now: Duration, ahead: usize) -> Duration {
        self.window_slot(now, ahead).max(self.even_slot(now, ahead))
    }

    /// Keeps room for a message that goes then without a slot: a heartbeat must not wait, and must not be one too many.
    pub(crate) fn foresee(&mut self, at: Duration) {
        self.foreseen = self.is_shared().then_some(at);
    }

    /// Counts messages that the adapter has sent by itself.
    pub(crate) fn count_unpaced(&mut self, now: Duration, messages: usize) {
        if self.is_shared() {
            self.count(now, messages);
        }
    }

    const fn is_shared(&self) -> bool {
        self.rate >= SHARED_RATE_MIN
    }

    /// Messages with a slot that a window around this time has room for.
    fn room(&self, now: Duration) -> usize {
        let kept = self
            .foreseen
            .is_some_and(|at| at < now + WINDOW && now < at + WINDOW);
        self.rate - usize::from(kept)
    }

    fn window_slot(&self, now: Duration, ahead: usize) -> Duration {
        let room = self.room(now);
        let windows = u32::try_from(ahead / room).unwrap_or(u32::MAX);
        let ahead = ahead % room;
        let first = if self.total + ahead < room {
            now
        } else {
            // It takes the place of the message that many before the newest.
            let mut newer = room - 1 - ahead;
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
        // Rounded up, so that no window is shorter than it should be.
        let micros = now.as_micros().div_ceil(GRAIN_MICROS) * GRAIN_MICROS;
        let at = Duration::from_micros(u64::try_from(micros).unwrap_or(u64::MAX));
        match self.sent.back_mut() {
            Some((last, count)) if *last >= at => *count += messages,
            Some(_) | None => self.sent.push_back((at, messages)),
        }
        self.total += messages;
        let messages = u32::try_from(messages).unwrap_or(u32::MAX);
        self.even = self.even.max(now) + self.interval.saturating_mul(messages);
        if self.total >= self.room(now)
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
        let interval = WINDOW / 40;
        assert_eq!(pacer.slot(ms(0), 0), interval);
        assert_eq!(pacer.slot(ms(0), 3), interval * 4);
        assert_eq!(pacer.slot(ms(30), 0), ms(30));
        pacer.count(ms(30), 1);
        let next = pacer.slot(ms(30), 0);
        assert_eq!(next, interval * 2, "lateness is made up for");
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
        assert_eq!(pacer.slot(ms(750), 0), ms(500) + WINDOW);
        assert_eq!(pacer.slot(ms(750), 8), ms(500) + WINDOW * 3);
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
        assert!(longest <= ms(42), "{longest:?}");
        assert!(now < WINDOW * 10, "{now:?}");
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
    fn a_heartbeat_that_is_foreseen_is_not_one_too_many() {
        let mut pacer = Pacer::new(50);
        let mut sent: Vec<Duration> = Vec::new();
        let mut heartbeats = 0;
        let mut heartbeat = ms(0);
        pacer.foresee(heartbeat);
        let mut now = ms(0);
        while now < ms(60_000) {
            now = pacer.slot(now, 0);
            if heartbeat <= now {
                // Sent when it is due, and heard of when it is answered.
                sent.push(heartbeat);
                heartbeats += 1;
                let answered = heartbeat + ms(3);
                pacer.count_unpaced(answered, 1);
                heartbeat = answered + ms(10_000);
                pacer.foresee(heartbeat);
                now = now.max(answered);
                continue;
            }
            pacer.count(now, 1);
            sent.push(now);
        }
        for (index, first) in sent.iter().enumerate() {
            let within = sent[index..]
                .iter()
                .take_while(|at| **at < *first + Duration::from_secs(1))
                .count();
            assert!(within <= 50, "{within} within a second of {first:?}");
        }
        let orders = sent.len() - heartbeats;
        assert_eq!(heartbeats, 6);
        assert!(orders >= 49 * 60, "{orders} in a minute");
    }

    #[test]
    fn a_high_rate_remembers_no_more_than_the_milliseconds_of_a_second() {
        let mut pacer = Pacer::new(1_000_000);
        for micros in 0..200_000_u64 {
            pacer.count(Duration::from_micros(micros * 10), 1);
        }
        assert!(
            pacer.sent.len() as u128 <= WINDOW.as_millis() + 2,
            "{}",
            pacer.sent.len()
        );
    }
}
