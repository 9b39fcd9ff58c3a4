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

fn contract(symbol: &str) -> Body {
    Body::default()
        .int(1, 265_598)
        .text(2, symbol)
        .text(3, "STK")
}

/// An order of client 7 with orderRef `gw-<id>` and permanent id 1000 + id.
pub struct Order {
    pub id: i32,
    pub client: i64,
    pub status: &'static str,
    pub what_if: bool,
}

pub fn order(id: i32, status: &'static str) -> Order {
    Order {
        id,
        client: 7,
        status,
        what_if: false,
    }
}

impl Order {
    pub fn of_client(self, client: i64) -> Self {
        Self { client, ..self }
    }

    pub fn what_if(self) -> Self {
        Self {
            what_if: true,
            ..self
        }
    }

    fn body(&self) -> Body {
        let order = Body::default()
            .int(1, self.client)
            .int(2, i64::from(self.id))
            .int(3, 1_000 + i64::from(self.id))
            .text(5, "BUY")
            .text(6, "100")
            .text(8, "LMT")
            .double(9, 150.25)
            .text(11, "DAY")
            .text(12, "DU111")
            .text(28, &format!("gw-{}", self.id));
        if self.what_if {
            order.int(65, 1)
        } else {
            order
        }
    }

    pub fn open(&self) -> Vec<u8> {
        let body = Body::default()
            .int(1, i64::from(self.id))
            .message(2, contract("AAPL"))
            .message(3, self.body())
            .message(4, Body::default().text(1, self.status));
        frame(5, body)
    }

    /// In the shape of the completed-orders answer: what did not fill as quantity, what did in field 115.
    pub fn completed(&self, unfilled: &str, filled: &str) -> Vec<u8> {
        let order = Body::default()
            .int(1, self.client)
            .int(3, 1_000 + i64::from(self.id))
            .text(5, "BUY")
            .text(6, unfilled)
            .text(8, "LMT")
            .text(12, "DU111")
            .text(28, &format!("gw-{}", self.id))
            .text(115, filled);
        let state = Body::default()
            .text(1, self.status)
            .text(29, "20260825 14:11:30 US/Eastern")
            .text(30, "Filled Size: 100");
        frame(
            101,
            Body::default()
                .message(1, contract("AAPL"))
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
        Body::default()
            .int(1, i64::from(self.id))
            .text(2, self.status)
            .text(3, filled)
            .double(5, 150.25)
            .int(6, 1_000 + i64::from(self.id))
            .int(9, self.client)
    }

    pub fn execution(&self, request_id: i64, exec_id: &str) -> Vec<u8> {
        let execution = Body::default()
            .int(1, i64::from(self.id))
            .text(2, exec_id)
            .text(3, "20260825 14:11:30 US/Eastern")
            .text(4, "DU111")
            .text(5, "NASDAQ")
            .text(6, "BOT")
            .text(7, "100")
            .double(8, 150.25)
            .int(9, 1_000 + i64::from(self.id))
            .int(10, self.client)
            .text(12, "100")
            .double(13, 150.25)
            .text(14, &format!("gw-{}", self.id));
        frame(
            11,
            Body::default()
                .int(1, request_id)
                .message(2, contract("AAPL"))
                .message(3, execution),
        )
    }
}

pub fn commission(exec_id: &str, fee: f64) -> Vec<u8> {
    frame(
        59,
        Body::default()
            .text(1, exec_id)
            .double(2, fee)
            .text(3, "USD")
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

pub fn executions_end(request_id: i64) -> Vec<u8> {
    frame(55, Body::default().int(1, request_id))
}
