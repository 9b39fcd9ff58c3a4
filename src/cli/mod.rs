//! The command line: reads arguments, asks one operation through one door, prints its outcome.
//!
//! Nothing here decides about orders. Standard output has one owner ([`output`]); hints, logs and progress go to stderr.

#[allow(dead_code, reason = "the commands that need a gateway follow")]
mod args;
#[allow(dead_code, reason = "the commands that need a gateway follow")]
mod exit;
#[allow(dead_code, reason = "the commands that need a gateway follow")]
mod help;
mod order;
#[allow(dead_code, reason = "the commands that need a gateway follow")]
mod output;
mod pages;
#[allow(dead_code, reason = "the commands that need a gateway follow")]
mod values;

use std::process::ExitCode;

use clap::Parser;

use crate::config::Config;
use crate::domain::{Limits, check};
use crate::outcome;
use args::{Command, CommandLine, ValidateArgs};
use exit::Exit;
use output::Output;

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
    run(line.command).into()
}

fn run(command: Command) -> Exit {
    let mut output = Output::stdout();
    let exit = match command {
        Command::Validate(args) => validate(&args, &mut output),
        Command::Completions { shell } => {
            output.bytes(&pages::completions(shell));
            Exit::Success
        }
        Command::Man => match pages::manual() {
            Ok(page) => {
                output.bytes(&page);
                Exit::Success
            }
            Err(_) => Exit::Failed,
        },
    };
    if output.failure().is_some() {
        Exit::Failed
    } else {
        exit
    }
}

/// Checks without opening anything: no runtime, no store, no TWS.
fn validate(args: &ValidateArgs, output: &mut Output<std::io::Stdout>) -> Exit {
    let outcome = match order::read(&args.order) {
        Ok(order) => outcome::validated(check(
            order,
            args.order.transmit,
            &limits(&Config::default()),
        )),
        Err(error) => outcome::validate_failed(error),
    };
    output.json(&outcome);
    Exit::of(outcome.valid)
}

fn limits(config: &Config) -> Limits {
    Limits {
        quantity_max: config.max_order_quantity,
        notional_max: config.max_order_notional,
        account: config.ib_account.clone(),
    }
}
