//! The doors. Each has a TWS and a store of its own, so that the same story gives the same order ids and prices.

use std::time::Duration;

use ibkr_orders::{
    Config, Gateway, HealthIn, ListIn, OrderKey, PlaceIn, ValidateIn, WatchIn, run_cancel,
    run_health, run_place, run_transmit, run_validate, run_watch,
};
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::{Value, json};
use tokio::runtime::Handle;

use crate::contract::{Change, Get, Health, List, Place, Validate, Watch};
use crate::normal::{changed, normal, placed};
use crate::run::Shell;
use crate::scenarios::{self, Page, Step, Which};
use crate::stub::{self, Key, Stub};

/// How long a gateway may take to finish what is under way.
const GRACE: Duration = Duration::from_secs(5);

/// A way to a gateway.
pub enum Door {
    /// `run_*` and [`Gateway`] in this process.
    Library(Box<Config>),
    /// The program, in-process or with `--server`: the arguments that make the difference.
    Program(Shell, Vec<String>),
    /// Generated messages.
    Stub(Stub),
}

/// Somebody who plays a story through a door, and what the story remembers.
pub struct Player {
    pub door: Door,
    pub runtime: Handle,
    /// Seconds each order or change may wait for TWS.
    pub patience: f64,
    last: i32,
    next_page: String,
}

impl Player {
    pub fn new(door: Door, runtime: Handle) -> Self {
        Self {
            door,
            runtime,
            patience: 5.0,
            last: 0,
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
                let id = match which {
                    Which::Request(id) => {
                        let found = self.get(Which::Request(id));
                        i32::try_from(found["order"]["order_id"].as_i64().unwrap()).unwrap()
                    }
                    Which::Last => self.last,
                    Which::Id(id) => *id,
                };
                let after = match resumed {
                    true => self.get(Which::Id(id))["order"]["sequence"].as_u64(),
                    false => Some(0),
                };
                watched(self.watch(id, *max_wait, after.unwrap()), *resumed)
            }
            Step::Transmit(which) => changed(self.change("transmit", *which)),
            Step::Cancel(which) => changed(self.change("cancel", *which)),
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
                let document = self.list(status, symbol, *page_size, token);
                self.next_page = document["next_page_token"]
                    .as_str()
                    .unwrap_or_default()
                    .to_owned();
                normal(document)
            }
        }
    }

    fn health(&self) -> Value {
        match &self.door {
            Door::Library(config) => document::<Health>(
                &self
                    .runtime
                    .block_on(run_health(config, HealthIn::default())),
            ),
            Door::Program(shell, door) => program::<Health>(shell, door, &["health"]),
            Door::Stub(stub) => json!(self.runtime.block_on(stub::health(stub.clone()))),
        }
    }

    fn validate(&self, order: &Value, transmit: bool) -> Value {
        match &self.door {
            Door::Library(config) => {
                let input = ValidateIn {
                    order: order.clone().into(),
                    transmit,
                };
                document::<Validate>(&self.runtime.block_on(run_validate(config, input)))
            }
            Door::Program(shell, door) => {
                let text = order.to_string();
                let mut args = vec!["validate", "--json", &text];
                args.extend(transmit.then_some("--transmit"));
                program::<Validate>(shell, door, &args)
            }
            Door::Stub(stub) => json!(self.runtime.block_on(stub::validate(
                stub.clone(),
                order,
                transmit
            ))),
        }
    }

    fn place(&self, place: &scenarios::Place) -> Value {
        match &self.door {
            Door::Library(config) => {
                let input = PlaceIn {
                    transmit: place.transmit,
                    dry_run: place.dry_run,
                    timeout: self.patience,
                    request_id: place.request_id.map(str::to_owned),
                    ..PlaceIn::new(place.order.clone())
                };
                document::<Place>(&self.runtime.block_on(run_place(config, input)))
            }
            Door::Program(shell, door) => {
                let (text, patience) = (place.order.to_string(), self.patience.to_string());
                let mut args = vec!["place", "--json", &text, "--timeout", &patience];
                args.extend(place.transmit.then_some("--transmit"));
                args.extend(place.dry_run.then_some("--dry-run"));
                args.extend(place.request_id.iter().flat_map(|id| ["--request-id", id]));
                program::<Place>(shell, door, &args)
            }
            Door::Stub(stub) => json!(self.runtime.block_on(stub::place(
                stub.clone(),
                place,
                self.patience
            ))),
        }
    }

    fn watch(&self, order_id: i32, max_wait: Option<f64>, after_sequence: u64) -> Value {
        match &self.door {
            Door::Library(config) => {
                let input = WatchIn {
                    max_wait,
                    after_sequence,
                    ..WatchIn::new(order_id)
                };
                document::<Watch>(&self.runtime.block_on(run_watch(config, input, |_| {})))
            }
            Door::Program(shell, door) => {
                let (id, wait) = (order_id.to_string(), max_wait.map(|wait| wait.to_string()));
                let mut args = vec!["watch", "--order-id", &id];
                args.extend(wait.iter().flat_map(|wait| ["--max-wait", wait]));
                let after = after_sequence.to_string();
                args.extend(["--after-sequence", &after]);
                program::<Watch>(shell, door, &args)
            }
            Door::Stub(stub) => json!(self.runtime.block_on(stub::watch(
                stub.clone(),
                order_id,
                max_wait,
                after_sequence
            ))),
        }
    }

    fn change(&self, what: &str, which: Which) -> Value {
        match &self.door {
            Door::Library(config) => {
                let key = self.key(which);
                let result = self.runtime.block_on(async {
                    match what {
                        "transmit" => run_transmit(config, key, self.patience).await,
                        _ => run_cancel(config, key, self.patience).await,
                    }
                });
                let document = match result {
                    Ok(order) => json!({"order": order, "error": null}),
                    Err(error) => json!({"order": null, "error": error.message}),
                };
                serde_json::from_value::<Change>(document.clone()).unwrap();
                document
            }
            Door::Program(shell, door) => {
                let patience = self.patience.to_string();
                program::<Change>(
                    shell,
                    door,
                    &self.named(&[what, "--timeout", &patience], which).each(),
                )
            }
            Door::Stub(stub) => {
                let (stub, key) = (stub.clone(), self.stub_key(which));
                json!(self.runtime.block_on(async {
                    match what {
                        "transmit" => stub::transmit(stub, key, self.patience).await,
                        _ => stub::cancel(stub, key, self.patience).await,
                    }
                }))
            }
        }
    }

    fn get(&self, which: Which) -> Value {
        match &self.door {
            Door::Library(config) => {
                let result = self.runtime.block_on(async {
                    let gateway = Gateway::open(config).await?;
                    let result = gateway.get(self.key(which)).await;
                    gateway.close(GRACE).await;
                    result
                });
                let document = match result {
                    Ok(found) => json!({"order": found.order, "fills": found.fills, "error": null}),
                    Err(error) => json!({"order": null, "fills": [], "error": error.message}),
                };
                serde_json::from_value::<Get>(document.clone()).unwrap();
                document
            }
            Door::Program(shell, door) => {
                program::<Get>(shell, door, &self.named(&["get"], which).each())
            }
            Door::Stub(stub) => json!(
                self.runtime
                    .block_on(stub::get(stub.clone(), self.stub_key(which)))
            ),
        }
    }

    fn list(&self, status: &[&str], symbol: &str, page_size: i32, page_token: String) -> Value {
        match &self.door {
            Door::Library(config) => {
                let result = self.runtime.block_on(async {
                    let gateway = Gateway::open(config).await?;
                    let status = status.iter().map(|word| word.parse().unwrap()).collect();
                    let symbol = (!symbol.is_empty()).then(|| symbol.to_owned());
                    let result = gateway
                        .list(ListIn {
                            status,
                            symbol,
                            page_size,
                            page_token,
                        })
                        .await;
                    gateway.close(GRACE).await;
                    result
                });
                let document = match result {
                    Ok(found) => {
                        json!({"orders": found.orders, "next_page_token": found.next_page_token, "error": null})
                    }
                    Err(error) => {
                        json!({"orders": [], "next_page_token": null, "error": error.message})
                    }
                };
                serde_json::from_value::<List>(document.clone()).unwrap();
                document
            }
            Door::Program(shell, door) => {
                let page_size = page_size.to_string();
                let mut args = vec!["list", "--page-size", &page_size];
                args.extend(status.iter().flat_map(|word| ["--status", word]));
                if !symbol.is_empty() {
                    args.extend(["--symbol", symbol]);
                }
                args.extend(["--page-token", &page_token]);
                program::<List>(shell, door, &args)
            }
            Door::Stub(stub) => {
                json!(self.runtime.block_on(stub::list(
                    stub.clone(),
                    status,
                    symbol,
                    page_size,
                    page_token
                )))
            }
        }
    }

    fn key(&self, which: Which) -> OrderKey {
        match which {
            Which::Last => OrderKey::OrderId(self.last),
            Which::Id(id) => OrderKey::OrderId(id),
            Which::Request(id) => OrderKey::RequestId(id.to_owned()),
        }
    }

    fn stub_key(&self, which: Which) -> Key {
        match self.key(which) {
            OrderKey::OrderId(order_id) => Key {
                order_id,
                request_id: String::new(),
            },
            OrderKey::RequestId(request_id) => Key {
                order_id: 0,
                request_id,
            },
        }
    }

    /// A command about an order.
    fn named(&self, command: &[&str], which: Which) -> Words {
        let mut words: Vec<String> = command.iter().map(|word| (*word).to_owned()).collect();
        match self.key(which) {
            OrderKey::OrderId(id) => words.extend(["--order-id".to_owned(), id.to_string()]),
            OrderKey::RequestId(id) => words.extend(["--request-id".to_owned(), id]),
        }
        Words(words)
    }
}

struct Words(Vec<String>);

impl Words {
    fn each(&self) -> Vec<&str> {
        self.0.iter().map(String::as_str).collect()
    }
}

/// What the library answers, held against the contract.
fn document<T: DeserializeOwned + Serialize>(out: &impl Serialize) -> Value {
    let text = serde_json::to_string(out).unwrap();
    let document: T = serde_json::from_str(&text).unwrap();
    assert_eq!(
        serde_json::to_string(&document).unwrap(),
        text,
        "fields in their order"
    );
    json!(document)
}

/// What the program prints, held against the contract, with the exit code that belongs to it.
fn program<T: DeserializeOwned + Serialize>(
    shell: &Shell,
    door: &[String],
    args: &[&str],
) -> Value {
    let mut line = args.to_vec();
    line.extend(door.iter().map(String::as_str));
    let ran = shell.run(&line);
    let document = json!(ran.read::<T>());
    assert_eq!(
        ran.code,
        i32::from(!is_success(args[0], &document)),
        "{line:?}: {ran:?}"
    );
    document
}

/// What a program that calls this one may conclude from exit code 0.
fn is_success(command: &str, document: &Value) -> bool {
    let nothing_wrong = document["error"].is_null() && document["errors"].is_null();
    match command {
        "health" => document["connected"] == true,
        "validate" => document["valid"] == true,
        "place" => nothing_wrong && document["state"]["status"] != "REJECTED",
        "watch" => document["terminal"] == true,
        "transmit" => nothing_wrong && document["order"]["status"] != "REJECTED",
        _ => nothing_wrong,
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
