//! Reading back with a million orders stored.

use std::time::Instant;

use super::Stage;
use super::stored::{serve_on, stub_when_up};
use crate::Fallible;
use crate::peers::pb::{GetRequest, HealthRequest, ListRequest, order_state};
use crate::report::{Report, Target};
use crate::rig::simulator;
use crate::stats::{median, millis, percentile};

const CALLS: i64 = 500;

pub(crate) async fn pages(stage: &mut Stage, report: &mut Report) -> Fallible<()> {
    let stored = stage.million().await?;
    let (_tws, tws_address) = simulator(&[])?;
    let (process, address) = serve_on(stored.dir.path(), tws_address)?;
    let mut stub = stub_when_up(address).await?;
    stub.health(HealthRequest::default()).await?;

    for (what, request) in [
        ("List, first page", ListRequest::default()),
        (
            "List by symbol, first page",
            ListRequest {
                symbol: "MSFT".to_owned(),
                ..ListRequest::default()
            },
        ),
        (
            "List by status, first page",
            ListRequest {
                statuses: vec![order_state::Status::Filled.into()],
                ..ListRequest::default()
            },
        ),
        (
            "List by symbol and status, first page",
            ListRequest {
                symbol: "MSFT".to_owned(),
                statuses: vec![order_state::Status::Filled.into()],
                ..ListRequest::default()
            },
        ),
    ] {
        let mut times = Vec::new();
        let mut rows = 0;
        for _ in 0..CALLS {
            let start = Instant::now();
            let page = stub.list(request.clone()).await?.into_inner();
            times.push(millis(start.elapsed()));
            rows = page.orders.len();
        }
        report.add_median(
            format!("{what}, 1,000,000 orders, p50"),
            (median(&mut times), times.len()),
            "ms",
            Target::AtMost(5.0),
            format!("p99 {:.2} ms, {rows} orders", percentile(&mut times, 0.99)),
        );
    }
    let mut times = Vec::new();
    for call in 0..CALLS {
        let order_id = i32::try_from(1 + call * (stored.last_order_id - 1) / CALLS)?;
        let start = Instant::now();
        stub.get(GetRequest {
            order: Some(crate::peers::pb::get_request::Order::OrderId(order_id)),
            ..GetRequest::default()
        })
        .await?;
        times.push(millis(start.elapsed()));
    }
    report.add_median(
        "Get, 1,000,000 orders, p50",
        (median(&mut times), times.len()),
        "ms",
        Target::AtMost(1.0),
        format!("p99 {:.2} ms", percentile(&mut times, 0.99)),
    );
    // The next group starts from the same store.
    process.terminate()?;
    Ok(())
}
