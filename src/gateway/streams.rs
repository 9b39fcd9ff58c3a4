//! `CANCEL_ON_DISCONNECT`: what a caller has open is cancelled when its last stream has ended and none has begun for a while.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tokio_util::sync::CancellationToken;
use tracing::{error, warn};

use super::Gateway;
use crate::config::DisconnectGrace;
use crate::domain::{AuditKind, AuditRecord, Caller, CallerName};

/// How long each round of cancels waits for TWS's verdicts, and for TWS where it is away.
const ROUND: Duration = Duration::from_secs(10);
/// Between two rounds.
const PAUSE: Duration = Duration::from_secs(1);

/// The streams of the callers that are listed.
#[derive(Debug)]
pub(super) struct Streams {
    grace: DisconnectGrace,
    /// For each caller how many are open, and how many ever began.
    open: Mutex<BTreeMap<CallerName, Open>>,
}

#[derive(Debug, Clone, Copy, Default)]
struct Open {
    now: usize,
    ever: u64,
}

/// A stream of a caller that is listed. When the last one of a caller is dropped, its grace time begins.
#[derive(Debug)]
pub(crate) struct CallerStream {
    gateway: Gateway,
    caller: CallerName,
    /// Streams that end with the service say nothing about their callers.
    stopping: CancellationToken,
}

impl Streams {
    pub(super) fn new(grace: DisconnectGrace) -> Self {
        Self {
            grace,
            open: Mutex::default(),
        }
    }

    fn change<T>(&self, caller: &CallerName, change: impl FnOnce(&mut Open) -> T) -> T {
        let mut open = self.open.lock().unwrap_or_else(PoisonError::into_inner);
        change(open.entry(caller.clone()).or_default())
    }
}

impl Gateway {
    /// A stream of this handle's caller begins; `None` where the caller is not listed. It lasts for as long as what this answers.
    pub(crate) fn stream_begins(&self, stopping: &CancellationToken) -> Option<CallerStream> {
        let streams = &self.shared.streams;
        let caller = self.caller.name.clone()?;
        streams.grace.get(&caller)?;
        streams.change(&caller, |open| {
            open.now += 1;
            open.ever += 1;
        });
        Some(CallerStream {
            gateway: self.clone(),
            caller,
            stopping: stopping.clone(),
        })
    }

    /// Cancels what a caller has open but for exits of positions and the exits of brackets, for as long as it stays away.
    async fn cancel_of_absent(
        &self,
        caller: &CallerName,
        stopping: &CancellationToken,
        is_away: impl Fn() -> bool,
    ) {
        let mut told = false;
        while is_away() && !stopping.is_cancelled() {
            let name = caller.as_str().to_owned();
            let engine = &self.shared.engine;
            let plan = engine.inspect(move |core, _| core.entries_of(&name));
            let orders = match plan.await {
                Ok(orders) if orders.is_empty() => return,
                Ok(orders) => orders,
                Err(error) => {
                    error!(%caller, %error, "the orders of a caller who is gone could not be looked at");
                    return;
                }
            };
            if !told {
                told = true;
                warn!(%caller, ?orders, "the caller's last stream has ended: its entries are cancelled");
                let record = AuditRecord {
                    at: time::OffsetDateTime::now_utc().into(),
                    kind: AuditKind::Disconnect,
                    caller: Some(caller.to_string()),
                    request_id: None,
                    order_id: None,
                    body: serde_json::json!({ "orders": orders }),
                };
                engine.limits_setter().audit(record).await;
            }
            if let Err(error) = self.cancel_each(orders, ROUND).await {
                error!(%caller, %error, "entries of a caller who is gone could not be cancelled: it is tried again");
            }
            tokio::time::sleep(PAUSE).await;
        }
    }
}

impl Drop for CallerStream {
    fn drop(&mut self) {
        let Self {
            gateway,
            caller,
            stopping,
        } = self;
        let streams = &gateway.shared.streams;
        let (left, ever) = streams.change(caller, |open| {
            open.now = open.now.saturating_sub(1);
            (open.now, open.ever)
        });
        let Some(grace) = streams.grace.get(caller).copied() else {
            return;
        };
        let Ok(runtime) = tokio::runtime::Handle::try_current() else {
            return;
        };
        if left > 0 || stopping.is_cancelled() {
            return;
        }
        let gateway = gateway.on_behalf_of(Arc::new(Caller::LOCAL));
        let (caller, stopping) = (caller.clone(), stopping.clone());
        runtime.spawn(async move {
            tokio::select! {
                () = tokio::time::sleep(grace) => {}
                () = stopping.cancelled() => return,
            }
            let streams = &gateway.shared.streams;
            let is_away = || streams.change(&caller, |open| open.now == 0 && open.ever == ever);
            gateway.cancel_of_absent(&caller, &stopping, is_away).await;
        });
    }
}
