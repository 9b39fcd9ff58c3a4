//! Whether TWS is still there.
//!
//! From time to time TWS is asked for its time. Whatever it says after that shows that it lives. The answer itself shows no more, and its absence little: TWS leaves
//! a time request unanswered that comes soon after another, from whoever that was. So before a silent TWS is given up it is asked for ids as well, which it always answers.

use std::time::Duration;

use tokio::time::Instant;

use super::TwsSettings;

/// What is to be asked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Ask {
    /// reqCurrentTime.
    Time,
    /// reqIds.
    Ids,
}

/// What has come due.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Due {
    Ask(Ask),
    /// TWS has said nothing for so long after it was asked.
    Silent(Duration),
}

/// A question after which nothing was heard yet.
#[derive(Debug, Clone, Copy)]
struct Open {
    since: Instant,
    /// It was, or was followed by, a request for ids.
    ids: bool,
}

#[derive(Debug)]
pub(super) struct Heartbeat {
    interval: Duration,
    timeout: Duration,
    spacing: Duration,
    next: Instant,
    /// When TWS was last asked for its time.
    time_asked: Option<Instant>,
    open: Option<Open>,
}

impl Heartbeat {
    /// The first one follows an interval after the login.
    pub(super) fn new(settings: &TwsSettings, now: Instant) -> Self {
        Self {
            interval: settings.heartbeat_interval,
            timeout: settings.heartbeat_timeout,
            spacing: settings.time_request_spacing,
            next: now + settings.heartbeat_interval,
            time_asked: None,
            open: None,
        }
    }

    /// TWS said something.
    pub(super) fn heard(&mut self) {
        self.open = None;
    }

    /// Time until TWS is asked again.
    pub(super) fn next_in(&self, now: Instant) -> Duration {
        self.next.saturating_duration_since(now)
    }

    /// What is due. `from` is when TWS could last not be heard because nobody took what it had said.
    pub(super) fn due(&mut self, now: Instant, from: Instant) -> Option<Due> {
        if let Some(open) = &mut self.open {
            let since = open.since.max(from);
            if now >= since + self.timeout {
                return Some(Due::Silent(now - since));
            }
            if !open.ids && now >= since + self.timeout / 2 {
                open.ids = true;
                return Some(Due::Ask(Ask::Ids));
            }
            return None;
        }
        if now < self.next {
            return None;
        }
        self.next = now + self.interval;
        let soon = self
            .time_asked
            .is_some_and(|asked| now < asked + self.spacing);
        self.open = Some(Open {
            since: now,
            ids: soon,
        });
        if soon {
            return Some(Due::Ask(Ask::Ids));
        }
        self.time_asked = Some(now);
        Some(Due::Ask(Ask::Time))
    }

    /// When something is next due.
    pub(super) fn next_due(&self, from: Instant) -> Instant {
        match self.open {
            None => self.next,
            Some(Open { since, ids: false }) => since.max(from) + self.timeout / 2,
            Some(Open { since, ids: true }) => since.max(from) + self.timeout,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const fn seconds(seconds: u64) -> Duration {
        Duration::from_secs(seconds)
    }

    fn heartbeat(interval: u64, now: Instant) -> Heartbeat {
        Heartbeat {
            interval: seconds(interval),
            timeout: seconds(4),
            spacing: seconds(5),
            next: now + seconds(interval),
            time_asked: None,
            open: None,
        }
    }

    #[test]
    fn a_tws_that_answers_nothing_is_asked_in_two_ways_before_it_is_silent() {
        let begun = Instant::now();
        let mut heartbeat = heartbeat(10, begun);
        let mut due = |second| heartbeat.due(begun + seconds(second), begun);
        assert_eq!(due(9), None);
        assert_eq!(due(10), Some(Due::Ask(Ask::Time)));
        assert_eq!(due(11), None);
        assert_eq!(due(12), Some(Due::Ask(Ask::Ids)));
        assert_eq!(due(13), None);
        assert_eq!(due(14), Some(Due::Silent(seconds(4))));
    }

    #[test]
    fn whatever_tws_says_is_life() {
        let begun = Instant::now();
        let mut heartbeat = heartbeat(10, begun);
        assert_eq!(
            heartbeat.due(begun + seconds(10), begun),
            Some(Due::Ask(Ask::Time))
        );
        heartbeat.heard();
        assert_eq!(heartbeat.due(begun + seconds(19), begun), None);
        assert_eq!(heartbeat.next_due(begun), begun + seconds(20));
    }

    #[test]
    fn time_requests_keep_their_distance_and_ids_are_asked_for_between_them() {
        let begun = Instant::now();
        let mut heartbeat = heartbeat(2, begun);
        let mut asked = Vec::new();
        for second in 1..=13 {
            if let Some(Due::Ask(ask)) = heartbeat.due(begun + seconds(second), begun) {
                asked.push((second, ask));
                heartbeat.heard();
            }
        }
        assert_eq!(
            asked,
            [
                (2, Ask::Time),
                (4, Ask::Ids),
                (6, Ask::Ids),
                (8, Ask::Time),
                (10, Ask::Ids),
                (12, Ask::Ids)
            ]
        );
    }

    #[test]
    fn time_in_which_nobody_took_what_tws_said_is_no_silence() {
        let begun = Instant::now();
        let mut heartbeat = heartbeat(10, begun);
        heartbeat.due(begun + seconds(10), begun);
        let deaf_until = begun + seconds(30);
        assert_eq!(heartbeat.due(deaf_until, deaf_until), None);
        assert_eq!(heartbeat.next_due(deaf_until), deaf_until + seconds(2));
    }
}
