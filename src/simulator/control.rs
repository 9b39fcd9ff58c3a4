//! The hand on the simulator: what the exchange does now, what breaks, and what happened.

use std::time::Duration;

use rust_decimal::Decimal;
use thiserror::Error;
use tokio::sync::{mpsc, oneshot};

use super::clock::Now;
use super::exchange::{Exchange, Telling, Verdict};
use super::fault::Fault;
use super::order::{OrderKey, Side};
use super::server::{Input, Waiter};
use super::view::View;

impl OrderKey {
    /// Stands for whichever client has an order of that id.
    pub const ANY_CLIENT: i32 = -1;
}

/// An order id alone means the order of any client.
impl From<i32> for OrderKey {
    fn from(order_id: i32) -> Self {
        Self {
            client_id: Self::ANY_CLIENT,
            order_id,
        }
    }
}

/// Client id and order id.
impl From<(i32, i32)> for OrderKey {
    fn from((client_id, order_id): (i32, i32)) -> Self {
        Self {
            client_id,
            order_id,
        }
    }
}

/// Why a control could not do it.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum ControlError {
    /// The simulator was shut down.
    #[error("the simulator has stopped")]
    Stopped,
    /// No such order. Refused orders are not orders.
    #[error("the simulator has no order {}", .0.order_id)]
    UnknownOrder(OrderKey),
    /// The order's state, named, does not allow it.
    #[error("order {} is {status}", .key.order_id)]
    NotWorking {
        /// The order.
        key: OrderKey,
        /// Its state.
        status: &'static str,
    },
    /// No such execution.
    #[error("the simulator has no execution {0}")]
    UnknownExecution(String),
    /// No such symbol.
    #[error("the simulator has no symbol {0}")]
    UnknownSymbol(String),
    /// What was waited for did not happen in time.
    #[error("what was waited for did not happen within {0:?}")]
    Timeout(Duration),
}

/// How a restart of TWS goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Restart {
    /// How much lower each client's next valid id is afterwards.
    pub roll_back_ids: u32,
    /// Whether transmitted orders and executions are still known.
    pub keep_orders: bool,
}

impl Default for Restart {
    /// Ids and transmitted orders are kept; staged orders never are.
    fn default() -> Self {
        Self {
            roll_back_ids: 0,
            keep_orders: true,
        }
    }
}

/// A manual order typed into TWS.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ManualOrder {
    /// A known symbol.
    pub symbol: String,
    /// Buy, or sell.
    pub buy: bool,
    /// Shares.
    pub quantity: Decimal,
    /// Limit price.
    pub limit_price: Decimal,
}

/// Steers a running simulator. Cheap to clone. Every method returns when the thing is done: the frames it caused are
/// on their way.
#[derive(Clone, Debug)]
pub struct Control {
    inputs: mpsc::Sender<Input>,
}

type Done = Result<(), ControlError>;

impl Control {
    pub(crate) fn new(inputs: mpsc::Sender<Input>) -> Self {
        Self { inputs }
    }

    /// Fills what is left of an order, at its limit or the market's price.
    pub async fn fill(&self, order: impl Into<OrderKey>) -> Done {
        self.trade(order.into(), None, None, Telling::Usual).await
    }

    /// Fills part of an order, or all of it, at a price. More than is left is what is left.
    pub async fn fill_at(
        &self,
        order: impl Into<OrderKey>,
        quantity: Decimal,
        price: Decimal,
    ) -> Done {
        self.trade(order.into(), Some(quantity), Some(price), Telling::Usual)
            .await
    }

    /// Execution and commission, and no openOrder or orderStatus that says so.
    pub async fn fill_without_status(
        &self,
        order: impl Into<OrderKey>,
        quantity: Decimal,
        price: Decimal,
    ) -> Done {
        self.trade(
            order.into(),
            Some(quantity),
            Some(price),
            Telling::WithoutStatus,
        )
        .await
    }

    /// openOrder and orderStatus first, the execution after them.
    pub async fn fill_status_first(
        &self,
        order: impl Into<OrderKey>,
        quantity: Decimal,
        price: Decimal,
    ) -> Done {
        self.trade(
            order.into(),
            Some(quantity),
            Some(price),
            Telling::StatusFirst,
        )
        .await
    }

    async fn trade(
        &self,
        key: OrderKey,
        quantity: Option<Decimal>,
        price: Option<Decimal>,
        telling: Telling,
    ) -> Done {
        self.run(move |exchange, now| exchange.fill(key, quantity, price, telling, now))
            .await?
    }

    /// Replaces an execution by one with another quantity and price, whose id is the same but for a higher number
    /// after its last dot. Gives the new id.
    pub async fn correct_execution(
        &self,
        exec_id: &str,
        quantity: Decimal,
        price: Decimal,
    ) -> Result<String, ControlError> {
        let exec_id = exec_id.to_owned();
        self.run(move |exchange, now| exchange.correct(&exec_id, quantity, price, now))
            .await?
    }

    /// Withholds the acknowledgements of orders from now on: they are taken, and nothing is said. A fill of such an
    /// order is then an execution before any status.
    pub async fn hold_acknowledgements(&self) -> Done {
        self.run(|exchange, now| exchange.hold_acknowledgements(true, now))
            .await
    }

    /// Acknowledges one order whose acknowledgement was withheld, or for which a share to borrow was found (404).
    pub async fn acknowledge(&self, order: impl Into<OrderKey>) -> Done {
        let key = order.into();
        self.run(move |exchange, now| exchange.acknowledge_one(key, now))
            .await?
    }

    /// Acknowledges all orders that were withheld, and no longer withholds.
    pub async fn release_acknowledgements(&self) -> Done {
        self.run(|exchange, now| exchange.hold_acknowledgements(false, now))
            .await
    }

    /// Withholds confirmations of cancels: they are PendingCancel from now on.
    pub async fn hold_cancels(&self) -> Done {
        self.run(|exchange, now| exchange.hold_cancels(true, now))
            .await
    }

    /// Confirms all withheld cancels, and no longer withholds.
    pub async fn release_cancels(&self) -> Done {
        self.run(|exchange, now| exchange.hold_cancels(false, now))
            .await
    }

    /// Moves a symbol's price, to the nearest tick; orders that it reaches fill, in explicit mode too.
    pub async fn move_price(&self, symbol: &str, price: Decimal) -> Done {
        let symbol = symbol.to_owned();
        self.run(move |exchange, now| exchange.set_price(&symbol, price, now))
            .await?
    }

    /// Refuses an order that was taken before: Inactive, then the error.
    pub async fn reject(&self, order: impl Into<OrderKey>, code: i32, text: &str) -> Done {
        let (key, text) = (order.into(), text.to_owned());
        self.run(move |exchange, now| exchange.reject_order(key, code, &text, true, now))
            .await?
    }

    /// Refuses an order that was taken before with an error and no status.
    pub async fn reject_without_status(
        &self,
        order: impl Into<OrderKey>,
        code: i32,
        text: &str,
    ) -> Done {
        let (key, text) = (order.into(), text.to_owned());
        self.run(move |exchange, now| exchange.reject_order(key, code, &text, false, now))
            .await?
    }

    /// Refuses the next order that would be transmitted; `inactive` puts the status before the error.
    pub async fn reject_next(&self, code: i32, text: &str, inactive: bool) -> Done {
        let text = text.to_owned();
        self.run(move |exchange, _| {
            exchange.decide_next(Verdict::Reject {
                code,
                text,
                inactive,
            })
        })
        .await
    }

    /// Keeps the next order as PreSubmitted, whyHeld "locate", with 404.
    pub async fn hold_next_for_locate(&self) -> Done {
        self.run(|exchange, _| exchange.decide_next(Verdict::Locate))
            .await
    }

    /// The exchange cancels a working order by itself: Cancelled, then 202.
    pub async fn expire(&self, order: impl Into<OrderKey>) -> Done {
        let key = order.into();
        self.run(move |exchange, now| exchange.expire(key, now))
            .await?
    }

    /// Sends an error or notice about an order, and changes nothing of it: 399, 404, 2109 or any other. The order need
    /// not exist when its client is named.
    pub async fn send_error(&self, order: impl Into<OrderKey>, code: i32, text: &str) -> Done {
        let (mut key, text) = (order.into(), text.to_owned());
        self.run(move |exchange, now| {
            if key.client_id == OrderKey::ANY_CLIENT {
                let (perm_id, _) = exchange.locate(key)?;
                key = exchange.book.get(perm_id).map_or(key, |order| order.key);
            }
            exchange.send_order_error(key, code, &text, now);
            Ok(())
        })
        .await?
    }

    /// Sends an error or notice with id -1 to everyone.
    pub async fn send_notice(&self, code: i32, text: &str) -> Done {
        let text = text.to_owned();
        self.run(move |exchange, now| exchange.send_notice(code, &text, now))
            .await
    }

    /// Sends openOrder and orderStatus of an order once more, as they are now.
    pub async fn repeat_reports(&self, order: impl Into<OrderKey>) -> Done {
        let key = order.into();
        self.run(move |exchange, _| exchange.repeat_reports(key))
            .await?
    }

    /// TWS loses IB (1100): orders and cancels wait in TWS.
    pub async fn lose_ib(&self) -> Done {
        self.run(|exchange, now| exchange.lose_ib(1100, now)).await
    }

    /// TWS loses its server (2110): the same to an order.
    pub async fn lose_server(&self) -> Done {
        self.run(|exchange, now| exchange.lose_ib(2110, now)).await
    }

    /// TWS has IB back, with 1101 when `data_lost`, else 1102; what waited goes out.
    pub async fn restore_ib(&self, data_lost: bool) -> Done {
        self.run(move |exchange, now| exchange.restore_ib(data_lost, now))
            .await
    }

    /// Closes every connection now.
    pub async fn drop_connections(&self) -> Done {
        self.run(|exchange, _| exchange.sessions.close_all()).await
    }

    /// From now on requests are processed and nothing is sent, to old connections and new.
    pub async fn mute(&self) -> Done {
        self.run(|exchange, _| exchange.sessions.shaping.mute = true)
            .await
    }

    /// Ends muteness. What was not sent is lost.
    pub async fn unmute(&self) -> Done {
        self.run(|exchange, _| exchange.sessions.shaping.mute = false)
            .await
    }

    /// New connections are accepted and closed at once, or no longer.
    pub async fn refuse_connections(&self, refuse: bool) -> Done {
        self.run(move |exchange, _| exchange.switches.refuse = refuse)
            .await
    }

    /// TWS stops and starts again: connections close, staged orders are gone.
    pub async fn restart(&self, how: Restart) -> Done {
        self.run(move |exchange, _| exchange.restart(how.roll_back_ids, how.keep_orders))
            .await
    }

    /// Sends bytes as they are to everyone.
    pub async fn inject(&self, bytes: &[u8]) -> Done {
        let bytes = bytes.to_owned();
        self.run(move |exchange, _| exchange.inject(&bytes)).await
    }

    /// Sets a fault, as in the configuration. Those that wait for the n-th order count from now.
    pub async fn set_fault(&self, fault: Fault) -> Done {
        self.run(move |exchange, _| exchange.set_fault(fault)).await
    }

    /// Ends every fault that lasts or waits, muteness and refusal included.
    pub async fn clear_faults(&self) -> Done {
        self.run(|exchange, _| exchange.clear_faults()).await
    }

    /// Opens the exchange: orders that waited for it become Submitted.
    pub async fn open_exchange(&self) -> Done {
        self.run(|exchange, now| exchange.open_exchange(now)).await
    }

    /// Closes the exchange: later orders wait as PreSubmitted, with 399.
    pub async fn close_exchange(&self) -> Done {
        self.run(|exchange, now| exchange.close_exchange(false, now))
            .await
    }

    /// Closes the exchange for the day: DAY orders end, and queries for today no longer see what was before.
    pub async fn end_day(&self) -> Done {
        self.run(|exchange, now| exchange.close_exchange(true, now))
            .await
    }

    /// Places an order as a person at TWS would. Gives its permanent id. Only reqAllOpenOrders shows it, until client 0
    /// asks for open orders and so binds it.
    pub async fn place_manual_order(&self, order: ManualOrder) -> Result<i64, ControlError> {
        let side = if order.buy { Side::Buy } else { Side::Sell };
        self.run(move |exchange, _| {
            exchange.place_manual(&order.symbol, side, order.quantity, order.limit_price)
        })
        .await?
    }

    /// Accounts that the next login is told.
    pub async fn set_accounts(&self, accounts: Vec<String>) -> Done {
        self.run(move |exchange, _| exchange.set_accounts(accounts))
            .await
    }

    /// Looks at the simulator between two of its steps.
    pub async fn inspect<T: Send + 'static>(
        &self,
        look: impl FnOnce(&View<'_>) -> T + Send + 'static,
    ) -> Result<T, ControlError> {
        self.run(move |exchange, _| look(&View::new(exchange)))
            .await
    }

    /// Waits until something is true of the simulator, at most 10 s. Looked at after every step, so nothing is missed
    /// that lasts until the next one.
    pub async fn wait_until(&self, check: impl FnMut(&View<'_>) -> bool + Send + 'static) -> Done {
        self.wait_until_within(Duration::from_secs(10), check).await
    }

    /// The same with a limit of one's own.
    pub async fn wait_until_within(
        &self,
        limit: Duration,
        check: impl FnMut(&View<'_>) -> bool + Send + 'static,
    ) -> Done {
        let (done, waiting) = oneshot::channel();
        let waiter = Waiter {
            check: Box::new(check),
            done,
        };
        self.inputs
            .send(Input::Wait(waiter))
            .await
            .map_err(|_| ControlError::Stopped)?;
        match tokio::time::timeout(limit, waiting).await {
            Ok(Ok(())) => Ok(()),
            Ok(Err(_)) => Err(ControlError::Stopped),
            Err(_) => Err(ControlError::Timeout(limit)),
        }
    }

    async fn run<T: Send + 'static>(
        &self,
        act: impl FnOnce(&mut Exchange, Now) -> T + Send + 'static,
    ) -> Result<T, ControlError> {
        let (answer, waiting) = oneshot::channel();
        let input = Input::Run(Box::new(move |exchange: &mut Exchange, now| {
            let result = act(exchange, now);
            exchange.sessions.settle();
            // Whoever asked may have gone; the act is done all the same.
            let _gone = answer.send(result);
        }));
        self.inputs
            .send(input)
            .await
            .map_err(|_| ControlError::Stopped)?;
        waiting.await.map_err(|_| ControlError::Stopped)
    }
}
