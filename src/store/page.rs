//! What goes into one answer: so many rows, and so many bytes, that every gRPC library takes it without being told to.

use std::io::{self, Write};

use serde::Serialize;
use sha2::{Digest, Sha256};

/// Bytes of the rows of one answer, counted as JSON, which is longer than protobuf. Libraries take 4 MiB (gRPC's default); the rest is for
/// what stands around the rows.
pub(super) const ANSWER_BYTES: usize = 3 << 20;
/// Bytes of the check in a page token.
const CHECK_BYTES: usize = 8;

/// What is left of the bytes of an answer.
#[derive(Debug)]
pub(super) struct Room {
    left: usize,
    empty: bool,
}

impl Room {
    /// A whole answer.
    pub(super) const fn new() -> Self {
        Self {
            left: ANSWER_BYTES,
            empty: true,
        }
    }

    /// Whether `row` goes into the answer as well. The first one always does: an answer without any would never come to an end.
    pub(super) fn takes(&mut self, row: &impl Serialize) -> bool {
        let bytes = json_bytes(row);
        let takes = self.empty || bytes <= self.left;
        self.left = self.left.saturating_sub(bytes);
        self.empty = false;
        takes
    }
}

/// How long a value is as JSON.
fn json_bytes(value: &impl Serialize) -> usize {
    struct Count(usize);
    impl Write for Count {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            self.0 += bytes.len();
            Ok(bytes.len())
        }
        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }
    let mut count = Count(0);
    match serde_json::to_writer(&mut count, value) {
        Ok(()) => count.0,
        // Nothing that is stored is without a form in JSON; if it were, it would get a page of its own.
        Err(_) => ANSWER_BYTES,
    }
}

/// The first bytes of a hash, in hexadecimal: what binds a page token to its list and its store.
pub(super) fn check(hash: Sha256) -> String {
    hash.finalize()
        .iter()
        .take(CHECK_BYTES)
        .map(|byte| format!("{byte:02x}"))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_answer_takes_rows_up_to_its_bytes_and_always_the_first() {
        let row = "x".repeat(ANSWER_BYTES / 3);
        let mut room = Room::new();
        assert_eq!(
            [row.as_str(); 3].map(|row| room.takes(&row)),
            [true, true, false],
            "with the quotes three do not fit"
        );
        assert!(Room::new().takes(&"x".repeat(2 * ANSWER_BYTES)));
    }
}
