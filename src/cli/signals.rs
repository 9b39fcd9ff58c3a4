//! What the operating system asks of a process that runs on.

use std::convert::Infallible;

use tokio::signal::unix::{Signal, SignalKind, signal};

/// Signals that ask for the end.
#[derive(Debug)]
pub(super) struct Signals {
    terminate: Signal,
    interrupt: Signal,
}

impl Signals {
    /// Listens from now on: a signal that comes before [`Signals::end`] is asked for is not lost.
    pub(super) fn listen() -> std::io::Result<Self> {
        Ok(Self {
            terminate: signal(SignalKind::terminate())?,
            interrupt: signal(SignalKind::interrupt())?,
        })
    }

    /// Waits for the next SIGTERM or SIGINT and says which it was.
    pub(super) async fn end(&mut self) -> &'static str {
        tokio::select! {
            _ = self.terminate.recv() => "SIGTERM",
            _ = self.interrupt.recv() => "SIGINT",
        }
    }
}

/// Signals that ask to read files again. While it lives, SIGHUP does not end the process.
#[derive(Debug)]
pub(super) struct Hangups(Signal);

impl Hangups {
    /// Listens from now on.
    pub(super) fn listen() -> std::io::Result<Self> {
        Ok(Self(signal(SignalKind::hangup())?))
    }

    /// Calls `again` at every SIGHUP.
    pub(super) async fn each(mut self, again: impl Fn()) -> Infallible {
        while self.0.recv().await.is_some() {
            again();
        }
        std::future::pending().await
    }
}
