//! A TWS that tells a gateway what was recorded, when the gateway asks for what was asked then.
//!
//! What a gateway asks on its own account (ids, the time, open and completed orders, executions, the account) it answers by itself, from
//! what was told so far; orders and cancels it hands to the test.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};

use test_support::tws::peer::{FakeTws, LIMIT, Peer};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::tcp::{OwnedReadHalf, OwnedWriteHalf};
use tokio::sync::mpsc;

use crate::schema::{SCHEMA, Side};
use crate::wire::{self, Fields, Value};

/// An order or a cancel of the gateway.
#[derive(Debug)]
pub(crate) struct Asked {
    pub(crate) word: String,
    pub(crate) fields: Fields,
}

pub(crate) struct Teller {
    socket: Arc<tokio::sync::Mutex<OwnedWriteHalf>>,
    told: Arc<Mutex<Told>>,
    asked: mpsc::UnboundedReceiver<Asked>,
    reading: tokio::task::JoinHandle<()>,
}

/// What queries are answered with.
#[derive(Default)]
struct Told {
    next_id: i64,
    account: String,
    /// The last pair of each order that still works.
    working: BTreeMap<i64, [Fields; 2]>,
    /// Rows of the answers to requests of positions and of an account summary.
    positions: Vec<Fields>,
    summary: Vec<Fields>,
    executions: Vec<Fields>,
    commissions: Vec<Fields>,
}

impl Teller {
    /// Takes the gateway's connection through its login. `login` are the frames of a recorded one; without them accounts and the
    /// next id are told.
    pub(crate) async fn log_in(
        tws: &FakeTws,
        account: &str,
        next_id: i64,
        login: &[Vec<u8>],
    ) -> Self {
        let mut peer: Peer = tws.greeted(225).await;
        peer.expect(test_support::tws::peer::START_API).await;
        let told = Told {
            next_id,
            account: account.to_owned(),
            ..Told::default()
        };
        let (reader, writer) = peer.stream.into_split();
        let (sender, asked) = mpsc::unbounded_channel();
        let socket = Arc::new(tokio::sync::Mutex::new(writer));
        let told = Arc::new(Mutex::new(told));
        let reading = tokio::spawn(answer(reader, socket.clone(), told.clone(), sender));
        let teller = Self {
            socket,
            told,
            asked,
            reading,
        };
        for frame in login {
            teller.tell_bytes(frame).await;
        }
        if !login.is_empty() {
            return teller;
        }
        for (word, path, value) in [
            (
                "managedAccounts",
                "accountsList",
                Value::Text(account.to_owned()),
            ),
            ("nextValidId", "orderId", Value::Int(next_id)),
        ] {
            let fields = Fields::from([(path.to_owned(), value)]);
            teller.tell(word, &fields).await;
        }
        teller
    }

    /// The next order or cancel, which must be this.
    pub(crate) async fn expect(&mut self, word: &str) -> Fields {
        let asked = tokio::time::timeout(LIMIT, self.asked.recv())
            .await
            .unwrap_or_else(|_| panic!("the gateway sent no {word}"))
            .expect("the gateway is connected");
        assert_eq!(asked.word, word, "{asked:?}");
        asked.fields
    }

    /// Tells a message, and remembers it for queries.
    pub(crate) async fn tell(&self, word: &str, fields: &Fields) {
        self.told.lock().unwrap().note(word, fields);
        send(&self.socket, word, fields).await;
    }

    /// What a request of positions or of an account summary is answered with, until the end.
    pub(crate) fn answers(&self, word: &str, rows: Vec<Fields>) {
        let mut told = self.told.lock().unwrap();
        match word {
            "position" => told.positions = rows,
            "accountSummary" => told.summary = rows,
            other => panic!("no request is answered with {other}"),
        }
    }

    /// Tells a recorded frame, byte for byte.
    pub(crate) async fn tell_bytes(&self, frame: &[u8]) {
        let (number, body) = wire::unframe(&frame[4..]);
        if let Some(word) = SCHEMA.word(Side::Server, number) {
            let (_, message) = SCHEMA.message(Side::Server, word);
            let fields = wire::decode(message, body);
            self.told.lock().unwrap().note(word, &fields);
        }
        self.socket.lock().await.write_all(frame).await.unwrap();
    }
}

impl Drop for Teller {
    fn drop(&mut self) {
        self.reading.abort();
    }
}

impl Told {
    fn note(&mut self, word: &str, fields: &Fields) {
        let id = |path: &str| match fields.get(path) {
            Some(Value::Int(id)) => *id,
            other => panic!("{word} has {other:?} for {path}"),
        };
        match word {
            "openOrder" => {
                let status = self
                    .working
                    .remove(&id("orderId"))
                    .map(|[_, status]| status);
                let pair = [fields.clone(), status.unwrap_or_default()];
                self.working.insert(id("orderId"), pair);
            }
            "orderStatus" => {
                let over = ["Filled", "Cancelled", "Inactive"];
                let word = fields.get("status").map(crate::values::plain);
                if over.contains(&word.unwrap_or_default().as_str()) {
                    self.working.remove(&id("orderId"));
                } else if let Some(pair) = self.working.get_mut(&id("orderId")) {
                    pair[1] = fields.clone();
                }
            }
            "execDetails" => self.executions.push(fields.clone()),
            "commissionReport" => self.commissions.push(fields.clone()),
            _ => {}
        }
    }

    /// What a query is answered with, message by message; `None` for an order or a cancel.
    fn answer(&self, word: &str, asked: &Fields) -> Option<Vec<(&'static str, Fields)>> {
        let with = |path: &str, value: Value| Fields::from([(path.to_owned(), value)]);
        let request = || asked.get("reqId").cloned().unwrap_or(Value::Int(-1));
        let account = Value::Text(self.account.clone());
        Some(match word {
            "placeOrder" | "cancelOrder" | "reqGlobalCancel" => return None,
            "reqIds" => vec![("nextValidId", with("orderId", Value::Int(self.next_id)))],
            "reqCurrentTime" => vec![(
                "currentTime",
                with("currentTime", Value::Int(1_787_681_489)),
            )],
            "reqOpenOrders" | "reqAllOpenOrders" => {
                let pairs = self
                    .working
                    .values()
                    .filter(|[_, status]| !status.is_empty());
                let rows = pairs.flat_map(|[open, status]| {
                    [("openOrder", open.clone()), ("orderStatus", status.clone())]
                });
                rows.chain([("openOrderEnd", Fields::new())]).collect()
            }
            "reqCompletedOrders" => vec![("completedOrdersEnd", Fields::new())],
            "reqExecutions" => {
                let rows = self.executions.iter().map(|row| {
                    let mut row = row.clone();
                    row.insert("reqId".to_owned(), request());
                    ("execDetails", row)
                });
                let fees = self
                    .commissions
                    .iter()
                    .map(|fee| ("commissionReport", fee.clone()));
                let end = [("execDetailsEnd", with("reqId", request()))];
                rows.chain(fees).chain(end).collect()
            }
            "reqPositions" => {
                let rows = self.positions.iter().map(|row| ("position", row.clone()));
                rows.chain([("positionEnd", Fields::new())]).collect()
            }
            "reqAccountSummary" => {
                let rows = self.summary.iter().map(|row| {
                    let mut row = row.clone();
                    row.insert("reqId".to_owned(), request());
                    ("accountSummary", row)
                });
                let end = ("accountSummaryEnd", with("reqId", request()));
                rows.chain([end]).collect()
            }
            "reqAccountUpdates" if asked.contains_key("subscribe") => {
                vec![("accountDownloadEnd", with("accountName", account))]
            }
            _ => Vec::new(),
        })
    }
}

async fn send(socket: &tokio::sync::Mutex<OwnedWriteHalf>, word: &str, fields: &Fields) {
    let (number, message) = SCHEMA.message(Side::Server, word);
    let frame = wire::frame(number, &wire::encode(message, fields));
    // A gateway that has gone is noticed by who waits for it.
    drop(socket.lock().await.write_all(&frame).await);
}

/// Reads requests until the gateway leaves.
async fn answer(
    mut reader: OwnedReadHalf,
    socket: Arc<tokio::sync::Mutex<OwnedWriteHalf>>,
    told: Arc<Mutex<Told>>,
    orders: mpsc::UnboundedSender<Asked>,
) {
    while let Ok(length) = reader.read_u32().await {
        let mut frame = vec![0; length as usize];
        if reader.read_exact(&mut frame).await.is_err() {
            return;
        }
        let (number, body) = wire::unframe(&frame);
        // What is in no recording, as the time in milliseconds, stays unanswered.
        let Some(word) = SCHEMA.word(Side::Client, number) else {
            continue;
        };
        let (_, message) = SCHEMA.message(Side::Client, word);
        let fields = wire::decode(message, body);
        let answers = told.lock().unwrap().answer(word, &fields);
        match answers {
            Some(answers) => {
                for (word, fields) in answers {
                    send(&socket, word, &fields).await;
                }
            }
            None => {
                let word = word.to_owned();
                drop(orders.send(Asked { word, fields }));
            }
        }
    }
}
