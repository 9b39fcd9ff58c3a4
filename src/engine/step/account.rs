//! Positions and account values: when TWS is asked for them, and what it says.

use super::super::batch::Effect;
use super::Step;
use crate::account::Heard;
use crate::domain::AccountReport;
use crate::tws::{SessionInfo, TwsCommand};

impl Step<'_> {
    /// A session begins: what was known of its accounts may be old.
    pub(super) fn account_session_up(&mut self, info: &SessionInfo) {
        let subscribed = self.subscribed_account(&info.accounts);
        self.effect(Effect::Account(Heard::SessionUp {
            accounts: info.accounts.clone(),
            subscribed,
        }));
    }

    /// TWS says something of the accounts.
    pub(super) fn account(&mut self, report: &AccountReport) {
        if let AccountReport::Asked { messages, .. } = report {
            self.effect(Effect::Unpaced(*messages));
        }
        self.effect(Effect::Account(Heard::Report(report.clone())));
    }

    /// Changes may have been missed: everything is asked for again behind the next reconcile.
    pub(super) fn ask_account_anew(&mut self) {
        self.effect(Effect::Account(Heard::LinkLost));
        if let Some(session) = &mut self.batch.engine_state.session {
            session.account_due = true;
        }
    }

    /// Asks for everything where that is due. Behind a reconcile, so that what TWS says without a request id is not taken for an answer to the other.
    pub(super) fn ask_account(&mut self) {
        let Some(session) = &mut self.batch.engine_state.session else {
            return;
        };
        // Without IB what TWS says may be old: that waits until IB is back.
        if session.refused.is_some() || !session.ib_connected || !session.account_due {
            return;
        }
        session.account_due = false;
        let accounts = session.info.accounts.clone();
        let session = session.info.session;
        let account = self.subscribed_account(&accounts);
        self.effect(Effect::Command(TwsCommand::Account {
            session,
            account,
            accounts,
        }));
    }

    /// The account whose values TWS is to send: the one that orders go to by default.
    fn subscribed_account(&self, accounts: &[String]) -> Option<String> {
        match (&self.core.settings.limits.account, accounts) {
            (Some(account), accounts) => accounts.contains(account).then(|| account.clone()),
            (None, [only]) => Some(only.clone()),
            (None, _) => None,
        }
    }
}
