//! One behaviour behind every door: each story is played through the library, the program in-process, the program over gRPC and a raw
//! stub, and what they answer is held against each other and against the contract.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on panics")]
#![allow(
    unreachable_pub,
    reason = "the harness is shared between test programs"
)]

#[path = "../cli/contract.rs"]
mod contract;
mod conversions;
mod doors;
mod normal;
mod player;
mod scenarios;
mod steps;
mod stub;

use std::time::Duration;

use ibkr_orders::grpc::{ServerSettings, serve};
use ibkr_orders::simulator::{Mode, Simulator, SimulatorConfig};
use ibkr_orders::{Config, Gateway};
use serde_json::Value;
use tokio::net::TcpListener;
use tokio::runtime::Runtime;
use tokio::sync::oneshot;
use tokio::task::JoinHandle;

use test_support::process::Shell;
use test_support::waiting::LIMIT;

use doors::Door;
use normal::without_inputs;
use player::Player;
use steps::Scenario;
use stub::Stub;

/// Above it an order is too large for every gateway here.
const QUANTITY_MAX: i64 = 100_000;

#[test]
fn every_door_answers_the_same() {
    let runtime = Runtime::new().unwrap();
    let stages = [(); 4].map(|()| Stage::new(&runtime));
    let [library, program, over_grpc, raw] = &stages;
    let server = Server::start(&runtime, &over_grpc.config);
    let raw_server = Server::start(&runtime, &raw.config);
    let stub = Stub::connect(raw_server.url.clone());
    let in_process = Shell::new()
        .with("IB_PORT", program.config.ib_port)
        .with("ORDER_DB_PATH", program.config.order_db_path.display())
        .with("MAX_ORDER_QUANTITY", QUANTITY_MAX);
    let to_server = vec!["--server".to_owned(), server.url.clone()];
    let mut players = [
        Door::Library(Box::new(library.config.clone())),
        Door::Program(in_process, Vec::new()),
        Door::Program(Shell::new(), to_server),
        Door::Stub(runtime.block_on(stub).unwrap()),
    ]
    .map(|door| Player::new(door, runtime.handle().clone()));

    all_play_the_same(&mut players, "with-tws", scenarios::with_tws);
    // Each keeps its port, so that nobody else listens where a gateway looks for its TWS.
    for stage in &stages {
        let control = stage.simulator.control();
        runtime.block_on(async {
            control.refuse_connections(true).await.unwrap();
            control.drop_connections().await.unwrap();
        });
    }
    server.wait_for_the_end_of_the_session(&runtime);
    raw_server.wait_for_the_end_of_the_session(&runtime);
    for player in &mut players {
        player.patience = 0.5;
    }
    all_play_the_same(&mut players, "without-tws", scenarios::without_tws);
    server.stop(&runtime);
    raw_server.stop(&runtime);
}

/// Lets each player play the stories on a thread of its own and holds what they tell against each other.
fn all_play_the_same(players: &mut [Player; 4], act: &str, stories: fn() -> Vec<Scenario>) {
    let [library, program, over_grpc, raw] = players;
    // Two at a time. The library opens and closes its store over and over, and a process that is just being started holds what
    // this one has open until it runs its program: so nothing is started meanwhile.
    let (library, raw) = both(library, raw, stories);
    let (program, over_grpc) = both(program, over_grpc, stories);
    let mut steps = 0;
    let mut differing = Vec::new();
    let mut plot = String::new();
    for (n, story) in stories().iter().enumerate() {
        plot.push_str(&format!("{}\n", story.name));
        for (step, said) in library[n].iter().enumerate() {
            let mut told = |by, said: &Value, other: &Value| {
                let differs = differences(said, other);
                if !differs.is_empty() {
                    differing.push(format!(
                        "{} (step {step}), told by {by}:\n{differs}",
                        story.name
                    ));
                }
            };
            told("the program", said, &program[n][step]);
            told("the program over gRPC", said, &over_grpc[n][step]);
            if story.sayable {
                let said = without_inputs(said.clone());
                told("the raw stub", &said, &without_inputs(raw[n][step].clone()));
            }
            steps += 1;
            plot.push_str(&format!("  {}\n", brief(said)));
        }
    }
    assert!(
        differing.is_empty(),
        "of {steps} steps {} differ:\n{}",
        differing.len(),
        differing.join("\n")
    );
    // Not only the same, but the right thing.
    insta::assert_snapshot!(act, plot);
}

/// What a document says, in a line.
fn brief(document: &Value) -> String {
    let mut words = Vec::new();
    for flag in [
        "connected",
        "valid",
        "submitted",
        "dry_run",
        "replayed",
        "terminal",
    ] {
        if let Some(value) = document.get(flag).and_then(Value::as_bool) {
            words.push(format!("{flag}: {value}"));
        }
    }
    let mut order = |order: &Value| {
        if let Some(id) = order["order_id"].as_i64() {
            let text = |name: &str| order[name].to_string().replace('"', "");
            words.push(format!(
                "order {id} {} {}/{}",
                text("status"),
                text("filled"),
                text("quantity")
            ));
        }
    };
    order(&document["state"]);
    for part in ["entry", "take_profit", "stop_loss"] {
        order(&document[part]);
    }
    order(&document["order"]);
    order(&document["last"]);
    document["orders"]
        .as_array()
        .into_iter()
        .flatten()
        .for_each(order);
    if let Some(replacement) = document["order"]["replacement"].as_object() {
        words.push(format!("replacement {}", replacement["status"]).replace('"', ""));
    }
    for part in [
        "order_payload",
        "entry_payload",
        "take_profit_payload",
        "stop_loss_payload",
    ] {
        if document["dry_run"] == true && document[part].is_object() {
            words.push(part.to_owned());
        }
    }
    if let Some(fills) = document["fills"].as_array() {
        words.push(format!("fills: {}", fills.len()));
    }
    for error in document["errors"].as_array().into_iter().flatten() {
        let place = error["loc"]
            .as_array()
            .into_iter()
            .flatten()
            .filter_map(Value::as_str);
        words.push(format!(
            "{} {}",
            error["type"].as_str().unwrap(),
            place.collect::<Vec<_>>().join(".")
        ));
    }
    if let Some(error) = document["error"].as_str() {
        words.push(format!("error: {error}"));
    }
    words.join(", ")
}

/// What two players tell, each on a thread of its own.
fn both(
    one: &mut Player,
    other: &mut Player,
    stories: fn() -> Vec<Scenario>,
) -> (Vec<Vec<Value>>, Vec<Vec<Value>>) {
    std::thread::scope(|threads| {
        let one = threads.spawn(|| play(one, stories()));
        let other = play(other, stories());
        (one.join().unwrap(), other)
    })
}

/// What each step of each story answers.
fn play(player: &mut Player, stories: Vec<Scenario>) -> Vec<Vec<Value>> {
    let silent = matches!(player.door, Door::Stub(_));
    stories
        .iter()
        .map(|story| {
            if silent && !story.sayable {
                return Vec::new();
            }
            story.steps.iter().map(|step| player.play(step)).collect()
        })
        .collect()
}

/// The lines in which two documents differ.
fn differences(one: &Value, other: &Value) -> String {
    let lines = |document: &Value| {
        let text = serde_json::to_string_pretty(document).unwrap();
        text.lines().map(str::to_owned).collect::<Vec<_>>()
    };
    let (one, other) = (lines(one), lines(other));
    let only = |mark: &str, these: &[String], those: &[String]| {
        let only = these.iter().filter(|line| !those.contains(line));
        only.map(|line| format!("  {mark} {line}\n"))
            .collect::<String>()
    };
    only("library:", &one, &other) + &only("it:     ", &other, &one)
}

/// A TWS and a store.
struct Stage {
    simulator: Simulator,
    config: Config,
    _directory: tempfile::TempDir,
}

impl Stage {
    fn new(runtime: &Runtime) -> Self {
        // Prices move with orders only, so that the same story has the same prices everywhere.
        let settings = SimulatorConfig {
            mode: Mode::Automatic {
                tick: Duration::ZERO,
            },
            ..SimulatorConfig::on_free_port()
        };
        let simulator = runtime.block_on(Simulator::start(settings)).unwrap();
        let directory = tempfile::tempdir().unwrap();
        let config = Config {
            ib_port: simulator.address().port(),
            order_db_path: directory.path().join("orders.db"),
            max_order_quantity: Some(QUANTITY_MAX.into()),
            ..Config::default()
        };
        Self {
            simulator,
            config,
            _directory: directory,
        }
    }
}

/// A gateway that serves.
struct Server {
    url: String,
    gateway: Gateway,
    stop: oneshot::Sender<()>,
    serving: JoinHandle<()>,
}

impl Server {
    fn start(runtime: &Runtime, config: &Config) -> Self {
        runtime.block_on(async {
            let gateway = Gateway::open(config).await.unwrap();
            let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
            let url = format!("http://{}", listener.local_addr().unwrap());
            let (stop, stopped) = oneshot::channel();
            let settings = ServerSettings::from(config);
            let served = gateway.clone();
            let serving = tokio::spawn(async move {
                let stopped = async {
                    let _ = stopped.await;
                };
                serve(listener, served, settings, stopped).await.unwrap();
            });
            Self {
                url,
                gateway,
                stop,
                serving,
            }
        })
    }

    fn wait_for_the_end_of_the_session(&self, runtime: &Runtime) {
        runtime.block_on(async {
            let mut link = self.gateway.link();
            let away = link.wait_for(|link| !link.connected);
            tokio::time::timeout(LIMIT, away).await.unwrap().unwrap();
        });
    }

    fn stop(self, runtime: &Runtime) {
        runtime.block_on(async {
            self.stop.send(()).unwrap();
            self.serving.await.unwrap();
            self.gateway.close(Duration::from_secs(5)).await;
        });
    }
}
