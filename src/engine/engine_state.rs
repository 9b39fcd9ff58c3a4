//! What the engine knows beside its orders. Small: a batch works on a copy, which replaces the original when its commit succeeded.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use super::audit::RefusalRate;
use super::halts::StoredHalts;
use super::live_order::Cancelling;
use crate::domain::limits::{Limits, Rejections, Rule};
use crate::domain::{CommissionReport, CompletedReport, OrderState, Timestamp};
use crate::error::Error;
use crate::tws::{ConnectFailure, SessionInfo};

/// What the engine knows beside its orders.
#[derive(Debug, Clone, Default)]
pub(crate) struct EngineState {
    /// The session with TWS, while there is one.
    pub(crate) session: Option<Session>,
    /// Why the last attempt to connect failed.
    pub(crate) failure: Option<ConnectFailure>,
    /// The first attempt to connect has ended, either way.
    pub(crate) attempted: bool,
    /// The id the next order gets.
    pub(crate) next_id: i32,
    /// Since when it is not known whether TWS will take that id.
    pub(crate) ids_doubted: Option<Duration>,
    /// Sequence of the last event.
    pub(crate) sequence: u64,
    /// The number of the last instruction.
    pub(crate) instruction: u64,
    /// The accounts the store belongs to.
    pub(crate) accounts: Option<Arc<[String]>>,
    /// The halts that are stored.
    pub(crate) halts: StoredHalts,
    /// The limits in force.
    pub(crate) limits: Arc<Limits>,
    /// The hash of their file, as it stands with instructions.
    pub(crate) limits_hash: Option<Arc<str>>,
    /// Rules that instructions broke, by rule: for the statistics.
    pub(crate) rules_broken: [u64; Rule::ALL.len()],
    /// Refused instructions that the audit records now.
    pub(crate) refusals: RefusalRate,
    /// Orders that TWS has rejected in a row.
    pub(crate) rejections: Arc<Rejections>,
    /// No new orders.
    pub(crate) closing: bool,
    /// Messages queued by steps of this batch.
    pub(crate) queued: usize,
    /// Staged orders among them.
    pub(crate) queued_staged: usize,
    /// Callers waiting for a session.
    pub(crate) parked: usize,
    /// Callers answered at once because as many as may waited for their order already: for the statistics.
    pub(crate) answered_early: u64,
    /// Reports that named an order of ours and showed another one: for the statistics.
    pub(crate) foreign_reports: u64,
    /// Second orders that TWS made under an order's id: for the statistics.
    pub(crate) second_orders: u64,
    /// The reconcile.
    pub(crate) reconcile: Reconcile,
    /// Until when nothing of TWS can have been missed: it was heard then, with its link to IB, and no reconcile was due.
    pub(crate) synced_until: Option<Timestamp>,
    /// TWS's clock at the last heartbeat.
    pub(crate) tws_time: Option<Timestamp>,
    /// Commissions whose execution has not come yet, by execution id.
    pub(crate) early_commissions: Arc<BTreeMap<String, CommissionReport>>,
    /// Rows of the completed-orders query whose order the executions may still name.
    pub(crate) unmatched_completed: Arc<Vec<CompletedReport>>,
    /// Permanent ids of other clients' orders that this reconcile's other queries showed.
    pub(crate) foreign_perm_ids: Arc<BTreeSet<i64>>,
    /// The bracket whose frames are being sent.
    pub(crate) family: Option<FamilySend>,
    /// Brackets whose position stood without a stop: for the statistics.
    pub(crate) brackets_incomplete: u64,
    /// Previews of this process, by the id that each has spent.
    pub(crate) previews: Arc<BTreeMap<i32, PreviewState>>,
    /// When the next preview would go if every one so far had gone evenly.
    pub(crate) previews_even_at: Duration,
    /// Orders that TWS made of previews: for the statistics.
    pub(crate) previews_placed: u64,
    /// Orders of this client id that TWS works and the store does not know, by order id.
    pub(crate) unknown_orders: Arc<BTreeMap<i32, UnknownOrder>>,
}

/// A bracket whose frames are being sent. Meanwhile no other order is: TWS refuses an id below one that it has seen.
#[derive(Debug, Clone)]
pub(crate) struct FamilySend {
    /// Its orders in the order in which they go; the last one releases them all.
    pub(crate) legs: Vec<i32>,
    /// Which of them goes next.
    pub(crate) next: usize,
    /// What it waits for.
    pub(crate) stage: FamilyStage,
}

/// What a family waits for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum FamilyStage {
    /// Its next frame may go then.
    Ready(Duration),
    /// The barrier behind the last frame may go.
    BarrierDue,
    /// The answer to that barrier.
    Barrier(u64),
}

/// A preview.
#[derive(Debug, Clone)]
pub(crate) struct PreviewState {
    /// The order that is previewed, as it would be stored if TWS placed it.
    pub(crate) state: OrderState,
    /// Who waits for the answer.
    pub(crate) waiter: Option<u64>,
    /// How far it is.
    pub(crate) stage: PreviewStage,
    /// What TWS warned of so far.
    pub(crate) warning: Option<String>,
}

/// How far a preview is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum PreviewStage {
    /// Waits for its slot.
    Queued,
    /// Given to the adapter.
    InFlight,
    /// Nobody waits for an answer any more. Its id is remembered.
    Answered,
}

/// An order of this client id that TWS works and the store does not know. Nothing about it is stored.
#[derive(Debug, Clone)]
pub(crate) struct UnknownOrder {
    /// What TWS shows of it.
    pub(crate) state: OrderState,
    /// The latest reconcile round in which TWS showed it.
    pub(crate) seen_round: u64,
    /// Where its cancelOrder is.
    pub(crate) cancel: Cancelling,
    /// Callers who wait for the verdict on its cancel.
    pub(crate) waiters: Vec<u64>,
}

/// A session with TWS.
#[derive(Debug, Clone)]
pub(crate) struct Session {
    /// What it is.
    pub(crate) info: Arc<SessionInfo>,
    /// Whether TWS is connected to IB.
    pub(crate) ib_connected: bool,
    /// Why nothing may be sent in it.
    pub(crate) refused: Option<Error>,
    /// Why nothing that opens risk may be sent in it: cancels and questions may.
    pub(crate) risk_refused: Option<Error>,
    /// It is logged in to the accounts that the store belongs to.
    pub(crate) of_store: bool,
    /// Positions and account values are to be asked for when the next reconcile has ended.
    pub(crate) account_due: bool,
}

/// The reconcile: at most one at a time.
#[derive(Debug, Clone, Default)]
pub(crate) struct Reconcile {
    /// Rounds begun; also the token of the latest.
    pub(crate) round: u64,
    /// Since when one is under way.
    pub(crate) running: Option<Duration>,
    /// Another one is due then.
    pub(crate) due: Option<Duration>,
    /// Failures in a row.
    pub(crate) failures: u32,
    /// Why the last one failed; `None` once one has ended well.
    pub(crate) failing: Option<Arc<str>>,
    /// Rounds that failed, and rounds that ended well with how long the last of them took: for the statistics.
    pub(crate) failed: u64,
    /// See `failed`.
    pub(crate) ended: (u64, Duration),
    /// How many days back the round under way asks for executions.
    pub(crate) days_back: u32,
    /// Watchers were told that a link broke or came back: its end is shown to them.
    pub(crate) announce: bool,
}
