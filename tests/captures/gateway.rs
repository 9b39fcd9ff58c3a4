//! The other way round: what was recorded, told to a gateway by a peer, ends in the states that happened.

use std::collections::BTreeMap;

use ibkr_orders::domain::{BracketIn, ChangeDraft, OrderKey, PlaceIn, ReplaceIn};
use ibkr_orders::gateway::Gateway;
use serde_json::{Map, json};
use test_support::library;
use test_support::tws::peer::{FakeTws, LIMIT};
use test_support::waiting::eventually;
use tokio::task::JoinSet;

use crate::peer::CLIENT_ID;
use crate::recording::{self, Event};
use crate::schema::{Kind, SCHEMA, Side};
use crate::script::{Line, Request, Wanted};
use crate::table::Table;
use crate::teller::Teller;
use crate::values::{Bindings, Name, plain};
use crate::wire::{self, Fields, Value};

const ACCOUNT: &str = "DU9000001";

/// Exchanges that say how an order ends and that the gateway cannot ask for, each with the reason.
const NOT_ASKED: [(&str, &str); 3] = [
    (
        "bracket-globally-cancelled",
        "an order of another session has the lowest id",
    ),
    ("replace-limit-by-market-closed", "an order keeps its type"),
    ("replace-limit-by-market-open", "an order keeps its type"),
];

fn is_asked(table: &Table) -> bool {
    !NOT_ASKED.iter().any(|(name, _)| *name == table.name)
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_recorded_ends_at_the_gateway_in_the_states_that_happened() {
    let mut played = 0;
    for table in Table::all() {
        if table.ends.is_empty() || !is_asked(&table) {
            continue;
        }
        play(&table).await;
        played += 1;
    }
    assert_eq!(played, 17, "exchanges");
}

/// The very bytes of the recordings: frame by frame what TWS said, as soon as the gateway asked what had been asked.
#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs the recordings: CAPTURES=../shared/captures"]
async fn the_recorded_bytes_end_at_the_gateway_in_the_states_that_happened() {
    let folder = recording::folder().expect("CAPTURES names a folder with the recordings");
    let mut recordings: BTreeMap<String, (Vec<Event>, BTreeMap<i64, String>)> = BTreeMap::new();
    for table in Table::all() {
        let Some(events) = recording::whole(&table, &folder) else {
            continue;
        };
        if events.iter().all(|event| event.bytes.is_none()) {
            continue;
        }
        let name = format!("{} {}", table.source.path, table.source.commit);
        let (_, ends) = recordings.entry(name).or_insert((events, BTreeMap::new()));
        let these = table
            .ends
            .iter()
            .filter(|_| is_asked(&table))
            .map(|(order, end)| (table.orders[order], end.clone()));
        ends.extend(these);
    }
    recordings.retain(|_, (_, ends)| !ends.is_empty());
    assert!(recordings.len() >= 3, "{:?}", recordings.keys());
    for (name, (events, ends)) in recordings {
        play_bytes(&name, &events, &ends).await;
    }
}

async fn play_bytes(name: &str, events: &[Event], ends: &BTreeMap<i64, String>) {
    let is_login = |event: &&Event| event.side == Side::Server;
    let login: Vec<&Event> = events.iter().take_while(is_login).collect();
    let rest = &events[login.len()..];
    let asks = |event: &Event| ends.contains_key(&id_of(event).unwrap_or(-1));
    // The first order that the gateway can ask for has the id that TWS names next.
    let first = rest.iter().filter(|event| asks(event)).find_map(id_of);
    let first = first.unwrap_or_else(|| panic!("{name}: no order"));
    let login: Vec<Vec<u8>> = login
        .into_iter()
        .map(|event| next_id(event, first))
        .collect();
    let mut desk = Desk::open(first, &login).await;
    let placed = rest.iter().filter(|event| event.word == "placeOrder");
    desk.brackets =
        brackets(placed.filter_map(|event| Some((id_of(event)?, event.fields.clone()))));
    for event in rest {
        match event.side {
            Side::Client if asks(event) => {
                let id = id_of(event).unwrap();
                desk.ask(&event.word, id, &event.fields).await;
            }
            Side::Client => {}
            // Ends of what the recording's client had asked for beside orders.
            Side::Server if event.word.ends_with("End") || event.word == "currentTime" => {}
            Side::Server => desk.teller.tell_bytes(event.bytes.as_ref().unwrap()).await,
        }
    }
    desk.end(name, ends).await;
}

fn id_of(event: &Event) -> Option<i64> {
    event.field("orderId").and_then(|id| id.parse().ok())
}

/// A frame of a login, with another next id where it tells one.
fn next_id(event: &Event, id: i64) -> Vec<u8> {
    if event.word != "nextValidId" {
        return event.bytes.clone().unwrap();
    }
    let fields = Fields::from([("orderId".to_owned(), Value::Int(id))]);
    let (number, message) = SCHEMA.message(Side::Server, &event.word);
    wire::frame(number, &wire::encode(message, &fields))
}

/// A gateway whose TWS is a teller.
struct Desk {
    gateway: Gateway,
    teller: Teller,
    calls: JoinSet<()>,
    /// What the gateway is asked for under the id of a bracket's entry: every order of it at once.
    brackets: BTreeMap<i64, serde_json::Value>,
    _directory: tempfile::TempDir,
}

impl Desk {
    async fn open(next_id: i64, login: &[Vec<u8>]) -> Self {
        let tws = FakeTws::bind().await;
        let directory = tempfile::TempDir::new().unwrap();
        let mut config = library::config(tws.port, &directory);
        config.ib_client_id = i32::try_from(CLIENT_ID).unwrap();
        let (gateway, teller) = tokio::join!(
            Gateway::open(&config),
            Teller::log_in(&tws, ACCOUNT, next_id, login)
        );
        Self {
            gateway: gateway.unwrap(),
            teller,
            calls: JoinSet::new(),
            brackets: BTreeMap::new(),
            _directory: directory,
        }
    }

    /// Has the gateway send a recorded request, and gives what it sent.
    async fn ask(&mut self, word: &str, id: i64, fields: &Fields) -> Fields {
        let gateway = self.gateway.clone();
        let key = OrderKey::OrderId(i32::try_from(id).unwrap());
        let transmits = fields.contains_key("order.transmit");
        let known = gateway.get(key.clone()).await;
        let staged = known.as_ref().is_ok_and(|detail| !detail.order.transmit);
        let known = known.is_ok();
        let bracket = self.brackets.get(&id).cloned();
        let is_exit = matches!(
            fields.get("order.parentId"),
            Some(Value::Int(entry)) if self.brackets.contains_key(entry)
        );
        let is_of_bracket = bracket.is_some() || is_exit;
        match word {
            // Asked for with the entry.
            "placeOrder" if is_exit => {}
            "placeOrder" if bracket.is_some() => {
                self.calls.spawn(async move {
                    let input = BracketIn {
                        timeout: LIMIT.as_secs_f64(),
                        ..BracketIn::new(bracket.unwrap())
                    };
                    gateway.place_bracket(input).await.unwrap();
                });
            }
            "placeOrder" if known && !staged => {
                let order = order(fields);
                let change = ChangeDraft {
                    quantity: order.get("quantity").cloned(),
                    limit_price: order.get("limit_price").cloned(),
                    stop_price: order.get("stop_price").cloned(),
                    ..ChangeDraft::default()
                };
                // The gateway changes nothing whose placement it has not heard of.
                self.until("what is to change", id, "PRE_SUBMITTED").await;
                self.calls.spawn(async move {
                    let input = ReplaceIn {
                        change,
                        timeout: LIMIT.as_secs_f64(),
                        ..ReplaceIn::new(key)
                    };
                    gateway.replace(input).await.unwrap();
                });
            }
            "placeOrder" if known && transmits => {
                self.calls.spawn(async move {
                    gateway.transmit(key, LIMIT.as_secs_f64()).await.unwrap();
                });
            }
            "placeOrder" => {
                let order = order(fields);
                self.calls.spawn(async move {
                    let input = PlaceIn {
                        timeout: LIMIT.as_secs_f64(),
                        ..PlaceIn::new(order)
                    };
                    gateway.place(input).await.unwrap();
                });
            }
            "cancelOrder" => {
                self.calls.spawn(async move {
                    gateway.cancel(key, LIMIT.as_secs_f64()).await.unwrap();
                });
            }
            other => panic!("the gateway is not asked for {other}"),
        }
        let sent = self.teller.expect(word).await;
        assert_eq!(sent.get("orderId"), Some(&Value::Int(id)), "{sent:?}");
        if is_of_bracket {
            // The frame that releases the bracket is the recorded one, and so is each that names the entry.
            // No parent is written as 0 or not at all.
            let is_given = |value: &&Value| **value != Value::Int(0);
            for path in ["order.transmit", "order.parentId"] {
                let [sent, recorded] = [&sent, fields].map(|each| each.get(path).filter(is_given));
                assert_eq!(sent, recorded, "{path} of {id}");
            }
        } else if word == "placeOrder" && !transmits {
            self.until("a staged order", id, "STAGED").await;
        }
        sent
    }

    /// The recording's client cancelled what had filled, and TWS refused it; the gateway does so by itself, and sends nothing.
    async fn cancel_of_filled(&self, name: &str, id: i64) {
        self.until(name, id, "FILLED").await;
        let key = OrderKey::OrderId(i32::try_from(id).unwrap());
        let refused = self.gateway.cancel(key, LIMIT.as_secs_f64()).await;
        refused.expect_err("there is nothing to cancel");
    }

    /// Waits for a state: its status, and after that fields of it with their values.
    async fn until(&self, what: &str, id: i64, wanted: &str) {
        let key = OrderKey::OrderId(i32::try_from(id).unwrap());
        let mut words = wanted.split(' ');
        let status = words.next().unwrap();
        let fields: Vec<(&str, &str)> = words.map(|word| word.split_once('=').unwrap()).collect();
        eventually(&format!("{what}: order {id} {wanted}"), async || {
            let state = self.gateway.get(key.clone()).await.unwrap().order;
            let state = serde_json::to_value(state).unwrap();
            state["status"] == json!(status)
                && fields.iter().all(|(name, value)| {
                    let field = &state[*name];
                    let text = field
                        .as_str()
                        .map_or_else(|| field.to_string(), str::to_owned);
                    text == *value
                })
        })
        .await;
    }

    /// Every order comes to its end, and every call was answered.
    async fn end(mut self, name: &str, ends: &BTreeMap<i64, String>) {
        for (id, end) in ends {
            self.until(name, *id, end).await;
        }
        while let Some(call) = self.calls.join_next().await {
            call.unwrap_or_else(|problem| panic!("{name}: {problem}"));
        }
        self.gateway.close(LIMIT).await;
    }
}

/// The order in the gateway's words.
fn order(fields: &Fields) -> serde_json::Value {
    let mut order = Map::new();
    let text = |path: &str| fields.get(path).map(plain);
    let order_type = text("order.orderType").unwrap().replace(' ', "_");
    // What TWS calls auxPrice is the stop of some types and the amount of others.
    let prices: &[(&str, &str)] = match order_type.as_str() {
        "MKT" => &[],
        "LMT" => &[("limit_price", "order.lmtPrice")],
        "STP" => &[("stop_price", "order.auxPrice")],
        "STP_LMT" => &[
            ("stop_price", "order.auxPrice"),
            ("limit_price", "order.lmtPrice"),
        ],
        "TRAIL" => &[
            ("trail_amount", "order.auxPrice"),
            ("stop_price", "order.trailStopPrice"),
        ],
        "TRAIL_LIMIT" => &[
            ("trail_amount", "order.auxPrice"),
            ("stop_price", "order.trailStopPrice"),
            ("limit_offset", "order.lmtPriceOffset"),
        ],
        other => panic!("the gateway has no {other}"),
    };
    let common = [
        ("action", "order.action"),
        ("quantity", "order.totalQuantity"),
        ("symbol", "contract.symbol"),
        ("tif", "order.tif"),
        ("order_ref", "order.orderRef"),
        ("oca_group", "order.ocaGroup"),
    ];
    for (name, path) in common.iter().chain(prices) {
        if let Some(text) = text(path) {
            order.insert((*name).to_owned(), json!(text));
        }
    }
    if order.contains_key("oca_group") {
        assert_eq!(text("order.ocaType").as_deref(), Some("1"));
        order.insert("oca_type".to_owned(), json!("CANCEL_WITH_BLOCK"));
    }
    order.insert("order_type".to_owned(), json!(order_type));
    let transmit = fields.contains_key("order.transmit");
    order.insert("transmit".to_owned(), json!(transmit));
    serde_json::Value::Object(order)
}

/// The brackets among recorded placements, by the ids of their entries.
fn brackets(placed: impl Iterator<Item = (i64, Fields)>) -> BTreeMap<i64, serde_json::Value> {
    let placed: BTreeMap<i64, Fields> = placed.collect();
    let mut brackets = BTreeMap::new();
    for fields in placed.values() {
        let Some(Value::Int(parent)) = fields.get("order.parentId") else {
            continue;
        };
        let Some(entry) = placed.get(parent) else {
            continue;
        };
        let bracket = brackets
            .entry(*parent)
            .or_insert_with(|| json!({ "entry": order(entry) }));
        let mut exit = order(fields);
        let exit = exit.as_object_mut().unwrap();
        exit.retain(|name, _| ["limit_price", "stop_price", "tif"].contains(&name.as_str()));
        let leg = if exit.contains_key("stop_price") {
            "stop_loss"
        } else {
            "take_profit"
        };
        bracket[leg] = json!(exit);
    }
    brackets
}

async fn play(table: &Table) {
    let first = table.ends.keys().map(|order| table.orders[order]).min();
    let mut desk = Desk::open(first.unwrap(), &[]).await;
    let mut bindings = Bindings::default();
    bindings.set(Name::session("account"), ACCOUNT);
    bindings.set(Name::session("client"), CLIENT_ID);
    bindings.set(Name::session("user"), "paper-user-01");
    bindings.set(Name::session("group"), "group-1");
    for (order, id) in &table.orders {
        bindings.set(Name::of(*order, "id"), id);
        bindings.set(Name::of(*order, "perm"), 9_000_000_000 + id);
        bindings.set(Name::of(*order, "exec"), format!("sanitized-exec-{id}"));
    }
    bindings.set_sample(&table.sample);
    let placed = table.whole.iter().filter_map(|line| match line {
        Line::Send(request) if request.word == "placeOrder" => {
            Some((table.orders[&request.order?], filled(request, &bindings)))
        }
        _ => None,
    });
    desk.brackets = brackets(placed);
    for line in &table.whole {
        match line {
            Line::Send(request) => {
                // A global cancel, which nobody asked this gateway for.
                let Some(order) = request.order else {
                    continue;
                };
                let id = table.orders[&order];
                let fills = table
                    .ends
                    .get(&order)
                    .is_some_and(|end| end.starts_with("FILLED"));
                if request.word == "cancelOrder" && fills {
                    desk.cancel_of_filled(&table.name, id).await;
                    continue;
                }
                let reference = format!("reference of {order}");
                bindings.set(Name::of(order, "orderRef"), reference);
                let fields = filled(request, &bindings);
                let sent = desk.ask(&request.word, id, &fields).await;
                if let Some(reference) = sent.get("order.orderRef") {
                    bindings.set(Name::of(order, "orderRef"), plain(reference));
                }
            }
            Line::Expect(group) => {
                for _ in 0..group.times {
                    for message in &group.messages {
                        let fields = told(message, &bindings);
                        desk.teller.tell(&message.word, &fields).await;
                    }
                }
            }
            Line::Act(_) => {}
        }
    }
    let ends = table
        .ends
        .iter()
        .map(|(order, end)| (table.orders[order], end.clone()));
    desk.end(&table.name, &ends.collect()).await;
}

fn filled(request: &Request, bindings: &Bindings) -> Fields {
    let (_, message) = SCHEMA.message(Side::Client, &request.word);
    let fields = request.fields.iter().filter_map(|(path, template)| {
        let kind = SCHEMA.kind_at(message, path).unwrap_or(&Kind::Bytes);
        Some((path.clone(), bindings.fill(template, kind)?))
    });
    fields.collect()
}

/// The message with a value for each field: the recorded one where it matters, else any of its kind.
fn told(message: &Wanted, bindings: &Bindings) -> Fields {
    let (_, definition) = SCHEMA.message(Side::Server, &message.word);
    let fields = message.fields.iter().map(|(path, template)| {
        let kind = SCHEMA.kind_at(definition, path).unwrap_or(&Kind::Bytes);
        let value = bindings
            .fill(template, kind)
            .unwrap_or_else(|| any(path, kind));
        (path.clone(), value)
    });
    fields.collect()
}

fn any(path: &str, kind: &Kind) -> Value {
    match kind {
        Kind::Int if path == "errorTime" => Value::Int(1_787_605_466_101),
        Kind::Int => Value::Int(0),
        Kind::Double => Value::Double(1.0),
        Kind::Bool => Value::Bool(false),
        Kind::Text if path.ends_with("ime") => {
            Value::Text("20260825 14:11:30 US/Eastern".to_owned())
        }
        Kind::Text => Value::Text("any".to_owned()),
        Kind::Bytes | Kind::Message(_) => Value::Bytes(Vec::new()),
    }
}
