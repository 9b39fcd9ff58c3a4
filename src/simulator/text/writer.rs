//! Fields to a frame.

use super::BINARY_NUMBERS;

/// How the text protocol writes a number that has no value where it may not leave the field empty.
const UNSET_DOUBLE: &str = "1.7976931348623157E308";

/// A message being written, and the version of the client who will read it.
pub(super) struct Writer {
    bytes: Vec<u8>,
    pub(super) version: i32,
}

impl Writer {
    pub(super) fn new(number: i32, version: i32) -> Self {
        let mut writer = Self {
            bytes: vec![0; 4],
            version,
        };
        if version < BINARY_NUMBERS {
            writer.int(number);
        } else {
            writer.bytes.extend_from_slice(&number.to_be_bytes());
        }
        writer
    }

    /// The version that some messages have of their own, from before the server's version said it.
    pub(super) fn message_version(&mut self, version: i32) {
        self.int(version);
    }

    /// A zero byte inside would be two fields: it is left out.
    pub(super) fn text(&mut self, text: &str) {
        self.bytes
            .extend(text.bytes().filter(|&byte| byte != 0).chain([0]));
    }

    pub(super) fn maybe_text(&mut self, text: Option<&String>) {
        self.text(text.map_or("", String::as_str));
    }

    pub(super) fn int(&mut self, number: impl Into<i64>) {
        self.text(&number.into().to_string());
    }

    /// Empty when there is none.
    pub(super) fn maybe_int(&mut self, number: Option<impl Into<i64>>) {
        match number {
            Some(number) => self.int(number),
            None => self.empty(),
        }
    }

    pub(super) fn double(&mut self, number: f64) {
        self.text(&number.to_string());
    }

    /// With a point, as TWS writes the prices of an order.
    pub(super) fn price(&mut self, price: Option<f64>) {
        match price {
            Some(price) => self.text(&format!("{price:?}")),
            None => self.empty(),
        }
    }

    /// Empty when there is none.
    pub(super) fn maybe_double(&mut self, number: Option<f64>) {
        match number {
            Some(number) => self.double(number),
            None => self.empty(),
        }
    }

    /// The largest number there is when there is none.
    pub(super) fn double_or_unset(&mut self, number: Option<f64>) {
        match number {
            Some(number) => self.double(number),
            None => self.text(UNSET_DOUBLE),
        }
    }

    pub(super) fn flag(&mut self, flag: bool) {
        self.text(if flag { "1" } else { "0" });
    }

    pub(super) fn empty(&mut self) {
        self.text("");
    }

    /// So many fields that the simulator has nothing to say in.
    pub(super) fn empties(&mut self, count: usize) {
        for _ in 0..count {
            self.empty();
        }
    }

    /// So many numbers, flags or counts that are zero.
    pub(super) fn zeros(&mut self, count: usize) {
        for _ in 0..count {
            self.text("0");
        }
    }

    /// A permanent id. Before version 191 it is a number of 32 bits, so there only its last 31 are told.
    pub(super) fn perm_id(&mut self, perm_id: Option<i64>) {
        let perm_id = perm_id.unwrap_or(0);
        self.int(if self.version < 191 {
            perm_id & i64::from(i32::MAX)
        } else {
            perm_id
        });
    }

    pub(super) fn finish(mut self, out: &mut Vec<u8>) {
        // A message of 4 GiB cannot be built from bounded fields; saturating keeps the arithmetic total.
        let length = u32::try_from(self.bytes.len() - 4).unwrap_or(u32::MAX);
        self.bytes[..4].copy_from_slice(&length.to_be_bytes());
        out.extend_from_slice(&self.bytes);
    }
}
