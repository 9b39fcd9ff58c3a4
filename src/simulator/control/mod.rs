//! The hand on the simulator: what the exchange does now, what breaks, and what happened.

mod breaks;
mod error;
mod exchange;
mod fills;
mod hand;
mod orders;
mod steer;

use std::time::Duration;

use tokio::sync::{mpsc, oneshot};

pub use breaks::Restart;
pub use error::ControlError;
pub use hand::{HandChange, ManualOrder};

use super::clock::Now;
use super::exchange::Exchange;
use super::server::{Input, Waiter};
use super::view::View;

/// Steers a running simulator. Cheap to clone. Every method returns when the thing is done: the frames it caused are
/// on their way.
#[derive(Clone, Debug)]
pub struct Control {
    inputs: mpsc::Sender<Input>,
}

pub(super) type Done = Result<(), ControlError>;

impl Control {
    pub(crate) fn new(inputs: mpsc::Sender<Input>) -> Self {
        Self { inputs }
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

    pub(super) async fn run<T: Send + 'static>(
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
