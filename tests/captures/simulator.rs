//! Each table's requests to the simulator, and what it says beside the recording.

use std::collections::BTreeSet;
use std::time::Duration;

use ibkr_orders::simulator::{Control, Hours, Mode, OrderKey, Simulator, SimulatorConfig};
use rust_decimal::Decimal;

use crate::compare::{self, Found, Got, Sorter};
use crate::document;
use crate::peer::{CLIENT_ID, Peer};
use crate::schema::{Kind, SCHEMA, Side};
use crate::script::{Line, Request};
use crate::table::Table;
use crate::values::{Bindings, Name};
use crate::wire::Fields;

const ACCOUNT: &str = "DU9000001";

/// The whole comparison is in docs/simulator.md, difference by difference, and nothing there that is not so any more.
#[tokio::test]
async fn what_the_simulator_says_is_what_was_recorded_or_a_row_of_the_document() {
    let tables = Table::all();
    let mut found = Found::new();
    for table in &tables {
        found.insert(table.name.clone(), play(table).await);
    }
    document::check(&found);
}

async fn play(table: &Table) -> BTreeSet<compare::Difference> {
    let simulator = Simulator::start(config(table)).await.unwrap();
    let mut player = Player {
        control: simulator.control(),
        address: simulator.address(),
        peer: None,
        bindings: Bindings::default(),
        sorter: Sorter::default(),
    };
    player.bindings.set(Name::session("account"), ACCOUNT);
    player.bindings.set(Name::session("client"), CLIENT_ID);
    player.bindings.set(Name::session("request"), 3);
    player.bindings.set(Name::session("group"), "group-1");
    for (order, id) in &table.orders {
        player.bindings.set(Name::of(*order, "id"), id);
    }
    // What was said before is nothing to compare.
    player.play(&table.before).await;
    let said = player.play(&table.recorded).await;
    let differences = compare::differences(table, &said, &mut player.bindings);
    simulator.shutdown().await;
    differences
}

struct Player {
    control: Control,
    address: std::net::SocketAddr,
    peer: Option<Peer>,
    bindings: Bindings,
    sorter: Sorter,
}

impl Player {
    async fn play(&mut self, lines: &[Line]) -> Vec<Got> {
        let mut said = Vec::new();
        for line in lines {
            match line {
                Line::Send(request) if request.word == "startApi" => {
                    let mut peer = Peer::connect(self.address).await;
                    peer.start().await;
                    said.extend(self.sort(peer.said().await));
                    self.peer = Some(peer);
                }
                Line::Send(request) => {
                    let fields = self.fields(request);
                    let peer = self.peer().await;
                    peer.send(&request.word, &fields).await;
                    let news = peer.said().await;
                    said.extend(self.sort(news));
                }
                Line::Act(words) => {
                    self.act(words).await;
                    if let Some(peer) = &mut self.peer {
                        let news = peer.said().await;
                        said.extend(self.sort(news));
                    }
                }
                Line::Expect(_) => {}
            }
        }
        said
    }

    /// The session, logged in.
    async fn peer(&mut self) -> &mut Peer {
        if self.peer.is_none() {
            let mut peer = Peer::connect(self.address).await;
            peer.start().await;
            peer.said().await;
            self.peer = Some(peer);
        }
        self.peer.as_mut().unwrap()
    }

    fn sort(&mut self, news: Vec<(String, Fields)>) -> Vec<Got> {
        let sorted = news
            .into_iter()
            .map(|(word, fields)| self.sorter.sort(&word, fields, &self.bindings));
        sorted.collect()
    }

    fn fields(&mut self, request: &Request) -> Fields {
        let (_, message) = SCHEMA.message(Side::Client, &request.word);
        if let Some(order) = request.order.filter(|_| request.word == "placeOrder") {
            let reference = format!("reference of {order}");
            self.bindings.set(Name::of(order, "orderRef"), reference);
        }
        let filled = request.fields.iter().map(|(path, template)| {
            let kind = SCHEMA.kind_at(message, path).unwrap_or(&Kind::Bytes);
            let value = self.bindings.fill(template, kind);
            let value = value.unwrap_or_else(|| panic!("{path} has no value: {request:?}"));
            (path.clone(), value)
        });
        filled.collect()
    }

    async fn act(&mut self, words: &[String]) {
        let words: Vec<&str> = words.iter().map(String::as_str).collect();
        match words.as_slice() {
            ["reconnect"] => {
                self.peer = None;
                let gone = |view: &ibkr_orders::simulator::View<'_>| view.clients().is_empty();
                self.control.wait_until(gone).await.unwrap();
            }
            ["price", symbol, price] => {
                let price: Decimal = price.parse().unwrap();
                self.control.move_price(symbol, price).await.unwrap();
            }
            ["hold", symbol, quantity, cost] => {
                let (quantity, cost) = (quantity.parse().unwrap(), cost.parse().unwrap());
                let held = self.control.set_position("", symbol, quantity, cost);
                held.await.unwrap();
            }
            ["fill", order, quantity] => {
                let key = self.key(order);
                let quantity: Decimal = quantity.parse().unwrap();
                let price = Decimal::new(29214, 2);
                let done = self.control.fill_at(key, quantity, price).await;
                drop(done);
            }
            other => panic!("the exchange cannot do {other:?}"),
        }
    }

    fn key(&self, order: &str) -> OrderKey {
        let name = Name::of(crate::values::letter(order), "id");
        OrderKey {
            client_id: i32::try_from(CLIENT_ID).unwrap(),
            order_id: self.bindings.get(&name).unwrap().parse().unwrap(),
        }
    }
}

/// How the exchange of a table is set up. Server versions before protobuf were recorded as text: the newest then.
fn config(table: &Table) -> SimulatorConfig {
    let mut config = SimulatorConfig {
        accounts: vec![ACCOUNT.to_owned()],
        mode: Mode::Automatic {
            tick: Duration::ZERO,
        },
        server_version_max: match table.source.server_version {
            version if version > 212 => version,
            _ => 225,
        },
        ..SimulatorConfig::on_free_port()
    };
    for (option, value) in &table.simulator {
        match option.as_str() {
            "hours" => {
                assert_eq!(value.as_str(), Some("closed"));
                config.hours = Hours::Closed;
            }
            "mode" => {
                assert_eq!(value.as_str(), Some("explicit"));
                config.mode = Mode::Explicit;
            }
            "first_order_id" => {
                config.first_order_id = i32::try_from(value.as_integer().unwrap()).unwrap();
            }
            switch => {
                let word = match value.as_bool() {
                    Some(true) => "on",
                    Some(false) => "off",
                    None => value.as_str().unwrap(),
                };
                let set = config.switches.set(&switch.replace('_', "-"), word);
                set.unwrap_or_else(|error| panic!("{}: {error}", table.name));
            }
        }
    }
    config
}

/// A lost file would be one comparison less, and nobody would notice.
#[test]
fn there_are_thirty_eight_tables_and_the_orders_of_each_are_named() {
    let tables = Table::all();
    assert_eq!(tables.len(), 38);
    for table in tables {
        for order in table.ends.keys() {
            let name = &table.name;
            assert!(table.orders.contains_key(order), "{name}: order {order}");
        }
    }
}
