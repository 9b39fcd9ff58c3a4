//! reqAccountSummary: a few values of every account.

use super::super::super::clock::Now;
use super::super::super::fault::Query;
use super::super::super::feeds::{Summary, Told};
use super::super::super::message::ServerMessage;
use super::super::super::session::ConnectionId;
use super::super::super::switches::{SummaryLimit, SummaryRefusalId};
use super::super::super::wire;
use super::super::Exchange;
use super::super::reports::invalid_request;
use super::values::{Value, changed};

/// Summaries of a connection.
const SUMMARIES_MAX: usize = 2;
const TOO_MANY: &str = "Error processing request.-'Q' : cause - Maximum number of account summary requests exceeded; \
                        desubscribe to previous request first";
const NO_SUCH_SUMMARY: &str = "Error reading request. Unable to parse field: 'Client Req Id'";

impl Exchange {
    /// A row for each tag and account, in the order of the tags' names, and the end mark.
    pub(in super::super) fn account_summary(
        &mut self,
        connection: ConnectionId,
        asked: &wire::AccountSummaryRequest,
        now: Now,
    ) {
        let request_id = asked.request_id.unwrap_or(-1);
        if asked.group.as_deref() != Some("All") {
            let group = asked.group.as_deref().unwrap_or_default();
            let text = invalid_request(&format!("Unknown account group '{group}'"));
            self.error_to(connection, request_id, 321, &text, now);
            return;
        }
        let limit = self.switches.summary_limit;
        let Some(feeds) = self.feeds(connection) else {
            return;
        };
        let (known, count) = match limit {
            SummaryLimit::Ids => (
                feeds.summary_ids.contains(&request_id),
                feeds.summary_ids.len(),
            ),
            SummaryLimit::Subscriptions => (
                feeds.summaries.contains_key(&request_id),
                feeds.summaries.len(),
            ),
        };
        if !known && count >= SUMMARIES_MAX {
            let id = match self.switches.summary_refusal_id {
                SummaryRefusalId::Request => request_id,
                SummaryRefusalId::None => -1,
            };
            self.error_to(connection, id, 322, TOO_MANY, now);
            return;
        }
        let tags = asked.tags.as_deref().unwrap_or_default().split(',');
        let summary = Summary {
            tags: tags.map(|tag| tag.trim().to_owned()).collect(),
            told: std::collections::BTreeMap::new(),
        };
        feeds.summary_ids.insert(request_id);
        feeds.summaries.insert(request_id, summary);
        self.schedule_refresh(now);
        if self.sessions.shaping.does_not_answer(Query::AccountSummary) {
            return;
        }
        let times = match self.happens(self.switches.summary_doubled, "summary-doubled") {
            true => 2,
            false => 1,
        };
        for _ in 0..times {
            if let Some(summary) = self
                .feeds(connection)
                .and_then(|feeds| feeds.summaries.get_mut(&request_id))
            {
                summary.told.clear();
            }
            self.tell_summary(connection, request_id, now);
        }
        for _ in 0..times {
            self.sessions
                .answer(connection, ServerMessage::AccountSummaryEnd(request_id));
        }
    }

    /// Nothing is said, but when there is none.
    pub(in super::super) fn cancel_account_summary(
        &mut self,
        connection: ConnectionId,
        request_id: i32,
        now: Now,
    ) {
        let ended = self
            .feeds(connection)
            .and_then(|feeds| feeds.summaries.remove(&request_id));
        if ended.is_none() {
            self.error_to(connection, -1, 320, NO_SUCH_SUMMARY, now);
        }
    }

    /// The rows that changed, without an end mark.
    pub(super) fn refresh_summaries(&mut self, connection: ConnectionId, now: Now) {
        if self.sessions.shaping.does_not_answer(Query::AccountSummary) {
            return;
        }
        let ids: Vec<i32> = self
            .feeds(connection)
            .map(|feeds| feeds.summaries.keys().copied().collect())
            .unwrap_or_default();
        for request_id in ids {
            self.tell_summary(connection, request_id, now);
        }
    }

    fn tell_summary(&mut self, connection: ConnectionId, request_id: i32, now: Now) {
        for account in self.accounts.clone() {
            let values = self.account_values(&account, false, now);
            let Some(summary) = self
                .feeds(connection)
                .and_then(|feeds| feeds.summaries.get_mut(&request_id))
            else {
                return;
            };
            let mut rows = asked_for(&summary.tags, values);
            rows.sort_by(|left, right| left.key.cmp(&right.key));
            let told: &mut Told = summary.told.entry(account.clone()).or_default();
            for value in changed(told, rows) {
                let row = wire::AccountSummary {
                    request_id: Some(request_id),
                    account: Some(account.clone()),
                    key: Some(value.key),
                    value: Some(value.text),
                    currency: value.currency,
                };
                self.sessions
                    .answer(connection, ServerMessage::AccountSummary(&row));
            }
        }
    }
}

/// The values that the tags ask for, each under the tag's name. A tag that nobody knows has no row.
fn asked_for(tags: &[String], values: Vec<Value>) -> Vec<Value> {
    let mut rows = Vec::new();
    for tag in tags {
        if let Some(currency) = tag.strip_prefix("$LEDGER") {
            let wanted = match currency.strip_prefix(':') {
                Some("ALL") => None,
                Some(currency) => Some(currency),
                None => Some("BASE"),
            };
            let ledger = values.iter().filter(|value| value.in_ledger);
            let rows_of = ledger.filter(|value| {
                wanted.is_none_or(|wanted| value.currency.as_deref() == Some(wanted))
            });
            rows.extend(rows_of.cloned());
            continue;
        }
        let key = match tag.as_str() {
            "Leverage" => "Leverage-S",
            "ReqTEquity" => "RegTEquity",
            "ReqTMargin" => "RegTMargin",
            other => other,
        };
        let total = values
            .iter()
            .find(|value| value.key == key && !value.in_ledger);
        rows.extend(total.map(|value| Value {
            key: tag.clone(),
            ..value.clone()
        }));
    }
    rows
}
