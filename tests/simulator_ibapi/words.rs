//! What TWS says, in a few words.

use ibapi::orders::OrderUpdate;
use ibapi::prelude::{StreamExt, Subscription};
use ibapi::subscriptions::SubscriptionItem;

use crate::desk::LIMIT;

pub(crate) async fn next_words(
    updates: &mut Subscription<OrderUpdate>,
    count: usize,
) -> Vec<String> {
    let mut words = Vec::new();
    while words.len() < count {
        match tokio::time::timeout(LIMIT, updates.next()).await {
            Ok(Some(Ok(SubscriptionItem::Data(update)))) => words.push(say(&update)),
            Ok(Some(Ok(SubscriptionItem::Notice(notice)))) => {
                words.push(format!("{} {}", notice.code, notice.message));
            }
            other => panic!("after {words:?}: {other:?}"),
        }
    }
    words
}

fn say(update: &OrderUpdate) -> String {
    match update {
        OrderUpdate::OpenOrder(open) => format!("open {}", open.order_state.status),
        OrderUpdate::OrderStatus(status) => {
            format!(
                "status {} {}+{}",
                status.status, status.filled, status.remaining
            )
        }
        OrderUpdate::ExecutionData(data) => format!("execution {}", data.execution.shares),
        OrderUpdate::CommissionReport(_) => "commission".to_owned(),
        OrderUpdate::OrderBound(bound) => format!("bound {}", bound.order_id),
    }
}
