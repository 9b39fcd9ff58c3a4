//! Frames of TWS that the simulator has no verb for, put together byte by byte.

/// An orderStatus of client 7.
pub(crate) struct Status {
    pub(crate) order_id: i32,
    pub(crate) perm_id: i64,
    pub(crate) word: &'static str,
    pub(crate) filled: &'static str,
    pub(crate) remaining: &'static str,
}

impl Status {
    pub(crate) fn frame(&self) -> Vec<u8> {
        let mut body = Vec::new();
        int(&mut body, 1, u64::try_from(self.order_id).unwrap());
        text(&mut body, 2, self.word);
        text(&mut body, 3, self.filled);
        text(&mut body, 4, self.remaining);
        int(&mut body, 6, u64::try_from(self.perm_id).unwrap());
        int(&mut body, 9, 7);
        let mut frame = Vec::new();
        frame.extend(u32::try_from(body.len() + 4).unwrap().to_be_bytes());
        // orderStatus is 3; protobuf messages are 200 higher.
        frame.extend(203_u32.to_be_bytes());
        frame.extend(body);
        frame
    }
}

fn varint(out: &mut Vec<u8>, mut value: u64) {
    while value >= 0x80 {
        out.push((value & 0x7f) as u8 | 0x80);
        value >>= 7;
    }
    out.push(value as u8);
}

fn int(out: &mut Vec<u8>, tag: u64, value: u64) {
    varint(out, tag << 3);
    varint(out, value);
}

fn text(out: &mut Vec<u8>, tag: u64, value: &str) {
    varint(out, tag << 3 | 2);
    varint(out, value.len() as u64);
    out.extend(value.as_bytes());
}
