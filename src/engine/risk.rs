//! What the engine holds limits against: running totals over every order, positions, and the day they are counted in.

use std::sync::Arc;
use std::time::Duration;

use super::clocks::Clocks;
use super::core::Core;
use super::live_order::LiveOrder;
use crate::account::{Heard, Snapshot};
use crate::domain::limits::{
    Cents, Clock, Instrument, OrderExposure, OrderNames, Positions, Proposal, RiskHistory, Shares,
    Totals, Verdict, View, check,
};
use crate::domain::{AccountReport, Amount, Bracket, Day, Order, Timestamp, Zone};

/// Executions of an earlier process that TWS's next word about positions may not have counted yet.
const UNCOUNTED_FOR: Duration = Duration::from_secs(180);

/// TWS's word for a stock: what orders of this gateway trade.
const STOCK: &str = "STK";

/// What an order counts for in the totals.
#[derive(Debug, Clone, Default)]
pub(crate) struct Counted {
    /// What of it never changes; `None`: not worked out yet.
    names: Option<Arc<OrderNames>>,
    /// What a share of it counted when it was taken.
    pub(crate) unit_value: Option<rust_decimal::Decimal>,
    /// What it adds to the totals; `None`: nothing yet.
    exposure: Option<Arc<OrderExposure>>,
}

impl Core {
    /// What the limits would say of a new order now.
    pub(crate) fn verdict(&self, order: &Order, caller: Arc<str>, now: Clocks) -> Verdict {
        let account = self.account_of(order);
        self.verdict_on(&Proposal::place(order, &account, caller), now)
    }

    /// The same of a new bracket.
    pub(crate) fn verdict_on_bracket(
        &self,
        bracket: &Bracket,
        caller: Arc<str>,
        now: Clocks,
    ) -> Verdict {
        let account = self.account_of(bracket.entry());
        self.verdict_on(&Proposal::bracket(bracket, &account, caller), now)
    }

    /// The account that an order would go to, as far as that is known.
    fn account_of(&self, order: &Order) -> String {
        let login = self.engine_state.session.as_ref();
        let login = login.map(|session| session.info.accounts.as_slice());
        let pinned = self.engine_state.accounts.as_deref();
        let accounts = login.or(pinned).unwrap_or_default();
        order
            .account_for(accounts, &self.settings.limits)
            .ok()
            .or_else(|| order.request().account.clone())
            .unwrap_or_default()
    }

    fn verdict_on(&self, proposal: &Proposal, now: Clocks) -> Verdict {
        let nothing = Totals::default();
        let view = View::new(&self.risk.totals, &nothing);
        let limits = &self.engine_state.limits;
        check(
            proposal,
            view,
            &self.risk.positions,
            limits,
            self.risk.clock(now),
        )
    }
}

impl Counted {
    /// Of an order whose shares count so much each.
    pub(crate) fn at(unit_value: Option<rust_decimal::Decimal>) -> Self {
        Self {
            unit_value,
            ..Self::default()
        }
    }
}

/// The engine's side of the limits.
#[derive(Debug)]
pub(crate) struct Risk {
    /// Over every order that is stored.
    pub(crate) totals: Totals,
    /// As TWS last said them.
    pub(crate) positions: Positions,
    /// The day of the limits.
    pub(crate) day: Day,
    zone: Zone,
    /// What the wall showed when the engine's own clock began.
    began: Timestamp,
}

impl Risk {
    /// Nothing counted yet.
    pub(crate) fn new(zone: Zone, began: Timestamp) -> Self {
        Self {
            totals: Totals::default(),
            positions: Positions::default(),
            day: zone.day_of(began),
            zone,
            began,
        }
    }

    /// Both clocks as limits read them.
    pub(crate) fn clock(&self, now: Clocks) -> Clock {
        let since = i64::try_from(now.monotonic.as_micros()).unwrap_or(i64::MAX);
        Clock {
            wall: now.wall_time,
            steady: Timestamp::from_unix_micros(self.began.unix_micros().saturating_add(since)),
        }
    }

    /// Counts what happened before. `is_live` names the orders in memory, which count for themselves.
    pub(crate) fn recover(&mut self, history: &RiskHistory, is_live: impl Fn(i32) -> bool) {
        let RiskHistory {
            executions,
            instructions,
            verdicts: _, // rejections in a row are counted beside the totals
        } = history;
        let mut layer = Totals::default();
        for past in executions {
            let account: Arc<str> = past.account.as_str().into();
            let instrument = Instrument::new(&past.symbol, &past.currency);
            if !is_live(past.order_id) && self.day.contains(past.time) {
                let exposure = OrderExposure {
                    account: Arc::clone(&account),
                    instrument: instrument.clone(),
                    action: past.action,
                    open: None,
                    executed: Cents::value(past.quantity.value(), past.price.value()),
                    likeness: None,
                };
                layer.change(None, past.order_id, None, Some(&exposure));
            }
            let shares = Shares::of(past.quantity.value());
            layer.executed(
                &account,
                &instrument,
                past.action,
                shares,
                past.price.value(),
                past.time,
            );
        }
        let executed = self.totals.absorb(layer);
        let since =
            self.began.unix_micros() - i64::try_from(UNCOUNTED_FOR.as_micros()).unwrap_or(i64::MAX);
        for (executed, past) in executed.into_iter().zip(executions) {
            if past.time.unix_micros() > since {
                self.positions.executed(executed, past.time);
            }
        }
        for past in instructions {
            let caller = past.caller.as_deref().unwrap_or("local");
            self.totals
                .instructed(&past.account.as_str().into(), &caller.into(), past.at);
        }
    }

    /// TWS has said something about the accounts, which `snapshot` has already.
    pub(crate) fn hear(&mut self, heard: &Heard, snapshot: &Snapshot, now: Timestamp) {
        match heard {
            Heard::SessionUp { .. } | Heard::LinkLost => self.positions.set_stale(),
            Heard::Report(AccountReport::Position(report)) if report.sec_type == STOCK => {
                let instrument = Instrument::new(&report.symbol, &report.currency);
                self.take_position(&report.account, &instrument, snapshot, now);
            }
            Heard::Report(AccountReport::Portfolio(report)) => {
                let held = snapshot.positions(Some(&report.account));
                if let Some(position) = held.iter().find(|p| p.con_id == report.con_id)
                    && position.sec_type == STOCK
                {
                    let instrument = Instrument::new(&position.symbol, &position.currency);
                    self.take_position(&report.account, &instrument, snapshot, now);
                }
            }
            Heard::Report(AccountReport::PositionLost) => self.positions.set_stale(),
            Heard::Report(AccountReport::PositionsEnd) => {
                // What the answer did not show is no position any more.
                let known: Vec<(Arc<str>, Instrument)> = self
                    .positions
                    .instruments()
                    .flat_map(|instrument| {
                        let accounts = self.positions.accounts_in(instrument);
                        accounts.map(|account| (Arc::clone(account), instrument.clone()))
                    })
                    .collect();
                for (account, instrument) in known {
                    self.take_position(&account, &instrument, snapshot, now);
                }
                if snapshot.positions_are_current() {
                    self.positions.set_current();
                }
            }
            // One of the values says whether IB is resetting the account: while it is, positions may be wrong.
            Heard::Report(AccountReport::Value(_)) => {
                if snapshot.positions_are_current() {
                    self.positions.set_current();
                } else {
                    self.positions.set_stale();
                }
            }
            Heard::Report(_) => {}
        }
    }

    fn take_position(
        &mut self,
        account: &str,
        instrument: &Instrument,
        snapshot: &Snapshot,
        now: Timestamp,
    ) {
        let (mut quantity, mut price) = (rust_decimal::Decimal::ZERO, None);
        for position in snapshot.positions(Some(account)) {
            if position.sec_type == STOCK
                && position.symbol == instrument.symbol()
                && position.currency == instrument.currency()
            {
                quantity += position.quantity.value();
                price = position.market_price.map(|price| price.value()).or(price);
            }
        }
        self.positions
            .say(&account.into(), instrument, quantity, price, now);
    }

    /// Takes the orders that are in memory at the start into the totals.
    pub(crate) fn count_live(&mut self, entry: &mut LiveOrder) {
        let order_id = entry.order.record.state.order_id;
        let (_, after) = recount(entry, self.day);
        self.totals.change(None, order_id, None, Some(&after));
    }

    /// Whether another day of the limits has begun.
    pub(crate) fn is_day_over(&self, now: Timestamp) -> bool {
        !self.day.contains(now)
    }

    /// Begins another day: what was executed before does not count in it.
    pub(crate) fn begin_day<'a>(
        &mut self,
        now: Timestamp,
        orders: impl Iterator<Item = &'a mut LiveOrder>,
    ) {
        self.day = self.zone.day_of(now);
        self.totals.begin_day();
        for entry in orders {
            let order_id = entry.order.record.state.order_id;
            let (before, after) = recount(entry, self.day);
            let before = before.map(|before| OrderExposure {
                executed: Cents::ZERO,
                ..(*before).clone()
            });
            self.totals
                .change(None, order_id, before.as_ref(), Some(&after));
        }
    }

    /// Lets go of what no check can ask for any more.
    pub(crate) fn forget(&mut self, now: Clocks) {
        let clock = self.clock(now);
        self.totals.forget(clock.steady);
        self.positions.forget(clock.wall);
    }
}

/// Works out anew what an order counts for. Answers what it counted for before, and what it does now.
pub(crate) fn recount(
    entry: &mut LiveOrder,
    day: Day,
) -> (Option<Arc<OrderExposure>>, Arc<OrderExposure>) {
    let LiveOrder { order, runtime } = entry;
    let counted = &mut runtime.counted;
    let state = &order.record.state;
    let names = counted
        .names
        .get_or_insert_with(|| Arc::new(OrderNames::new(&state.account, &state.terms)));
    // While a replacement is undecided the larger version counts.
    let larger = runtime.replace.as_ref().and_then(|replacing| {
        let more = replacing.wanted.quantity.value() - state.terms.quantity.value();
        (more > rust_decimal::Decimal::ZERO).then(|| {
            let mut larger = order.clone();
            let state = &mut larger.record.state;
            state.remaining = Amount::new(state.remaining.value() + more);
            larger
        })
    });
    let order = larger.as_ref().unwrap_or(order);
    let after = Arc::new(OrderExposure::of(order, names, counted.unit_value, day));
    (counted.exposure.replace(Arc::clone(&after)), after)
}
