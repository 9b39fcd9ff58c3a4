//! `simulate`: a TWS on loopback, until somebody ends it.

use std::net::SocketAddr;
use std::path::PathBuf;

use clap::Args;
use rust_decimal::Decimal;
use tracing::info;

use super::control;
use super::exit::Exit;
use super::signals::Signals;
use super::stderr;
use crate::config::{Config, Settings};
use crate::simulator::{
    FAULT_FORMS, Fault, Simulator, SimulatorConfig, SwitchError, SwitchSetting, Switches,
};
use crate::telemetry;

/// `simulate`
#[derive(Debug, Args)]
pub(super) struct SimulateArgs {
    /// Where to listen; port 0 takes a free one
    #[arg(long, value_name = "ADDRESS", default_value = "127.0.0.1:7497")]
    pub(super) listen: SocketAddr,
    /// Start of all randomness: the same seed and the same requests give the same market
    #[arg(long, value_name = "N", default_value_t = 7)]
    pub(super) seed: u64,
    /// Something that goes wrong, for example drop-after-order=3; may be given several times
    #[arg(long, value_name = "FAULT", value_parser = fault)]
    pub(super) fault: Vec<Fault>,
    /// What TWS does where sources disagree, for example time-requests=always; may be given several times
    #[arg(long = "switch", value_name = "NAME=VALUE", value_parser = switch)]
    pub(super) switches: Vec<SwitchSetting>,
    /// Draw every switch by chance from this seed; those given by name count more
    #[arg(long, value_name = "N")]
    pub(super) switch_seed: Option<u64>,
    /// Keep orders, ids and prices in this file, so that they outlive a restart
    #[arg(long, value_name = "FILE")]
    pub(super) state: Option<PathBuf>,
    /// An account of the login; may be given several times [default: DU1234567]
    #[arg(long, value_name = "ACCOUNT")]
    pub(super) account: Vec<String>,
    /// A symbol beside the built-in ones with its first price, for example ACME=12.50; may be given several times
    #[arg(long, value_name = "SYMBOL=PRICE", value_parser = symbol)]
    pub(super) symbol: Vec<(String, Decimal)>,
    /// Report each order as briefly as TWS ever does, and keep no history: for measuring clients
    #[arg(long)]
    pub(super) fastest: bool,
    /// Serve SimulatorControl (proto/ibkr/simulator/v1/control.proto) here, so that tests say what the exchange does; loopback only,
    /// port 0 takes a free one
    #[arg(long, value_name = "ADDRESS")]
    pub(super) control: Option<SocketAddr>,
    /// Log lines on stderr: text or json (LOG_FORMAT) [default: text]
    #[arg(long, value_name = "FORMAT")]
    pub(super) log_format: Option<String>,
}

fn fault(text: &str) -> Result<Fault, String> {
    text.parse::<Fault>()
        .map_err(|error| format!("{error}; there are: {}", FAULT_FORMS.join(", ")))
}

fn switch(text: &str) -> Result<SwitchSetting, String> {
    text.parse().map_err(|error: SwitchError| error.to_string())
}

fn symbol(text: &str) -> Result<(String, Decimal), String> {
    let wrong = || "write it as SYMBOL=PRICE, for example ACME=12.50".to_owned();
    let (name, price) = text.split_once('=').ok_or_else(wrong)?;
    let price = price.parse::<Decimal>().map_err(|_| wrong())?;
    if name.trim().is_empty() || price <= Decimal::ZERO {
        return Err(wrong());
    }
    Ok((name.trim().to_uppercase(), price))
}

/// Runs the simulator until SIGTERM or SIGINT.
pub(super) async fn simulate(args: SimulateArgs) -> Exit {
    let flags = args.log_format.map(|format| ("LOG_FORMAT", format));
    let config = match Settings::read(flags).config(Config::default()) {
        Ok(config) => config,
        Err(error) => {
            stderr::configuration(&error);
            return Exit::Configuration;
        }
    };
    let (telemetry, mut signals) = match (telemetry::start(&config, None), Signals::listen()) {
        (Ok(telemetry), Ok(signals)) => (telemetry, signals),
        (Err(error), _) => {
            stderr::say(error);
            return Exit::Configuration;
        }
        (_, Err(error)) => {
            stderr::say(format_args!("could not listen to signals: {error}"));
            return Exit::Failed;
        }
    };
    let control = match control::bind(args.control).await {
        Ok(control) => control,
        Err((exit, message)) => {
            stderr::say(message);
            return exit;
        }
    };
    let base = if args.fastest {
        SimulatorConfig::fastest()
    } else {
        SimulatorConfig::default()
    };
    let mut switches = match args.switch_seed {
        Some(seed) => Switches::drawn(seed),
        None => base.switches.clone(),
    };
    for setting in &args.switches {
        if let Err(error) = switches.apply(setting) {
            stderr::say(error);
            return Exit::Configuration;
        }
    }
    let simulator = Simulator::start(SimulatorConfig {
        switches,
        listen: args.listen,
        seed: args.seed,
        faults: args.fault,
        state_file: args.state,
        accounts: if args.account.is_empty() {
            base.accounts.clone()
        } else {
            args.account
        },
        symbols: args.symbol,
        ..base
    })
    .await;
    let simulator = match simulator {
        Ok(simulator) => simulator,
        Err(error) => {
            telemetry.say(format_args!(
                "could not start the simulator on {}: {error}",
                args.listen
            ));
            return Exit::Failed;
        }
    };
    telemetry.say(format_args!("listening on {}", simulator.address()));
    let signal = control::with_control(control, &simulator, signals.end()).await;
    info!("{signal}: ending");
    simulator.shutdown().await;
    Exit::Success
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_symbol_has_a_name_and_a_price() {
        assert_eq!(
            symbol("acme=12.50"),
            Ok(("ACME".to_owned(), Decimal::new(1250, 2)))
        );
        for wrong in ["acme", "=1", "acme=", "acme=0", "acme=-1", "acme=x"] {
            assert!(symbol(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn an_unknown_switch_is_answered_with_those_there_are() {
        assert!(switch("time-requests=always").is_ok());
        assert!(switch("weather=fair").is_err_and(|error| error.contains("time-requests")));
    }

    #[test]
    fn an_unknown_fault_is_answered_with_those_there_are() {
        assert!(fault("drop-after-order=3").is_ok());
        assert!(fault("explode").is_err_and(|error| error.contains("drop-after-order=N")));
    }
}
