//! What TWS holds, asked for step by step: how a reconcile is asked for, answered with nothing, and read.

mod answers;
mod failures;

use ibkr_orders::domain::{OrderReport, Origin};
use ibkr_orders::tws::{Answers, TwsCommand, TwsEvent};

use crate::adapter::Adapter;
use crate::frames;
use crate::peer::{COMPLETED_ORDERS, EXECUTIONS, OPEN_ORDERS, Peer};

fn reconcile(adapter: &Adapter, token: u64) {
    adapter.command(TwsCommand::Reconcile {
        session: 1,
        token,
        days_back: 0,
    });
}

/// Everything up to the end of the reconcile, and what its answers came to.
async fn reconciled(adapter: &mut Adapter, of: u64) -> (Vec<OrderReport>, Answers) {
    let (events, answers) = events_until_reconciled(adapter, of).await;
    let reports = events
        .into_iter()
        .filter_map(|event| match event {
            TwsEvent::Report { report, .. } => Some(report),
            _ => None,
        })
        .collect();
    (reports, answers)
}

async fn events_until_reconciled(adapter: &mut Adapter, of: u64) -> (Vec<TwsEvent>, Answers) {
    let mut events = adapter
        .until(|event| matches!(event, TwsEvent::Reconciled { token, .. } if *token == of))
        .await;
    let Some(TwsEvent::Reconciled { answers, .. }) = events.pop() else {
        panic!()
    };
    (events, answers)
}

/// Answers the first two queries of a reconcile with nothing but their end marks.
async fn nothing_open_or_completed(peer: &mut Peer) {
    peer.expect(OPEN_ORDERS).await;
    peer.send(&frames::open_orders_end()).await;
    peer.expect(COMPLETED_ORDERS).await;
    peer.send(&frames::completed_orders_end()).await;
}

/// Answers the steps from completed orders on with nothing.
async fn nothing_completed_or_executed(peer: &mut Peer) {
    peer.expect(COMPLETED_ORDERS).await;
    peer.send(&frames::completed_orders_end()).await;
    let id = peer.expect(EXECUTIONS).await.number();
    peer.send(&frames::executions_end(id)).await;
}

fn summary(reports: &[OrderReport]) -> Vec<(&'static str, i32, Origin)> {
    reports
        .iter()
        .map(|report| match report {
            OrderReport::OpenOrder(r) => ("open", r.order_id, r.origin),
            OrderReport::Status(r) => ("status", r.order_id, r.origin),
            OrderReport::Execution(r) => ("execution", r.order_id, r.origin),
            OrderReport::Commission(r) => ("commission", 0, r.origin),
            OrderReport::Completed(r) => ("completed", r.order_id.unwrap_or(-1), Origin::Snapshot),
            OrderReport::Error(r) => ("error", r.order_id, Origin::Live),
        })
        .collect()
}
