//! Executions of today and before, and which of them a filter lets through.

use super::super::super::clock::Now;
use super::super::super::fault::Query;
use super::super::super::ledger::Fill;
use super::super::super::message::ServerMessage;
use super::super::super::session::ConnectionId;
use super::super::super::times;
use super::super::super::wire;
use super::super::Exchange;
use super::super::reports::invalid_request;

impl Exchange {
    /// The executions that pass the filter, then their commissions (a switch leaves them out), then the end mark.
    pub(in super::super) fn executions(
        &mut self,
        connection: ConnectionId,
        asked: &wire::ExecutionsRequest,
        now: Now,
    ) {
        if self.sessions.shaping.does_not_answer(Query::Executions) {
            return;
        }
        let request_id = asked.request_id.unwrap_or(-1);
        let filter = asked.filter.clone().unwrap_or_default();
        let since = match filter.time.as_deref().filter(|time| !time.is_empty()) {
            None => None,
            Some(text) => match times::read_time(text) {
                Ok(written) => Some(written.seconds),
                Err(_) => {
                    let text = invalid_request(&format!(
                        "The time {text} is invalid: write it as yyyymmdd hh:mm:ss ZONE or yyyymmdd-hh:mm:ss (UTC)"
                    ));
                    self.error_to(connection, request_id, 321, &text, now);
                    return;
                }
            },
        };
        let days = Days::asked(&filter, self.day(now));
        let chosen = |fill: &&Fill| {
            days.have(fill.day)
                && since.is_none_or(|since| fill.at >= since)
                && passes(&filter, fill)
        };
        for fill in self.ledger.fills().filter(chosen) {
            let mut row = fill.details.clone();
            row.request_id = Some(request_id);
            self.sessions
                .answer(connection, ServerMessage::Execution(&row));
        }
        if self.switches.commission_replay {
            for fill in self.ledger.fills().filter(chosen) {
                self.sessions
                    .answer(connection, ServerMessage::Commission(&fill.commission));
            }
        }
        self.odd_execution_row(connection, request_id, now);
        if !self.sessions.shaping.lose_executions_end {
            self.sessions
                .answer(connection, ServerMessage::ExecutionsEnd(request_id));
        }
    }
}

/// The trading days that a filter asks for.
enum Days {
    /// This one and all later ones.
    Since(i32),
    Only(Vec<i32>),
}

impl Days {
    /// Today's, unless the filter names days, or a number of them.
    fn asked(filter: &wire::ExecutionFilter, today: i32) -> Self {
        let dates: Vec<i32> = filter
            .specific_dates
            .iter()
            .filter_map(|number| times::date_of(*number))
            .map(|date| date.to_julian_day())
            .collect();
        if !filter.specific_dates.is_empty() {
            return Self::Only(dates);
        }
        let days = filter
            .last_n_days
            .filter(|days| *days > 0 && *days < i32::MAX)
            .unwrap_or(1);
        Self::Since(today.saturating_sub(days).saturating_add(1))
    }

    fn have(&self, day: i32) -> bool {
        match self {
            Self::Since(first) => day >= *first,
            Self::Only(days) => days.contains(&day),
        }
    }
}

/// Whether everything that the filter names fits, but for the time.
fn passes(filter: &wire::ExecutionFilter, fill: &Fill) -> bool {
    let execution = fill.details.execution.clone().unwrap_or_default();
    let contract = fill.details.contract.clone().unwrap_or_default();
    let same = |asked: &Option<String>, ours: &Option<String>| match asked.as_deref() {
        None | Some("") => true,
        Some(asked) => ours
            .as_deref()
            .is_some_and(|ours| ours.eq_ignore_ascii_case(asked)),
    };
    let side = filter.side.as_deref().map(|side| match side {
        "BUY" => "BOT".to_owned(),
        "SELL" => "SLD".to_owned(),
        other => other.to_owned(),
    });
    let client = filter.client_id.filter(|&id| id != 0 && id != i32::MAX);
    client.is_none_or(|id| execution.client_id == Some(id))
        && same(&filter.account, &execution.account)
        && same(&filter.symbol, &contract.symbol)
        && same(&filter.sec_type, &contract.sec_type)
        && same(&filter.exchange, &execution.exchange)
        && same(&side, &execution.side)
}
