//! A stream that knows when a byte last came or went.

use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::task::{Context, Poll};
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::time::Instant;

/// When a byte last came or went, and whether one came at all.
#[derive(Debug)]
pub(super) struct Activity {
    begun: Instant,
    /// Milliseconds after `begun`; 0 before the first byte.
    last_ms: AtomicU64,
}

impl Activity {
    pub(super) fn begin() -> Arc<Self> {
        Arc::new(Self {
            begun: Instant::now(),
            last_ms: AtomicU64::new(0),
        })
    }

    /// When the connection is to be closed if nothing happens until then.
    pub(super) fn closes_at(&self, first_byte: Duration, idle: Duration) -> Instant {
        match self.last_ms.load(Ordering::Relaxed) {
            0 => self.begun + first_byte,
            ms => self.begun + Duration::from_millis(ms) + idle,
        }
    }

    fn note(&self) {
        let ms = u64::try_from(self.begun.elapsed().as_millis()).unwrap_or(u64::MAX);
        self.last_ms.store(ms.max(1), Ordering::Relaxed);
    }
}

/// A stream whose bytes are noted.
pub(super) struct Measured<S> {
    pub(super) stream: S,
    pub(super) activity: Arc<Activity>,
}

impl<S: AsyncRead + Unpin> AsyncRead for Measured<S> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<std::io::Result<()>> {
        let before = buffer.filled().len();
        let read = Pin::new(&mut self.stream).poll_read(cx, buffer);
        if buffer.filled().len() > before {
            self.activity.note();
        }
        read
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for Measured<S> {
    fn poll_write(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<std::io::Result<usize>> {
        let written = Pin::new(&mut self.stream).poll_write(cx, bytes);
        if matches!(written, Poll::Ready(Ok(n)) if n > 0) {
            self.activity.note();
        }
        written
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<std::io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<std::io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(cx)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use tokio::io::AsyncWriteExt as _;

    #[tokio::test]
    async fn the_first_byte_has_a_limit_and_silence_another() {
        let (first_byte, idle) = (Duration::from_secs(10), Duration::from_secs(120));
        let before = Instant::now();
        let activity = Activity::begin();
        let closes_at = activity.closes_at(first_byte, idle);
        assert!((before + first_byte..=Instant::now() + first_byte).contains(&closes_at));
        let (near, _far) = tokio::io::duplex(64);
        let mut stream = Measured {
            stream: near,
            activity: Arc::clone(&activity),
        };
        stream.write_all(b"x").await.unwrap();
        let closes_at = activity.closes_at(first_byte, idle);
        // Kept in milliseconds, at least one.
        let latest = Instant::now() + idle + Duration::from_millis(1);
        assert!((before + idle..=latest).contains(&closes_at));
    }
}
