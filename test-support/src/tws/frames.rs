//! Frames of TWS, put together byte by byte.

/// The body of a protobuf message.
#[derive(Debug, Clone, Default)]
pub struct Body(pub Vec<u8>);

impl Body {
    fn varint(&mut self, mut value: u64) {
        while value >= 0x80 {
            self.0.push((value as u8) | 0x80);
            value >>= 7;
        }
        self.0.push(value as u8);
    }

    pub fn int(mut self, tag: u64, value: i64) -> Self {
        self.varint(tag << 3);
        self.varint(value as u64);
        self
    }

    pub fn double(mut self, tag: u64, value: f64) -> Self {
        self.varint(tag << 3 | 1);
        self.0.extend(value.to_le_bytes());
        self
    }

    pub fn text(self, tag: u64, value: &str) -> Self {
        self.bytes(tag, value.as_bytes())
    }

    pub fn message(self, tag: u64, value: Body) -> Self {
        self.bytes(tag, &value.0)
    }

    fn bytes(mut self, tag: u64, value: &[u8]) -> Self {
        self.varint(tag << 3 | 2);
        self.varint(value.len() as u64);
        self.0.extend(value);
        self
    }
}

/// A whole frame: length, message id (200 more than the type), body.
pub fn frame(kind: i32, body: Body) -> Vec<u8> {
    let mut frame = Vec::with_capacity(body.0.len() + 8);
    frame.extend((body.0.len() as u32 + 4).to_be_bytes());
    frame.extend((kind + 200).to_be_bytes());
    frame.extend(body.0);
    frame
}

/// An order as TWS shows it. Each field may be set before a frame is made of it.
#[derive(Debug, Clone, PartialEq)]
pub struct Order {
    pub id: i32,
    pub client: i64,
    pub perm_id: i64,
    pub status: &'static str,
    pub con_id: i64,
    pub symbol: String,
    pub action: String,
    pub quantity: String,
    pub order_type: String,
    pub limit: f64,
    pub tif: String,
    pub account: String,
    /// Not on the wire when it is empty.
    pub order_ref: String,
    pub what_if: bool,
    /// Of an orderStatus; not on the wire when it is empty.
    pub why_held: &'static str,
    /// Of an openOrder; not on the wire when it is empty.
    pub filled_quantity: &'static str,
    /// When its executions happen.
    pub executed_at: String,
}

/// BUY 100 AAPL LMT 150.25 of client 7 for DU111, with orderRef `gw-<id>` and permanent id 1000 + id.
pub fn order(id: i32, status: &'static str) -> Order {
    Order {
        id,
        client: 7,
        perm_id: 1_000 + i64::from(id),
        status,
        con_id: 265_598,
        symbol: "AAPL".to_owned(),
        action: "BUY".to_owned(),
        quantity: "100".to_owned(),
        order_type: "LMT".to_owned(),
        limit: 150.25,
        tif: "DAY".to_owned(),
        account: "DU111".to_owned(),
        order_ref: format!("gw-{id}"),
        what_if: false,
        why_held: "",
        filled_quantity: "",
        executed_at: "20260825 14:11:30 US/Eastern".to_owned(),
    }
}

impl Order {
    /// The order that a placeOrder asks for, as TWS shows it.
    #[must_use]
    pub fn placed(frame: &[u8]) -> Self {
        let mut placed = order(0, "Submitted");
        for (tag, value) in fields(&frame[8..]) {
            match (tag, value) {
                (1, Field::Int(id)) => placed.id = i32::try_from(id).expect("an order id"),
                (2, Field::Bytes(contract)) => {
                    for (tag, value) in fields(contract) {
                        if let (2, Field::Bytes(symbol)) = (tag, value) {
                            placed.symbol = text(symbol);
                        }
                    }
                }
                (3, Field::Bytes(order)) => {
                    for (tag, value) in fields(order) {
                        match (tag, value) {
                            (5, Field::Bytes(action)) => placed.action = text(action),
                            (6, Field::Bytes(quantity)) => placed.quantity = text(quantity),
                            (8, Field::Bytes(order_type)) => placed.order_type = text(order_type),
                            (9, Field::Double(limit)) => placed.limit = limit,
                            (11, Field::Bytes(tif)) => placed.tif = text(tif),
                            (12, Field::Bytes(account)) => placed.account = text(account),
                            (28, Field::Bytes(order_ref)) => placed.order_ref = text(order_ref),
                            _ => {}
                        }
                    }
                }
                _ => {}
            }
        }
        placed.perm_id = 1_000 + i64::from(placed.id);
        placed
    }

    pub fn of_client(self, client: i64) -> Self {
        Self { client, ..self }
    }

    pub fn what_if(self) -> Self {
        Self {
            what_if: true,
            ..self
        }
    }

    pub fn is(&self, status: &'static str) -> Self {
        Self {
            status,
            ..self.clone()
        }
    }

    pub fn quantity(&self, quantity: &str) -> Self {
        Self {
            quantity: quantity.to_owned(),
            ..self.clone()
        }
    }

    pub fn perm_id(&self, perm_id: i64) -> Self {
        Self {
            perm_id,
            ..self.clone()
        }
    }

    pub fn order_ref(&self, order_ref: &str) -> Self {
        Self {
            order_ref: order_ref.to_owned(),
            ..self.clone()
        }
    }

    fn contract(&self) -> Body {
        Body::default()
            .int(1, self.con_id)
            .text(2, &self.symbol)
            .text(3, "STK")
    }

    fn body(&self) -> Body {
        let mut order = Body::default()
            .int(1, self.client)
            .int(2, i64::from(self.id))
            .int(3, self.perm_id)
            .text(5, &self.action)
            .text(6, &self.quantity)
            .text(8, &self.order_type)
            .double(9, self.limit)
            .text(11, &self.tif)
            .text(12, &self.account);
        if !self.order_ref.is_empty() {
            order = order.text(28, &self.order_ref);
        }
        if self.what_if {
            order = order.int(65, 1);
        }
        if !self.filled_quantity.is_empty() {
            order = order.text(115, self.filled_quantity);
        }
        order
    }

    /// As an open order with this orderState.
    pub fn open_with(&self, state: Body) -> Vec<u8> {
        let body = Body::default()
            .int(1, i64::from(self.id))
            .message(2, self.contract())
            .message(3, self.body())
            .message(4, state);
        frame(5, body)
    }

    pub fn open(&self) -> Vec<u8> {
        let body = Body::default()
            .int(1, i64::from(self.id))
            .message(2, self.contract())
            .message(3, self.body())
            .message(4, Body::default().text(1, self.status));
        frame(5, body)
    }

    /// In the shape of the completed-orders answer: what did not fill as quantity, what did in field 115.
    pub fn completed(&self, unfilled: &str, filled: &str) -> Vec<u8> {
        let mut order = Body::default()
            .int(1, self.client)
            .int(3, self.perm_id)
            .text(5, &self.action)
            .text(6, unfilled)
            .text(8, &self.order_type)
            .text(12, &self.account);
        if !self.order_ref.is_empty() {
            order = order.text(28, &self.order_ref);
        }
        let order = order.text(115, filled);
        let state = Body::default()
            .text(1, self.status)
            .text(29, "20260825 14:11:30 US/Eastern")
            .text(30, &format!("Filled Size: {filled}"));
        frame(
            101,
            Body::default()
                .message(1, self.contract())
                .message(2, order)
                .message(3, state),
        )
    }

    pub fn status(&self, filled: &str, remaining: &str) -> Vec<u8> {
        frame(3, self.status_body(filled).text(4, remaining))
    }

    /// A frame that cannot be read: TWS always says what remains.
    pub fn status_without_remaining(&self) -> Vec<u8> {
        frame(3, self.status_body("0"))
    }

    fn status_body(&self, filled: &str) -> Body {
        let body = Body::default()
            .int(1, i64::from(self.id))
            .text(2, self.status)
            .text(3, filled)
            .double(5, 150.25)
            .int(6, self.perm_id)
            .int(9, self.client);
        if self.why_held.is_empty() {
            body
        } else {
            body.text(10, self.why_held)
        }
    }

    /// All of it in one execution. A live one has the request id -1.
    pub fn execution(&self, request_id: i64, exec_id: &str) -> Vec<u8> {
        self.executes(request_id, exec_id, &self.quantity, &self.quantity)
    }

    /// A part of it, and how much of it executed by then.
    pub fn executes(
        &self,
        request_id: i64,
        exec_id: &str,
        shares: &str,
        cumulative: &str,
    ) -> Vec<u8> {
        let side = if self.action == "BUY" { "BOT" } else { "SLD" };
        let mut execution = Body::default()
            .int(1, i64::from(self.id))
            .text(2, exec_id)
            .text(3, &self.executed_at)
            .text(4, &self.account)
            .text(5, "NASDAQ")
            .text(6, side)
            .text(7, shares)
            .double(8, 150.25)
            .int(9, self.perm_id)
            .int(10, self.client)
            .text(12, cumulative)
            .double(13, 150.25);
        if !self.order_ref.is_empty() {
            execution = execution.text(14, &self.order_ref);
        }
        frame(
            11,
            Body::default()
                .int(1, request_id)
                .message(2, self.contract())
                .message(3, execution),
        )
    }
}

/// A field of a protobuf message.
pub(super) enum Field<'a> {
    Int(u64),
    Double(f64),
    Bytes(&'a [u8]),
}

/// The fields of a protobuf message, in their order.
///
/// # Panics
///
/// When the bytes are none, or a field is a 32-bit one, which TWS's messages do not have.
pub(super) fn fields(mut bytes: &[u8]) -> Vec<(u64, Field<'_>)> {
    fn varint(bytes: &mut &[u8]) -> u64 {
        let mut value = 0;
        for shift in (0..).step_by(7) {
            let (byte, rest) = bytes.split_first().expect("a whole number");
            *bytes = rest;
            value |= u64::from(byte & 0x7f) << shift;
            if byte & 0x80 == 0 {
                break;
            }
        }
        value
    }
    let mut found = Vec::new();
    while !bytes.is_empty() {
        let key = varint(&mut bytes);
        let field = match key & 7 {
            0 => Field::Int(varint(&mut bytes)),
            1 => {
                let (value, rest) = bytes.split_first_chunk::<8>().expect("a whole number");
                bytes = rest;
                Field::Double(f64::from_le_bytes(*value))
            }
            2 => {
                let length = usize::try_from(varint(&mut bytes)).expect("a length");
                let (value, rest) = bytes.split_at(length);
                bytes = rest;
                Field::Bytes(value)
            }
            other => panic!("a field of wire type {other}"),
        };
        found.push((key >> 3, field));
    }
    found
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8(bytes.to_vec()).expect("text")
}

pub fn commission(exec_id: &str, fee: f64) -> Vec<u8> {
    commission_in(exec_id, fee, "USD")
}

pub fn commission_in(exec_id: &str, fee: f64, currency: &str) -> Vec<u8> {
    frame(
        59,
        Body::default()
            .text(1, exec_id)
            .double(2, fee)
            .text(3, currency)
            .double(4, f64::MAX),
    )
}

pub fn error(id: i32, code: i32, text: &str) -> Vec<u8> {
    frame(
        4,
        Body::default()
            .int(1, i64::from(id))
            .int(3, i64::from(code))
            .text(4, text),
    )
}

pub fn next_valid_id(id: i32) -> Vec<u8> {
    frame(9, Body::default().int(1, i64::from(id)))
}

pub fn managed_accounts(accounts: &str) -> Vec<u8> {
    frame(15, Body::default().text(1, accounts))
}

pub fn current_time(seconds: i64) -> Vec<u8> {
    frame(49, Body::default().int(1, seconds))
}

pub fn open_orders_end() -> Vec<u8> {
    frame(53, Body::default())
}

pub fn completed_orders_end() -> Vec<u8> {
    frame(102, Body::default())
}

/// A position of DU111 in a stock, listed at NASDAQ and traded in dollars.
pub fn position(con_id: i64, symbol: &str, quantity: &str, average_cost: f64) -> Vec<u8> {
    position_in(
        "DU111",
        stock(con_id, symbol, "STK"),
        quantity,
        average_cost,
    )
}

pub fn position_in(account: &str, contract: Body, quantity: &str, average_cost: f64) -> Vec<u8> {
    let body = Body::default()
        .text(1, account)
        .message(2, contract)
        .text(3, quantity)
        .double(4, average_cost);
    frame(61, body)
}

/// A contract as positions show it.
pub fn stock(con_id: i64, symbol: &str, kind: &str) -> Body {
    Body::default()
        .int(1, con_id)
        .text(2, symbol)
        .text(3, kind)
        .double(5, 0.0)
        .text(8, "NASDAQ")
        .text(10, "USD")
        .text(11, symbol)
        .text(12, "NMS")
}

pub fn positions_end() -> Vec<u8> {
    frame(62, Body::default())
}

/// A value of DU111; an empty currency is left out, as TWS does.
pub fn account_value(key: &str, currency: &str, value: &str) -> Vec<u8> {
    let body = Body::default().text(1, key).text(2, value);
    let body = if currency.is_empty() {
        body
    } else {
        body.text(3, currency)
    };
    frame(6, body.text(4, "DU111"))
}

/// What a position of DU111 is worth: its price, and the profit that closing it would bring and that was made today.
pub fn portfolio(con_id: i64, symbol: &str, quantity: &str, price: f64) -> Vec<u8> {
    let body = Body::default()
        .message(1, stock(con_id, symbol, "STK"))
        .text(2, quantity)
        .double(3, price)
        .double(4, price * 100.0)
        .double(5, 150.25)
        .double(6, 12.5)
        .double(7, -1.25)
        .text(8, "DU111");
    frame(7, body)
}

pub fn account_time(time: &str) -> Vec<u8> {
    frame(8, Body::default().text(1, time))
}

pub fn account_data_end(account: &str) -> Vec<u8> {
    frame(54, Body::default().text(1, account))
}

pub fn account_summary(id: i64, account: &str, tag: &str, currency: &str, value: &str) -> Vec<u8> {
    let body = Body::default()
        .int(1, id)
        .text(2, account)
        .text(3, tag)
        .text(4, value)
        .text(5, currency);
    frame(63, body)
}

pub fn account_summary_end(id: i64) -> Vec<u8> {
    frame(64, Body::default().int(1, id))
}

pub fn profit(id: i64, daily: f64) -> Vec<u8> {
    let body = Body::default()
        .int(1, id)
        .double(2, daily)
        .double(3, 1.0)
        .double(4, 2.0);
    frame(94, body)
}

pub fn executions_end(request_id: i64) -> Vec<u8> {
    frame(55, Body::default().int(1, request_id))
}
