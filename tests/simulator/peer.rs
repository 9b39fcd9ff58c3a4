//! A TWS client of a hundred lines: frames by hand, messages as lists of fields.

use std::fmt::Write as _;

use ibkr_orders::simulator::{Simulator, SimulatorConfig};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

pub(super) use test_support::waiting::LIMIT;

/// A value of a protobuf field.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Value {
    Number(u64),
    Double(f64),
    Bytes(Vec<u8>),
}

/// A message as it came: its number without the protobuf offset, and its body.
#[derive(Clone, PartialEq)]
pub(super) struct Message {
    pub(super) kind: u32,
    pub(super) body: Vec<u8>,
}

impl Message {
    pub(super) fn fields(&self) -> Vec<(u64, Value)> {
        fields(&self.body)
    }

    pub(super) fn tags(&self) -> Vec<u64> {
        self.fields().iter().map(|(tag, _)| *tag).collect()
    }

    /// The message inside field `tag`.
    pub(super) fn inner(&self, tag: u64) -> Self {
        match get(&self.fields(), tag) {
            Some(Value::Bytes(body)) => Self {
                kind: self.kind,
                body,
            },
            other => panic!("field {tag} is {other:?}"),
        }
    }

    pub(super) fn text(&self, tag: u64) -> String {
        match get(&self.fields(), tag) {
            Some(Value::Bytes(bytes)) => String::from_utf8(bytes).unwrap(),
            other => panic!("field {tag} is {other:?}"),
        }
    }

    pub(super) fn number(&self, tag: u64) -> i64 {
        match get(&self.fields(), tag) {
            Some(Value::Number(number)) => number.cast_signed(),
            other => panic!("field {tag} is {other:?}"),
        }
    }

    pub(super) fn double(&self, tag: u64) -> f64 {
        match get(&self.fields(), tag) {
            Some(Value::Double(number)) => number,
            other => panic!("field {tag} is {other:?}"),
        }
    }

    /// In a few words: what happened to which order.
    pub(super) fn words(&self) -> String {
        match self.kind {
            3 => format!("status {} {}+{}", self.text(2), self.text(3), self.text(4)),
            4 => format!("{} {}", self.number(3), self.text(4)),
            5 if !self.tags().contains(&4) => "open without a state".to_owned(),
            5 => format!("open {}", self.inner(4).text(1)),
            6 if self.tags().contains(&3) => {
                format!("value {} {} {}", self.text(1), self.text(3), self.text(2))
            }
            6 => format!("value {} {}", self.text(1), self.text(2)),
            7 => format!("portfolio {} {}", self.inner(1).text(2), self.text(2)),
            8 => "time of values".to_owned(),
            9 => format!("id {}", self.number(1)),
            11 => format!("execution {}", self.inner(3).text(7)),
            15 => format!("accounts {}", self.text(1)),
            49 => "time".to_owned(),
            53 => "open end".to_owned(),
            54 => format!("values end {}", self.text(1)),
            55 => "executions end".to_owned(),
            59 => "commission".to_owned(),
            61 => format!("position {} {}", self.inner(2).text(2), self.text(3)),
            62 => "positions end".to_owned(),
            63 => format!("summary {} {}", self.number(1), self.text(3)),
            64 => format!("summary end {}", self.number(1)),
            71 => format!("position {} of {}", self.inner(3).text(2), self.number(1)),
            72 => format!("positions end {}", self.number(1)),
            73 => format!("value {} of {}", self.text(4), self.number(1)),
            74 => format!("values end {}", self.number(1)),
            94 => format!("pnl {}", self.number(1)),
            95 => format!("pnl {} of {}", self.number(1), self.text(2)),
            100 => "bound".to_owned(),
            101 if !self.tags().contains(&3) => "completed without a state".to_owned(),
            101 => format!("completed {}", self.inner(3).text(1)),
            102 => "completed end".to_owned(),
            kind => format!("message {kind}"),
        }
    }
}

impl Message {
    /// In a line: which order, what happened, and the numbers that matter.
    pub(super) fn brief(&self) -> String {
        let fields = self.fields();
        match self.kind {
            3 => {
                let held = match get(&fields, 10) {
                    Some(_) => format!(" {}", self.text(10)),
                    None => String::new(),
                };
                let (id, word) = (self.number(1), self.text(2));
                format!("{id} {word} {}+{}{held}", self.text(3), self.text(4))
            }
            4 => format!("{} error {}", self.number(1), self.number(3)),
            5 => {
                let order = self.inner(3);
                let word = self.inner(4).text(1);
                let (id, total) = (self.number(1), order.text(6));
                let (limit, auxiliary) = (order.double(9), order.double(10));
                format!("{id} open {word} {total} lmt {limit} aux {auxiliary}")
            }
            11 => {
                let execution = self.inner(3);
                let (shares, price) = (execution.text(7), execution.double(8));
                format!("{} execution {shares} at {price}", execution.number(1))
            }
            _ => self.words(),
        }
    }
}

impl std::fmt::Debug for Message {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.words())
    }
}

/// A connection.
pub(super) struct Peer {
    pub(super) socket: TcpStream,
}

/// An order, in the fields a client sends.
#[derive(Clone, Copy)]
pub(super) struct Ask<'a> {
    pub(super) id: i32,
    pub(super) symbol: &'a str,
    pub(super) sell: bool,
    pub(super) quantity: &'a str,
    /// None for a market order.
    pub(super) limit: Option<f64>,
    pub(super) tif: &'a str,
    pub(super) order_ref: &'a str,
    pub(super) transmit: bool,
    pub(super) outside_rth: bool,
    pub(super) what_if: bool,
}

impl Default for Ask<'_> {
    fn default() -> Self {
        Self {
            id: 1,
            symbol: "AAPL",
            sell: false,
            quantity: "10",
            limit: None,
            tif: "DAY",
            order_ref: "",
            transmit: true,
            outside_rth: false,
            what_if: false,
        }
    }
}

/// A limit order that does not fill by itself.
pub(super) fn resting(id: i32) -> Ask<'static> {
    Ask {
        id,
        limit: Some(100.0),
        ..Ask::default()
    }
}

/// The fields of an order, as a client writes them: DAY and transmitted unless said.
#[derive(Clone)]
pub(super) struct Terms(Vec<u8>);

pub(super) fn buy(quantity: &str, order_type: &str) -> Terms {
    terms("BUY", quantity, order_type)
}

pub(super) fn sell(quantity: &str, order_type: &str) -> Terms {
    terms("SELL", quantity, order_type)
}

fn terms(action: &str, quantity: &str, order_type: &str) -> Terms {
    let fields = [text(5, action), text(6, quantity), text(8, order_type)].concat();
    Terms([fields, text(11, "DAY"), number(66, 1)].concat())
}

impl Terms {
    pub(super) fn limit(self, price: f64) -> Self {
        self.with(&double(9, price))
    }

    /// auxPrice: the stop of a stop order, the amount of a trailing one.
    pub(super) fn aux(self, price: f64) -> Self {
        self.with(&double(10, price))
    }

    pub(super) fn trail_stop(self, price: f64) -> Self {
        self.with(&double(23, price))
    }

    pub(super) fn parent(self, id: i32) -> Self {
        self.with(&number(4, id))
    }

    pub(super) fn oca(self, group: &str, kind: i32) -> Self {
        self.with(&[text(27, group), number(30, kind)].concat())
    }

    /// A later field counts, as protobuf has it.
    pub(super) fn staged(self) -> Self {
        self.with(&number(66, 0))
    }

    pub(super) fn tif(self, word: &str) -> Self {
        self.with(&text(11, word))
    }

    pub(super) fn with(mut self, field: &[u8]) -> Self {
        self.0.extend_from_slice(field);
        self
    }
}

pub(super) async fn start(config: SimulatorConfig) -> Simulator {
    Simulator::start(config).await.expect("listens")
}

impl Peer {
    pub(super) async fn open(simulator: &Simulator) -> Self {
        let socket = TcpStream::connect(simulator.address())
            .await
            .expect("connects");
        socket.set_nodelay(true).unwrap();
        Self { socket }
    }

    /// Connects, agrees on a version, logs in and reads up to the last farm notice.
    pub(super) async fn log_in(simulator: &Simulator, client_id: i32) -> Self {
        let mut peer = Self::open(simulator).await;
        peer.introduce("v213..226").await;
        peer.send(71, &number(1, client_id)).await;
        peer.until("2158").await;
        peer
    }

    /// The opening and its answer: version and time, or nothing when the connection closed.
    pub(super) async fn introduce(&mut self, range: &str) -> Option<Vec<u8>> {
        let mut bytes = b"API\0".to_vec();
        bytes.extend_from_slice(&u32::try_from(range.len()).unwrap().to_be_bytes());
        bytes.extend_from_slice(range.as_bytes());
        self.write(&bytes).await;
        self.frame().await
    }

    pub(super) async fn write(&mut self, bytes: &[u8]) {
        // A peer that was dropped cannot be written to; what it reads then says so.
        drop(self.socket.write_all(bytes).await);
    }

    pub(super) async fn send(&mut self, kind: u32, body: &[u8]) {
        self.write(&frame(kind, body)).await;
    }

    pub(super) async fn place(&mut self, ask: Ask<'_>) {
        self.send(3, &place_body(ask)).await;
    }

    /// Places an order for AAPL on SMART.
    pub(super) async fn send_order(&mut self, id: i32, order: Terms) {
        let contract = [
            text(2, "AAPL"),
            text(3, "STK"),
            text(8, "SMART"),
            text(10, "USD"),
        ]
        .concat();
        let body = [number(1, id), bytes(2, &contract), bytes(3, &order.0)].concat();
        self.send(3, &body).await;
    }

    pub(super) async fn cancel(&mut self, id: i32) {
        self.send(4, &[number(1, id), vec![0x12, 0]].concat()).await;
    }

    /// Next frame without its length; None when the connection ended.
    pub(super) async fn frame(&mut self) -> Option<Vec<u8>> {
        let reading = async {
            let mut length = [0; 4];
            self.socket.read_exact(&mut length).await.ok()?;
            let mut bytes = vec![0; usize::try_from(u32::from_be_bytes(length)).unwrap()];
            self.socket.read_exact(&mut bytes).await.ok()?;
            Some(bytes)
        };
        tokio::time::timeout(LIMIT, reading)
            .await
            .expect("something comes, or the connection ends")
    }

    pub(super) async fn next(&mut self) -> Option<Message> {
        let bytes = self.frame().await?;
        let id = u32::from_be_bytes(bytes[..4].try_into().unwrap());
        Some(Message {
            kind: id - 200,
            body: bytes[4..].to_vec(),
        })
    }

    /// Messages up to and including the first whose words begin so.
    pub(super) async fn until(&mut self, words: &str) -> Vec<Message> {
        let mut all = Vec::new();
        while let Some(message) = self.next().await {
            all.push(message);
            if all.last().unwrap().words().starts_with(words) {
                return all;
            }
        }
        panic!("the connection ended before {words:?}, after {all:?}");
    }

    /// The words of what comes before the answer to a request for the accounts that is sent now: it is answered in turn,
    /// however often it is asked, in read-only mode too.
    pub(super) async fn hear(&mut self) -> Vec<String> {
        self.hear_all().await.iter().map(Message::words).collect()
    }

    /// The same, each message in a line with its order and its numbers.
    pub(super) async fn hear_briefly(&mut self) -> Vec<String> {
        self.hear_all().await.iter().map(Message::brief).collect()
    }

    /// The messages before the answer to a request for the accounts that is sent now.
    pub(super) async fn hear_all(&mut self) -> Vec<Message> {
        self.send(17, &[]).await;
        let mut heard = self.until("accounts").await;
        heard.pop();
        heard
    }

    /// Whatever still comes until the connection ends.
    pub(super) async fn rest(&mut self) -> Vec<u8> {
        let mut bytes = Vec::new();
        let reading = self.socket.read_to_end(&mut bytes);
        // A reset is an end too.
        drop(
            tokio::time::timeout(LIMIT, reading)
                .await
                .expect("the connection ends"),
        );
        bytes
    }
}

pub(super) fn frame(kind: u32, body: &[u8]) -> Vec<u8> {
    let length = u32::try_from(body.len() + 4).unwrap();
    [
        &length.to_be_bytes()[..],
        &(kind + 200).to_be_bytes()[..],
        body,
    ]
    .concat()
}

pub(super) fn place_body(ask: Ask<'_>) -> Vec<u8> {
    let contract = [
        text(2, ask.symbol),
        text(3, "STK"),
        text(8, "SMART"),
        text(10, "USD"),
    ]
    .concat();
    let mut order = [
        text(5, if ask.sell { "SELL" } else { "BUY" }),
        text(6, ask.quantity),
        text(8, if ask.limit.is_some() { "LMT" } else { "MKT" }),
    ]
    .concat();
    if let Some(limit) = ask.limit {
        order.extend(varint(9 << 3 | 1));
        order.extend(limit.to_le_bytes());
    }
    order.extend(text(11, ask.tif));
    if ask.outside_rth {
        order.extend(number(19, 1));
    }
    if !ask.order_ref.is_empty() {
        order.extend(text(28, ask.order_ref));
    }
    if ask.what_if {
        order.extend(number(65, 1));
    }
    if ask.transmit {
        order.extend(number(66, 1));
    }
    [number(1, ask.id), bytes(2, &contract), bytes(3, &order)].concat()
}

pub(super) fn number(tag: u64, value: i32) -> Vec<u8> {
    [varint(tag << 3), varint(i64::from(value).cast_unsigned())].concat()
}

pub(super) fn double(tag: u64, value: f64) -> Vec<u8> {
    [varint(tag << 3 | 1), value.to_le_bytes().to_vec()].concat()
}

pub(super) fn text(tag: u64, value: &str) -> Vec<u8> {
    bytes(tag, value.as_bytes())
}

fn bytes(tag: u64, value: &[u8]) -> Vec<u8> {
    [
        varint(tag << 3 | 2),
        varint(value.len() as u64),
        value.to_vec(),
    ]
    .concat()
}

fn varint(mut value: u64) -> Vec<u8> {
    let mut out = Vec::new();
    while value >= 0x80 {
        out.push((value & 0x7f) as u8 | 0x80);
        value >>= 7;
    }
    out.push(value as u8);
    out
}

fn fields(mut body: &[u8]) -> Vec<(u64, Value)> {
    let mut all = Vec::new();
    while !body.is_empty() {
        let key = read_varint(&mut body);
        let value = match key & 7 {
            0 => Value::Number(read_varint(&mut body)),
            1 => Value::Double(f64::from_le_bytes(take(&mut body, 8).try_into().unwrap())),
            2 => {
                let length = usize::try_from(read_varint(&mut body)).unwrap();
                Value::Bytes(take(&mut body, length).to_vec())
            }
            wire_type => panic!("wire type {wire_type}"),
        };
        all.push((key >> 3, value));
    }
    all
}

fn get(fields: &[(u64, Value)], tag: u64) -> Option<Value> {
    fields
        .iter()
        .find(|(other, _)| *other == tag)
        .map(|(_, value)| value.clone())
}

fn read_varint(body: &mut &[u8]) -> u64 {
    let mut value = 0;
    for shift in (0..64).step_by(7) {
        let byte = take(body, 1)[0];
        value |= u64::from(byte & 0x7f) << shift;
        if byte < 0x80 {
            break;
        }
    }
    value
}

fn take<'a>(body: &mut &'a [u8], count: usize) -> &'a [u8] {
    let (taken, rest) = body.split_at(count);
    *body = rest;
    taken
}

/// A message as text in which times and the base of permanent and execution ids do not show.
pub(super) fn timeless(message: &Message, base: i64) -> String {
    let mut out = format!("{}:", message.kind);
    write_timeless(&mut out, message.kind, &message.body, base);
    out
}

fn write_timeless(out: &mut String, kind: u32, body: &[u8], base: i64) {
    for (tag, value) in fields(body) {
        match value {
            // Permanent ids are microseconds of the start plus a count; error times are milliseconds of now.
            Value::Number(number) if number.cast_signed() >= base && number < u64::MAX / 2 => {
                write!(out, " {tag}=base+{}", number.cast_signed() - base).unwrap();
            }
            Value::Number(_) if kind == 4 && tag == 2 => write!(out, " {tag}=time").unwrap(),
            Value::Number(_) if kind == 49 => write!(out, " {tag}=time").unwrap(),
            Value::Number(number) => write!(out, " {tag}={number}").unwrap(),
            Value::Double(number) => write!(out, " {tag}={number}").unwrap(),
            Value::Bytes(bytes) => match String::from_utf8(bytes.clone()) {
                Ok(text) if text.ends_with("US/Eastern") => write!(out, " {tag}=time").unwrap(),
                Ok(text) if text.ends_with(".01.01") => write!(out, " {tag}=execution").unwrap(),
                Ok(text) if text.chars().all(|c| !c.is_control() || c == '\n') => {
                    write!(out, " {tag}={text}").unwrap()
                }
                _ => {
                    write!(out, " {tag}={{").unwrap();
                    write_timeless(out, kind, &bytes, base);
                    out.push('}');
                }
            },
        }
    }
}
