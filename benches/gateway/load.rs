//! Closed loops of calls: so many in flight, each followed by the next.

use std::future::Future;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use tonic::transport::Channel;

use crate::peers::pb::order_service_client::OrderServiceClient;
use crate::peers::pb::{Order, PlaceRequest, ValidateRequest, order};
use crate::stats::percentile;
use crate::{Fallible, Stub};

/// How long an order may wait for TWS.
const PATIENCE: Duration = Duration::from_secs(30);

/// What a loop did.
pub(crate) struct Load {
    pub(crate) calls: u64,
    pub(crate) per_second: f64,
    /// Time of each call in milliseconds.
    pub(crate) millis: Vec<f64>,
}

impl Load {
    pub(crate) fn p50(&self) -> f64 {
        percentile(&mut self.millis.clone(), 0.5)
    }

    pub(crate) fn p99(&self) -> f64 {
        percentile(&mut self.millis.clone(), 0.99)
    }
}

/// When a loop ends.
#[derive(Clone, Copy)]
pub(crate) enum Until {
    Time(Duration),
    Calls(u64),
}

/// Keeps `in_flight` calls going over the connections. A call gets its number, counted from 0.
pub(crate) async fn closed_loop<F, Answer>(
    channels: &[Channel],
    in_flight: usize,
    until: Until,
    call: F,
) -> Fallible<Load>
where
    F: Fn(Stub, u64) -> Answer + Clone + Send + 'static,
    Answer: Future<Output = Result<(), tonic::Status>> + Send,
{
    let next = Arc::new(AtomicU64::new(0));
    let start = Instant::now();
    let mut tasks = Vec::new();
    for (_, channel) in (0..in_flight).zip(channels.iter().cycle()) {
        let stub = OrderServiceClient::new(channel.clone());
        let (next, call) = (next.clone(), call.clone());
        tasks.push(tokio::spawn(async move {
            let mut millis = Vec::new();
            loop {
                let number = next.fetch_add(1, Ordering::Relaxed);
                let over = match until {
                    Until::Time(time) => start.elapsed() >= time,
                    Until::Calls(calls) => number >= calls,
                };
                if over {
                    return Ok::<_, tonic::Status>(millis);
                }
                let began = Instant::now();
                call(stub.clone(), number).await?;
                millis.push(began.elapsed().as_secs_f64() * 1e3);
            }
        }));
    }
    let mut millis = Vec::new();
    for task in tasks {
        millis.extend(task.await??);
    }
    let seconds = start.elapsed().as_secs_f64();
    Ok(Load {
        calls: millis.len() as u64,
        per_second: millis.len() as f64 / seconds,
        millis,
    })
}

/// An order far from the market: acknowledged, and then it rests. The least that every gateway must do for an order.
pub(crate) fn resting_order() -> Order {
    Order {
        action: order::Action::Buy.into(),
        symbol: "AAPL".to_owned(),
        order_type: order::OrderType::Lmt.into(),
        quantity: "1".to_owned(),
        limit_price: Some("1.25".to_owned()),
        ..Order::default()
    }
}

/// An order that fills at once.
pub(crate) fn market_order() -> Order {
    Order {
        action: order::Action::Buy.into(),
        symbol: "AAPL".to_owned(),
        order_type: order::OrderType::Mkt.into(),
        quantity: "1".to_owned(),
        ..Order::default()
    }
}

pub(crate) async fn validate(mut stub: Stub, _: u64) -> Result<(), tonic::Status> {
    let request = ValidateRequest {
        order: Some(resting_order()),
        transmit: true,
    };
    let answer = stub.validate(request).await?.into_inner();
    if answer.valid {
        Ok(())
    } else {
        Err(tonic::Status::internal("the order was called invalid"))
    }
}

pub(crate) async fn place_resting(stub: Stub, number: u64) -> Result<(), tonic::Status> {
    place(stub, number, resting_order()).await
}

pub(crate) async fn place_market(stub: Stub, number: u64) -> Result<(), tonic::Status> {
    place(stub, number, market_order()).await
}

async fn place(stub: Stub, number: u64, order: Order) -> Result<(), tonic::Status> {
    place_for(stub, format!("bench-{number}"), order, PATIENCE).await
}

/// Places under a request id and waits so long for TWS's first word.
pub(crate) async fn place_for(
    mut stub: Stub,
    request_id: String,
    order: Order,
    timeout: Duration,
) -> Result<(), tonic::Status> {
    let request = place_request(request_id, order, timeout);
    stub.place(request).await.map(drop)
}

/// A transmitted order under a request id.
pub(crate) fn place_request(request_id: String, order: Order, timeout: Duration) -> PlaceRequest {
    PlaceRequest {
        order: Some(order),
        transmit: true,
        request_id,
        timeout: prost_types::Duration::try_from(timeout).ok(),
        ..PlaceRequest::default()
    }
}
