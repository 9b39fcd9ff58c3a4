//! The command line: reads arguments, asks one operation through one door, prints its outcome.
//!
//! Nothing here decides about orders. Standard output has one owner (`output`); hints, logs and progress go to stderr.

mod account;
mod args;
mod ask;
mod backup;
mod bracket;
mod checked;
mod control;
mod documents;
mod exit;
mod export;
mod help;
mod order;
mod output;
mod pages;
mod progress;
mod read;
mod risk;
mod serve;
mod server;
mod shared;
mod signals;
mod simulate;
mod simulated;
mod stderr;
mod table;
#[cfg(feature = "top")]
mod top;
mod upkeep;
mod values;
mod watch;

use std::process::ExitCode;

use clap::Parser;

use crate::config::Config;
use crate::domain::ValidateIn;
use crate::{gateway, outcome, telemetry};
use args::{Command, CommandLine, OrderArgs};
use checked::{Checked, Local, Target};
use exit::Exit;
use output::Output;

/// Threads of a command: it does one thing, but the gateway inside it must not wait for its own writer.
const WORKER_THREADS: usize = 2;

/// What a command logs when nobody says otherwise: it answers in its document and is not a service to keep an eye on.
const LOG_FILTER: &str = "error";

/// Runs the command of the process's arguments and says how the process should end.
pub fn main() -> ExitCode {
    let line = match CommandLine::try_parse() {
        Ok(line) => line,
        Err(error) => {
            // Help and version are asked for; everything else is a slip. A closed pipe changes neither.
            let _ = error.print();
            let exit = if error.use_stderr() {
                Exit::Usage
            } else {
                Exit::Success
            };
            return exit.into();
        }
    };
    let mut output = Output::stdout();
    let exit = run(line.command, &mut output);
    match output.failure() {
        None => exit.into(),
        Some(error) => {
            stderr::say(format_args!("could not write to standard output: {error}"));
            Exit::Failed.into()
        }
    }
}

fn run(command: Command, output: &mut Output) -> Exit {
    let command = match command {
        Command::Serve(args) => return on_all_cores(serve::serve(args)),
        Command::Simulate(args) => return on_all_cores(simulate::simulate(args)),
        command => command,
    };
    if let Some(local) = command.local().map(Local::read) {
        return match (local, command) {
            (Err(error), _) => {
                stderr::configuration(&error);
                Exit::Configuration
            }
            (Ok(local), command) => on_store(command, local, output),
        };
    }
    let checked = match command
        .common()
        .map(|(door, settings)| Checked::read(door, settings))
    {
        Some(Ok(checked)) => checked,
        Some(Err(error)) => {
            stderr::configuration(&error);
            return Exit::Configuration;
        }
        None => return page(&command, output),
    };
    let config = checked.config.clone();
    match command {
        Command::Validate(args) => match &checked.door {
            Target::Tws | Target::Simulator => validate(&args.order, &checked, output),
            Target::Server(server) => {
                on_runtime(&config, ask::validate(args.order, server, output))
            }
        },
        Command::Health(args) => on_runtime(&config, ask::health(args, checked, output)),
        Command::Place(args) => on_runtime(&config, ask::place(args, checked, output)),
        Command::Bracket(args) => on_runtime(&config, bracket::bracket(args, checked, output)),
        Command::Watch(args) => on_runtime(&config, watch::watch(args, checked, output)),
        Command::Transmit(args) => on_runtime(&config, ask::transmit(args, checked, output)),
        Command::Cancel(args) => on_runtime(&config, ask::cancel(args, checked, output)),
        Command::Replace(args) => on_runtime(&config, ask::replace(args, checked, output)),
        Command::Preview(args) => on_runtime(&config, ask::preview(args, checked, output)),
        Command::Get(args) => on_runtime(&config, read::get(args, checked, output)),
        Command::List(args) => on_runtime(&config, read::list(args, checked, output)),
        Command::Positions(args) => on_runtime(&config, account::positions(args, checked, output)),
        Command::Account(args) => on_runtime(&config, account::account(args, checked, output)),
        Command::Limits(args) => on_runtime(&config, risk::limits(args, checked, output)),
        Command::Halt(args) => on_runtime(&config, risk::halt(args, checked, output)),
        Command::Resume(args) => on_runtime(&config, risk::resume(args, checked, output)),
        Command::CancelAll(args) => on_runtime(&config, risk::cancel_all(args, checked, output)),
        #[cfg(feature = "top")]
        Command::Top(_) => on_runtime(&config, top::top(checked)),
        #[cfg(not(feature = "top"))]
        Command::Top(_) => {
            stderr::say(
                "this program was built without top: build it with --features top, or use the page (serve --web-listen 127.0.0.1:8080)",
            );
            Exit::Usage
        }
        Command::Export(_)
        | Command::Backup(_)
        | Command::Prune(_)
        | Command::Accounts(_)
        | Command::Serve(_)
        | Command::Simulate(_)
        | Command::Completions { .. }
        | Command::Man => page(&command, output),
    }
}

/// Commands that work on the store alone.
fn on_store(command: Command, local: Local, output: &mut Output) -> Exit {
    let config = local.config.clone();
    match command {
        Command::Export(args) => on_runtime(&config, export::export(args, local, output)),
        Command::Backup(args) => on_runtime(&config, backup::backup(args, local, output)),
        Command::Prune(args) => on_runtime(&config, upkeep::prune(args, local, output)),
        Command::Accounts(args) => on_runtime(&config, upkeep::accounts(args, local, output)),
        Command::Health(_)
        | Command::Validate(_)
        | Command::Place(_)
        | Command::Bracket(_)
        | Command::Watch(_)
        | Command::Transmit(_)
        | Command::Cancel(_)
        | Command::Replace(_)
        | Command::Preview(_)
        | Command::Get(_)
        | Command::List(_)
        | Command::Positions(_)
        | Command::Account(_)
        | Command::Limits(_)
        | Command::Halt(_)
        | Command::Resume(_)
        | Command::CancelAll(_)
        | Command::Top(_)
        | Command::Serve(_)
        | Command::Simulate(_)
        | Command::Completions { .. }
        | Command::Man => Exit::Usage,
    }
}

/// Runs an operation to its end, with its log lines on stderr.
fn on_runtime(config: &Config, operation: impl Future<Output = Exit>) -> Exit {
    block_on(
        tokio::runtime::Builder::new_multi_thread().worker_threads(WORKER_THREADS),
        async {
            match telemetry::start(config, Some(LOG_FILTER)) {
                Ok(_telemetry) => operation.await,
                Err(error) => {
                    stderr::say(error);
                    Exit::Configuration
                }
            }
        },
    )
}

/// Runs a service to its end.
fn on_all_cores(service: impl Future<Output = Exit>) -> Exit {
    block_on(&mut tokio::runtime::Builder::new_multi_thread(), service)
}

fn block_on(builder: &mut tokio::runtime::Builder, operation: impl Future<Output = Exit>) -> Exit {
    match builder.enable_all().build() {
        Ok(runtime) => runtime.block_on(operation),
        Err(error) => {
            stderr::say(format_args!("could not start: {error}"));
            Exit::Failed
        }
    }
}

/// Commands that ask nothing of a gateway.
fn page(command: &Command, output: &mut Output) -> Exit {
    match command {
        Command::Completions { shell } => output.bytes(&pages::completions(*shell)),
        Command::Man => match pages::manual() {
            Ok(page) => output.bytes(&page),
            Err(error) => {
                stderr::say(format_args!("could not make the manual page: {error}"));
                return Exit::Failed;
            }
        },
        Command::Health(_)
        | Command::Validate(_)
        | Command::Place(_)
        | Command::Bracket(_)
        | Command::Watch(_)
        | Command::Transmit(_)
        | Command::Cancel(_)
        | Command::Replace(_)
        | Command::Preview(_)
        | Command::Get(_)
        | Command::List(_)
        | Command::Positions(_)
        | Command::Account(_)
        | Command::Limits(_)
        | Command::Halt(_)
        | Command::Resume(_)
        | Command::CancelAll(_)
        | Command::Top(_)
        | Command::Export(_)
        | Command::Backup(_)
        | Command::Prune(_)
        | Command::Accounts(_)
        | Command::Serve(_)
        | Command::Simulate(_) => return Exit::Usage,
    }
    Exit::Success
}

/// Checks without opening anything: no runtime, no store, no TWS.
fn validate(args: &OrderArgs, checked: &Checked, output: &mut Output) -> Exit {
    let outcome = match order::read(args) {
        Ok(order) => {
            let transmit = args.transmit;
            gateway::validate(&checked.config, ValidateIn { order, transmit })
        }
        Err(error) => outcome::validate_failed(error),
    };
    output.json(&outcome);
    Exit::of(outcome.valid)
}
