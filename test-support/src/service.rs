//! The gRPC service of a gateway, on a port of its own.

use std::net::SocketAddr;

use ibkr_orders::gateway::Gateway;
use ibkr_orders::grpc::{ServeError, ServerSettings, serve};
use tokio::net::TcpListener;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

use crate::waiting::LIMIT;

/// A gateway's gRPC service in this process.
pub struct Service {
    pub address: SocketAddr,
    /// Asks it to end.
    pub stop: CancellationToken,
    /// How it ended.
    pub served: JoinHandle<Result<(), ServeError>>,
}

impl Service {
    /// Listens on a free port of loopback and serves.
    pub async fn start(gateway: &Gateway, settings: ServerSettings) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let stop = CancellationToken::new();
        let served = tokio::spawn(serve(
            listener,
            gateway.clone(),
            settings,
            stop.clone().cancelled_owned(),
        ));
        Self {
            address,
            stop,
            served,
        }
    }

    pub fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// Asks it to end, waits until it has, and checks that it ended well.
    pub async fn end(self) {
        self.stop.cancel();
        tokio::time::timeout(LIMIT, self.served)
            .await
            .expect("the service did not end")
            .unwrap()
            .unwrap();
    }
}
