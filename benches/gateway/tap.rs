//! A relay between a client and a server that notes what passes: what one side really sent, seen by neither of them.

use std::net::SocketAddr;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Instant;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::tcp::{OwnedReadHalf, OwnedWriteHalf};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinSet;

/// Which way bytes went.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Way {
    ToServer,
    ToClient,
}

/// Bytes that arrived together.
#[derive(Clone)]
pub(crate) struct Piece {
    /// Counted from 0.
    pub(crate) connection: usize,
    pub(crate) way: Way,
    pub(crate) at: Instant,
    pub(crate) bytes: Vec<u8>,
}

/// Only two copying loops write to it, and whoever reads does so when they are done.
type Pieces = Arc<Mutex<Vec<Piece>>>;

/// The relay; it ends with this value.
pub(crate) struct Tap {
    pub(crate) address: SocketAddr,
    pieces: Pieces,
    _accepting: JoinSet<()>,
}

impl Tap {
    /// Relays every connection to `server`.
    pub(crate) async fn before(server: SocketAddr) -> std::io::Result<Self> {
        let listener = TcpListener::bind(("127.0.0.1", 0)).await?;
        let address = listener.local_addr()?;
        let pieces = Pieces::default();
        let mut accepting = JoinSet::new();
        accepting.spawn(accept(listener, server, pieces.clone()));
        Ok(Self {
            address,
            pieces,
            _accepting: accepting,
        })
    }

    /// What passed so far.
    pub(crate) fn pieces(&self) -> Vec<Piece> {
        self.pieces
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .clone()
    }

    /// Bytes that went this way so far.
    pub(crate) fn bytes(&self, way: Way) -> usize {
        let pieces = self.pieces.lock().unwrap_or_else(PoisonError::into_inner);
        let this_way = pieces.iter().filter(|piece| piece.way == way);
        this_way.map(|piece| piece.bytes.len()).sum()
    }
}

async fn accept(listener: TcpListener, server: SocketAddr, pieces: Pieces) {
    let mut relays = JoinSet::new();
    for connection in 0.. {
        let Ok((client, _)) = listener.accept().await else {
            return;
        };
        let Ok(server) = TcpStream::connect(server).await else {
            continue;
        };
        let _ = (client.set_nodelay(true), server.set_nodelay(true));
        let (from_client, to_client) = client.into_split();
        let (from_server, to_server) = server.into_split();
        for (way, from, to) in [
            (Way::ToServer, from_client, to_server),
            (Way::ToClient, from_server, to_client),
        ] {
            relays.spawn(copy(from, to, connection, way, pieces.clone()));
        }
    }
}

async fn copy(
    mut from: OwnedReadHalf,
    mut to: OwnedWriteHalf,
    connection: usize,
    way: Way,
    pieces: Pieces,
) {
    let mut buffer = vec![0; 64 << 10];
    while let Ok(count @ 1..) = from.read(&mut buffer).await {
        let bytes = buffer[..count].to_vec();
        let piece = Piece {
            connection,
            way,
            at: Instant::now(),
            bytes,
        };
        pieces
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .push(piece);
        if to.write_all(&buffer[..count]).await.is_err() {
            return;
        }
    }
    let _ = to.shutdown().await;
}
