//! Sessions with TWS, its link to IB, and what became of messages.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use serde_json::json;

use super::super::batch::{Effect, Row};
use super::super::engine_state::Session;
use super::super::journaling::{UNJOURNALED_MAX, not_journaled};
use super::super::live_order::{Cancelling, LiveOrder, ReplacePhase, Submission};
use super::super::rows::Stop;
use super::{Step, ib_lost};
use crate::account::Heard;
use crate::domain::{AuditKind, LinkState, lifecycle};
use crate::error::{Error, Reason};
use crate::tws::{ConnectFailure, SendKind, Sent, SessionInfo, TwsEvent};

/// What is stored about an instruction that the journal did not take in time.
const NOT_JOURNALED: &str = "never sent: not journaled";

/// Accounts of paper logins begin so: single ones, those of an adviser's clients, and the adviser's own.
const PAPER_PREFIXES: [&str; 3] = ["DU", "DF", "DI"];

/// What the adapter sends before a session is up: startApi, and, where TWS did not say them by itself, requests for id and accounts.
const HANDSHAKE_MESSAGES: usize = 3;

impl Step<'_> {
    /// What the adapter tells.
    pub(super) fn tws(&mut self, event: &TwsEvent) -> Result<(), Stop> {
        match event {
            TwsEvent::SessionUp(info) => {
                self.session_up(info);
                Ok(())
            }
            TwsEvent::SessionDown { session, reason } => self.session_down(*session, reason),
            TwsEvent::ConnectFailed(failure) => {
                self.connect_failed(failure);
                Ok(())
            }
            // Under another login the same ids are other orders.
            TwsEvent::Report { session, report } if self.is_of_store(*session) => {
                self.report(report)?;
                self.doubt_ids(*session, report);
                Ok(())
            }
            TwsEvent::Account { session, report } if self.is_of_store(*session) => {
                self.account(report);
                Ok(())
            }
            TwsEvent::Report { .. } | TwsEvent::Account { .. } => Ok(()),
            TwsEvent::Previewed { session, report } => {
                if self.is_of_store(*session) {
                    self.previewed(report);
                }
                Ok(())
            }
            TwsEvent::Sent {
                session: _,
                order_id,
                kind: SendKind::Preview,
                outcome,
            } => {
                self.preview_sent(*order_id, outcome);
                Ok(())
            }
            TwsEvent::Sent {
                session,
                order_id,
                kind,
                outcome,
            } => self.sent(*session, *order_id, *kind, outcome),
            TwsEvent::BarrierAnswered {
                session,
                token,
                next_valid_id,
            } => {
                self.barrier_answered(*token)?;
                self.family_barrier_answered(*token);
                if let Some(next_valid_id) = next_valid_id {
                    self.next_valid_id(*session, *next_valid_id);
                }
                Ok(())
            }
            TwsEvent::BarrierUnanswered { session: _, token } => {
                self.family_barrier_unanswered(*token)?;
                tracing::warn!(token, "TWS does not say whether it has read what was sent");
                // The second request had no slot.
                self.effect(Effect::Unpaced(1));
                self.reconcile_after(Duration::ZERO);
                Ok(())
            }
            TwsEvent::NextValidId {
                session,
                next_valid_id,
            } => {
                self.effect(Effect::Unpaced(1));
                self.next_valid_id(*session, *next_valid_id);
                Ok(())
            }
            TwsEvent::Heartbeat {
                session: _,
                tws_time,
                next_in,
            } => {
                self.batch.engine_state.tws_time = Some(*tws_time);
                self.effect(Effect::Unpaced(1));
                self.effect(Effect::HeartbeatAt(self.now.monotonic + *next_in));
                self.mark_synced();
                Ok(())
            }
            TwsEvent::IbLink {
                session,
                connected,
                data_lost,
                text,
            } => self.ib_link(*session, *connected, *data_lost, text),
            TwsEvent::ReportsMissed { session: _, reason } => {
                tracing::warn!(%reason, "reports of TWS may have been missed");
                self.reconcile_after(Duration::ZERO);
                Ok(())
            }
            TwsEvent::Reconciled {
                session,
                token,
                answers,
            } => self.reconciled(*session, *token, answers),
            // What could be read came as a report.
            TwsEvent::Unreadable { .. } | TwsEvent::Notice { .. } => Ok(()),
        }
    }

    fn session_up(&mut self, info: &SessionInfo) {
        let of_store = self.is_login_of_store(info);
        let live = self.why_no_risk(info);
        // The orders of a store are cancelled and asked for, live account or not. At a login that is not the store's, and in a store without
        // orders, there is nothing of ours.
        let known = of_store && self.batch.engine_state.accounts.is_some();
        let (refused, risk_refused) = match live {
            Some(error) if known => (None, Some(error)),
            Some(error) => (Some(error), None),
            None => (self.why_refused(info, of_store), None),
        };
        let why = refused.as_ref().or(risk_refused.as_ref());
        let body = json!({
            "accounts": info.accounts,
            "refused": why.map(|error| error.message.as_str()),
        });
        self.audit(AuditKind::Login, None, body);
        let engine_state = &mut self.batch.engine_state;
        engine_state.attempted = true;
        engine_state.failure = None;
        engine_state.synced_until = engine_state.synced_until.or(Some(self.now.wall_time));
        engine_state.next_id = engine_state.next_id.max(info.next_valid_id);
        engine_state.ids_doubted = None;
        engine_state.tws_time = info.tws_time.or(engine_state.tws_time);
        engine_state.session = Some(Session {
            info: Arc::new(info.clone()),
            ib_connected: true,
            refused: refused.clone(),
            risk_refused: risk_refused.clone(),
            of_store,
            account_due: true,
        });
        engine_state.reconcile.running = None;
        engine_state.reconcile.failures = 0;
        engine_state.reconcile.failing = None;
        engine_state.reconcile.announce = true;
        self.account_session_up(info);
        self.link(
            LinkState::Restored,
            "connected to TWS; asking what happened meanwhile".to_owned(),
        );
        if let Some(error) = risk_refused {
            tracing::error!(%error, "nothing but cancels is sent in this session");
        }
        match refused {
            Some(error) => tracing::error!(%error, "nothing is sent in this session"),
            None => {
                if self.batch.engine_state.accounts.is_none() {
                    let accounts: Arc<[String]> = info.accounts.clone().into();
                    self.batch.engine_state.accounts = Some(Arc::clone(&accounts));
                    self.batch.rows.push(Row::Accounts(accounts));
                }
                self.reconcile_after(Duration::ZERO);
            }
        }
        self.effect(Effect::Unpaced(HANDSHAKE_MESSAGES));
        self.effect(Effect::HeartbeatAt(self.now.monotonic + info.heartbeat_in));
        self.batch.unparked.insert(None);
        self.effect(Effect::UnparkAll);
    }

    /// Why nothing that opens risk may be sent at a login.
    fn why_no_risk(&self, info: &SessionInfo) -> Option<Error> {
        let live: Vec<&str> = info
            .accounts
            .iter()
            .map(String::as_str)
            .filter(|account| !is_paper(account))
            .collect();
        (!self.core.settings.allow_live && !live.is_empty()).then(|| {
            Error::new(
                Reason::LiveAccount,
                format!(
                    "{} is not a paper account: nothing was sent; log in to a paper account, or allow live trading with IB_ALLOW_LIVE=true",
                    live.join(", ")
                ),
            )
        })
    }

    /// Why nothing at all may be sent at a login.
    fn why_refused(&self, info: &SessionInfo, of_store: bool) -> Option<Error> {
        if info.accounts.is_empty() {
            return Some(Error::new(
                Reason::TwsUnavailable,
                "TWS named no account: nothing was sent; log in to one",
            ));
        }
        let pinned = self.batch.engine_state.accounts.as_ref()?;
        (!of_store).then(|| {
            Error::new(
                Reason::StoreMismatch,
                format!(
                    "this store belongs to {}, but TWS is logged in to {}: nothing was sent; log in to the same accounts, or name another store with ORDER_DB_PATH",
                    pinned.join(", "),
                    info.accounts.join(", ")
                ),
            )
        })
    }

    /// Whether a login is to the accounts of the store; any is while it has none.
    fn is_login_of_store(&self, info: &SessionInfo) -> bool {
        self.batch
            .engine_state
            .accounts
            .as_ref()
            .is_none_or(|pinned| {
                let pinned: BTreeSet<&String> = pinned.iter().collect();
                pinned.is_subset(&info.accounts.iter().collect())
            })
    }

    /// Whether what a session tells is about the store's orders. What the last one told before it ended still is.
    fn is_of_store(&self, session: u64) -> bool {
        let current = self.batch.engine_state.session.as_ref();
        current.is_none_or(|current| current.info.session != session || current.of_store)
    }

    fn session_down(&mut self, session: u64, reason: &str) -> Result<(), Stop> {
        let current = self.batch.engine_state.session.as_ref();
        if current.is_none_or(|current| current.info.session != session) {
            return Ok(());
        }
        let torn = self.torn_brackets()?;
        let waiting_cancels = self.ids_where(|entry| entry.runtime.cancel == Cancelling::Queued);
        for order_id in &waiting_cancels {
            self.find(*order_id)?;
        }
        let error = Error::new(
            Reason::TwsUnavailable,
            crate::error::COULD_NOT_CONNECT.to_owned(),
        )
        .retry_after(Duration::from_secs(1));
        // Nothing goes out in it any more.
        self.batch.engine_state.session = None;
        for bracket_id in torn {
            self.abort_family(
                bracket_id,
                "the session with TWS was lost before it was released",
            )?;
        }
        self.drop_queue("the session with TWS was lost", &error)?;
        self.drop_previews(&error, true);
        for order_id in waiting_cancels {
            // They go out after the next reconcile, if the order is still open.
            if let Some(entry) = self.entry(order_id) {
                entry.runtime.cancel = Cancelling::Idle;
            }
        }
        self.unknown_session_down();
        self.replaces_unknown(session)?;
        self.batch.engine_state.family = None;
        self.effect(Effect::ClearQueue);
        let engine_state = &mut self.batch.engine_state;
        engine_state.ids_doubted = None;
        engine_state.failure = Some(ConnectFailure::Unreachable {
            detail: format!("the session with TWS was lost: {reason}"),
        });
        engine_state.reconcile.running = None;
        engine_state.reconcile.due = None;
        engine_state.unmatched_completed = Arc::default();
        self.effect(Effect::Account(Heard::LinkLost));
        self.link(
            LinkState::Lost,
            format!("the session with TWS was lost: {reason}"),
        );
        Ok(())
    }

    fn connect_failed(&mut self, failure: &ConnectFailure) {
        let engine_state = &mut self.batch.engine_state;
        engine_state.attempted = true;
        engine_state.failure = Some(failure.clone());
    }

    fn ib_link(
        &mut self,
        session: u64,
        connected: bool,
        data_lost: bool,
        text: &str,
    ) -> Result<(), Stop> {
        let Some(current) = &mut self.batch.engine_state.session else {
            return Ok(());
        };
        if current.info.session != session {
            return Ok(());
        }
        let before = current.ib_connected;
        if connected {
            current.ib_connected = true;
            if !before || data_lost {
                self.link(LinkState::IbRestored, text.to_owned());
                self.batch.engine_state.reconcile.announce = true;
            }
            if !before || data_lost {
                self.ask_account_anew();
            }
            self.reconcile_after(Duration::ZERO);
        } else if before {
            self.effect(Effect::Account(Heard::LinkLost));
            for bracket_id in self.torn_brackets()? {
                self.abort_family(
                    bracket_id,
                    "TWS lost its connection to IB before it was released",
                )?;
            }
            self.drop_queue("TWS lost its connection to IB", &ib_lost())?;
            self.drop_previews(&ib_lost(), false);
            if let Some(current) = &mut self.batch.engine_state.session {
                current.ib_connected = false;
            }
            self.link(LinkState::IbLost, text.to_owned());
        }
        Ok(())
    }

    /// Orders that wait for their slot are not sent.
    pub(super) fn drop_queue(&mut self, reason: &str, error: &Error) -> Result<(), Stop> {
        let queued = self.ids_where(|entry| entry.runtime.submission == Submission::Queued);
        let replaces = self.ids_where(|entry| {
            let replacing = entry.runtime.replace.as_ref();
            replacing.is_some_and(|replacing| replacing.phase == ReplacePhase::Queued)
        });
        for order_id in queued.iter().chain(&replaces) {
            self.find(*order_id)?;
        }
        for order_id in replaces {
            self.withdraw_replace(order_id, reason);
        }
        for order_id in queued {
            self.effect(Effect::Unqueue(order_id));
            self.never_left(order_id, reason, error);
        }
        Ok(())
    }

    /// What has waited for the journal for too long is not sent any more. All that waits behind it waits for the journal as well.
    pub(super) fn give_up_unjournaled(&mut self) -> Result<(), Stop> {
        let since = self.core.queue.unjournaled_since();
        if since.is_some_and(|since| since + UNJOURNALED_MAX <= self.now.monotonic) {
            self.drop_queue(NOT_JOURNALED, &not_journaled())?;
            self.drop_previews(&not_journaled(), true);
        }
        Ok(())
    }

    /// The time of a caller is over. What it asked for is not sent any more where the journal does not have it.
    pub(super) fn give_up_unjournaled_order(&mut self, order_id: i32) {
        let is_alone = self
            .order(order_id)
            .is_some_and(|order| order.record.state.bracket_id.is_none());
        if !is_alone || !self.core.queue.is_unjournaled(order_id) {
            return;
        }
        let Some(entry) = self.entry(order_id) else {
            return;
        };
        let submission = entry.runtime.submission;
        self.withdraw_replace(order_id, NOT_JOURNALED);
        self.effect(Effect::Unqueue(order_id));
        if submission == Submission::Queued {
            self.never_left(order_id, NOT_JOURNALED, &not_journaled());
        }
    }

    fn never_left(&mut self, order_id: i32, reason: &str, error: &Error) {
        let now = self.now.wall_time;
        let Some(entry) = self.entry(order_id) else {
            return;
        };
        entry.runtime.submission = Submission::Unknown;
        if lifecycle::not_sent(&mut entry.order, reason, now) {
            self.changed(order_id);
        }
        self.fail_transmits(order_id, error);
        self.settle(order_id);
    }

    fn sent(
        &mut self,
        session: u64,
        order_id: i32,
        kind: SendKind,
        outcome: &Sent,
    ) -> Result<(), Stop> {
        let replaces = |entry: &LiveOrder| entry.runtime.replace.is_some();
        let is_replace = kind == SendKind::Place
            && match self.batch.touched.get(&order_id) {
                Some(touched) => replaces(&touched.entry),
                None => self.core.cache.get(order_id).is_some_and(replaces),
            };
        if is_replace && self.find(order_id)? && self.replace_sent(session, order_id, outcome) {
            return Ok(());
        }
        let reason = match outcome {
            // What counts is what TWS says next.
            Sent::Written => return Ok(()),
            Sent::NotSent { reason } | Sent::Unknown { reason } => reason,
        };
        tracing::warn!(order_id, ?kind, ?outcome, "send to TWS failed");
        if !self.find(order_id)? {
            return Ok(());
        }
        self.load_bracket(order_id)?;
        let Some(entry) = self.entry(order_id) else {
            return Ok(());
        };
        match kind {
            SendKind::Cancel => {
                if matches!(entry.runtime.cancel, Cancelling::InFlight { session: other, .. } if other == session)
                {
                    entry.runtime.cancel = Cancelling::Idle;
                }
                self.reconcile_after(Duration::ZERO);
            }
            // Has no row.
            SendKind::Preview => {}
            SendKind::Place => {
                let ours = matches!(entry.runtime.submission, Submission::InFlight { session: other, .. } if other == session);
                match outcome {
                    Sent::NotSent { .. } if ours => {
                        let error = Error::new(
                            Reason::TwsUnavailable,
                            crate::error::COULD_NOT_CONNECT.to_owned(),
                        )
                        .retry_after(Duration::from_secs(1));
                        self.never_left(order_id, reason, &error);
                        self.family_frame_not_sent(order_id)?;
                    }
                    Sent::Unknown { .. } if ours => {
                        entry.runtime.submission = Submission::Unknown;
                        self.reconcile_after(Duration::ZERO);
                    }
                    Sent::NotSent { .. } | Sent::Unknown { .. } | Sent::Written => {}
                }
            }
        }
        Ok(())
    }

    fn barrier_answered(&mut self, token: u64) -> Result<(), Stop> {
        let core = self.core;
        let Some(read) = core.queue.asked(token) else {
            return Ok(());
        };
        for order_id in read.staged.iter().chain(&read.cancelled) {
            self.find(*order_id)?;
        }
        let now = self.now.wall_time;
        for order_id in &read.cancelled {
            self.discard_read(*order_id);
        }
        for order_id in &read.staged {
            self.staged_replace_read(*order_id);
            if let Some(order) = self.order(*order_id)
                && lifecycle::staged(order, now)
            {
                self.changed(*order_id);
                self.settle(*order_id);
            }
        }
        self.effect(Effect::BarrierAnswered(token));
        Ok(())
    }
}

/// Whether an account is a paper account.
pub(crate) fn is_paper(account: &str) -> bool {
    PAPER_PREFIXES
        .iter()
        .any(|prefix| account.starts_with(prefix))
}
