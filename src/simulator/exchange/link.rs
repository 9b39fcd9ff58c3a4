//! What happens to TWS as a whole: its link to IB, its hours, its restarts, and what a test makes it hold back.

use super::super::clock::Now;
use super::super::config::Hours;
use super::super::control::ControlError;
use super::super::order::{OrderKey, PermId, Phase, Tif};
use super::Exchange;

impl Exchange {
    /// Withholds acknowledgements of new orders, or lets them go.
    pub(crate) fn hold_acknowledgements(&mut self, hold: bool, now: Now) {
        self.conditions.hold_acknowledgements = hold;
        if !hold {
            self.acknowledge_all(Phase::Withheld, now);
        }
    }

    /// Withholds confirmations of cancels, or lets them go.
    pub(crate) fn hold_cancels(&mut self, hold: bool, now: Now) {
        self.conditions.hold_cancels = hold;
        if !hold {
            self.release_cancels(now);
        }
    }

    /// Acknowledges one withheld order.
    pub(crate) fn acknowledge_one(&mut self, key: OrderKey, now: Now) -> Result<(), ControlError> {
        let (perm_id, phase) = self.locate(key)?;
        let held = self
            .book
            .get(perm_id)
            .is_some_and(|order| order.why_held.is_some());
        if held && phase == Phase::PreSubmitted {
            if let Some(order) = self.book.get_mut(perm_id) {
                order.why_held = None;
            }
            self.go_live(perm_id, now);
            self.journal_order(perm_id);
            return Ok(());
        }
        if phase != Phase::Withheld {
            return Err(ControlError::NotWorking {
                key,
                status: phase.word(),
            });
        }
        self.acknowledge(perm_id, now);
        self.journal_order(perm_id);
        Ok(())
    }

    /// TWS loses IB: 1100, or 2110.
    pub(crate) fn lose_ib(&mut self, code: i32, now: Now) {
        self.conditions.ib_lost = true;
        let text = match code {
            2110 => {
                "Connectivity between Trader Workstation and server is broken. It will be restored automatically."
            }
            _ => "Connectivity between IBKR and Trader Workstation has been lost.",
        };
        self.notice_to_all(code, text, now);
    }

    /// TWS has IB back: 1101 or 1102. Orders and cancels that waited go out.
    pub(crate) fn restore_ib(&mut self, data_lost: bool, now: Now) {
        self.conditions.ib_lost = false;
        let (code, how) = if data_lost {
            (1101, "data lost")
        } else {
            (1102, "data maintained")
        };
        let text =
            format!("Connectivity between IBKR and Trader Workstation has been restored - {how}.");
        self.notice_to_all(code, &text, now);
        self.acknowledge_all(Phase::Queued, now);
        if !self.conditions.hold_cancels {
            self.release_cancels(now);
        }
    }

    fn acknowledge_all(&mut self, phase: Phase, now: Now) {
        let waiting: Vec<PermId> = self
            .book
            .open()
            .filter(|o| o.phase == phase)
            .map(|o| o.perm_id)
            .collect();
        for perm_id in waiting {
            if !self.withheld_cancels.contains(&perm_id) {
                self.acknowledge(perm_id, now);
                self.journal_order(perm_id);
            }
        }
    }

    /// Opens the exchange: orders that waited go to work.
    pub(crate) fn open_exchange(&mut self, now: Now) {
        self.conditions.hours = Hours::Open;
        let waiting: Vec<PermId> = self
            .book
            .open()
            .filter(|o| o.phase == Phase::PreSubmitted && o.why_held.is_none())
            .map(|o| o.perm_id)
            .collect();
        for perm_id in waiting {
            self.go_live(perm_id, now);
            self.journal_order(perm_id);
        }
    }

    /// Closes it. With `end_of_day` DAY orders end, and what is of today becomes yesterday's.
    pub(crate) fn close_exchange(&mut self, end_of_day: bool, now: Now) {
        self.conditions.hours = Hours::Closed;
        if !end_of_day {
            return;
        }
        let ending: Vec<PermId> = self
            .book
            .open()
            .filter(|o| o.tif == Tif::Day && o.phase.is_live())
            .map(|o| o.perm_id)
            .collect();
        for perm_id in ending {
            self.confirm_cancel(perm_id, "Cancelled by System:", now);
        }
        self.extra_days += 1;
    }

    /// TWS stops and starts: everyone is disconnected, staged orders are gone, each client's ids fall back by `ids`.
    pub(crate) fn restart(&mut self, ids: u32, keep_orders: bool) {
        self.sessions.close_all();
        self.book.forget_staged();
        self.withheld_cancels.clear();
        self.conditions.ib_lost = false;
        let by = i32::try_from(ids).unwrap_or(i32::MAX);
        let clients: Vec<(i32, i32)> = self
            .next_ids
            .iter()
            .map(|(client, next)| (*client, *next))
            .collect();
        for (client_id, next) in clients {
            self.set_next_id(client_id, next.saturating_sub(by).max(1));
        }
        if !keep_orders {
            self.forget_orders();
        }
    }
}
