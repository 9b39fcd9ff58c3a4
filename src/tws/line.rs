//! Requests whose answers do not say which request they belong to: reqIds, answered by nextValidId, and reqCurrentTime, answered by currentTime.
//!
//! TWS reads its requests in order, so an answer shows that everything sent before its request has been read. It counts for the oldest request that still
//! waits: one that TWS left unanswered makes later proofs come later, and never too early.

use std::collections::VecDeque;
use std::time::Duration;

use tokio::time::Instant;

/// Requests of the adapter's own that may wait for their answers, of each kind. Beyond that no more are sent.
const OWN_MAX: usize = 8;
/// An answer that has not come within this time does not come any more.
const FORGOTTEN_AFTER: Duration = Duration::from_secs(60);

/// What a request is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Purpose {
    /// reqIds of a barrier.
    Barrier {
        /// The barrier's token.
        token: u64,
    },
    /// reqIds of the adapter's own: a second one for a barrier, one that looks for life, one after an id was refused. Also the nextValidId that TWS
    /// sends by itself at a login.
    Ids,
    /// reqCurrentTime.
    Time,
}

impl Purpose {
    const fn is_ids(self) -> bool {
        match self {
            Self::Barrier { .. } | Self::Ids => true,
            Self::Time => false,
        }
    }
}

/// How long a barrier has been waited for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Asked {
    Once,
    Twice,
    /// Its sender was told that nothing came.
    GivenUp,
}

#[derive(Debug, Clone, Copy)]
struct Waiting {
    purpose: Purpose,
    /// Since when: of a barrier, since it was asked last.
    since: Instant,
    asked: Asked,
}

/// Requests that wait for an answer, in the order in which they were sent.
#[derive(Debug, Default)]
pub(super) struct Line {
    waiting: VecDeque<Waiting>,
}

/// What is to be done about barriers without an answer.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Overdue {
    /// So many are to be asked once more.
    pub(super) again: usize,
    /// These were, in vain.
    pub(super) unanswered: Vec<u64>,
}

impl Line {
    /// A request was sent.
    pub(super) fn sent(&mut self, purpose: Purpose, now: Instant) {
        self.waiting.push_back(Waiting {
            purpose,
            since: now,
            asked: Asked::Once,
        });
    }

    /// Whether the adapter may send one more of its own.
    pub(super) fn has_room(&self, purpose: Purpose) -> bool {
        let same = self
            .waiting
            .iter()
            .filter(|waiting| waiting.purpose == purpose);
        same.count() < OWN_MAX
    }

    /// A nextValidId came: the request it counts for. `None` when nothing waits for one.
    pub(super) fn ids_answered(&mut self) -> Option<Purpose> {
        let at = self
            .waiting
            .iter()
            .position(|waiting| waiting.purpose.is_ids())?;
        self.waiting.remove(at).map(|waiting| waiting.purpose)
    }

    /// A currentTime came. Whatever was sent before the request it counts for has been read, and of that nothing more is answered: the barriers among it, in order.
    pub(super) fn time_answered(&mut self) -> Vec<u64> {
        let time = |waiting: &Waiting| waiting.purpose == Purpose::Time;
        let Some(at) = self.waiting.iter().position(time) else {
            return Vec::new();
        };
        self.waiting
            .drain(..=at)
            .filter_map(|waiting| match waiting.purpose {
                Purpose::Barrier { token } => Some(token),
                Purpose::Ids | Purpose::Time => None,
            })
            .collect()
    }

    /// Finds barriers that have waited for longer than `limit`, and not before `from`, when it was last impossible to hear TWS.
    pub(super) fn overdue(&mut self, now: Instant, from: Instant, limit: Duration) -> Overdue {
        self.waiting
            .retain(|waiting| now < waiting.since.max(from) + FORGOTTEN_AFTER.max(limit));
        let mut overdue = Overdue::default();
        for waiting in &mut self.waiting {
            let Purpose::Barrier { token } = waiting.purpose else {
                continue;
            };
            if now < waiting.since.max(from) + limit {
                continue;
            }
            match waiting.asked {
                Asked::Once => {
                    waiting.asked = Asked::Twice;
                    waiting.since = now;
                    overdue.again += 1;
                }
                Asked::Twice => {
                    waiting.asked = Asked::GivenUp;
                    overdue.unanswered.push(token);
                }
                Asked::GivenUp => {}
            }
        }
        overdue
    }

    /// When the next barrier has waited for too long.
    pub(super) fn next_overdue(&self, from: Instant, limit: Duration) -> Option<Instant> {
        let hopeful = self.waiting.iter().filter(|waiting| {
            matches!(waiting.purpose, Purpose::Barrier { .. }) && waiting.asked != Asked::GivenUp
        });
        hopeful.map(|waiting| waiting.since.max(from) + limit).min()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const LIMIT: Duration = Duration::from_secs(2);

    const fn barrier(token: u64) -> Purpose {
        Purpose::Barrier { token }
    }

    fn line(purposes: &[Purpose], now: Instant) -> Line {
        let mut line = Line::default();
        for purpose in purposes {
            line.sent(*purpose, now);
        }
        line
    }

    #[test]
    fn an_answer_counts_for_the_oldest_request_and_the_logins_own_for_no_barrier() {
        let mut line = line(
            &[Purpose::Ids, barrier(1), Purpose::Time, barrier(2)],
            Instant::now(),
        );
        assert_eq!(line.ids_answered(), Some(Purpose::Ids));
        assert_eq!(line.ids_answered(), Some(barrier(1)));
        assert_eq!(line.ids_answered(), Some(barrier(2)));
        assert_eq!(line.ids_answered(), None);
    }

    #[test]
    fn a_time_shows_that_all_before_its_request_was_read() {
        let mut line = line(
            &[
                barrier(1),
                Purpose::Ids,
                barrier(2),
                Purpose::Time,
                barrier(3),
            ],
            Instant::now(),
        );
        assert_eq!(line.time_answered(), [1, 2]);
        assert_eq!(line.time_answered(), Vec::<u64>::new());
        assert_eq!(line.ids_answered(), Some(barrier(3)));
    }

    #[test]
    fn a_time_that_may_be_an_earlier_requests_proves_no_more_than_that_one() {
        let mut line = line(&[Purpose::Time, barrier(1), Purpose::Time], Instant::now());
        assert_eq!(line.time_answered(), Vec::<u64>::new());
        assert_eq!(line.time_answered(), [1]);
    }

    #[test]
    fn a_barrier_is_asked_twice_and_then_given_up_but_may_be_answered_late() {
        let begun = Instant::now();
        let mut line = line(&[barrier(1)], begun);
        let at = |seconds| begun + Duration::from_secs(seconds);
        assert_eq!(line.overdue(at(1), begun, LIMIT), Overdue::default());
        assert_eq!(line.overdue(at(2), begun, LIMIT).again, 1);
        line.sent(Purpose::Ids, at(2));
        assert_eq!(line.overdue(at(3), begun, LIMIT), Overdue::default());
        assert_eq!(line.overdue(at(4), begun, LIMIT).unanswered, [1]);
        assert_eq!(line.overdue(at(30), begun, LIMIT), Overdue::default());
        assert_eq!(line.next_overdue(begun, LIMIT), None);
        assert_eq!(line.ids_answered(), Some(barrier(1)));
    }

    #[test]
    fn time_in_which_tws_could_not_be_heard_does_not_count() {
        let begun = Instant::now();
        let mut line = line(&[barrier(1)], begun);
        let deaf_until = begun + Duration::from_secs(10);
        assert_eq!(line.overdue(deaf_until, deaf_until, LIMIT).again, 0);
        assert_eq!(
            line.next_overdue(deaf_until, LIMIT),
            Some(deaf_until + LIMIT)
        );
        assert_eq!(line.overdue(deaf_until + LIMIT, deaf_until, LIMIT).again, 1);
    }

    #[test]
    fn what_is_never_answered_is_forgotten_and_bounded() {
        let begun = Instant::now();
        let mut line = line(&[Purpose::Ids; OWN_MAX], begun);
        assert!(!line.has_room(Purpose::Ids) && line.has_room(Purpose::Time));
        line.overdue(begun + FORGOTTEN_AFTER, begun, LIMIT);
        assert!(line.has_room(Purpose::Ids));
        assert_eq!(line.ids_answered(), None);
    }
}
