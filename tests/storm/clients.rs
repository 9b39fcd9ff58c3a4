//! Clients that place orders whatever happens to the gateway, and remember what they were told.

use std::collections::HashMap;
use std::net::SocketAddr;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use ibkr_orders::client::{Client, ClientOptions};
use ibkr_orders::domain::{OrderKey, OrderState, PlaceIn};
use ibkr_orders::error::Reason;
use serde_json::json;
use test_support::random::Random;
use tokio::sync::watch;

use crate::{LIMIT, RETRY_DELAY, setting};

/// A caller's patience with one attempt.
const PATIENCE_SECONDS: f64 = 2.0;

/// What clients were told: request id and order id, and whether it was released.
#[derive(Default)]
pub(crate) struct Told {
    pub(crate) orders: Mutex<HashMap<String, (i32, bool)>>,
    pub(crate) attempts: AtomicUsize,
    pub(crate) replayed: AtomicUsize,
    pub(crate) cancels: AtomicUsize,
}

/// Places orders until it is told to stop, each under its request id until it is answered.
pub(crate) async fn place_orders(
    number: u64,
    address: watch::Receiver<SocketAddr>,
    told: Arc<Told>,
    stop: Arc<AtomicBool>,
) {
    let mut random = Random::new(number);
    let pause = Duration::from_millis(setting("STORM_PAUSE_MILLIS", "0").parse().unwrap());
    let mut client = Line::new(address);
    for n in 0.. {
        if stop.load(Ordering::Relaxed) {
            return;
        }
        let request_id = format!("storm-{number}-{n}");
        let kind = random.below(4);
        let order = match kind {
            0 => {
                json!({"action": "BUY", "symbol": "AAPL", "order_type": "LMT", "quantity": 5, "limit_price": 1})
            }
            _ => {
                json!({"action": "BUY", "symbol": "AAPL", "order_type": "MKT", "quantity": 1 + random.below(50)})
            }
        };
        let staged = kind == 3 && random.below(2) == 0;
        // Now and then somebody asks again who has been answered already.
        let times = 1 + usize::from(random.below(10) == 0);
        for _ in 0..times {
            let state = client.place(&order, !staged, &request_id, &told).await;
            let first = told
                .orders
                .lock()
                .unwrap()
                .entry(request_id.clone())
                .or_insert((state.order_id, false))
                .0;
            assert_eq!(
                first, state.order_id,
                "request {request_id} made two orders"
            );
        }
        tokio::time::sleep(pause).await;
        if staged && client.wish(Wish::Transmit, &request_id).await {
            told.orders.lock().unwrap().get_mut(&request_id).unwrap().1 = true;
        }
        // What rests is cancelled, so that the book stays small enough for a start between two kills.
        if kind == 0 && client.wish(Wish::Cancel, &request_id).await {
            told.cancels.fetch_add(1, Ordering::Relaxed);
        }
    }
}

/// A client that follows the gateway wherever it listens.
pub(crate) struct Line {
    address: watch::Receiver<SocketAddr>,
    known: Option<(SocketAddr, Client)>,
}

impl Line {
    pub(crate) fn new(address: watch::Receiver<SocketAddr>) -> Self {
        Self {
            address,
            known: None,
        }
    }

    pub(crate) fn client(&mut self) -> Client {
        let address = *self.address.borrow();
        match &self.known {
            Some((known, client)) if *known == address => client.clone(),
            _ => {
                let client =
                    Client::connect_lazy(format!("http://{address}"), ClientOptions::default())
                        .unwrap();
                self.known = Some((address, client.clone()));
                client
            }
        }
    }

    /// Asks until it is answered.
    async fn place(
        &mut self,
        order: &serde_json::Value,
        transmit: bool,
        request_id: &str,
        told: &Told,
    ) -> OrderState {
        let until = tokio::time::Instant::now() + LIMIT * 2;
        loop {
            told.attempts.fetch_add(1, Ordering::Relaxed);
            let request = PlaceIn {
                transmit,
                timeout: PATIENCE_SECONDS,
                request_id: Some(request_id.to_owned()),
                ..PlaceIn::new(order.clone())
            };
            match self.client().place(request).await {
                Ok(placed) => {
                    assert!(placed.submitted);
                    told.replayed
                        .fetch_add(usize::from(placed.replayed), Ordering::Relaxed);
                    return placed.state.unwrap();
                }
                Err(error) => {
                    let transient = matches!(
                        error.reason,
                        Reason::GatewayUnavailable
                            | Reason::TwsUnavailable
                            | Reason::ShuttingDown
                            | Reason::Pacing
                    );
                    assert!(transient, "{request_id}: {error:?}");
                    assert!(
                        tokio::time::Instant::now() < until,
                        "{request_id} is never answered: {error:?}"
                    );
                }
            }
            tokio::time::sleep(RETRY_DELAY).await;
        }
    }

    /// Releases or cancels an order, until that is answered; false where its state does not allow it.
    async fn wish(&mut self, wish: Wish, request_id: &str) -> bool {
        let key = OrderKey::RequestId(request_id.to_owned());
        let until = tokio::time::Instant::now() + LIMIT * 2;
        while tokio::time::Instant::now() < until {
            let client = self.client();
            let answer = match wish {
                Wish::Transmit => client.transmit(key.clone(), PATIENCE_SECONDS).await,
                Wish::Cancel => client.cancel(key.clone(), PATIENCE_SECONDS).await,
            };
            match answer {
                Ok(_) => return true,
                Err(error) if error.reason == Reason::OrderState => return false,
                Err(error) => {
                    assert_ne!(error.reason, Reason::OrderNotFound, "{request_id} is lost");
                }
            }
            tokio::time::sleep(RETRY_DELAY).await;
        }
        panic!("the {wish:?} of {request_id} is never answered");
    }
}

/// What a caller may want of its order.
#[derive(Debug, Clone, Copy)]
enum Wish {
    Transmit,
    Cancel,
}

/// Until somebody is answered whose order is new.
pub(crate) async fn answered(told: &Told) {
    let before = told.orders.lock().unwrap().len();
    let until = tokio::time::Instant::now() + LIMIT;
    while told.orders.lock().unwrap().len() == before {
        assert!(
            tokio::time::Instant::now() < until,
            "nobody is answered any more"
        );
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
}
