//! A client of the API made of frames by hand.

use std::net::SocketAddr;
use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use crate::schema::{SCHEMA, Side};
use crate::wire::{self, Fields, Value};

/// Nothing here takes longer than this.
const LIMIT: Duration = Duration::from_secs(10);

/// The client id of every recording.
pub(crate) const CLIENT_ID: i64 = 1;

#[derive(Debug)]
pub(crate) struct Peer {
    socket: TcpStream,
    /// A login tells the next id by itself.
    logging_in: bool,
}

impl Peer {
    /// Connects and agrees on a version; START_API is a line of the tables.
    pub(crate) async fn connect(address: SocketAddr) -> Self {
        let mut socket = TcpStream::connect(address).await.unwrap();
        let range = b"v100..226";
        let mut opening = b"API\0".to_vec();
        opening.extend_from_slice(&u32::try_from(range.len()).unwrap().to_be_bytes());
        opening.extend_from_slice(range);
        socket.write_all(&opening).await.unwrap();
        let mut peer = Self {
            socket,
            logging_in: false,
        };
        let answer = peer.frame().await;
        assert!(answer.iter().filter(|byte| **byte == 0).count() == 2);
        peer
    }

    pub(crate) async fn send(&mut self, word: &str, fields: &Fields) {
        let (number, message) = SCHEMA.message(Side::Client, word);
        let bytes = wire::frame(number, &wire::encode(message, fields));
        self.socket.write_all(&bytes).await.unwrap();
    }

    pub(crate) async fn start(&mut self) {
        let client = Fields::from([("clientId".to_owned(), Value::Int(CLIENT_ID))]);
        self.send("startApi", &client).await;
        self.logging_in = true;
    }

    /// Everything that was said up to now: up to the answer to a question that is asked behind it.
    pub(crate) async fn said(&mut self) -> Vec<(String, Fields)> {
        self.send(
            "reqIds",
            &Fields::from([("numIds".to_owned(), Value::Int(1))]),
        )
        .await;
        let mut said = Vec::new();
        loop {
            let frame = self.frame().await;
            let (number, body) = wire::unframe(&frame);
            let word = SCHEMA
                .word(Side::Server, number)
                .unwrap_or_else(|| panic!("message {number} is in no recording"));
            let (_, message) = SCHEMA.message(Side::Server, word);
            said.push((word.to_owned(), wire::decode(message, body)));
            if word == "nextValidId" && !std::mem::take(&mut self.logging_in) {
                break;
            }
        }
        said.pop();
        said
    }

    async fn frame(&mut self) -> Vec<u8> {
        let reading = async {
            let length = self.socket.read_u32().await.unwrap();
            let mut bytes = vec![0; length as usize];
            self.socket.read_exact(&mut bytes).await.unwrap();
            bytes
        };
        tokio::time::timeout(LIMIT, reading)
            .await
            .expect("an answer in time")
    }
}
