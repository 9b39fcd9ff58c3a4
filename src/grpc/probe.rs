//! `grpc.health.v1`: whether the process lives, and whether orders can be placed.
//!
//! Written here because its streams must end at shutdown, after they said NOT_SERVING: they do when the sender of [`Readiness`] is
//! dropped.

use std::pin::Pin;

use tokio::sync::watch;
use tokio::task::JoinSet;
use tokio_stream::wrappers::WatchStream;
use tokio_stream::{Stream, StreamExt as _};
use tokio_util::sync::CancellationToken;
use tonic::{Request, Response, Status};
use tonic_health::pb::health_check_response::ServingStatus;
use tonic_health::pb::health_server::{Health, HealthServer};
use tonic_health::pb::{HealthCheckRequest, HealthCheckResponse};

use crate::gateway::Gateway;
use crate::wire::SERVICE;

/// What the health service tells.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Readiness {
    /// TWS is connected: `ibkr.orders.v1.OrderService` is SERVING.
    pub connected: bool,
    /// The shutdown was asked for: nothing is SERVING.
    pub stopping: bool,
}

/// Answers `grpc.health.v1`.
#[derive(Debug, Clone)]
pub(crate) struct Probe {
    readiness: watch::Receiver<Readiness>,
}

impl Probe {
    pub(crate) fn service(readiness: watch::Receiver<Readiness>) -> HealthServer<Self> {
        HealthServer::new(Self { readiness })
    }
}

/// Follows the gateway's link for the health service.
pub(crate) fn follow(
    gateway: &Gateway,
    stopping: CancellationToken,
    tasks: &mut JoinSet<()>,
) -> watch::Receiver<Readiness> {
    let mut link = gateway.link();
    let now = Readiness {
        connected: link.borrow_and_update().connected,
        stopping: false,
    };
    let (sender, receiver) = watch::channel(now);
    tasks.spawn(async move {
        loop {
            tokio::select! {
                () = stopping.cancelled() => break,
                changed = link.changed() => if changed.is_err() { break },
            }
            let connected = link.borrow_and_update().connected;
            sender.send_if_modified(|now| {
                std::mem::replace(&mut now.connected, connected) != connected
            });
        }
        stopping.cancelled().await;
        sender.send_modify(|now| now.stopping = true);
    });
    receiver
}

/// `None` for a service that is not here.
fn status(service: &str, readiness: Readiness) -> Option<ServingStatus> {
    let Readiness {
        connected,
        stopping,
    } = readiness;
    let serving = match service {
        "" => !stopping,
        SERVICE => connected && !stopping,
        _ => return None,
    };
    Some(if serving {
        ServingStatus::Serving
    } else {
        ServingStatus::NotServing
    })
}

fn response(status: ServingStatus) -> HealthCheckResponse {
    HealthCheckResponse {
        status: status.into(),
    }
}

type Updates = Pin<Box<dyn Stream<Item = Result<HealthCheckResponse, Status>> + Send>>;

#[tonic::async_trait]
impl Health for Probe {
    async fn check(
        &self,
        request: Request<HealthCheckRequest>,
    ) -> Result<Response<HealthCheckResponse>, Status> {
        let HealthCheckRequest { service } = request.into_inner();
        let now = *self.readiness.borrow();
        match status(&service, now) {
            Some(status) => Ok(Response::new(response(status))),
            None => Err(Status::not_found(format!(
                "there is no service {service:?} here"
            ))),
        }
    }

    type WatchStream = Updates;

    async fn watch(
        &self,
        request: Request<HealthCheckRequest>,
    ) -> Result<Response<Updates>, Status> {
        let HealthCheckRequest { service } = request.into_inner();
        let mut last = None;
        let updates = WatchStream::new(self.readiness.clone()).filter_map(move |readiness| {
            let now = status(&service, readiness).unwrap_or(ServingStatus::ServiceUnknown);
            (last.replace(now) != Some(now)).then(|| Ok(response(now)))
        });
        Ok(Response::new(Box::pin(updates)))
    }
}
