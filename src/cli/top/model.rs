//! What `top` knows, and what a key means. Without a terminal, a clock or a socket.

use std::cmp::Reverse;
use std::collections::{BTreeMap, BTreeSet};

use ratatui::crossterm::event::{KeyCode, KeyEvent, KeyModifiers};
use ratatui::widgets::TableState;

use crate::domain::{
    AccountUpdate, Halt, HealthOut, LimitsOut, LinkState, OrderState, Position, TradingState,
    WatchEvent, WatchUpdate,
};

/// Orders that have ended and are still shown, the oldest forgotten first.
const ENDED_MAX: usize = 1_000;

/// What a key asks for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Wanted {
    Nothing,
    End,
    /// Do this: it was asked for and confirmed.
    Do(Action),
}

/// What is done only after a yes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Action {
    /// Cancel this order.
    Cancel {
        order_id: i32,
        /// It is an exit of a bracket, and TWS ends the other one with it.
        with_sibling: bool,
    },
    /// Stop new orders.
    Halt,
    /// Lift every halt.
    Resume,
}

impl Action {
    /// The question before it.
    pub(super) fn question(self) -> String {
        let what = match self {
            Self::Cancel {
                order_id,
                with_sibling: false,
            } => format!("cancel order {order_id}?"),
            Self::Cancel {
                order_id,
                with_sibling: true,
            } => format!("cancel order {order_id}, and with it the other exit of its bracket?"),
            Self::Halt => "halt new orders of everybody?".to_owned(),
            Self::Resume => "take new orders again?".to_owned(),
        };
        format!("{what} y: yes, any other key: no")
    }
}

/// What the table shows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Shown {
    Orders,
    Positions,
}

/// What is shown.
#[derive(Debug)]
pub(super) struct Model {
    pub(super) url: String,
    pub(super) accounts: String,
    /// Whether the gateway answers, has a session with TWS, and that one has IB; `None` before the first word.
    pub(super) gateway: Option<bool>,
    pub(super) tws: Option<bool>,
    pub(super) ib: Option<bool>,
    /// Ended orders are shown too.
    pub(super) all: bool,
    /// What waits for a yes.
    pub(super) confirming: Option<Action>,
    /// Why new orders are halted; `None`: they are not.
    pub(super) halted: Option<String>,
    pub(super) view: Shown,
    /// Positions may be old, or not all.
    pub(super) positions_stale: bool,
    positions: BTreeMap<(String, String, i64), Position>,
    /// What happened last, for people.
    pub(super) said: String,
    pub(super) table: TableState,
    orders: BTreeMap<i32, OrderState>,
    selected: Option<i32>,
}

impl Model {
    pub(super) fn new(url: String) -> Self {
        Self {
            url,
            accounts: String::new(),
            gateway: None,
            tws: None,
            ib: None,
            all: false,
            confirming: None,
            halted: None,
            view: Shown::Orders,
            positions_stale: false,
            positions: BTreeMap::new(),
            said: String::new(),
            table: TableState::default(),
            orders: BTreeMap::new(),
            selected: None,
        }
    }

    pub(super) fn update(&mut self, update: WatchUpdate) {
        self.gateway = Some(true);
        match update.event {
            WatchEvent::Order(order) => self.order(order),
            WatchEvent::Fill(fill) => self.say(format!(
                "order {}: {} filled at {}",
                fill.order_id, fill.quantity, fill.price
            )),
            WatchEvent::Link(change) => {
                match change.state {
                    LinkState::Lost => self.tws = Some(false),
                    LinkState::Restored | LinkState::Reconciled => self.tws = Some(true),
                    LinkState::IbLost => self.ib = Some(false),
                    LinkState::IbRestored => self.ib = Some(true),
                    LinkState::Halted | LinkState::Resumed => {}
                }
                self.say(change.text);
            }
            WatchEvent::Heartbeat { connected } => self.tws = Some(connected),
            WatchEvent::SnapshotEnd {} => {}
        }
    }

    pub(super) fn order(&mut self, order: OrderState) {
        let newer = self
            .orders
            .get(&order.order_id)
            .is_none_or(|known| known.sequence <= order.sequence);
        if newer {
            self.orders.insert(order.order_id, order);
        }
        if self.orders.len() > ENDED_MAX {
            let ended = self.orders.values().find(|order| order.terminal);
            if let Some(order_id) = ended.map(|order| order.order_id) {
                self.orders.remove(&order_id);
            }
        }
    }

    pub(super) fn health(&mut self, health: HealthOut) {
        self.gateway = Some(true);
        self.tws = Some(health.connected);
        self.ib = Some(health.ib_connected);
        let paper = match health.paper {
            Some(true) => " paper",
            Some(false) => " LIVE",
            None => "",
        };
        self.accounts = format!("{}{paper}", health.accounts.join(" "));
        if let Some(error) = health.error {
            self.say(error);
        }
    }

    /// The gateway does not answer: what is shown may be old.
    pub(super) fn away(&mut self, why: String) {
        self.gateway = Some(false);
        self.say(why);
    }

    /// Says something from outside, without anything that a terminal would obey.
    pub(super) fn say(&mut self, text: impl AsRef<str>) {
        self.said = text.as_ref().replace(char::is_control, " ");
    }

    /// Whether new orders are taken, as the gateway last said.
    pub(super) fn limits(&mut self, limits: LimitsOut) {
        self.halted = (limits.state == TradingState::CancelOnly).then(|| {
            let whose = |halt: &Halt| {
                let whose = halt.caller.as_ref().or(halt.account.as_ref());
                let whose = whose.map_or("everybody", String::as_str);
                format!("{whose}: {}", halt.reason)
            };
            let reasons: Vec<_> = limits.halts.iter().map(whose).collect();
            reasons.join("; ").replace(char::is_control, " ")
        });
    }

    /// A stream of positions begins: it shows all there is.
    pub(super) fn positions_begin(&mut self) {
        self.positions.clear();
    }

    pub(super) fn account(&mut self, update: AccountUpdate) {
        match update {
            AccountUpdate::Position(position) => {
                let key = (
                    position.account.clone(),
                    position.symbol.clone(),
                    position.con_id,
                );
                if position.quantity.is_zero() {
                    self.positions.remove(&key);
                } else {
                    self.positions.insert(key, position);
                }
            }
            AccountUpdate::Freshness(freshness) => self.positions_stale = freshness.positions_stale,
            AccountUpdate::Value { .. }
            | AccountUpdate::SnapshotEnd {}
            | AccountUpdate::Heartbeat {} => {}
        }
    }

    /// Positions by account and symbol.
    pub(super) fn positions(&self) -> impl Iterator<Item = &Position> {
        self.positions.values()
    }

    /// The orders that are shown: newest first, those of a bracket together under its entry, which stays for as long as an exit works.
    pub(super) fn shown(&self) -> impl Iterator<Item = &OrderState> {
        let open = |order: &&OrderState| !order.terminal;
        let working: BTreeSet<i32> = self
            .orders
            .values()
            .filter(open)
            .filter_map(|order| order.bracket_id)
            .collect();
        let mut shown: Vec<_> = self
            .orders
            .values()
            .filter(|order| self.all || !order.terminal || working.contains(&order.order_id))
            .collect();
        shown.sort_by_key(|order| (Reverse(family(order)), order.order_id));
        shown.into_iter()
    }

    pub(super) fn open(&self) -> usize {
        self.orders.values().filter(|order| !order.terminal).count()
    }

    /// The row of the selected order; where it is shown no longer, the nearest older one is selected.
    pub(super) fn selected_row(&mut self) -> Option<usize> {
        let selected = self.selected?;
        let row = self
            .shown()
            .position(|order| order.order_id == selected)
            .or_else(|| self.shown().position(|order| family(order) <= selected))
            .or_else(|| self.shown().count().checked_sub(1));
        self.selected = row.and_then(|row| self.shown().nth(row).map(|order| order.order_id));
        row
    }

    pub(super) fn press(&mut self, key: KeyEvent) -> Wanted {
        if let Some(action) = self.confirming.take() {
            return match key.code {
                KeyCode::Char('y' | 'Y') => {
                    self.say(match action {
                        Action::Cancel { order_id, .. } => format!("cancelling order {order_id} …"),
                        Action::Halt => "halting …".to_owned(),
                        Action::Resume => "resuming …".to_owned(),
                    });
                    Wanted::Do(action)
                }
                _ => Wanted::Nothing,
            };
        }
        let last = self.shown().count().saturating_sub(1);
        let row = self.selected_row();
        match key.code {
            KeyCode::Char('c') if key.modifiers.contains(KeyModifiers::CONTROL) => {
                return Wanted::End;
            }
            KeyCode::Char('q') | KeyCode::Esc => return Wanted::End,
            KeyCode::Char('a') => self.all = !self.all,
            KeyCode::Char('p') => {
                self.view = match self.view {
                    Shown::Orders => Shown::Positions,
                    Shown::Positions => Shown::Orders,
                };
            }
            KeyCode::Char('h') => {
                self.confirming = Some(match self.halted {
                    None => Action::Halt,
                    Some(_) => Action::Resume,
                });
            }
            // What follows is about orders, which are not in sight.
            _ if self.view == Shown::Positions => {}
            KeyCode::Down | KeyCode::Char('j') => {
                self.select(row.map_or(0, |row| (row + 1).min(last)));
            }
            KeyCode::Up | KeyCode::Char('k') => {
                self.select(row.map_or(0, |row| row.saturating_sub(1)));
            }
            KeyCode::Home => self.select(0),
            KeyCode::End => self.select(last),
            KeyCode::Char('c') => {
                let order = row.and_then(|row| self.shown().nth(row));
                self.confirming =
                    order
                        .filter(|order| !order.terminal)
                        .map(|order| Action::Cancel {
                            order_id: order.order_id,
                            with_sibling: is_exit(order),
                        });
            }
            _ => {}
        }
        Wanted::Nothing
    }

    fn select(&mut self, row: usize) {
        let selected = self.shown().nth(row).map(|order| order.order_id);
        self.selected = selected;
    }
}

/// The order that a bracket is placed under; an order of none stands for itself.
fn family(order: &OrderState) -> i32 {
    order.bracket_id.unwrap_or(order.order_id)
}

/// Whether an order is an exit of a bracket.
pub(super) fn is_exit(order: &OrderState) -> bool {
    family(order) != order.order_id
}
