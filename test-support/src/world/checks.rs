//! What must hold after every fault: no order was sent twice, and what was filled adds up.

use std::collections::HashMap;

use ibkr_orders::domain::{ListIn, OrderDetail};
use ibkr_orders::simulator::MessageKind;
use rust_decimal::Decimal;

use super::World;

impl World {
    /// Each order id of each client was placed at most once as staged and at most once to transmit, and each reference has one order.
    pub async fn nothing_was_sent_twice(&self) {
        let (messages, references) = self
            .look(|view| {
                let messages = view.messages().iter().copied().collect::<Vec<_>>();
                let references = view
                    .orders()
                    .into_iter()
                    .filter(|order| !order.manual)
                    .map(|order| (order.client_id, order.order_ref))
                    .collect::<Vec<_>>();
                (messages, references)
            })
            .await;
        let mut places: HashMap<(i32, Option<i32>, bool), u32> = HashMap::new();
        for message in messages {
            if message.kind == MessageKind::PlaceOrder {
                *places
                    .entry((message.client_id, message.order_id, message.transmit))
                    .or_default() += 1;
            }
        }
        for (order, count) in places {
            assert_eq!(
                count, 1,
                "(client, order, transmit) {order:?} was sent more than once"
            );
        }
        let mut seen = HashMap::new();
        for reference in references {
            let count = seen.entry(reference.clone()).or_insert(0);
            *count += 1;
            assert_eq!(*count, 1, "{reference:?} has more than one order in TWS");
        }
    }

    /// What an order says it filled is what its executions say, where it has any.
    pub async fn fills_add_up(&self) {
        let orders = self.client.list(ListIn::default()).await.unwrap().orders;
        for order in orders {
            let OrderDetail { order, fills, .. } = self.detail(order.order_id).await;
            let sum: Decimal = fills.iter().map(|fill| fill.quantity.value()).sum();
            assert!(
                sum <= order.filled.value() && order.filled.value() <= order.terms.quantity.value(),
                "{order:#?} {fills:#?}"
            );
        }
    }
}
