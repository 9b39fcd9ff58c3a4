//! A TWS that answers every request by itself, and each as the test says.

use std::sync::{Arc, Mutex, PoisonError};

use tokio::sync::mpsc;
use tokio::task::JoinHandle;

use super::frames::{self, Field, Order};
use super::peer::{
    ACCOUNT_DATA, ACCOUNT_SUMMARY, ALL_OPEN_ORDERS, CANCEL_ORDER, COMPLETED_ORDERS, CURRENT_TIME,
    EXECUTIONS, FakeTws, IDS, OPEN_ORDERS, PLACE_ORDER, PNL, POSITIONS, Peer, Request,
};

/// A row of an answer; one about an execution carries the request's id.
pub type Row = Box<dyn Fn(i64) -> Vec<u8> + Send>;

/// What TWS says, frame by frame.
pub type Frames = Vec<Vec<u8>>;

/// How a query is answered.
pub struct Answer {
    pub rows: Vec<Row>,
    /// Whether its end mark follows.
    pub ends: bool,
}

impl Default for Answer {
    fn default() -> Self {
        Self {
            rows: Vec::new(),
            ends: true,
        }
    }
}

impl Answer {
    /// Rows that are the same whatever the request.
    pub fn of(rows: impl IntoIterator<Item = Vec<u8>>) -> Self {
        let rows = rows
            .into_iter()
            .map(|row| -> Row { Box::new(move |_| row.clone()) });
        Self {
            rows: rows.collect(),
            ends: true,
        }
    }
}

/// What TWS does.
pub struct Script {
    /// The next order id, named at the login and whenever it is asked for.
    pub next_valid_id: i32,
    pub open_orders: Answer,
    pub completed_orders: Answer,
    pub executions: Answer,
    /// Names of the accounts of the login, with commas.
    pub accounts: &'static str,
    pub positions: Answer,
    /// The values of the account that is asked for.
    pub account_data: Answer,
    pub account_summary: Answer,
    /// What follows a request of the day's profit; it carries the request's id.
    pub profit: Option<Row>,
    /// Whether time requests are answered.
    pub tells_time: bool,
    /// Whether requests for ids are answered.
    pub names_ids: bool,
    /// What follows a placeOrder that transmits. One that does not is followed by nothing.
    pub placed: Box<dyn Fn(&Order) -> Frames + Send>,
    /// What follows a cancelOrder of this order id.
    pub cancelled: Box<dyn Fn(i32) -> Frames + Send>,
    /// Whether requests are read. One that is not read stays in the connection until the end of it.
    pub reads: bool,
}

impl Default for Script {
    /// Nothing is held, everything is answered, an order works, and a cancel is followed by nothing.
    fn default() -> Self {
        Self {
            next_valid_id: 1,
            open_orders: Answer::default(),
            completed_orders: Answer::default(),
            executions: Answer::default(),
            accounts: "DU111",
            positions: Answer::default(),
            account_data: Answer::default(),
            account_summary: Answer::default(),
            profit: None,
            tells_time: true,
            names_ids: true,
            placed: Box::new(|placed| vec![placed.open(), placed.status("0", &placed.quantity)]),
            cancelled: Box::new(|_| Vec::new()),
            reads: true,
        }
    }
}

enum Cue {
    Say(Vec<u8>),
    Cut,
    /// The script has changed.
    Look,
}

/// It runs until it is dropped, one connection after the other.
pub struct ScriptedTws {
    pub port: u16,
    script: Arc<Mutex<Script>>,
    requests: Arc<Mutex<Vec<Request>>>,
    cues: mpsc::UnboundedSender<Cue>,
    task: JoinHandle<()>,
}

impl ScriptedTws {
    pub async fn start(script: Script) -> Self {
        let tws = FakeTws::bind().await;
        let port = tws.port;
        let script = Arc::new(Mutex::new(script));
        let requests = Arc::new(Mutex::new(Vec::new()));
        let (cues, inbox) = mpsc::unbounded_channel();
        let task = tokio::spawn(run(tws, Arc::clone(&script), Arc::clone(&requests), inbox));
        Self {
            port,
            script,
            requests,
            cues,
            task,
        }
    }

    /// Changes what TWS does from the next request on.
    pub fn change(&self, change: impl FnOnce(&mut Script)) {
        change(&mut lock(&self.script));
        self.cues.send(Cue::Look).unwrap();
    }

    /// Sends something by itself.
    pub fn say(&self, frame: Vec<u8>) {
        self.cues.send(Cue::Say(frame)).unwrap();
    }

    /// Closes the connection; the next one is accepted.
    pub fn cut(&self) {
        self.cues.send(Cue::Cut).unwrap();
    }

    /// Every request of this kind so far.
    pub fn requests(&self, id: i32) -> Vec<Request> {
        let requests = lock(&self.requests);
        requests
            .iter()
            .filter(|request| request.id == id)
            .cloned()
            .collect()
    }
}

impl Drop for ScriptedTws {
    fn drop(&mut self) {
        self.task.abort();
    }
}

/// What stands behind a lock is whole whenever the lock is free.
fn lock<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

async fn run(
    tws: FakeTws,
    script: Arc<Mutex<Script>>,
    requests: Arc<Mutex<Vec<Request>>>,
    mut cues: mpsc::UnboundedReceiver<Cue>,
) {
    loop {
        let mut peer = tws.accept_whenever().await;
        peer.read_hello().await;
        peer.acknowledge(225).await;
        peer.request().await;
        let (accounts, next_valid_id) = {
            let script = lock(&script);
            (script.accounts, script.next_valid_id)
        };
        peer.send(&frames::managed_accounts(accounts)).await;
        peer.send(&frames::next_valid_id(next_valid_id)).await;
        loop {
            let mut first = [0];
            let reads = lock(&script).reads;
            tokio::select! {
                peeked = peer.stream.peek(&mut first), if reads => {
                    if !matches!(peeked, Ok(1)) {
                        break;
                    }
                    let request = peer.request().await;
                    lock(&requests).push(request.clone());
                    let answer = answer(&lock(&script), &request);
                    peer.send(&answer.concat()).await;
                }
                cue = cues.recv() => match cue {
                    Some(Cue::Say(frame)) => peer.send(&frame).await,
                    Some(Cue::Look) => {}
                    Some(Cue::Cut) | None => break,
                },
            }
        }
        drop::<Peer>(peer);
    }
}

fn answer(script: &Script, request: &Request) -> Vec<Vec<u8>> {
    let whole = |answer: &Answer, id: i64, end: Vec<u8>| {
        let mut frames: Vec<_> = answer.rows.iter().map(|row| row(id)).collect();
        frames.extend(answer.ends.then_some(end));
        frames
    };
    match request.id {
        OPEN_ORDERS | ALL_OPEN_ORDERS => whole(&script.open_orders, 0, frames::open_orders_end()),
        COMPLETED_ORDERS => whole(&script.completed_orders, 0, frames::completed_orders_end()),
        EXECUTIONS => {
            let id = request.number();
            whole(&script.executions, id, frames::executions_end(id))
        }
        POSITIONS => whole(&script.positions, 0, frames::positions_end()),
        ACCOUNT_DATA => whole(&script.account_data, 0, frames::account_data_end("DU111")),
        ACCOUNT_SUMMARY => {
            let id = request.number();
            whole(&script.account_summary, id, frames::account_summary_end(id))
        }
        PNL => {
            let id = request.number();
            script.profit.iter().map(|row| row(id)).collect()
        }
        CURRENT_TIME if script.tells_time => vec![frames::current_time(1_795_000_000)],
        IDS if script.names_ids => vec![frames::next_valid_id(script.next_valid_id)],
        PLACE_ORDER if transmits(request) => (script.placed)(&Order::placed(&request.bytes)),
        CANCEL_ORDER => (script.cancelled)(i32::try_from(request.number()).unwrap()),
        PLACE_ORDER | CURRENT_TIME | IDS => Vec::new(),
        other => panic!("a request that nobody foresaw: {other}"),
    }
}

/// Field 66 of the order, which is left out when it is false.
fn transmits(request: &Request) -> bool {
    frames::fields(&request.bytes[8..])
        .iter()
        .any(|(tag, value)| {
            matches!((tag, value), (3, Field::Bytes(order)) if frames::fields(order).iter().any(
                |(tag, value)| matches!((tag, value), (66, Field::Int(1)))
            ))
        })
}
