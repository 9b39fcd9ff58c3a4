//! The doors. Each has a TWS and a store of its own, so that the same story gives the same order ids and prices.

use std::time::Duration;

use ibkr_orders::{CancelIn, TransmitIn};
use ibkr_orders::{
    Config, Gateway, HealthIn, ListIn, PlaceIn, ValidateIn, WatchIn, run_cancel, run_health,
    run_place, run_transmit, run_validate, run_watch,
};
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::{Value, json};

use crate::contract::{Change, Get, Health, List, Place, Validate, Watch};
use crate::player::Player;
use crate::steps::{self, Which};
use crate::stub::{self, Stub};
use test_support::process::Shell;

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

impl Player {
    pub(crate) fn health(&self) -> Value {
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

    pub(crate) fn validate(&self, order: &Value, transmit: bool) -> Value {
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

    pub(crate) fn place(&self, place: &steps::Place) -> Value {
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

    pub(crate) fn watch(&self, which: Which, max_wait: Option<f64>, after_sequence: u64) -> Value {
        match &self.door {
            Door::Library(config) => {
                let input = WatchIn {
                    max_wait,
                    after_sequence,
                    ..WatchIn::of(Some(self.key(which)))
                };
                document::<Watch>(&self.runtime.block_on(run_watch(config, input, |_| {})))
            }
            Door::Program(shell, door) => {
                let wait = max_wait.map(|wait| wait.to_string());
                let words = self.named(&["watch"], which);
                let mut args = words.each();
                args.extend(wait.iter().flat_map(|wait| ["--max-wait", wait]));
                let after = after_sequence.to_string();
                args.extend(["--after-sequence", &after]);
                program::<Watch>(shell, door, &args)
            }
            Door::Stub(stub) => json!(self.runtime.block_on(stub::watch(
                stub.clone(),
                self.stub_key(which),
                max_wait,
                after_sequence
            ))),
        }
    }

    pub(crate) fn change(&self, what: &str, which: Which) -> Value {
        match &self.door {
            Door::Library(config) => {
                let key = self.key(which);
                let result = self.runtime.block_on(async {
                    match what {
                        "transmit" => {
                            run_transmit(config, TransmitIn::within(key, self.patience)).await
                        }
                        _ => run_cancel(config, CancelIn::within(key, self.patience)).await,
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

    pub(crate) fn get(&self, which: Which) -> Value {
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

    pub(crate) fn list(
        &self,
        status: &[&str],
        symbol: &str,
        page_size: i32,
        page_token: String,
    ) -> Value {
        match &self.door {
            Door::Library(config) => {
                let result = self.runtime.block_on(async {
                    let gateway = Gateway::open(config).await?;
                    let statuses = status.iter().map(|word| word.parse().unwrap()).collect();
                    let symbol = (!symbol.is_empty()).then(|| symbol.to_owned());
                    let result = gateway
                        .list(ListIn {
                            statuses,
                            symbol,
                            bracket_id: None,
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
