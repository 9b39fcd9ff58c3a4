//! What happens to TWS as a whole: its link to IB, its hours, its restarts, and what a test makes it hold back.

use super::super::clock::Now;
use super::super::config::Hours;
use super::super::control::ControlError;
use super::super::order::{OrderKey, PermId, Phase, Side, Tif};
use super::super::switches::RestartIds;
use super::{Exchange, FillReport, Scheduled};

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
        if let Some(order) = self.book.get_mut(perm_id)
            && order.held_for_locate
        {
            order.held_for_locate = false;
            self.set_phase(perm_id, Phase::PreSubmitted);
            self.begin(perm_id, now);
            self.journal_order(perm_id);
            return Ok(());
        }
        if phase != Phase::Withheld {
            return Err(ControlError::NotWorking {
                key,
                status: phase.word(),
            });
        }
        self.acknowledge(&[perm_id], now);
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
        self.apply_pending_replacements(now);
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
        let waiting: Vec<PermId> = waiting
            .into_iter()
            .filter(|perm_id| !self.withheld_cancels.contains(perm_id))
            .collect();
        self.acknowledge(&waiting, now);
        for perm_id in waiting {
            self.journal_order(perm_id);
        }
    }

    /// What was to be changed while the exchange was closed or IB away.
    fn apply_pending_replacements(&mut self, now: Now) {
        if self.conditions.ib_lost {
            return;
        }
        for (perm_id, checked) in std::mem::take(&mut self.pending_replacements) {
            if self
                .book
                .get(perm_id)
                .is_some_and(|order| !order.phase.is_over())
            {
                self.apply_replacement(perm_id, &checked, now);
            }
        }
    }

    /// Opens the exchange: orders that waited go to work.
    pub(crate) fn open_exchange(&mut self, now: Now) {
        self.conditions.hours = Hours::Open;
        self.apply_pending_replacements(now);
        let waiting: Vec<PermId> = self
            .book
            .open()
            .filter(|o| o.phase == Phase::PreSubmitted && !o.pricing.is_on_close())
            .map(|o| o.perm_id)
            .collect();
        for perm_id in waiting {
            let Some(order) = self.book.get(perm_id) else {
                continue;
            };
            match order.is_held() {
                true => self.wait(perm_id, now),
                false => self.go_live(perm_id, now),
            }
            self.journal_order(perm_id);
        }
    }

    /// Closes it: orders for the close trade. With `end_of_day` DAY orders end, and what is of today becomes yesterday's.
    pub(crate) fn close_exchange(&mut self, end_of_day: bool, now: Now) {
        if self.conditions.hours == Hours::Open {
            self.trade_on_close(now);
        }
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
            self.confirm_one(perm_id, "Cancelled by System:", "", now);
        }
        self.extra_days += 1;
    }

    /// Orders for the close fill at the last price, or, beyond their limit, end.
    fn trade_on_close(&mut self, now: Now) {
        let waiting: Vec<PermId> = self
            .book
            .open()
            .filter(|o| o.pricing.is_on_close() && o.phase.is_live() && !o.is_held())
            .map(|o| o.perm_id)
            .collect();
        for perm_id in waiting {
            let Some(order) = self.book.get(perm_id) else {
                continue;
            };
            let last = self
                .market
                .by_symbol(&order.symbol)
                .and_then(|symbol| self.market.get(symbol))
                .map(|instrument| instrument.last())
                .unwrap_or_default();
            let reached = order.limit().is_none_or(|limit| match order.side {
                Side::Buy => last <= limit,
                Side::Sell => last >= limit,
            });
            let left = order.remaining();
            match reached {
                true => self.trade(perm_id, left, last, FillReport::Usual, now),
                false => self.confirm_one(perm_id, "Cancelled by System:", "", now),
            }
        }
    }

    /// An order is good until a moment: when it comes, it ends.
    pub(super) fn schedule_good_till(&mut self, perm_id: PermId) {
        if let Some(Tif::Gtd(at)) = self.book.get(perm_id).map(|order| order.tif) {
            self.schedule(at, Scheduled::GoodTill(perm_id));
        }
    }

    pub(super) fn end_good_till(&mut self, perm_id: PermId, now: Now) {
        let Some(order) = self.book.get(perm_id) else {
            return;
        };
        let due = matches!(order.tif, Tif::Gtd(at) if at <= now.micros());
        if !due || order.phase.is_over() {
            return;
        }
        if order.phase == Phase::Staged {
            self.end_order(perm_id, Phase::Discarded, "Cancelled by System:", now);
        } else {
            self.confirm_one(perm_id, "Cancelled by System:", "", now);
        }
    }

    /// TWS stops and starts: everyone is disconnected, staged orders are gone, each client's ids fall back by `ids`, and by
    /// those of its staged orders where the switch says so.
    pub(crate) fn restart(&mut self, ids: u32, keep_orders: bool) {
        self.sessions.close_all();
        let staged = self.book.forget_staged();
        self.withheld_cancels.clear();
        self.pending_replacements.clear();
        self.previews.clear();
        self.stale_accounts = None;
        self.conditions.ib_lost = false;
        let by = i32::try_from(ids).unwrap_or(i32::MAX);
        let clients: Vec<(i32, i32)> = self
            .next_ids
            .iter()
            .map(|(client, next)| (*client, *next))
            .collect();
        for (client_id, mut next) in clients {
            if self.switches.restart_ids == RestartIds::RolledBack {
                let is_staged = |order_id| {
                    staged.contains(&OrderKey {
                        client_id,
                        order_id,
                    })
                };
                while next > 1 && is_staged(next - 1) {
                    next -= 1;
                }
            }
            self.set_next_id(client_id, next.saturating_sub(by).max(1));
        }
        if !keep_orders {
            self.forget_orders();
        }
    }
}
