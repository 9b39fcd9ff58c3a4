//! One socket: a half that reads requests, a half that writes what the exchange says.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::net::tcp::{OwnedReadHalf, OwnedWriteHalf};
use tokio::sync::mpsc;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use super::codec::decode_request;
use super::config::agree_on_version;
use super::frame::FrameReader;
use super::message::Request;
use super::server::Input;
use super::session::ConnectionId;
use super::text;

/// Pieces that may wait to be written; bytes have a limit of their own.
const PIECES_MAX: usize = 8192;
/// How long a peer may take to read one piece before it is dropped.
const WRITE_STALL_MAX: Duration = Duration::from_secs(30);
/// Read at once.
const READ_BYTES: usize = 64 << 10;

#[derive(Clone, Copy, Debug)]
pub(crate) struct Limits {
    pub(crate) frame_bytes_max: usize,
    pub(crate) handshake: Duration,
    pub(crate) server_version_max: i32,
}

/// The exchange's end of a connection.
#[derive(Debug)]
pub(crate) struct Outbox {
    pieces: mpsc::Sender<Piece>,
    waiting_bytes: Arc<AtomicUsize>,
    stop_reading: CancellationToken,
    kill: CancellationToken,
}

/// The socket's end.
#[derive(Debug)]
pub(crate) struct Ends {
    pieces: mpsc::Receiver<Piece>,
    waiting_bytes: Arc<AtomicUsize>,
    stop_reading: CancellationToken,
    kill: CancellationToken,
}

#[derive(Debug)]
struct Piece {
    bytes: Vec<u8>,
    due: Option<Instant>,
}

/// Both ends of a new connection. `stop` ends it with the simulator.
pub(crate) fn outbox(stop: CancellationToken) -> (Outbox, Ends) {
    let (sender, receiver) = mpsc::channel(PIECES_MAX);
    let waiting_bytes = Arc::new(AtomicUsize::new(0));
    let kill = stop;
    let stop_reading = kill.child_token();
    let outbox = Outbox {
        pieces: sender,
        waiting_bytes: waiting_bytes.clone(),
        stop_reading: stop_reading.clone(),
        kill: kill.clone(),
    };
    (
        outbox,
        Ends {
            pieces: receiver,
            waiting_bytes,
            stop_reading,
            kill,
        },
    )
}

impl Outbox {
    /// Queues bytes. False when the peer has let too much wait.
    pub(crate) fn send(&self, bytes: Vec<u8>, latency: Duration, bytes_max: usize) -> bool {
        let size = bytes.len();
        if self.waiting_bytes.fetch_add(size, Ordering::Relaxed) + size > bytes_max {
            return false;
        }
        let due = (!latency.is_zero()).then(|| Instant::now() + latency);
        self.pieces.try_send(Piece { bytes, due }).is_ok()
    }

    /// What is queued is written, then the connection closes.
    pub(crate) fn finish(&self) {
        self.stop_reading.cancel();
    }

    /// The connection closes now.
    pub(crate) fn kill(&self) {
        self.kill.cancel();
    }
}

/// Serves a socket to its end, and says so.
pub(crate) async fn serve(
    socket: TcpStream,
    connection: ConnectionId,
    ends: Ends,
    limits: Limits,
    inputs: mpsc::Sender<Input>,
) {
    if let Err(error) = socket.set_nodelay(true) {
        tracing::debug!(%error, "the socket does not take TCP_NODELAY");
    }
    let Ends {
        pieces,
        waiting_bytes,
        stop_reading,
        kill,
    } = ends;
    let (reader, writer) = socket.into_split();
    let writing = tokio::spawn(write(writer, pieces, waiting_bytes, kill.clone()));
    let reason = tokio::select! {
        () = stop_reading.cancelled() => "closed by the simulator".to_owned(),
        reason = read(reader, connection, limits, &inputs) => reason,
    };
    tracing::debug!(connection, reason, "connection ended");
    // The exchange may be gone with the simulator; then nobody needs to know.
    let _stopped = inputs.send(Input::Ended { connection }).await;
    if writing.await.is_err() {
        tracing::warn!(connection, "the writing half failed");
    }
}

/// Reads until the peer leaves or says something that cannot be; gives the reason.
async fn read(
    mut reader: OwnedReadHalf,
    connection: ConnectionId,
    limits: Limits,
    inputs: &mpsc::Sender<Input>,
) -> String {
    let mut frames = FrameReader::new(limits.frame_bytes_max);
    let mut bytes = vec![0; READ_BYTES];
    // Agreed on with the client; the exchange agrees on the same, and closes the connection when there is none.
    let mut version: Option<i32> = None;
    let deadline = Instant::now() + limits.handshake;
    loop {
        let reading = reader.read(&mut bytes);
        let read = if version.is_some() {
            reading.await
        } else {
            match tokio::time::timeout_at(deadline, reading).await {
                Ok(read) => read,
                Err(_) => return "it did not introduce itself in time".to_owned(),
            }
        };
        match read {
            Ok(0) => return "closed by the peer".to_owned(),
            Ok(count) => frames.push(&bytes[..count]),
            Err(error) => return error.to_string(),
        }
        if version.is_none() {
            match frames.hello() {
                Ok(Some(hello)) => {
                    let ours = limits.server_version_max;
                    let agreed = agree_on_version(&hello, ours).unwrap_or(ours);
                    version = Some(agreed);
                    if agreed < text::BINARY_NUMBERS {
                        frames.read_text_numbers();
                    }
                    if inputs
                        .send(Input::Hello { connection, hello })
                        .await
                        .is_err()
                    {
                        return "the simulator has stopped".to_owned();
                    }
                }
                Ok(None) => continue,
                Err(error) => return error.to_string(),
            }
        }
        let speaks = version.unwrap_or(limits.server_version_max);
        let mut requests: Vec<Request> = Vec::new();
        let broken = loop {
            match frames.next_frame() {
                Ok(Some(frame)) => requests.push(decode_request(&frame, speaks)),
                Ok(None) => break None,
                Err(error) => break Some(error),
            }
        };
        if !requests.is_empty()
            && inputs
                .send(Input::Requests {
                    connection,
                    requests,
                })
                .await
                .is_err()
        {
            return "the simulator has stopped".to_owned();
        }
        if let Some(error) = broken {
            return error.to_string();
        }
    }
}

/// Writes until the exchange lets go, the peer does not take it, or the connection is killed.
async fn write(
    mut writer: OwnedWriteHalf,
    mut pieces: mpsc::Receiver<Piece>,
    waiting_bytes: Arc<AtomicUsize>,
    kill: CancellationToken,
) {
    let all = async {
        while let Some(piece) = pieces.recv().await {
            if let Some(due) = piece.due {
                tokio::time::sleep_until(due).await;
            }
            let writing = tokio::time::timeout(WRITE_STALL_MAX, writer.write_all(&piece.bytes));
            if !matches!(writing.await, Ok(Ok(()))) {
                return;
            }
            waiting_bytes.fetch_sub(piece.bytes.len(), Ordering::Relaxed);
        }
        // The peer may have closed first.
        let _closed = writer.shutdown().await;
    };
    tokio::select! {
        () = kill.cancelled() => {}
        () = all => {}
    }
}
