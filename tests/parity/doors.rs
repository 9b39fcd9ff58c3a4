//! The doors. Each has a TWS and a store of its own, so that the same story gives the same order ids and prices.

use std::time::Duration;

use ibkr_orders::domain::ChangeDraft;
use ibkr_orders::{
    BracketIn, CancelIn, Config, Gateway, HealthIn, ListIn, PlaceIn, ReplaceIn, TransmitIn,
    ValidateIn, WatchIn, run_bracket, run_cancel, run_health, run_place, run_replace, run_transmit,
    run_validate, run_watch,
};
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::{Value, json};

use crate::contract::{Bracket, Change, Get, Health, List, Place, Replace, Validate, Watch};
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

    pub(crate) fn bracket(&self, step: &steps::Bracket) -> Value {
        let steps::Bracket {
            bracket,
            dry_run,
            request_id,
        } = step;
        match &self.door {
            Door::Library(config) => {
                let input = BracketIn {
                    dry_run: *dry_run,
                    timeout: self.patience,
                    request_id: request_id.map(str::to_owned),
                    ..BracketIn::new(bracket.clone())
                };
                document::<Bracket>(&self.runtime.block_on(run_bracket(config, input)))
            }
            Door::Program(shell, door) => {
                let (text, patience) = (bracket.to_string(), self.patience.to_string());
                let mut args = vec!["bracket", "--json", &text, "--timeout", &patience];
                args.extend(dry_run.then_some("--dry-run"));
                args.extend(request_id.iter().flat_map(|id| ["--request-id", id]));
                program::<Bracket>(shell, door, &args)
            }
            Door::Stub(stub) => json!(self.runtime.block_on(stub::bracket(
                stub.clone(),
                step,
                self.patience
            ))),
        }
    }

    pub(crate) fn replace(&self, step: &steps::Replace) -> Value {
        let steps::Replace {
            which,
            change,
            expected_revision,
            dry_run,
            request_id,
        } = step;
        match &self.door {
            Door::Library(config) => {
                let changed = |name| {
                    let found = change.iter().find(|(field, _)| *field == name);
                    found.map(|(_, text)| Value::from(*text))
                };
                let input = ReplaceIn {
                    change: ChangeDraft {
                        quantity: changed("quantity"),
                        limit_price: changed("limit_price"),
                        stop_price: changed("stop_price"),
                        trail_amount: changed("trail_amount"),
                        trail_percent: changed("trail_percent"),
                        limit_offset: changed("limit_offset"),
                        tif: changed("tif"),
                    },
                    expected_revision: *expected_revision,
                    request_id: request_id.map(str::to_owned),
                    timeout: self.patience,
                    dry_run: *dry_run,
                    ..ReplaceIn::new(self.key(*which))
                };
                match self.runtime.block_on(run_replace(config, input)) {
                    Ok(out) => document::<Replace>(&out),
                    Err(error) => {
                        let request_id = request_id.or((!dry_run).then_some("made"));
                        let violations = error.violations;
                        let document = json!({
                            "order": null,
                            "dry_run": dry_run,
                            "contract": null,
                            "order_payload": null,
                            "error": violations.is_empty().then_some(error.message),
                            "errors": (!violations.is_empty()).then_some(violations),
                            "request_id": request_id,
                            "replayed": false,
                        });
                        serde_json::from_value::<Replace>(document.clone()).unwrap();
                        document
                    }
                }
            }
            Door::Program(shell, door) => {
                let patience = self.patience.to_string();
                let words = self.named(&["replace", "--timeout", &patience], *which);
                let flags: Vec<_> = change
                    .iter()
                    .map(|(field, text)| (format!("--{}", field.replace('_', "-")), *text))
                    .collect();
                let revision = expected_revision.map(|revision| revision.to_string());
                let mut args = words.each();
                args.extend(flags.iter().flat_map(|(flag, text)| [flag.as_str(), text]));
                args.extend(revision.iter().flat_map(|n| ["--expected-revision", n]));
                args.extend(dry_run.then_some("--dry-run"));
                args.extend(request_id.iter().flat_map(|id| ["--request-id", id]));
                program::<Replace>(shell, door, &args)
            }
            Door::Stub(stub) => json!(self.runtime.block_on(stub::replace(
                stub.clone(),
                self.stub_key(*which),
                step,
                self.patience
            ))),
        }
    }

    pub(crate) fn watch(
        &self,
        which: Which,
        max_wait: Option<f64>,
        after_sequence: u64,
        with_family: bool,
    ) -> Value {
        match &self.door {
            Door::Library(config) => {
                let input = WatchIn {
                    max_wait,
                    after_sequence,
                    with_family,
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
                args.extend(with_family.then_some("--with-family"));
                program::<Watch>(shell, door, &args)
            }
            Door::Stub(stub) => json!(self.runtime.block_on(stub::watch(
                stub.clone(),
                self.stub_key(which),
                max_wait,
                after_sequence,
                with_family
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
                        cancel => {
                            let input = CancelIn {
                                with_sibling: cancel != "cancel",
                                ..CancelIn::within(key, self.patience)
                            };
                            run_cancel(config, input).await
                        }
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
                let mut words: Vec<_> = what.split(' ').collect();
                words.extend(["--timeout", &patience]);
                program::<Change>(shell, door, &self.named(&words, which).each())
            }
            Door::Stub(stub) => {
                let (stub, key) = (stub.clone(), self.stub_key(which));
                json!(self.runtime.block_on(async {
                    match what {
                        "transmit" => stub::transmit(stub, key, self.patience).await,
                        cancel => stub::cancel(stub, key, cancel != "cancel", self.patience).await,
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
                    Ok(found) => {
                        json!({"order": found.order, "fills": found.fills, "legs": found.legs, "error": null})
                    }
                    Err(error) => {
                        json!({"order": null, "fills": [], "legs": [], "error": error.message})
                    }
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
        bracket_id: Option<i32>,
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
                            bracket_id,
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
                let bracket = bracket_id.map(|id| id.to_string());
                let mut args = vec!["list", "--page-size", &page_size];
                args.extend(bracket.iter().flat_map(|id| ["--bracket-id", id]));
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
                    bracket_id.unwrap_or_default(),
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
        "bracket" => {
            let parts = ["entry", "take_profit", "stop_loss"];
            nothing_wrong
                && !parts
                    .iter()
                    .any(|part| document[part]["status"] == "REJECTED")
        }
        "replace" => nothing_wrong && document["order"]["replacement"]["status"] != "REFUSED",
        "watch" => document["terminal"] == true,
        "transmit" => nothing_wrong && document["order"]["status"] != "REJECTED",
        _ => nothing_wrong,
    }
}
