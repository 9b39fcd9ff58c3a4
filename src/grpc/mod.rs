//! The gRPC service over a [`Gateway`]: it translates, protects and counts, and decides nothing about orders.

mod account;
mod backend;
mod body;
mod callers;
mod calls;
mod certificate;
mod connection;
mod deadline;
mod probe;
mod receive;
mod reload;
mod risk;
mod roles;
mod service;
mod settings;
mod tls;
mod token;

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use tokio::net::TcpListener;
use tokio::sync::{Semaphore, watch};
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;
use tonic::codec::CompressionEncoding;
use tonic::service::Routes;
use tracing::{info, warn};

use crate::gateway::Gateway;
use crate::wire::FILE_DESCRIPTOR_SET;
use crate::wire::pb::account_service_server::AccountServiceServer;
use crate::wire::pb::order_service_server::OrderServiceServer;
use crate::wire::pb::risk_service_server::RiskServiceServer;

use account::Accounts;
#[cfg_attr(
    not(feature = "web"),
    allow(unused_imports, reason = "the door for browsers uses it")
)]
pub(crate) use backend::{Backend, CallerBackend};
use callers::Callers;
pub use probe::Readiness;
pub(crate) use probe::{Probe, follow};
use receive::Receiving;
use reload::Secrets;
use risk::Risk;
use service::Orders;
pub use settings::{ServerSettings, TlsFiles};

/// Body of an answer, for who serves a part of this elsewhere.
#[cfg(any(feature = "metrics", feature = "web"))]
pub(crate) type AnswerBody = tonic::body::Body;

/// How long connections may take to say goodbye once no call is left.
const GOODBYE_TIMEOUT: Duration = Duration::from_millis(500);

/// Why the service cannot be offered.
#[derive(Debug, thiserror::Error)]
pub enum ServeError {
    /// The address can be reached from elsewhere and nothing protects it.
    #[error(
        "{0} is not a loopback address and nothing says who may call: set TLS_CERT and TLS_KEY, and with them TLS_CLIENT_CA or AUTH_TOKEN_FILE, or give --insecure where a mesh protects the connection"
    )]
    Unprotected(SocketAddr),
    /// The certificates cannot be used.
    #[error("TLS: {0}")]
    Tls(String),
    /// The token file cannot be used.
    #[error("AUTH_TOKEN_FILE: {0}")]
    Tokens(String),
    /// The file of the callers' roles cannot be used.
    #[error("CALLERS_FILE: {0}")]
    Callers(String),
    /// Something about the listener or the service's own description failed.
    #[error("the service cannot start: {0}")]
    Start(String),
}

/// Serves a gateway on a listener until `shutdown` ends: [`prepare`] and [`Prepared::serve`] in one.
///
/// # Errors
/// What is wrong before the first connection is accepted; later failures end single connections only.
pub async fn serve(
    listener: TcpListener,
    gateway: Gateway,
    settings: ServerSettings,
    shutdown: impl Future<Output = ()>,
) -> Result<(), ServeError> {
    prepare(listener, settings)
        .await?
        .serve(gateway, shutdown)
        .await
}

/// A service that may be served: its address is protected, its certificates and tokens are read.
pub struct Prepared {
    listener: TcpListener,
    settings: ServerSettings,
    secrets: Secrets,
    /// They end with it: a JoinSet aborts what it holds.
    tasks: JoinSet<()>,
}

/// Finds what is wrong with a service before the gateway behind it is opened.
///
/// # Errors
/// An address that nothing protects, or certificates or tokens that cannot be used.
pub async fn prepare(
    listener: TcpListener,
    settings: ServerSettings,
) -> Result<Prepared, ServeError> {
    protect(&listener, &settings)?;
    let mut tasks = JoinSet::new();
    let secrets = reload::secrets(&settings, &mut tasks).await?;
    Ok(Prepared {
        listener,
        settings,
        secrets,
        tasks,
    })
}

/// Refuses an address that others can reach and nothing protects.
fn protect(listener: &TcpListener, settings: &ServerSettings) -> Result<(), ServeError> {
    let address = listener
        .local_addr()
        .map_err(|error| ServeError::Start(error.to_string()))?;
    if !address.ip().is_loopback() && !settings.tells_callers_apart() {
        if !settings.insecure {
            return Err(ServeError::Unprotected(address));
        }
        warn!(
            "serving {address} without client certificates or TLS and tokens, as configured: whoever can reach it can place orders"
        );
    }
    Ok(())
}

impl Prepared {
    /// Checks that a listener of another door to the same calls is as well protected.
    ///
    /// # Errors
    /// An address that nothing protects.
    pub fn check(&self, listener: &TcpListener) -> Result<(), ServeError> {
        protect(listener, &self.settings)
    }

    /// Serves a gateway until `shutdown` ends, then drains: the health service says NOT_SERVING, new calls are refused, watches end,
    /// and calls in flight get `shutdown_grace` to finish. The gateway is left open.
    ///
    /// # Errors
    /// The service's own description cannot be offered; failures of connections end those only.
    pub async fn serve(
        self,
        gateway: Gateway,
        shutdown: impl Future<Output = ()>,
    ) -> Result<(), ServeError> {
        self.serve_beside(gateway, shutdown, async |_| {}).await
    }

    /// The same, with another door to the same calls. It is given what it needs, and ends when [`Backend::closing`] does.
    ///
    /// # Errors
    /// As [`Prepared::serve`].
    pub(crate) async fn serve_beside(
        self,
        gateway: Gateway,
        shutdown: impl Future<Output = ()>,
        door: impl AsyncFnOnce(Backend),
    ) -> Result<(), ServeError> {
        let Self {
            listener,
            settings,
            secrets,
            mut tasks,
        } = self;
        let stopping = CancellationToken::new();
        let readiness = follow(&gateway, stopping.clone(), &mut tasks);
        let in_flight = TaskTracker::new();
        let calls = calls::Calls {
            routes: routes(&gateway, &settings, readiness, stopping.clone())?,
            tokens: secrets.tokens,
            certificates: secrets.certificates,
            gateway: gateway.clone(),
            stopping: stopping.clone(),
            in_flight: in_flight.clone(),
            room: Arc::new(Semaphore::new(settings.calls_in_flight_max)),
            receiving: Receiving::new(settings.receive_limits()),
            callers: Callers::new(settings.caller_limits()),
            stats: gateway.stats(),
        };
        let close = CancellationToken::new();
        let beside = door(Backend::new(
            calls.clone(),
            secrets.tls.clone(),
            close.clone(),
        ));
        let connections =
            connection::accept(listener, &settings, secrets.tls, calls, close.clone());
        let connections = async { tokio::join!(connections, beside) };
        let drained = async {
            shutdown.await;
            info!("shutting down: no new calls, waiting for those in flight");
            stopping.cancel();
            in_flight.close();
            if tokio::time::timeout(settings.shutdown_grace, in_flight.wait())
                .await
                .is_err()
            {
                warn!("{} calls did not finish in time", in_flight.len());
            }
            close.cancel();
            // What is left after this says nothing any more, or never did.
            tokio::time::sleep(GOODBYE_TIMEOUT).await;
        };
        tokio::select! {
            ((), ()) = connections => {}
            () = drained => {}
        }
        Ok(())
    }
}

/// Every service behind its path.
fn routes(
    gateway: &Gateway,
    settings: &ServerSettings,
    readiness: watch::Receiver<Readiness>,
    stopping: CancellationToken,
) -> Result<Routes, ServeError> {
    let reflection = || {
        tonic_reflection::server::Builder::configure()
            .register_encoded_file_descriptor_set(FILE_DESCRIPTOR_SET)
            .register_encoded_file_descriptor_set(tonic_health::pb::FILE_DESCRIPTOR_SET)
            // google.rpc, so that a caller who only reflects can read the details of an error.
            .register_encoded_file_descriptor_set(crate::wire::ERROR_DETAILS_DESCRIPTOR_SET)
    };
    let failed = |error: tonic_reflection::server::Error| ServeError::Start(error.to_string());
    let accounts_stopping = stopping.clone();
    let handlers = Orders::new(gateway.clone(), stopping, settings.allow_unnamed_place);
    let orders = OrderServiceServer::new(handlers)
        // Compressed requests are read; answers are too small to gain by it.
        .accept_compressed(CompressionEncoding::Gzip)
        .max_decoding_message_size(settings.request_bytes_max);
    let accounts = AccountServiceServer::new(Accounts::new(gateway.clone(), accounts_stopping))
        .accept_compressed(CompressionEncoding::Gzip)
        .max_decoding_message_size(settings.request_bytes_max);
    let risk = RiskServiceServer::new(Risk(gateway.clone()))
        .accept_compressed(CompressionEncoding::Gzip)
        .max_decoding_message_size(settings.request_bytes_max);
    Ok(Routes::new(orders)
        .add_service(risk)
        .add_service(accounts)
        .add_service(Probe::service(readiness))
        .add_service(reflection().build_v1().map_err(failed)?)
        .add_service(reflection().build_v1alpha().map_err(failed)?)
        .prepare())
}
