//! Faults that wait for their order, and what they do when it comes.

use std::time::Duration;

use super::super::clock::Now;
use super::super::fault::Fault;
use super::super::session::ConnectionId;
use super::{Exchange, Scheduled, Verdict};

/// Faults that wait for an order, each with the number of orders still to come.
#[derive(Debug, Default)]
pub(super) struct Faults {
    waiting: Vec<(u32, Fault)>,
    /// How much lower the next login finds its next valid id.
    pub(super) roll_back_ids: u32,
}

/// What happens with one order.
#[derive(Debug, Default)]
pub(super) struct OrderPlan {
    pub(super) drop_before: bool,
    pub(super) verdict: Option<Verdict>,
    drop_after: bool,
    mute: bool,
    half_frame: bool,
    garbage: bool,
    bad_length: bool,
    restart: bool,
    /// The preview that is answered works afterwards.
    pub(super) preview_works: bool,
    ib_lost: Option<(Option<Duration>, bool)>,
}

impl Faults {
    /// Counts an order and gives the faults that were waiting for it.
    pub(super) fn next_order(&mut self) -> OrderPlan {
        let mut plan = OrderPlan::default();
        self.waiting.retain_mut(|(left, fault)| {
            *left = left.saturating_sub(1);
            if *left == 0 {
                plan.add(fault);
            }
            *left > 0
        });
        plan
    }
}

impl OrderPlan {
    fn add(&mut self, fault: &Fault) {
        match fault {
            Fault::DropBeforeOrder(_) => self.drop_before = true,
            Fault::DropAfterOrder(_) => self.drop_after = true,
            Fault::MuteAfterOrder(_) => self.mute = true,
            Fault::HalfFrameAfterOrder(_) => self.half_frame = true,
            Fault::GarbageAfterOrder(_) => self.garbage = true,
            Fault::BadLengthAfterOrder(_) => self.bad_length = true,
            Fault::RestartAfterOrder(_) => self.restart = true,
            Fault::IbLostAfterOrder(_, time) => self.ib_lost = Some((*time, false)),
            Fault::IbDataLostAfterOrder(_, time) => self.ib_lost = Some((Some(*time), true)),
            Fault::RejectOrder(_) => {
                let text = "Order rejected - reason:The simulator was told to reject this order."
                    .to_owned();
                self.verdict = Some(Verdict::Reject {
                    code: 201,
                    text,
                    inactive: true,
                });
            }
            Fault::HeldForLocate(_) => self.verdict = Some(Verdict::Locate),
            Fault::SizeReduced(_) => self.verdict = Some(Verdict::Reduce),
            Fault::PreviewBecomesOrder(_) => self.preview_works = true,
            Fault::Mute
            | Fault::Slow(_)
            | Fault::Refuse
            | Fault::Duplicate
            | Fault::Reorder
            | Fault::LoseStatuses
            | Fault::LoseOpenOrders
            | Fault::LoseExecutions
            | Fault::LoseExecutionsEnd
            | Fault::Unanswered(_)
            | Fault::OddRow(_)
            | Fault::RollbackIds(_) => {}
        }
    }
}

impl Exchange {
    /// Sets a fault: lasting ones at once, the others when their order comes.
    pub(crate) fn set_fault(&mut self, fault: Fault) {
        let shaping = &mut self.sessions.shaping;
        match fault {
            Fault::Mute => shaping.mute = true,
            Fault::Duplicate => shaping.duplicate = true,
            Fault::Reorder => shaping.reorder = true,
            Fault::LoseStatuses => shaping.lose_statuses = true,
            Fault::LoseOpenOrders => shaping.lose_open_orders = true,
            Fault::LoseExecutions => shaping.lose_executions = true,
            Fault::LoseExecutionsEnd => shaping.lose_executions_end = true,
            Fault::Unanswered(query) => shaping.unanswered.push(query),
            Fault::OddRow(kind) => shaping.odd_rows.push(kind),
            Fault::Slow(time) => self.conditions.latency = time,
            Fault::Refuse => self.conditions.refuse = true,
            Fault::RollbackIds(by) => self.faults.roll_back_ids = by,
            Fault::DropBeforeOrder(n)
            | Fault::DropAfterOrder(n)
            | Fault::MuteAfterOrder(n)
            | Fault::HalfFrameAfterOrder(n)
            | Fault::GarbageAfterOrder(n)
            | Fault::BadLengthAfterOrder(n)
            | Fault::RestartAfterOrder(n)
            | Fault::RejectOrder(n)
            | Fault::HeldForLocate(n)
            | Fault::SizeReduced(n)
            | Fault::PreviewBecomesOrder(n)
            | Fault::IbLostAfterOrder(n, _)
            | Fault::IbDataLostAfterOrder(n, _) => self.faults.waiting.push((n, fault)),
        }
    }

    /// Ends every fault that lasts or waits. A lost link to IB stays lost until it is restored.
    pub(crate) fn clear_faults(&mut self) {
        self.faults = Faults::default();
        self.sessions.shaping = super::super::session::Shaping::default();
        self.conditions.refuse = false;
        self.conditions.latency = self.config.latency;
        self.verdicts.clear();
    }

    /// What follows an order that a fault was waiting for. `mark` is where its answers begin.
    pub(super) fn aftermath(
        &mut self,
        connection: ConnectionId,
        plan: &OrderPlan,
        mark: (usize, usize),
        now: Now,
    ) {
        if plan.drop_after || plan.mute || plan.half_frame {
            let answers = self.sessions.cut_back(connection, mark);
            if plan.half_frame {
                self.sessions.raw(connection, first_half(&answers));
            }
        }
        if plan.garbage {
            // A whole frame of the right kind, orderStatus, with a body that ends inside its first field.
            self.sessions
                .raw(connection, &[0, 0, 0, 7, 0, 0, 0, 203, 0x12, 0xff, 0x01]);
        }
        if plan.bad_length {
            self.sessions
                .raw(connection, &[0xff, 0xff, 0xff, 0xff, 0, 0, 0, 203]);
        }
        if plan.mute {
            self.sessions.shaping.mute = true;
        }
        if let Some((time, data_lost)) = plan.ib_lost {
            self.lose_ib(1100, now);
            if let Some(time) = time {
                let micros = i64::try_from(time.as_micros()).unwrap_or(i64::MAX);
                self.schedule(
                    now.micros().saturating_add(micros),
                    Scheduled::IbRestored { data_lost },
                );
            }
        }
        if plan.drop_after || plan.half_frame {
            self.sessions.close(connection);
        }
        if plan.restart {
            self.restart(0, true);
        }
    }

    pub(super) fn roll_back_ids_once(&mut self, client_id: i32) {
        let by = i32::try_from(std::mem::take(&mut self.faults.roll_back_ids)).unwrap_or(i32::MAX);
        if by > 0 {
            let next = self.next_id(client_id).saturating_sub(by).max(1);
            self.set_next_id(client_id, next);
        }
    }
}

/// Half of the first frame in `bytes`, at least its length word.
fn first_half(bytes: &[u8]) -> &[u8] {
    let length = match bytes {
        [a, b, c, d, ..] => u32::from_be_bytes([*a, *b, *c, *d]) as usize + 4,
        _ => 0,
    };
    &bytes[..(length / 2).max(4).min(bytes.len())]
}
