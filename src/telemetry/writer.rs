//! Where log lines go: through a queue, to a thread that owns stderr.
//!
//! Who reads stderr may stop reading, and then a write to it waits without end. No heartbeat and no order may wait with it, so a line that
//! finds no room in the queue is dropped and counted, and the next lines that get through say how many are missing.

use std::io::{self, ErrorKind, Write};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc::{Receiver, RecvTimeoutError, SyncSender, TrySendError, sync_channel};
use std::thread;
use std::time::{Duration, Instant};

use tracing_subscriber::fmt::MakeWriter;

use crate::config::LogFormat;
use crate::stats::Counter;

/// Lines that wait to be written.
const LINES_MAX: usize = 8_192;
/// Bytes of those together.
const BYTES_MAX: usize = 4 << 20;
/// Wait before a descriptor that takes nothing at the moment is tried again.
const RETRY_DELAY: Duration = Duration::from_millis(10);
/// How long the end of the process waits for the lines that are left.
const FLUSH_LIMIT: Duration = Duration::from_secs(1);

/// The end of the queue that lines are put in. Cheap to clone; never waits.
#[derive(Debug, Clone)]
pub(super) struct LineSender {
    lines: SyncSender<Message>,
    shared: Arc<Shared>,
}

#[derive(Debug, Default)]
struct Shared {
    /// Bytes in the queue.
    bytes: AtomicUsize,
    /// Lines dropped since the last time that was said.
    unsaid: AtomicUsize,
    /// Lines dropped altogether.
    dropped: Arc<Counter>,
}

#[derive(Debug)]
enum Message {
    Line(Vec<u8>),
    /// Everything before it has been written when this is answered.
    Flush(SyncSender<()>),
}

/// Starts the thread that writes to `sink`. It ends when the last sender is gone.
///
/// # Errors
/// The thread cannot be started.
pub(super) fn start(
    sink: impl Write + Send + 'static,
    format: LogFormat,
) -> io::Result<LineSender> {
    let (lines, queue) = sync_channel(LINES_MAX);
    let shared = Arc::new(Shared::default());
    let writer = Writer {
        sink,
        format,
        shared: Arc::clone(&shared),
    };
    thread::Builder::new()
        .name("log".to_owned())
        .spawn(move || writer.run(&queue))?;
    Ok(LineSender { lines, shared })
}

impl LineSender {
    /// Puts a line in the queue, its end included. Where there is no room it is dropped and counted.
    pub(super) fn send(&self, line: Vec<u8>) {
        let bytes = line.len();
        let room = self.shared.bytes.fetch_add(bytes, Ordering::Relaxed) + bytes <= BYTES_MAX;
        let sent = room && self.lines.try_send(Message::Line(line)).is_ok();
        if !sent {
            self.shared.bytes.fetch_sub(bytes, Ordering::Relaxed);
            self.shared.unsaid.fetch_add(1, Ordering::Relaxed);
            self.shared.dropped.add_one();
        }
    }

    /// Lines dropped so far.
    pub(super) fn dropped(&self) -> Arc<Counter> {
        Arc::clone(&self.shared.dropped)
    }

    /// Waits until what is in the queue has been written, but not for long: nobody may be reading.
    pub(super) fn flush(&self) {
        let until = Instant::now() + FLUSH_LIMIT;
        let (done, written) = sync_channel(1);
        let mut message = Message::Flush(done);
        loop {
            match self.lines.try_send(message) {
                Ok(()) => break,
                Err(TrySendError::Full(back)) if Instant::now() < until => {
                    message = back;
                    thread::sleep(RETRY_DELAY);
                }
                Err(TrySendError::Full(_) | TrySendError::Disconnected(_)) => return,
            }
        }
        match written.recv_timeout(until.saturating_duration_since(Instant::now())) {
            Ok(()) | Err(RecvTimeoutError::Timeout | RecvTimeoutError::Disconnected) => {}
        }
    }
}

/// What is written here is one line, which goes into the queue when this is dropped.
#[derive(Debug)]
pub(super) struct Line<'a> {
    bytes: Vec<u8>,
    to: &'a LineSender,
}

impl Write for Line<'_> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.bytes.extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl Drop for Line<'_> {
    fn drop(&mut self) {
        if !self.bytes.is_empty() {
            self.to.send(std::mem::take(&mut self.bytes));
        }
    }
}

impl<'a> MakeWriter<'a> for LineSender {
    type Writer = Line<'a>;

    fn make_writer(&'a self) -> Line<'a> {
        Line {
            bytes: Vec::new(),
            to: self,
        }
    }
}

/// The thread's own.
struct Writer<W> {
    sink: W,
    format: LogFormat,
    shared: Arc<Shared>,
}

impl<W: Write> Writer<W> {
    fn run(mut self, queue: &Receiver<Message>) {
        while let Ok(message) = queue.recv() {
            match message {
                Message::Line(line) => {
                    self.write(&line);
                    self.shared.bytes.fetch_sub(line.len(), Ordering::Relaxed);
                    self.say_what_is_missing();
                }
                Message::Flush(done) => {
                    let _ = done.try_send(());
                }
            }
        }
    }

    /// Writes all of it, however long that takes. A descriptor that is closed at the other end drops it.
    fn write(&mut self, mut bytes: &[u8]) {
        while !bytes.is_empty() {
            match self.sink.write(bytes) {
                Ok(0) => break,
                Ok(written) => bytes = &bytes[written..],
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                Err(error) if error.kind() == ErrorKind::WouldBlock => thread::sleep(RETRY_DELAY),
                Err(_) => break,
            }
        }
        if !bytes.is_empty() {
            self.shared.dropped.add_one();
        }
    }

    fn say_what_is_missing(&mut self) {
        let missing = self.shared.unsaid.swap(0, Ordering::Relaxed);
        if missing == 0 {
            return;
        }
        let now = time::OffsetDateTime::now_utc();
        let now = now
            .format(&time::format_description::well_known::Rfc3339)
            .unwrap_or_default();
        let what = format!("{missing} log lines were dropped while nobody read stderr");
        let line = match self.format {
            LogFormat::Text => format!("{now}  WARN {what}\n"),
            LogFormat::Json => {
                let line = serde_json::json!({"timestamp": now, "level": "WARN", "message": what, "lines": missing});
                format!("{line}\n")
            }
        };
        self.write(line.as_bytes());
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Mutex;
    use std::sync::mpsc::Sender;

    use super::*;

    /// A sink that takes nothing until it is told to.
    struct Stalled {
        go_on: Receiver<()>,
        written: Arc<Mutex<Vec<u8>>>,
        waits: bool,
    }

    impl Stalled {
        fn new() -> (Self, Sender<()>, Arc<Mutex<Vec<u8>>>) {
            let (sender, go_on) = std::sync::mpsc::channel();
            let written = Arc::new(Mutex::new(Vec::new()));
            let sink = Self {
                go_on,
                written: Arc::clone(&written),
                waits: true,
            };
            (sink, sender, written)
        }
    }

    impl Write for Stalled {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            if std::mem::take(&mut self.waits) {
                let _ = self.go_on.recv();
            }
            self.written.lock().unwrap().extend_from_slice(bytes);
            Ok(bytes.len())
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    #[test]
    fn a_sink_that_takes_nothing_costs_lines_and_no_time() {
        let (sink, go_on, written) = Stalled::new();
        let lines = start(sink, LogFormat::Json).unwrap();
        let begun = Instant::now();
        for n in 0..2 * LINES_MAX {
            lines.send(format!("{n}\n").into_bytes());
        }
        lines.flush();
        assert!(begun.elapsed() < 5 * FLUSH_LIMIT, "{:?}", begun.elapsed());
        let dropped = lines.dropped().get();
        assert!(
            (LINES_MAX as u64 - 1..=LINES_MAX as u64).contains(&dropped),
            "{dropped}"
        );

        go_on.send(()).unwrap();
        lines.flush();
        let text = String::from_utf8(written.lock().unwrap().clone()).unwrap();
        assert!(text.starts_with("0\n"), "{}", &text[..100]);
        let said = format!("{dropped} log lines were dropped");
        assert_eq!(text.lines().filter(|line| line.contains(&said)).count(), 1);
        // Nothing of what was taken is missing.
        assert_eq!(
            text.lines().count() as u64,
            2 * LINES_MAX as u64 - dropped + 1
        );
    }

    #[test]
    fn long_lines_are_bounded_by_their_bytes() {
        let (sink, go_on, _) = Stalled::new();
        let lines = start(sink, LogFormat::Text).unwrap();
        for _ in 0..10 {
            lines.send(vec![b'x'; BYTES_MAX / 4]);
        }
        assert!(lines.dropped().get() >= 5, "{}", lines.dropped().get());
        go_on.send(()).unwrap();
    }
}
