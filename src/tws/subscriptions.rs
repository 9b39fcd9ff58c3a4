//! Positions, account values and the day's profit: asked for once in a session, kept, and asked for again when TWS may have lost them.

use std::time::Duration;

use tokio::time::Instant;

use super::requests;

/// Ids of these requests begin here, far above those of the queries. Each is used again and never given up: TWS counts the ids that a connection
/// has used for summaries and refuses the third (322), whether or not an earlier one was cancelled.
const REQUEST_IDS_FROM: i32 = 2_000_000_000;
/// The id of the account summary; those of the profits follow it.
const SUMMARY_ID: i32 = REQUEST_IDS_FROM;
/// Accounts whose profit is asked for at most.
const PROFITS_MAX: usize = 16;
/// Time between two requests of everything at least, however often the link to IB comes and goes.
const SPACING: Duration = Duration::from_secs(5);
/// Everything is asked for again when an answer has not ended, or was not whole, for so long.
const ASKED_AGAIN_AFTER: Duration = Duration::from_secs(60);

/// What is asked for of every account where the login has several: TWS sends all values of one account only. In TWS's own order, which is that of
/// the names.
const SUMMARY_TAGS: &str = "AccountType,AvailableFunds,BuyingPower,Cushion,EquityWithLoanValue,ExcessLiquidity,FullAvailableFunds,FullExcessLiquidity,FullInitMarginReq,FullMaintMarginReq,GrossPositionValue,InitMarginReq,Leverage,LookAheadAvailableFunds,LookAheadExcessLiquidity,LookAheadInitMarginReq,LookAheadMaintMarginReq,MaintMarginReq,NetLiquidation,SettledCash,TotalCashValue";

/// What is asked for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Scope {
    /// The account whose values TWS is to send.
    pub(super) account: Option<String>,
    /// Every account of the login.
    pub(super) accounts: Vec<String>,
}

/// The requests that go out together.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Asked {
    pub(super) account: Option<String>,
    pub(super) summary: bool,
    pub(super) frames: Vec<Vec<u8>>,
}

/// Answers that have not ended.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
struct Open {
    positions: bool,
    values: bool,
    summary: bool,
}

/// The subscriptions of a session.
#[derive(Debug, Default)]
pub(super) struct Subscriptions {
    scope: Option<Scope>,
    asked: Option<Instant>,
    due: Option<Instant>,
    open: Open,
}

impl Subscriptions {
    /// Everything is to be asked for, now or as soon as the last time is long enough ago.
    pub(super) fn want(&mut self, scope: Scope, now: Instant) {
        self.scope = Some(scope);
        let soonest = self.asked.map_or(now, |asked| (asked + SPACING).max(now));
        self.due = Some(self.due.map_or(soonest, |due| due.min(soonest)));
    }

    /// TWS stopped sending, or what it sent could not be read: everything is asked for again in a while.
    pub(super) fn interrupted(&mut self, now: Instant) {
        let again = now + ASKED_AGAIN_AFTER;
        self.due = Some(self.due.map_or(again, |due| due.min(again)));
    }

    /// What is to be sent now. `idle`: no query of a reconcile is under way, so that an error of TWS without an id is not taken for its end.
    pub(super) fn due(&mut self, now: Instant, from: Instant, idle: bool) -> Option<Asked> {
        if !idle || self.next_due(from, idle).is_none_or(|due| now < due) {
            return None;
        }
        let Scope { account, accounts } = self.scope.as_ref()?;
        let summary = accounts.len() > 1;
        let mut frames = vec![requests::positions()];
        frames.extend(account.as_deref().map(requests::account_data));
        if summary {
            frames.push(requests::account_summary(SUMMARY_ID, SUMMARY_TAGS));
        }
        for (account, request_id) in accounts.iter().take(PROFITS_MAX).zip(SUMMARY_ID + 1..) {
            frames.push(requests::pnl(request_id, account));
        }
        self.open = Open {
            positions: true,
            values: account.is_some(),
            summary,
        };
        self.asked = Some(now);
        self.due = None;
        Some(Asked {
            account: account.clone(),
            summary,
            frames,
        })
    }

    /// When something is to be sent next.
    pub(super) fn next_due(&self, from: Instant, idle: bool) -> Option<Instant> {
        self.scope.as_ref().filter(|_| idle)?;
        let unanswered = self
            .asked
            .filter(|_| self.open != Open::default())
            .map(|asked| asked.max(from) + ASKED_AGAIN_AFTER);
        match (self.due, unanswered) {
            (Some(due), Some(again)) => Some(due.min(again)),
            (due, again) => due.or(again),
        }
    }

    /// The answer about positions has ended.
    pub(super) fn positions_ended(&mut self) {
        self.open.positions = false;
    }

    /// The answer about the values of an account has ended.
    pub(super) fn values_ended(&mut self) {
        self.open.values = false;
    }

    /// The account summary has ended: whether it is the one that was asked for.
    pub(super) fn summary_ended(&mut self, request_id: i32) -> bool {
        let ours = request_id == SUMMARY_ID;
        self.open.summary &= !ours;
        ours
    }

    /// Whether a row of a summary answers our request.
    pub(super) fn is_summary(request_id: i32) -> bool {
        request_id == SUMMARY_ID
    }

    /// The account whose values TWS sends.
    pub(super) fn account(&self) -> Option<&str> {
        self.scope.as_ref()?.account.as_deref()
    }

    /// The account whose profit a request asked for.
    pub(super) fn profit_of(&self, request_id: i32) -> Option<&str> {
        let index = usize::try_from(request_id.checked_sub(SUMMARY_ID + 1)?).ok()?;
        let accounts = &self.scope.as_ref()?.accounts;
        accounts
            .get(index)
            .filter(|_| index < PROFITS_MAX)
            .map(String::as_str)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn scope(accounts: &[&str], account: Option<&str>) -> Scope {
        Scope {
            account: account.map(str::to_owned),
            accounts: accounts.iter().map(|name| (*name).to_owned()).collect(),
        }
    }

    #[test]
    fn everything_is_asked_for_once_and_again_only_when_an_answer_does_not_end() {
        let now = Instant::now();
        let mut subscriptions = Subscriptions::default();
        assert_eq!(subscriptions.next_due(now, true), None);
        subscriptions.want(scope(&["DU1"], Some("DU1")), now);
        // While a reconcile is under way it waits.
        assert_eq!(subscriptions.due(now, now, false), None);
        assert_eq!(subscriptions.next_due(now, false), None);
        let asked = subscriptions.due(now, now, true).unwrap();
        assert_eq!(asked.account.as_deref(), Some("DU1"));
        assert!(!asked.summary);
        assert_eq!(
            asked.frames,
            [
                requests::positions(),
                requests::account_data("DU1"),
                requests::pnl(SUMMARY_ID + 1, "DU1")
            ]
        );
        subscriptions.positions_ended();
        assert_eq!(
            subscriptions.next_due(now, true),
            Some(now + ASKED_AGAIN_AFTER)
        );
        subscriptions.values_ended();
        assert_eq!(subscriptions.next_due(now, true), None);
        subscriptions.interrupted(now);
        let later = now + ASKED_AGAIN_AFTER;
        assert!(subscriptions.due(later, now, true).is_some());
    }

    #[test]
    fn a_flapping_link_does_not_ask_all_the_time() {
        let now = Instant::now();
        let mut subscriptions = Subscriptions::default();
        subscriptions.want(scope(&["DU1"], Some("DU1")), now);
        assert!(subscriptions.due(now, now, true).is_some());
        subscriptions.want(scope(&["DU1"], Some("DU1")), now);
        assert_eq!(subscriptions.due(now, now, true), None);
        assert!(subscriptions.due(now + SPACING, now, true).is_some());
    }

    #[test]
    fn several_accounts_share_one_summary_under_one_id() {
        let now = Instant::now();
        let mut subscriptions = Subscriptions::default();
        subscriptions.want(scope(&["DU1", "DU2"], None), now);
        let first = subscriptions.due(now, now, true).unwrap();
        assert!(first.summary && first.account.is_none());
        assert_eq!(first.frames.len(), 4);
        assert_eq!(subscriptions.profit_of(SUMMARY_ID + 2), Some("DU2"));
        assert_eq!(subscriptions.profit_of(SUMMARY_ID + 3), None);
        assert_eq!(subscriptions.profit_of(SUMMARY_ID), None);
        assert_eq!(subscriptions.profit_of(i32::MIN), None);
        assert!(!subscriptions.summary_ended(9));
        assert!(subscriptions.summary_ended(SUMMARY_ID));
        subscriptions.want(scope(&["DU1", "DU2"], None), now);
        let again = subscriptions.due(now + SPACING, now, true).unwrap();
        assert_eq!(again.frames, first.frames);
    }
}
