//! A gateway in this process, in front of a TWS whose every frame the test chooses.

use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use ibkr_orders::config::Config;
use ibkr_orders::domain::{
    OrderKey, OrderState, PlaceIn, Status, Timestamp, WatchEvent, WatchIn, WatchUpdate,
};
use ibkr_orders::error::Error;
use ibkr_orders::gateway::Gateway;
use serde_json::json;
use tempfile::TempDir;
use tokio::sync::OnceCell;

use crate::link;
use crate::tws::frames::{self, Order};
use crate::tws::peer::CANCEL_ORDER;
use crate::tws::scripted::{Script, ScriptedTws};
use crate::waiting::{LIMIT, eventually};

/// How long the operations wait whose answer is not to come.
const MOMENT_SECONDS: f64 = 0.2;
/// The code of a warning that changes nothing about its order.
const WARNING: i32 = 2109;

pub struct Scene {
    pub tws: ScriptedTws,
    pub gateway: Gateway,
    pub config: Config,
    /// An order that exists to be warned about: a warning that shows was said after everything else, and so was all of that heard.
    mark: OnceCell<i32>,
    marks: AtomicU32,
    _directory: TempDir,
}

impl Scene {
    /// Does not wait for the session with TWS.
    pub async fn open(script: Script, change: impl FnOnce(&mut Config)) -> Self {
        let tws = ScriptedTws::start(script).await;
        let directory = TempDir::new().unwrap();
        let mut config = crate::library::config(tws.port, &directory);
        change(&mut config);
        let gateway = Gateway::open(&config).await.unwrap();
        Self {
            tws,
            gateway,
            config,
            mark: OnceCell::new(),
            marks: AtomicU32::new(0),
            _directory: directory,
        }
    }

    /// A gateway that stands in its first session.
    pub async fn start(script: Script) -> Self {
        let scene = Self::open(script, |_| {}).await;
        link::settled(&scene.gateway).await;
        scene
    }

    /// Closes the gateway; `reopen` goes on with its store.
    pub async fn close(&self) {
        self.gateway.clone().close(Duration::from_secs(5)).await;
    }

    /// Opens a gateway on the same store, and waits until its first reconcile has ended.
    pub async fn reopen(&mut self) {
        self.gateway = Gateway::open(&self.config).await.unwrap();
        link::settled(&self.gateway).await;
    }

    pub async fn place(&self, input: PlaceIn) -> OrderState {
        let placed = self.gateway.place(input).await.unwrap();
        placed.state.unwrap()
    }

    /// Places BUY `quantity` AAPL LMT 150, which TWS works, and answers it as TWS shows it. Its executions happen now.
    pub async fn works(&self, request_id: &str, quantity: u32) -> Order {
        let placed = self.place(buy_limit(request_id, quantity)).await;
        let order_id = placed.order_id;
        self.until(order_id, "TWS works it", |state| {
            state.status == Status::Submitted && state.perm_id.is_some()
        })
        .await;
        Order {
            quantity: quantity.to_string(),
            limit: 150.0,
            order_ref: request_id.to_owned(),
            executed_at: now_in_tws(),
            ..frames::order(order_id, "Submitted")
        }
    }

    pub async fn get(&self, order_id: i32) -> OrderState {
        let key = OrderKey::OrderId(order_id);
        self.gateway.get(key).await.unwrap().order
    }

    pub async fn until(
        &self,
        order_id: i32,
        what: &str,
        check: impl Fn(&OrderState) -> bool,
    ) -> OrderState {
        eventually(what, async || check(&self.get(order_id).await)).await;
        self.get(order_id).await
    }

    /// Says frames, and waits until the gateway has stored what follows from all of them.
    pub async fn told(&self, frames: impl IntoIterator<Item = Vec<u8>>) {
        let mark = self.mark.get_or_init(async || {
            let placed = self.place(buy_limit("mark", 1)).await;
            placed.order_id
        });
        let mark = *mark.await;
        for frame in frames {
            self.tws.say(frame);
        }
        let text = format!(
            "Warning: mark {}",
            self.marks.fetch_add(1, Ordering::Relaxed)
        );
        self.tws.say(frames::error(mark, WARNING, &text));
        self.until(mark, "all of it is heard", |state| {
            state.last_error.as_ref() == Some(&text)
        })
        .await;
    }

    /// Asks for the end of an order, and waits only a moment for it.
    pub async fn cancel(&self, order_id: i32) -> Result<OrderState, Error> {
        let key = OrderKey::OrderId(order_id);
        self.gateway.cancel(key, MOMENT_SECONDS).await
    }

    /// How many cancels of an order TWS has read.
    #[must_use]
    pub fn cancels_of(&self, order_id: i32) -> usize {
        let cancels = self.tws.requests(CANCEL_ORDER);
        let of_order = cancels
            .iter()
            .filter(|request| request.number() == i64::from(order_id));
        of_order.count()
    }

    /// Cuts the link, and waits until the reconcile of the next session has ended well.
    pub async fn reconnect(&self) {
        let before = link::sessions(&self.gateway);
        let reconciled = self.reconciled();
        self.tws.cut();
        link::session_after(&self.gateway, before).await;
        eventually("a reconcile that ended well", async || {
            self.reconciled() > reconciled
        })
        .await;
    }

    /// How many reconciles have ended well.
    #[must_use]
    pub fn reconciled(&self) -> u64 {
        self.gateway.stats().reconcile_seconds.read().count
    }

    pub async fn end(self) {
        self.gateway.close(Duration::from_secs(1)).await;
    }
}

/// The states that the watch of an order shows until it ends.
pub async fn watch_to_the_end(gateway: &Gateway, order_id: i32) -> Vec<OrderState> {
    let mut watch = gateway.watch(WatchIn::new(order_id)).await.unwrap();
    let mut states = Vec::new();
    let all = async {
        while let Some(update) = watch.next().await {
            if let WatchEvent::Order(state) = WatchUpdate::from(update.unwrap()).event {
                states.push(state);
            }
        }
    };
    tokio::time::timeout(LIMIT, all).await.expect("in time");
    states
}

/// BUY `quantity` AAPL LMT 150, to be transmitted.
pub fn buy_limit(request_id: &str, quantity: u32) -> PlaceIn {
    PlaceIn {
        transmit: true,
        timeout: 10.0,
        request_id: Some(request_id.to_owned()),
        ..PlaceIn::new(json!({
            "action": "BUY", "symbol": "AAPL", "order_type": "LMT", "quantity": quantity, "limit_price": 150,
        }))
    }
}

/// The present as TWS writes the time of an execution.
#[must_use]
pub fn now_in_tws() -> String {
    let since = SystemTime::now().duration_since(UNIX_EPOCH);
    let micros = since.expect("a clock after 1970").as_micros();
    in_tws(Timestamp::from_unix_micros(
        i64::try_from(micros).expect("a year below 294,000"),
    ))
}

/// A time as TWS writes that of an execution, in UTC.
#[must_use]
pub fn in_tws(time: Timestamp) -> String {
    let text = time.to_string();
    let (date, clock) = text.split_once('T').expect("RFC 3339");
    format!("{} {} UTC", date.replace('-', ""), &clock[..8])
}
