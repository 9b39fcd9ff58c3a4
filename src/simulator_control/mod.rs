//! The control of the simulated exchange as a gRPC service on loopback, so that tests in any language can say what becomes of
//! an order. It reaches the simulator only: nothing here knows the gateway.

mod read;
mod service;

use std::net::SocketAddr;

use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;
use tonic::transport::Server;
use tonic::transport::server::TcpIncoming;

use crate::simulator::Control;
use pb::simulator_control_server::SimulatorControlServer;
use service::ControlDoor;

/// Messages, client and server generated from `proto/ibkr/simulator/v1/control.proto`.
#[allow(
    missing_docs,
    unreachable_pub,
    clippy::all,
    clippy::pedantic,
    rustdoc::all
)]
pub mod pb {
    tonic::include_proto!("ibkr.simulator.v1");
}

/// `control.proto` and what it imports, with comments, for reflection.
pub const FILE_DESCRIPTOR_SET: &[u8] =
    tonic::include_file_descriptor_set!("simulator_control_descriptor");

/// Why the control cannot be served.
#[derive(Debug, thiserror::Error)]
pub enum ControlServeError {
    /// The address can be reached from elsewhere.
    #[error(
        "{0} is not a loopback address: whoever reaches the control of the simulator steers it without a token, so it listens \
         on loopback only, for example --control 127.0.0.1:7498"
    )]
    NotLoopback(SocketAddr),
    /// Listening or serving failed.
    #[error("the control of the simulator cannot be served: {0}")]
    Failed(String),
}

/// Binds the control's listener; port 0 takes a free one.
///
/// # Errors
/// An address that is not loopback, or one that cannot be bound.
pub async fn bind(address: SocketAddr) -> Result<TcpListener, ControlServeError> {
    if !address.ip().is_loopback() {
        return Err(ControlServeError::NotLoopback(address));
    }
    TcpListener::bind(address)
        .await
        .map_err(|error| ControlServeError::Failed(format!("{address}: {error}")))
}

/// Serves the control of a simulator until `stop` is cancelled.
///
/// # Errors
/// The service's own description cannot be offered, or the listener fails.
pub async fn serve(
    listener: TcpListener,
    control: Control,
    stop: CancellationToken,
) -> Result<(), ControlServeError> {
    let failed = |error: String| ControlServeError::Failed(error);
    let reflection = || {
        tonic_reflection::server::Builder::configure()
            .register_encoded_file_descriptor_set(FILE_DESCRIPTOR_SET)
    };
    Server::builder()
        .add_service(SimulatorControlServer::new(ControlDoor::new(control)))
        .add_service(
            reflection()
                .build_v1()
                .map_err(|error| failed(error.to_string()))?,
        )
        .add_service(
            reflection()
                .build_v1alpha()
                .map_err(|error| failed(error.to_string()))?,
        )
        .serve_with_incoming_shutdown(
            TcpIncoming::from(listener).with_nodelay(Some(true)),
            stop.cancelled_owned(),
        )
        .await
        .map_err(|error| failed(error.to_string()))
}
