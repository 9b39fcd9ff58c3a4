//! What `top` knows, and what a key means. Without a terminal, a clock or a socket.

use std::collections::BTreeMap;

use ratatui::crossterm::event::{KeyCode, KeyEvent, KeyModifiers};
use ratatui::widgets::TableState;

use crate::domain::{HealthOut, LinkState, OrderState, WatchEvent, WatchUpdate};

/// Orders that have ended and are still shown, the oldest forgotten first.
const ENDED_MAX: usize = 1_000;

/// What a key asks for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Wanted {
    Nothing,
    End,
    /// Cancel this order: it was asked for and confirmed.
    Cancel(i32),
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
    /// The order whose cancel waits for a yes.
    pub(super) confirming: Option<i32>,
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

    /// The orders that are shown, newest first.
    pub(super) fn shown(&self) -> impl Iterator<Item = &OrderState> {
        self.orders
            .values()
            .rev()
            .filter(|order| self.all || !order.terminal)
    }

    pub(super) fn open(&self) -> usize {
        self.orders.values().filter(|order| !order.terminal).count()
    }

    /// The row of the selected order; where it is shown no longer, the nearest older one is selected.
    pub(super) fn selected_row(&mut self) -> Option<usize> {
        let selected = self.selected?;
        let row = self.shown().position(|order| order.order_id <= selected);
        let row = row.or_else(|| self.shown().count().checked_sub(1));
        self.selected = row.and_then(|row| self.shown().nth(row).map(|order| order.order_id));
        row
    }

    pub(super) fn press(&mut self, key: KeyEvent) -> Wanted {
        if let Some(order_id) = self.confirming.take() {
            return match key.code {
                KeyCode::Char('y' | 'Y') => {
                    self.say(format!("cancelling order {order_id} …"));
                    Wanted::Cancel(order_id)
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
                self.confirming = order
                    .filter(|order| !order.terminal)
                    .map(|order| order.order_id);
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
