//! A gateway with one commit per call: the straightforward way to write one in Rust. tonic, `ibapi` and SQLite in WAL mode with
//! `synchronous=FULL`, each statement a transaction of its own on the database's thread.

use std::collections::HashMap;
use std::net::SocketAddr;
use std::path::Path;
use std::pin::Pin;
use std::sync::atomic::{AtomicI32, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use ibapi::Client;
use ibapi::contracts::Contract;
use ibapi::orders::{Action, OrderUpdate, order_builder};
use ibapi::subscriptions::SubscriptionItem;
use tokio::sync::{mpsc, oneshot};
use tokio_rusqlite::{Connection, params, rusqlite};
use tokio_stream::StreamExt;
use tokio_stream::wrappers::TcpListenerStream;
use tonic::{Request, Response, Status};

use super::pb::order_service_server::{OrderService, OrderServiceServer};
use super::pb::{
    CancelRequest, CancelResponse, GetRequest, GetResponse, HealthRequest, HealthResponse,
    ListRequest, ListResponse, OrderState, PlaceBracketRequest, PlaceBracketResponse, PlaceRequest,
    PlaceResponse, PreviewRequest, PreviewResponse, ReplaceRequest, ReplaceResponse,
    TransmitRequest, TransmitResponse, ValidateRequest, ValidateResponse, WatchRequest,
    WatchResponse,
};

type WatchStream =
    Pin<Box<dyn tokio_stream::Stream<Item = Result<WatchResponse, Status>> + Send + 'static>>;
type Waiting = Arc<Mutex<HashMap<i32, oneshot::Sender<String>>>>;

/// How long TWS may be silent about an order.
const PATIENCE: Duration = Duration::from_secs(20);

struct OneCommit {
    db: Connection,
    next_id: Arc<AtomicI32>,
    waiting: Waiting,
    sending: mpsc::UnboundedSender<Committed>,
}

/// An order that is to be sent.
struct Committed {
    order_id: i32,
    symbol: String,
    quantity: f64,
    price: f64,
    request_id: String,
}

fn internal(error: impl std::fmt::Display) -> Status {
    Status::internal(error.to_string())
}

#[tonic::async_trait]
impl OrderService for OneCommit {
    async fn place(
        &self,
        request: Request<PlaceRequest>,
    ) -> Result<Response<PlaceResponse>, Status> {
        let request = request.into_inner();
        let order = request
            .order
            .ok_or_else(|| Status::invalid_argument("no order"))?;
        let quantity: f64 = order.quantity.parse().map_err(internal)?;
        let price: f64 = order.limit_price().parse().map_err(internal)?;
        let (tell, told) = oneshot::channel();
        let (next_id, waiting, sending) = (
            self.next_id.clone(),
            self.waiting.clone(),
            self.sending.clone(),
        );
        let (symbol, request_id) = (order.symbol.clone(), request.request_id.clone());
        // The database's thread gives the ids and hands the orders on, because TWS refuses an id that comes after a higher one.
        let order_id = self
            .db
            .call(move |db| {
                let order_id = next_id.fetch_add(1, Ordering::Relaxed);
                db.prepare_cached("INSERT INTO orders VALUES (?, 'SUBMITTING', ?, ?, ?, ?)")?
                    .execute(params![order_id, symbol, quantity, price, request_id])?;
                if let Ok(mut waiting) = waiting.lock() {
                    waiting.insert(order_id, tell);
                }
                let _ = sending.send(Committed {
                    order_id,
                    symbol,
                    quantity,
                    price,
                    request_id,
                });
                Ok::<_, rusqlite::Error>(order_id)
            })
            .await
            .map_err(internal)?;
        let status = tokio::time::timeout(PATIENCE, told)
            .await
            .map_err(internal)?
            .map_err(internal)?;
        self.db
            .call(move |db| {
                db.prepare_cached("UPDATE orders SET status = ? WHERE order_id = ?")?
                    .execute(params![status, order_id])
            })
            .await
            .map_err(internal)?;
        Ok(Response::new(PlaceResponse {
            submitted: true,
            order_id,
            state: Some(OrderState {
                order_id,
                symbol: order.symbol,
                quantity: order.quantity,
                limit_price: order.limit_price,
                ..OrderState::default()
            }),
            request_id: request.request_id,
            ..PlaceResponse::default()
        }))
    }

    async fn health(&self, _: Request<HealthRequest>) -> Result<Response<HealthResponse>, Status> {
        Ok(Response::new(HealthResponse {
            connected: true,
            ..HealthResponse::default()
        }))
    }

    async fn validate(
        &self,
        _: Request<ValidateRequest>,
    ) -> Result<Response<ValidateResponse>, Status> {
        Err(Status::unimplemented("a peer"))
    }

    type WatchStream = WatchStream;

    async fn watch(&self, _: Request<WatchRequest>) -> Result<Response<WatchStream>, Status> {
        Err(Status::unimplemented("a peer"))
    }

    async fn transmit(
        &self,
        _: Request<TransmitRequest>,
    ) -> Result<Response<TransmitResponse>, Status> {
        Err(Status::unimplemented("a peer"))
    }

    async fn cancel(&self, _: Request<CancelRequest>) -> Result<Response<CancelResponse>, Status> {
        Err(Status::unimplemented("a peer"))
    }

    async fn replace(
        &self,
        _: Request<ReplaceRequest>,
    ) -> Result<Response<ReplaceResponse>, Status> {
        Err(Status::unimplemented("a peer"))
    }

    async fn place_bracket(
        &self,
        _: Request<PlaceBracketRequest>,
    ) -> Result<Response<PlaceBracketResponse>, Status> {
        Err(Status::unimplemented("a peer"))
    }

    async fn preview(
        &self,
        _: Request<PreviewRequest>,
    ) -> Result<Response<PreviewResponse>, Status> {
        Err(Status::unimplemented("a peer"))
    }

    async fn get(&self, _: Request<GetRequest>) -> Result<Response<GetResponse>, Status> {
        Err(Status::unimplemented("a peer"))
    }

    async fn list(&self, _: Request<ListRequest>) -> Result<Response<ListResponse>, Status> {
        Err(Status::unimplemented("a peer"))
    }
}

/// Sends what is committed, in the order of the ids.
async fn send(tws: Arc<Client>, mut to_send: mpsc::UnboundedReceiver<Committed>, waiting: Waiting) {
    while let Some(order) = to_send.recv().await {
        let contract = Contract::stock(order.symbol.as_str()).build();
        let mut ib = order_builder::limit_order(Action::Buy, order.quantity, order.price);
        ib.order_ref = order.request_id;
        let sent = tws.submit_order(order.order_id, &contract, &ib).await;
        if sent.is_err()
            && let Ok(mut waiting) = waiting.lock()
        {
            // Its caller is answered with an error.
            waiting.remove(&order.order_id);
        }
    }
}

/// Serves until it is killed, against the TWS at `tws` and the database at `database`. Says where on standard output.
pub(crate) async fn serve(tws: &str, database: &Path) -> Result<(), Box<dyn std::error::Error>> {
    let db = Connection::open(database).await?;
    db.call(|db| {
        db.execute_batch(
            "PRAGMA journal_mode = WAL;
             PRAGMA synchronous = FULL;
             CREATE TABLE IF NOT EXISTS orders (
                 order_id INTEGER PRIMARY KEY, status TEXT, symbol TEXT, quantity REAL, limit_price REAL, request_id TEXT
             );",
        )
    })
    .await?;
    let client = Arc::new(Client::connect(tws, 7).await?);
    let waiting = Waiting::default();
    let mut updates = client.order_update_stream().await?;
    let told = waiting.clone();
    tokio::spawn(async move {
        while let Some(Ok(update)) = updates.next().await {
            if let SubscriptionItem::Data(OrderUpdate::OrderStatus(status)) = update
                && let Some(waiter) = told
                    .lock()
                    .ok()
                    .and_then(|mut w| w.remove(&status.order_id))
            {
                let _ = waiter.send(status.status.to_string());
            }
        }
    });
    let (sending, to_send) = mpsc::unbounded_channel();
    let next_id = Arc::new(AtomicI32::new(client.next_order_id()));
    tokio::spawn(send(client, to_send, waiting.clone()));
    let listener = tokio::net::TcpListener::bind(SocketAddr::from(([127, 0, 0, 1], 0))).await?;
    super::say_ready(listener.local_addr()?)?;
    let service = OneCommit {
        db,
        next_id,
        waiting,
        sending,
    };
    tonic::transport::Server::builder()
        .tcp_nodelay(true)
        .add_service(OrderServiceServer::new(service))
        .serve_with_incoming(TcpListenerStream::new(listener))
        .await?;
    Ok(())
}
