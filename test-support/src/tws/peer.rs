//! A TWS that does what the test tells it.

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::time::timeout;

use super::frames;

pub use crate::waiting::LIMIT;

pub const PLACE_ORDER: i32 = 203;
pub const CANCEL_ORDER: i32 = 204;
pub const OPEN_ORDERS: i32 = 205;
pub const ACCOUNT_DATA: i32 = 206;
pub const EXECUTIONS: i32 = 207;
pub const IDS: i32 = 208;
pub const ALL_OPEN_ORDERS: i32 = 216;
pub const ACCOUNTS: i32 = 217;
pub const CURRENT_TIME: i32 = 249;
pub const POSITIONS: i32 = 261;
pub const ACCOUNT_SUMMARY: i32 = 262;
pub const START_API: i32 = 271;
pub const PNL: i32 = 292;
pub const COMPLETED_ORDERS: i32 = 299;

pub struct FakeTws {
    listener: TcpListener,
    pub port: u16,
}

impl FakeTws {
    pub async fn bind() -> Self {
        let listener = TcpListener::bind(("127.0.0.1", 0)).await.unwrap();
        Self::of(listener)
    }

    /// On a listener of the test's own.
    pub fn of(listener: TcpListener) -> Self {
        let port = listener.local_addr().unwrap().port();
        Self { listener, port }
    }

    pub async fn accept(&self) -> Peer {
        let (stream, _) = timeout(LIMIT, self.listener.accept())
            .await
            .expect("nobody connected")
            .unwrap();
        stream.set_nodelay(true).unwrap();
        Peer { stream }
    }

    /// Accepts a client, however long it takes to come.
    pub async fn accept_whenever(&self) -> Peer {
        let (stream, _) = self.listener.accept().await.unwrap();
        stream.set_nodelay(true).unwrap();
        Peer { stream }
    }

    /// Accepts a client and names a server version to it.
    pub async fn greeted(&self, version: i32) -> Peer {
        let mut peer = self.accept().await;
        peer.read_hello().await;
        peer.acknowledge(version).await;
        peer
    }

    /// Accepts a client and goes through the whole handshake.
    pub async fn session(&self) -> Peer {
        let mut peer = self.accept().await;
        peer.handshake().await;
        peer
    }
}

/// One request of the client.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Request {
    /// 200 more than the message type.
    pub id: i32,
    /// All of the frame, length and id included.
    pub bytes: Vec<u8>,
}

impl Request {
    /// The number in field 1, which starts every request that has one.
    pub fn number(&self) -> i64 {
        let body = &self.bytes[8..];
        assert_eq!(body[0], 0x08, "field 1 is no number");
        let mut value = 0u64;
        for (shift, byte) in (0..).step_by(7).zip(&body[1..]) {
            value |= u64::from(byte & 0x7f) << shift;
            if byte & 0x80 == 0 {
                break;
            }
        }
        value as i64
    }
}

pub struct Peer {
    pub stream: TcpStream,
}

impl Peer {
    /// Reads `API\0` and the version range.
    pub async fn read_hello(&mut self) {
        let mut prefix = [0; 8];
        self.read_exact(&mut prefix).await;
        assert_eq!(&prefix[..4], b"API\0");
        let mut range = vec![0; usize::from(prefix[7])];
        self.read_exact(&mut range).await;
        assert!(range.starts_with(b"v213.."), "{range:?}");
    }

    pub async fn acknowledge(&mut self, version: i32) {
        let text = format!("{version}\x0020261101 10:00:00 US/Eastern\x00");
        let mut bytes = (text.len() as u32).to_be_bytes().to_vec();
        bytes.extend(text.as_bytes());
        self.send(&bytes).await;
    }

    pub async fn handshake(&mut self) {
        self.read_hello().await;
        self.acknowledge(225).await;
        assert_eq!(self.request().await.id, START_API);
        self.send(&frames::managed_accounts("DU111,")).await;
        self.send(&frames::next_valid_id(90)).await;
    }

    pub async fn send(&mut self, bytes: &[u8]) {
        timeout(LIMIT, self.stream.write_all(bytes))
            .await
            .expect("the client does not read")
            .unwrap();
    }

    pub async fn request(&mut self) -> Request {
        let mut length = [0; 4];
        self.read_exact(&mut length).await;
        let mut bytes = length.to_vec();
        bytes.resize(4 + u32::from_be_bytes(length) as usize, 0);
        let (_, rest) = bytes.split_at_mut(4);
        timeout(LIMIT, self.stream.read_exact(rest))
            .await
            .expect("half a request")
            .unwrap();
        let id = i32::from_be_bytes(bytes[4..8].try_into().unwrap());
        Request { id, bytes }
    }

    /// The next request, which must be of this kind.
    pub async fn expect(&mut self, id: i32) -> Request {
        let request = self.request().await;
        assert_eq!(request.id, id, "{request:?}");
        request
    }

    /// Waits until the client has closed the connection.
    pub async fn closed(&mut self) {
        let mut rest = Vec::new();
        // A reset is an end as well.
        let _ = timeout(LIMIT, self.stream.read_to_end(&mut rest))
            .await
            .expect("the client did not close the connection");
    }

    async fn read_exact(&mut self, bytes: &mut [u8]) {
        timeout(LIMIT, self.stream.read_exact(bytes))
            .await
            .expect("the client sent nothing")
            .expect("the client closed the connection");
    }
}
