//! Requests for the time, and those among them that TWS leaves unanswered.

use super::super::clock::Now;
use super::super::message::ServerMessage;
use super::super::session::ConnectionId;
use super::super::switches::{MillisRequests, TimeRequests};
use super::Exchange;

impl Exchange {
    pub(super) fn current_time(&mut self, connection: ConnectionId, now: Now) {
        let gap = self.time_gap_micros();
        let Some(session) = self.sessions.by_connection.get_mut(&connection) else {
            return;
        };
        if is_too_soon(session.time_answered, gap, now) {
            return;
        }
        session.time_answered = Some(now.micros());
        let message = ServerMessage::CurrentTime(now.seconds());
        self.sessions.answer(connection, message);
    }

    pub(super) fn current_time_millis(&mut self, connection: ConnectionId, now: Now) {
        let gap = self.time_gap_micros();
        let Some(session) = self.sessions.by_connection.get_mut(&connection) else {
            return;
        };
        let answered = match self.switches.millis_requests {
            MillisRequests::WithSeconds => Some(&mut session.time_answered),
            MillisRequests::Apart => Some(&mut session.millis_answered),
            MillisRequests::Always => None,
        };
        if let Some(answered) = answered {
            if is_too_soon(*answered, gap, now) {
                return;
            }
            *answered = Some(now.micros());
        }
        let message = ServerMessage::CurrentTimeMillis(now.millis());
        self.sessions.answer(connection, message);
    }

    /// Within this long of an answered request another one is left unanswered.
    fn time_gap_micros(&self) -> i64 {
        match self.switches.time_requests {
            TimeRequests::OnceASecond => 1_000_000,
            TimeRequests::Every4250Ms => 4_250_000,
            TimeRequests::Always => 0,
        }
    }
}

fn is_too_soon(answered: Option<i64>, gap_micros: i64, now: Now) -> bool {
    answered.is_some_and(|at| now.micros() - at < gap_micros)
}

#[cfg(test)]
mod tests {
    use super::super::super::config::SimulatorConfig;
    use super::super::super::message::Request;
    use super::super::super::switches::Switches;
    use super::*;

    const SECOND: i64 = 1_000_000;

    /// Which of the requests, each with its microsecond, were answered.
    fn answered(switches: Switches, asked: &[(Request, i64)]) -> Vec<bool> {
        let config = SimulatorConfig {
            switches,
            ..SimulatorConfig::explicit()
        };
        let mut exchange = Exchange::new(config, Now(0));
        exchange.connected(1);
        exchange.request(1, Request::StartApi { client_id: 7 }, Now(0));
        exchange.hand_over();
        asked
            .iter()
            .map(|(request, at)| {
                exchange.request(1, request.clone(), Now(*at));
                !exchange.hand_over().is_empty()
            })
            .collect()
    }

    #[test]
    fn a_time_request_within_a_second_of_an_answered_one_stays_unanswered() {
        let once = Switches {
            time_requests: TimeRequests::OnceASecond,
            ..Switches::default()
        };
        let at = |micros| (Request::CurrentTime, micros);
        // The unanswered one at 0.9 s does not count: the next is measured from the answered one.
        let asked = [at(0), at(SECOND * 9 / 10), at(SECOND), at(SECOND * 3 / 2)];
        assert_eq!(answered(once.clone(), &asked), [true, false, true, false]);
        let slow = Switches {
            time_requests: TimeRequests::Every4250Ms,
            ..once.clone()
        };
        let asked = [at(0), at(SECOND * 4), at(SECOND * 17 / 4)];
        assert_eq!(answered(slow, &asked), [true, false, true]);
        let always = Switches {
            time_requests: TimeRequests::Always,
            ..once
        };
        assert_eq!(answered(always, &asked), [true, true, true]);
    }

    #[test]
    fn requests_for_ids_are_always_answered() {
        let asked = [(Request::Ids, 0), (Request::Ids, 1), (Request::Ids, 1)];
        assert_eq!(answered(Switches::default(), &asked), [true, true, true]);
    }

    #[test]
    fn milliseconds_are_treated_as_the_switch_says() {
        let asked = [
            (Request::CurrentTime, 0),
            (Request::CurrentTimeMillis, 10),
            (Request::CurrentTimeMillis, 20),
        ];
        for (millis_requests, expected) in [
            (MillisRequests::WithSeconds, [true, false, false]),
            (MillisRequests::Apart, [true, true, false]),
            (MillisRequests::Always, [true, true, true]),
        ] {
            let switches = Switches {
                time_requests: TimeRequests::OnceASecond,
                millis_requests,
                ..Switches::default()
            };
            assert_eq!(answered(switches, &asked), expected);
        }
    }
}
