//! `--control`: the control of the simulated exchange for tests in any language, beside the simulator it steers.

use std::net::SocketAddr;

use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;
use tracing::error;

use super::exit::Exit;
use super::stderr;
use crate::simulator::Simulator;
use crate::simulator_control::{self, ControlServeError};

/// Binds what `--control` names, where it was given.
///
/// # Errors
/// How the process should end and why: an address that is not loopback is a wrong setting, one that is taken a failure.
pub(super) async fn bind(
    address: Option<SocketAddr>,
) -> Result<Option<TcpListener>, (Exit, String)> {
    let Some(address) = address else {
        return Ok(None);
    };
    match simulator_control::bind(address).await {
        Ok(listener) => Ok(Some(listener)),
        Err(error @ ControlServeError::NotLoopback(_)) => {
            Err((Exit::Configuration, format!("--control: {error}")))
        }
        Err(error @ ControlServeError::Failed(_)) => {
            Err((Exit::Failed, format!("--control: {error}")))
        }
    }
}

/// Runs `operation` with the control of `simulator` served beside it, where there is a listener for it.
pub(super) async fn with_control<T>(
    listener: Option<TcpListener>,
    simulator: &Simulator,
    operation: impl Future<Output = T>,
) -> T {
    let Some(listener) = listener else {
        return operation.await;
    };
    if let Ok(address) = listener.local_addr() {
        stderr::say(format_args!("control of the simulator on {address}"));
    }
    let stop = CancellationToken::new();
    let served = tokio::spawn(simulator_control::serve(
        listener,
        simulator.control(),
        stop.clone(),
    ));
    let out = operation.await;
    stop.cancel();
    // A caller that keeps its connection open must not hold up the end.
    served.abort();
    match served.await {
        Ok(Ok(())) => {}
        Ok(Err(failure)) => error!("{failure}"),
        // It was told to end.
        Err(_) => {}
    }
    out
}
