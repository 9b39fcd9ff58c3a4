//! A simulator of TWS inside this process, whose state lies beside the store and outlives it: so one command can cancel what an
//! earlier one placed.

use std::ffi::OsString;
use std::path::{Path, PathBuf};

use tokio::net::TcpListener;

use super::control::with_control;
use crate::config::Config;
use crate::error::{Error, Reason};
use crate::lock_file::{LockFile, Refused};
use crate::simulator::{Simulator, SimulatorConfig};

/// A running simulator, and the configuration that leads to it.
#[derive(Debug)]
struct Simulated {
    /// The given configuration with the simulator's address.
    config: Config,
    simulator: Simulator,
    // Two simulators on one state would each undo what the other remembers.
    _lock: LockFile,
}

/// Runs an operation against a simulator on a free port with the state that belongs to the configuration's store. The operation is
/// given the configuration with the simulator's address.
///
/// # Errors
/// [`Reason::Store`] when another process runs it, or its state cannot be read or written.
pub(super) async fn simulated<T>(
    config: &Config,
    operation: impl AsyncFnOnce(&Config) -> T,
) -> Result<T, Error> {
    simulated_with_control(config, None, operation).await
}

/// The same with the control of the simulator served on a listener, where one is given.
///
/// # Errors
/// As [`simulated`].
pub(super) async fn simulated_with_control<T>(
    config: &Config,
    control: Option<TcpListener>,
    operation: impl AsyncFnOnce(&Config) -> T,
) -> Result<T, Error> {
    let simulated = Simulated::start(config).await?;
    let operation = operation(&simulated.config);
    let out = with_control(control, &simulated.simulator, operation).await;
    simulated.simulator.shutdown().await;
    Ok(out)
}

impl Simulated {
    async fn start(config: &Config) -> Result<Self, Error> {
        let state = beside(&config.order_db_path, ".tws");
        let lock = lock(&state)?;
        let simulator = Simulator::start(SimulatorConfig {
            state_file: Some(state.clone()),
            accounts: accounts(config),
            ..SimulatorConfig::on_free_port()
        })
        .await
        .map_err(|error| failed("run the simulator on", &state, &error))?;
        let config = Config {
            ib_host: simulator.address().ip().to_string(),
            ib_port: simulator.address().port(),
            ..config.clone()
        };
        Ok(Self {
            config,
            simulator,
            _lock: lock,
        })
    }
}

/// The simulated login has the account that the configuration asks for.
fn accounts(config: &Config) -> Vec<String> {
    match &config.ib_account {
        Some(account) => vec![account.clone()],
        None => SimulatorConfig::default().accounts,
    }
}

fn lock(state: &Path) -> Result<LockFile, Error> {
    if let Some(directory) = state.parent() {
        std::fs::create_dir_all(directory)
            .map_err(|error| failed("make the directory of", state, &error))?;
    }
    let path = beside(state, ".lock");
    LockFile::take(&path, None).map_err(|refused| match refused {
        Refused::Held { holder } => Error::new(
            Reason::Store,
            format!(
                "another process ({holder}) runs the simulator of this store: call it with --server if it is a gateway, \
                 or give this one a store of its own with ORDER_DB_PATH",
            ),
        ),
        Refused::Failed { what, error } => failed(what, &path, &error),
    })
}

fn beside(path: &Path, ending: &str) -> PathBuf {
    let mut name = OsString::from(path);
    name.push(ending);
    name.into()
}

fn failed(what: &str, path: &Path, error: &std::io::Error) -> Error {
    Error::new(
        Reason::Store,
        format!("could not {what} {}: {error}", path.display()),
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_second_process_is_kept_off_and_told_who_is_there() {
        let dir = tempfile::tempdir().unwrap();
        let config = Config {
            order_db_path: dir.path().join("new/simulator.db"),
            ..Config::default()
        };
        let first = Simulated::start(&config).await.unwrap();
        assert_ne!(first.config.ib_port, 0);
        let error = Simulated::start(&config).await.unwrap_err();
        let pid = std::process::id().to_string();
        assert!(
            error.message.contains(&pid) && error.message.contains("--server"),
            "{error}"
        );
        drop(first);
        assert!(Simulated::start(&config).await.is_ok());
    }
}
