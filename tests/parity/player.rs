//! Who plays the stories through a door: one step at a time, with what the story remembers of its orders.

use ibkr_orders::OrderKey;
use serde_json::Value;
use tokio::runtime::Handle;

use crate::doors::Door;
use crate::normal::{changed, normal, placed, placed_bracket};
use crate::steps::{Page, Step, Which};
use crate::stub::Key;

/// Somebody who plays a story through a door, and what the story remembers.
pub struct Player {
    pub door: Door,
    pub runtime: Handle,
    /// Seconds each order or change may wait for TWS.
    pub patience: f64,
    last: i32,
    /// The take profit and the stop loss of the last bracket.
    exits: [i32; 2],
    next_page: String,
}

impl Player {
    pub fn new(door: Door, runtime: Handle) -> Self {
        Self {
            door,
            runtime,
            patience: 5.0,
            last: 0,
            exits: [0; 2],
            next_page: String::new(),
        }
    }

    /// Plays one step and answers its document, without what chance decides.
    pub fn play(&mut self, step: &Step) -> Value {
        match step {
            Step::Health => normal(self.health()),
            Step::Validate { order, transmit } => normal(self.validate(order, *transmit)),
            Step::Place(place) => {
                let document = self.place(place);
                if let Some(id) = document["order_id"].as_i64() {
                    self.last = i32::try_from(id).unwrap();
                }
                placed(document)
            }
            Step::Watch {
                which,
                max_wait,
                resumed,
            } => {
                let after = match resumed {
                    true => self.get(*which)["order"]["sequence"].as_u64(),
                    false => Some(0),
                };
                watched(
                    self.watch(*which, *max_wait, after.unwrap(), false),
                    *resumed,
                )
            }
            Step::Transmit(which) => changed(self.change("transmit", *which)),
            Step::Cancel(which) => changed(self.change("cancel", *which)),
            Step::CancelBoth(which) => changed(self.change("cancel --with-sibling", *which)),
            Step::Bracket(bracket) => {
                let document = self.bracket(bracket);
                let id = |part: &str| i32::try_from(document[part]["order_id"].as_i64()?).ok();
                if let Some(entry) = id("entry") {
                    self.last = entry;
                    self.exits =
                        ["take_profit", "stop_loss"].map(|part| id(part).unwrap_or_default());
                }
                placed_bracket(document)
            }
            Step::Family => {
                let bracket = Some(self.last);
                let mut document = self.watch(Which::Last, Some(30.0), 0, true);
                // Each of its orders shows its end, in whatever order.
                let mut ended: Vec<_> = document["updates"]
                    .take()
                    .as_array()
                    .into_iter()
                    .flatten()
                    .filter(|update| update["order"]["terminal"] == true)
                    .map(|update| update["order"]["order_id"].as_i64())
                    .collect();
                ended.sort_unstable();
                ended.dedup();
                document["ended"] = ended.into();
                document["orders"] =
                    self.list(&[], "", bracket, 10, String::new())["orders"].take();
                normal(document)
            }
            Step::Replace(replace) => changed(self.replace(replace)),
            Step::Get(which) => normal(self.get(*which)),
            Step::List {
                status,
                symbol,
                page_size,
                page,
            } => {
                let token = match page {
                    Page::First => String::new(),
                    Page::Next => self.next_page.clone(),
                    Page::Token(token) => (*token).to_owned(),
                };
                let document = self.list(status, symbol, None, *page_size, token);
                self.next_page = document["next_page_token"]
                    .as_str()
                    .unwrap_or_default()
                    .to_owned();
                normal(document)
            }
        }
    }

    pub(crate) fn key(&self, which: Which) -> OrderKey {
        match which {
            Which::Last => OrderKey::OrderId(self.last),
            Which::TakeProfit => OrderKey::OrderId(self.exits[0]),
            Which::StopLoss => OrderKey::OrderId(self.exits[1]),
            Which::Id(id) => OrderKey::OrderId(id),
            Which::Request(id) => OrderKey::RequestId(id.to_owned()),
        }
    }

    pub(crate) fn stub_key(&self, which: Which) -> Key {
        match self.key(which) {
            OrderKey::OrderId(order_id) => Key::Id(order_id),
            OrderKey::RequestId(request_id) => Key::PlacedAs(request_id),
        }
    }

    /// A command about an order.
    pub(crate) fn named(&self, command: &[&str], which: Which) -> Words {
        let mut words: Vec<String> = command.iter().map(|word| (*word).to_owned()).collect();
        match self.key(which) {
            OrderKey::OrderId(id) => words.extend(["--order-id".to_owned(), id.to_string()]),
            OrderKey::RequestId(id) => words.extend(["--placed-as".to_owned(), id]),
        }
        Words(words)
    }
}

pub(crate) struct Words(Vec<String>);

impl Words {
    pub(crate) fn each(&self) -> Vec<&str> {
        self.0.iter().map(String::as_str).collect()
    }
}

/// How a watch ended. How many steps it showed on the way is chance, but the last one is the end; a resumed one shows none.
fn watched(mut document: Value, resumed: bool) -> Value {
    let updates = document["updates"].take();
    let last = updates
        .as_array()
        .unwrap()
        .iter()
        .filter_map(|update| update.get("order"))
        .next_back();
    if let Some(last) = last {
        assert_eq!(last["status"], document["status"]);
        assert_eq!(last["terminal"], document["terminal"]);
    }
    if resumed {
        assert_eq!((last, document["status"].is_string()), (None, true));
    }
    document["last"] = last.cloned().unwrap_or_default();
    normal(document)
}
