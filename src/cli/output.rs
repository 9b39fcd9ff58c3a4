//! The one owner of standard output.

use std::io::{self, Write};

use serde::Serialize;

/// Standard output. A reader that went away is no failure: what follows is dropped, and [`Output::is_closed`] tells.
#[derive(Debug)]
pub(super) struct Output<W: Write = io::Stdout> {
    sink: W,
    closed: bool,
    failure: Option<io::Error>,
}

impl Output<io::Stdout> {
    /// The process's own.
    pub(super) fn stdout() -> Self {
        Self::new(io::stdout())
    }
}

impl<W: Write> Output<W> {
    fn new(sink: W) -> Self {
        Self {
            sink,
            closed: false,
            failure: None,
        }
    }

    /// Prints one JSON document on a line of its own and flushes it.
    pub(super) fn json(&mut self, document: &impl Serialize) {
        match serde_json::to_vec(document) {
            Ok(mut line) => {
                line.push(b'\n');
                self.bytes(&line);
            }
            Err(error) => self.failure = Some(error.into()),
        }
    }

    /// Prints text for people, or a page.
    pub(super) fn bytes(&mut self, bytes: &[u8]) {
        if self.closed || self.failure.is_some() {
            return;
        }
        match self.sink.write_all(bytes).and_then(|()| self.sink.flush()) {
            Ok(()) => {}
            Err(error) if error.kind() == io::ErrorKind::BrokenPipe => self.closed = true,
            Err(error) => self.failure = Some(error),
        }
    }

    /// Whether nobody reads any more.
    pub(super) fn is_closed(&self) -> bool {
        self.closed
    }

    /// Why something could not be printed, for example a full disk.
    pub(super) fn failure(&self) -> Option<&io::Error> {
        self.failure.as_ref()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    struct Failing(io::ErrorKind);

    impl Write for Failing {
        fn write(&mut self, _: &[u8]) -> io::Result<usize> {
            Err(self.0.into())
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    #[test]
    fn a_document_is_one_line() {
        let mut output = Output::new(Vec::new());
        output.json(&serde_json::json!({"text": "a\nb"}));
        assert_eq!(output.sink, b"{\"text\":\"a\\nb\"}\n");
    }

    #[test]
    fn a_reader_that_went_away_is_no_failure() {
        let mut output = Output::new(Failing(io::ErrorKind::BrokenPipe));
        output.json(&1);
        assert!(output.is_closed() && output.failure().is_none());
    }

    #[test]
    fn a_full_disk_is_a_failure() {
        let mut output = Output::new(Failing(io::ErrorKind::StorageFull));
        output.json(&1);
        assert!(!output.is_closed() && output.failure().is_some());
    }
}
