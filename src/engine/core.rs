//! Everything the engine knows, without a clock, a socket or a disk. Whoever drives it brings the time and the rows, commits what
//! a batch wrote, and carries out what comes of it.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;
use std::time::Duration;

use super::audit::Audit;
use super::batch::{Batch, Effect, Write};
use super::clocks::Clocks;
use super::deadlines::Deadlines;
use super::engine_state::{EngineState, FamilySend, FamilyStage, PreviewStage};
use super::halts::{HaltChange, Halts};
use super::input::{Input, Outcome, PendingRequest};
use super::journaling::JournalGate;
use super::live_order::{Cancelling, Discard, LiveOrder, ReplacePhase, Submission};
use super::losses::Losses;
use super::order_cache::OrderCache;
use super::pacer::{Pacer, burst};
use super::queue::{Message, SendQueue};
use super::risk::Risk;
use super::rows::{Rows, Stop};
use super::step::{NOBODY, Step, is_discarded};
use crate::account::Accounts;
use crate::domain::limits::{Limits as RiskLimits, Rejections};
use crate::domain::{
    Caller, Fill, Instruction, Limits, LinkChange, OrderTicket, RestartWindow, Status, StoredEvent,
    Timestamp, Zone,
};
use crate::error::{Error, Reason};
use crate::store::RecoveredState;
use crate::tws::{ConnectFailure, TwsCommand};

/// Time between two looks at what has waited too long.
const TICK: Duration = Duration::from_secs(1);
/// Messages that a reconcile sends.
const RECONCILE_MESSAGES: usize = 3;

/// What the engine is told once.
#[derive(Debug, Clone)]
pub(crate) struct Settings {
    /// The API client id.
    pub(crate) client_id: i32,
    /// What the operator allows.
    pub(crate) limits: Limits,
    /// The limits that are in force at the start.
    pub(crate) risk_limits: Arc<RiskLimits>,
    /// When TWS restarts by itself.
    pub(crate) restart_window: Option<RestartWindow>,
    /// In which zone the limits' day begins.
    pub(crate) limits_zone: Zone,
    /// Accounts that are not paper accounts are allowed.
    pub(crate) allow_live: bool,
    /// Address of TWS, for watchers.
    pub(crate) peer: String,
    /// Messages a second.
    pub(crate) messages_per_second: u32,
    /// An order without any sign from TWS for this long causes a reconcile.
    pub(crate) acknowledgement_timeout: Duration,
    /// How long an INACTIVE order's reason is waited for.
    pub(crate) terminal_linger: Duration,
    /// A reconcile that takes longer has failed.
    pub(crate) reconcile_timeout: Duration,
    /// Previews a minute.
    pub(crate) previews_per_minute: u32,
    /// Callers who may wait for a session.
    pub(crate) parked_max: usize,
    /// Callers who may wait for one order.
    pub(crate) waiters_per_order_max: usize,
    /// When the engine starts.
    pub(crate) began: Timestamp,
    /// Why the halt file halts at the start; `None`: it does not.
    pub(crate) halted_by_file: Option<String>,
}

/// What comes of a batch once it is committed.
#[derive(Debug, Default)]
pub(crate) struct Outbound {
    /// Events to show, in order.
    pub(crate) events: Vec<Arc<StoredEvent>>,
    /// Then changes of links to show.
    pub(crate) links: Vec<LinkChange>,
    /// Halts that are stored, by who waits for that.
    pub(crate) halts_stored: Vec<u64>,
    /// Answers to callers.
    pub(crate) replies: Vec<(u64, Outcome)>,
    /// Commands to the adapter.
    pub(crate) commands: Vec<TwsCommand>,
    /// Orders that came to a status, and from which.
    pub(crate) status_transitions: Vec<(Option<Status>, Status)>,
}

/// What the bracket whose frames are being sent does next.
enum FamilyTurn {
    /// This message goes.
    Send(TwsCommand),
    /// Nothing before something happens, or a while has passed.
    Wait,
    /// All of it was sent, or nothing more of it will be.
    Over,
}

/// A message whose slot has come.
#[derive(Debug)]
pub(crate) struct DueMessage {
    /// For the adapter.
    pub(crate) command: TwsCommand,
    /// How long it waited, for what somebody waits for.
    pub(crate) waited: Option<Duration>,
}

/// Everything the engine knows.
#[derive(Debug)]
pub(crate) struct Core {
    /// What it was told.
    pub(crate) settings: Settings,
    /// Orders in memory.
    pub(crate) cache: OrderCache,
    /// What limits are held against.
    pub(crate) risk: Risk,
    /// Halts beside those that are stored.
    pub(crate) halts: Halts,
    /// The day's losses.
    pub(crate) losses: Losses,
    /// What waits for its slot is to be looked at, because a halt was put in force.
    hold_back: bool,
    /// Records of the audit that are not stored yet.
    pub(crate) audit: Audit,
    /// The rest.
    pub(crate) engine_state: EngineState,
    /// Positions and account values, as TWS last said them.
    pub(crate) accounts: Accounts,
    /// When the next message may go.
    pub(crate) pacer: Pacer,
    /// Messages that wait for that.
    pub(crate) queue: SendQueue,
    /// What they wait for as well, where there is a journal.
    pub(crate) journal: JournalGate,
    /// The orders of brackets that wait in the queue under their entry's id.
    families: BTreeMap<i32, Vec<i32>>,
    /// Callers who wait for a session.
    parked: BTreeMap<u64, PendingRequest>,
    /// Callers to take up again.
    resumed: Vec<PendingRequest>,
    /// Until when callers wait.
    pub(crate) deadlines: Deadlines,
    next_tick: Duration,
}

impl Core {
    /// Starts from what the store held.
    pub(crate) fn new(settings: Settings, recovered: RecoveredState) -> Self {
        let RecoveredState {
            live,
            fills,
            open_instructions,
            head_sequence: _, // the feed begins there
            next_sequence,
            highest_order_id,
            head_instruction,
            accounts,
            history,
            halts,
            audited,
        } = recovered;
        let mut fills_of: HashMap<i32, Vec<Fill>> = HashMap::new();
        for fill in fills {
            fills_of.entry(fill.order_id).or_default().push(fill);
        }
        let mut open_of: HashMap<i32, Vec<Instruction>> = HashMap::new();
        for open in open_instructions {
            if let Some(order_id) = open.order_id {
                open_of.entry(order_id).or_default().push(open);
            }
        }
        let orders: Vec<LiveOrder> = live
            .into_iter()
            .map(|record| {
                let order_id = record.state.order_id;
                let fills = fills_of.remove(&order_id).unwrap_or_default();
                let open = open_of.remove(&order_id).unwrap_or_default();
                LiveOrder::stored(record, fills, open)
            })
            .collect();
        let mut cache = OrderCache::default();
        let mut risk = Risk::new(settings.limits_zone.clone(), settings.began);
        // Before any session, what happened last to an order that is open is the last that TWS was heard.
        let synced_until = orders
            .iter()
            .filter(|entry| !entry.order.record.state.terminal)
            .map(|entry| entry.order.record.state.last_update)
            .min();
        for mut entry in orders {
            risk.count_live(&mut entry);
            cache.put(entry, Duration::ZERO);
        }
        risk.recover(&history, |order_id| cache.get(order_id).is_some());
        let engine_state = EngineState {
            next_id: highest_order_id.saturating_add(1).max(1),
            sequence: next_sequence.saturating_sub(1),
            instruction: head_instruction,
            accounts: accounts.map(Arc::from),
            synced_until,
            halts: Arc::new(halts),
            limits_hash: settings.risk_limits.hash_text().map(Arc::from),
            limits: Arc::clone(&settings.risk_limits),
            rejections: Arc::new(Rejections::recovered(
                &history.verdicts,
                &Caller::LOCAL.key(),
            )),
            ..EngineState::default()
        };
        let orders_per_request =
            usize::try_from(burst(settings.messages_per_second)).unwrap_or(usize::MAX);
        let mut audit = Audit::default();
        let began = settings.began;
        let file_halts = Halts {
            file: settings.halted_by_file.clone(),
            ..Halts::default()
        };
        audit.begin(&settings, &audited, file_halts.file.as_deref(), began);
        Self {
            losses: Losses::default(),
            hold_back: false,
            audit,
            pacer: Pacer::new(settings.messages_per_second),
            settings,
            cache,
            risk,
            halts: file_halts,
            engine_state,
            accounts: Accounts::default(),
            queue: SendQueue::new(orders_per_request),
            journal: JournalGate::default(),
            families: BTreeMap::new(),
            parked: BTreeMap::new(),
            resumed: Vec::new(),
            deadlines: Deadlines::default(),
            next_tick: TICK,
        }
    }

    /// Applies one input to a batch. On an error the batch is as before, but for copies of orders.
    pub(crate) fn step(
        &self,
        batch: &mut Batch,
        input: &Input,
        rows: &mut dyn Rows,
        now: Clocks,
    ) -> Result<(), Stop> {
        Step {
            core: self,
            batch,
            rows,
            now,
        }
        .take(input)
    }

    /// Takes a committed batch over.
    pub(crate) fn commit(&mut self, batch: Batch, now: Clocks) -> Outbound {
        let mut out = Outbound {
            events: batch.events(),
            ..Outbound::default()
        };
        // What was written with the batch is not in it any more.
        self.audit.keep(batch.audit, now.monotonic);
        for executed in self.risk.totals.absorb(batch.totals) {
            self.risk.positions.executed(executed, now.wall_time);
        }
        self.engine_state = batch.engine_state;
        self.engine_state.queued = 0;
        self.engine_state.queued_staged = 0;
        for (order_id, touched) in batch.touched {
            let before = self
                .cache
                .get(order_id)
                .map(|entry| entry.order.record.state.status);
            let status = touched.entry.order.record.state.status;
            if before != Some(status) && touched.write != Write::Nothing {
                out.status_transitions.push((before, status));
            }
            self.cache.put(touched.entry, now.monotonic);
        }
        for effect in batch.effects {
            match effect {
                Effect::Reply(waiter, outcome) => out.replies.push((waiter, outcome)),
                Effect::Park(ask) => {
                    self.deadlines.push(ask.deadline, ask.waiter, 0);
                    self.parked.insert(ask.waiter, ask);
                }
                Effect::Unpark(waiter) => {
                    self.parked.remove(&waiter);
                }
                Effect::UnparkAll => {
                    self.resumed
                        .extend(std::mem::take(&mut self.parked).into_values());
                }
                Effect::Deadline {
                    at,
                    waiter,
                    order_id,
                } => self.deadlines.push(at, waiter, order_id),
                Effect::QueuePlace { order_id, staged } => {
                    self.queue.push_place(order_id, staged, now.monotonic);
                }
                Effect::QueueFamily(legs) => {
                    if let Some(bracket_id) = legs.first().copied() {
                        self.queue.push_place(bracket_id, false, now.monotonic);
                        self.families.insert(bracket_id, legs);
                    }
                }
                Effect::UnqueueFamily(bracket_id) => {
                    self.queue.remove_place(bracket_id);
                    self.families.remove(&bracket_id);
                }
                Effect::QueueCancel(order_id) => self.queue.push_cancel(order_id, now.monotonic),
                Effect::Unqueue(order_id) => self.queue.remove_place(order_id),
                Effect::ClearQueue => {
                    self.queue.clear();
                    self.families.clear();
                }
                Effect::BarrierAnswered(token) => self.queue.answered(token),
                Effect::Unpaced(messages) => self.pacer.count_unpaced(now.monotonic, messages),
                Effect::HeartbeatAt(at) => self.pacer.foresee(at),
                Effect::Command(command) => {
                    if matches!(command, TwsCommand::Reconcile { .. }) {
                        self.pacer.count(now.monotonic, RECONCILE_MESSAGES);
                    }
                    out.commands.push(command);
                }
                Effect::Account(heard) => {
                    self.accounts.hear(&heard, now.wall_time);
                    let snapshot = self.accounts.snapshot();
                    self.risk.hear(&heard, snapshot, now.wall_time);
                    self.losses.due = true;
                }
                Effect::HoldBack => self.hold_back = true,
                Effect::HaltStored(waiter, change) => {
                    if let HaltChange::Add(halt) = &change {
                        self.halts.unstored.retain(|known| known != halt);
                    }
                    out.halts_stored.push(waiter);
                }
                Effect::Link(change) => out.links.push(change),
            }
        }
        self.engine_state.parked = self.parked.len();
        out
    }

    /// Messages whose slot has come, at most `room`.
    pub(crate) fn flush(&mut self, now: Clocks, room: usize) -> Vec<DueMessage> {
        let mut commands: Vec<DueMessage> = Vec::new();
        let Some(session) = self.engine_state.session.as_ref().map(|up| up.info.session) else {
            return commands;
        };
        while commands.len() < room
            && (self.queue.len() > 0 || self.engine_state.family.is_some())
            && self.pacer.slot(now.monotonic, 0) <= now.monotonic
        {
            if self.engine_state.family.is_some() {
                let (command, waited) = match self.queue.pop_cancel() {
                    Some((order_id, since)) => {
                        let waited = now.monotonic.saturating_sub(since);
                        (self.hand_cancel(session, order_id, now), Some(waited))
                    }
                    None => match self.hand_family(session, now) {
                        FamilyTurn::Send(command) => {
                            // Its sender is told of a frame, and not of a barrier.
                            let is_frame = matches!(command, TwsCommand::Place { .. });
                            (Some(command), is_frame.then_some(Duration::ZERO))
                        }
                        FamilyTurn::Wait => break,
                        FamilyTurn::Over => continue,
                    },
                };
                if let Some(command) = command {
                    self.pacer.count(now.monotonic, 1);
                    commands.push(DueMessage { command, waited });
                }
                continue;
            }
            let Some((message, since)) = self.queue.pop() else {
                break;
            };
            let command = match message {
                Message::Cancel(order_id) => self.hand_cancel(session, order_id, now),
                Message::Place(order_id) => self.hand_place(session, order_id, now),
                Message::Barrier => Some(TwsCommand::Barrier {
                    session,
                    token: self.queue.ask(),
                }),
            };
            if let Some(command) = command {
                self.pacer.count(now.monotonic, 1);
                commands.push(DueMessage {
                    command,
                    waited: since.map(|since| now.monotonic.saturating_sub(since)),
                });
            }
        }
        commands
    }

    fn hand_cancel(&mut self, session: u64, order_id: i32, now: Clocks) -> Option<TwsCommand> {
        let unknown = &mut self.engine_state.unknown_orders;
        if unknown.contains_key(&order_id) {
            let order = Arc::make_mut(unknown).get_mut(&order_id)?;
            order.cancel = Cancelling::InFlight {
                session,
                at: now.monotonic,
            };
            return Some(TwsCommand::Cancel { session, order_id });
        }
        let entry = self.cache.get_mut(order_id)?;
        if entry.runtime.cancel != Cancelling::Queued {
            return None;
        }
        if entry.is_over() {
            // It ended while its cancel waited.
            entry.runtime.cancel = Cancelling::Idle;
            return None;
        }
        entry.runtime.cancel = Cancelling::InFlight {
            session,
            at: now.monotonic,
        };
        if is_discarded(entry) {
            let before = entry.runtime.discard.filter(|last| last.session == session);
            entry.runtime.discard = Some(Discard {
                session,
                times: before.map_or(1, |last| last.times.saturating_add(1)),
                read_at: None,
            });
            self.queue.cancel_handed(order_id);
        }
        Some(TwsCommand::Cancel { session, order_id })
    }

    /// Whether a halt concerns what waits to be sent for an order.
    fn is_held(&self, order_id: i32) -> bool {
        let stored = &self.engine_state.halts;
        self.cache
            .get(order_id)
            .is_some_and(|entry| self.halts.holds(stored, entry).is_some())
    }

    /// The next message of the bracket whose frames are being sent.
    fn hand_family(&mut self, session: u64, now: Clocks) -> FamilyTurn {
        let round = self.engine_state.reconcile.round;
        let Some(family) = &mut self.engine_state.family else {
            return FamilyTurn::Over;
        };
        match family.stage {
            FamilyStage::Barrier(_) => return FamilyTurn::Wait,
            FamilyStage::Ready(at) if at > now.monotonic => return FamilyTurn::Wait,
            FamilyStage::Ready(_) => {}
            FamilyStage::BarrierDue => {
                let token = self.queue.ask();
                family.stage = FamilyStage::Barrier(token);
                return FamilyTurn::Send(TwsCommand::Barrier { session, token });
            }
        }
        let leg = family.legs.get(family.next).copied();
        if leg.is_some_and(|order_id| self.is_held(order_id)) {
            return FamilyTurn::Wait;
        }
        let Some(family) = &mut self.engine_state.family else {
            return FamilyTurn::Over;
        };
        let releases = family.next + 1 == family.legs.len();
        let entry = leg
            .and_then(|order_id| self.cache.get_mut(order_id))
            .filter(|entry| {
                entry.runtime.submission == Submission::Queued
                    && entry.order.record.state.status == Status::Submitting
            });
        let Some(entry) = entry else {
            // It was given up meanwhile.
            self.engine_state.family = None;
            return FamilyTurn::Over;
        };
        entry.runtime.submission = Submission::InFlight {
            session,
            at: now.monotonic,
            round,
        };
        let ticket = OrderTicket {
            transmit: releases,
            ..OrderTicket::from(&entry.order.record.state)
        };
        if releases {
            // From now on TWS is to show each of them.
            for order_id in &family.legs {
                if let Some(entry) = self.cache.get_mut(*order_id)
                    && let Submission::InFlight { at, .. } = &mut entry.runtime.submission
                {
                    *at = now.monotonic;
                }
            }
            self.engine_state.family = None;
        } else {
            family.next += 1;
            family.stage = FamilyStage::BarrierDue;
        }
        FamilyTurn::Send(TwsCommand::Place { session, ticket })
    }

    fn hand_place(&mut self, session: u64, order_id: i32, now: Clocks) -> Option<TwsCommand> {
        // A halt that is not stored yet holds all the same; its step decides about what waits here.
        if self.is_held(order_id) {
            return None;
        }
        if let Some(legs) = self.families.remove(&order_id) {
            self.engine_state.family = Some(FamilySend {
                legs,
                next: 0,
                stage: FamilyStage::Ready(now.monotonic),
            });
            return None;
        }
        let previews = &mut self.engine_state.previews;
        if previews.contains_key(&order_id) {
            let preview = Arc::make_mut(previews).get_mut(&order_id)?;
            if preview.stage != PreviewStage::Queued {
                return None;
            }
            preview.stage = PreviewStage::InFlight;
            return Some(TwsCommand::Preview {
                session,
                ticket: OrderTicket::from(&preview.state),
            });
        }
        let round = self.engine_state.reconcile.round;
        let entry = self.cache.get_mut(order_id)?;
        if let Some(replacing) = &mut entry.runtime.replace
            && replacing.phase == ReplacePhase::Queued
        {
            replacing.phase = ReplacePhase::Sent {
                session: Some(session),
                at: now.monotonic,
                round,
                written: false,
                asked: false,
            };
            let ticket = replacing.ticket(&entry.order);
            if !ticket.transmit {
                self.queue.staged_handed(order_id);
            }
            return Some(TwsCommand::Place { session, ticket });
        }
        if entry.runtime.submission != Submission::Queued
            || entry.order.record.state.status != Status::Submitting
        {
            return None;
        }
        entry.runtime.submission = Submission::InFlight {
            session,
            at: now.monotonic,
            round: self.engine_state.reconcile.round,
        };
        let state = &entry.order.record.state;
        if !state.transmit {
            self.queue.staged_handed(order_id);
        }
        Some(TwsCommand::Place {
            session,
            ticket: OrderTicket::from(state),
        })
    }

    /// What has come due by now: callers to take up again, deadlines, the tick.
    pub(crate) fn due(&mut self, now: Clocks) -> Vec<Input> {
        let mut inputs: Vec<Input> = self.resumed.drain(..).map(Input::Request).collect();
        while let Some((waiter, order_id)) = self.deadlines.pop_due(now.monotonic) {
            inputs.push(Input::Expired { waiter, order_id });
        }
        if std::mem::take(&mut self.hold_back) {
            inputs.push(Input::HoldBack);
        }
        let ticks = now.monotonic >= self.next_tick;
        if ticks || self.losses.due {
            inputs.extend(self.halt_for_losses(now.wall_time).into_iter().map(|halt| {
                Input::Halt {
                    change: HaltChange::Add(halt),
                    caller: None,
                    waiter: NOBODY,
                }
            }));
        }
        if ticks {
            self.next_tick = now.monotonic + TICK;
            self.cache.forget_ended(now.monotonic);
            if self.risk.is_day_over(now.wall_time) {
                self.risk.begin_day(now.wall_time, self.cache.entries_mut());
                self.losses.begin_day();
            }
            self.risk.forget(now);
            if self.deadlines.is_sweep_due() {
                let waiting = self
                    .cache
                    .waiters()
                    .chain(self.parked.keys().copied())
                    .chain([NOBODY]);
                self.deadlines.sweep(&waiting.collect());
            }
            inputs.push(Input::Tick);
            let left_out = self.engine_state.refusals.left_out;
            if let Some(record) = self.audit.unrecorded(left_out, now.wall_time) {
                inputs.push(Input::Audit(Arc::new(record)));
            }
        }
        inputs
    }

    /// When there is next something to do, if nothing happens before.
    pub(crate) fn next_wake(&self, now: Clocks) -> Duration {
        let mut wake = self.next_tick;
        if !self.resumed.is_empty() || self.hold_back || (self.losses.due && self.limits_losses()) {
            wake = now.monotonic;
        }
        if let Some(at) = self.deadlines.next() {
            wake = wake.min(at);
        }
        if let Some(family) = &self.engine_state.family
            && let FamilyStage::Ready(at) = family.stage
        {
            wake = wake.min(at.max(self.pacer.slot(now.monotonic, 0)));
        } else if self.queue.has_next() && self.engine_state.session.is_some() {
            wake = wake.min(self.pacer.slot(now.monotonic, 0));
        }
        wake
    }

    /// Whether a caller or a message still waits.
    pub(crate) fn is_quiet(&self) -> bool {
        self.queue.len() == 0
            && self.parked.is_empty()
            && self.resumed.is_empty()
            && self
                .cache
                .entries()
                .all(|(_, entry)| entry.runtime.waiters.is_empty())
    }

    /// What a caller asked for who waits for a session.
    pub(crate) fn parked_request(&self, waiter: u64) -> Option<&PendingRequest> {
        self.parked.get(&waiter)
    }

    /// Whether a caller still waits for a session.
    pub(crate) fn is_parked(&self, waiter: u64) -> bool {
        self.parked.contains_key(&waiter)
    }

    /// Callers who wait for a session.
    pub(crate) fn parked(&self) -> impl Iterator<Item = u64> {
        self.parked.keys().copied()
    }

    /// The error of a caller who waited for a session in vain.
    pub(crate) fn unreachable(engine_state: &EngineState) -> Error {
        if let Some(error) = super::step::ids_unknown(engine_state) {
            return error;
        }
        let error = Error::new(
            Reason::TwsUnavailable,
            super::link::why_unreachable(engine_state),
        )
        .retry_after(Duration::from_secs(1));
        match &engine_state.failure {
            Some(ConnectFailure::Refused {
                code: Some(code),
                detail,
            }) => error.tws(*code, detail.clone()),
            Some(
                ConnectFailure::Refused { code: None, .. } | ConnectFailure::Unreachable { .. },
            )
            | None => error,
        }
    }
}
