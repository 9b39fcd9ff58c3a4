#!/usr/bin/env bash
# ibapi 5.5.0 (crate): with fifty open orders a login succeeds without accounts, and the next order id is 0.
#
# TWS sends a client's open orders first when it logs in, an openOrder and an orderStatus each, and only then the accounts and the next
# order id. The crate reads a hundred messages for the two and goes on without them: `connect` answers Ok,
# `handshake_managed_accounts()` is empty, and `next_order_id()` gives 0, which TWS refuses. Asked for afterwards, both are there.
#
# Plays the server side of version 225 on loopback: fifty-one open orders, accounts, next id 1001. Needs cargo; builds the crate.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
mkdir "$folder/src"
cat >"$folder/Cargo.toml" <<'TOML'
[package]
name = "finding"
version = "0.0.0"
edition = "2024"

[dependencies]
ibapi = "=5.5.0"
tokio = { version = "1", features = ["full"] }

[profile.dev]
debug = false
TOML
cat >"$folder/src/main.rs" <<'RS'
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

fn text(tag: u8, value: &str) -> Vec<u8> {
    [&[tag << 3 | 2, value.len() as u8][..], value.as_bytes()].concat()
}

fn number(tag: u8, value: u16) -> Vec<u8> {
    vec![tag << 3, (value & 0x7f) as u8 | 0x80, (value >> 7) as u8]
}

fn inner(tag: u8, body: &[Vec<u8>]) -> Vec<u8> {
    let body = body.concat();
    [&[tag << 3 | 2, body.len() as u8][..], &body].concat()
}

async fn send(peer: &mut TcpStream, kind: u32, body: &[Vec<u8>]) {
    let body = body.concat();
    let length = (body.len() as u32 + 4).to_be_bytes();
    let frame = [&length[..], &(kind + 200).to_be_bytes(), &body].concat();
    peer.write_all(&frame).await.unwrap();
}

async fn receive(peer: &mut TcpStream) -> u32 {
    let mut frame = vec![0; peer.read_u32().await.unwrap() as usize];
    peer.read_exact(&mut frame).await.unwrap();
    u32::from_be_bytes(frame[..4].try_into().unwrap()) - 200
}

async fn serve(listener: TcpListener) {
    let (mut peer, _) = listener.accept().await.unwrap();
    let mut range = [0; 17];
    peer.read_exact(&mut range).await.unwrap();
    peer.write_all(b"\0\0\0\x21225\x0020260825 14:11:00 US/Eastern\0").await.unwrap();
    assert_eq!(receive(&mut peer).await, 71);
    for id in 900..951 {
        let contract = inner(2, &[text(2, "AAPL"), text(3, "STK")]);
        let order = inner(3, &[number(1, 1), number(2, id), text(5, "BUY"), text(6, "1"), text(8, "MKT"), text(11, "DAY")]);
        send(&mut peer, 5, &[number(1, id), contract, order, inner(4, &[text(1, "PreSubmitted")])]).await;
        let status = [number(1, id), text(2, "PreSubmitted"), text(3, "0"), text(4, "1"), number(9, 1)];
        send(&mut peer, 3, &status).await;
    }
    send(&mut peer, 53, &[]).await;
    send(&mut peer, 15, &[text(1, "DU1234567")]).await;
    send(&mut peer, 9, &[number(1, 1001)]).await;
    while receive(&mut peer).await == 8 {
        send(&mut peer, 9, &[number(1, 1001)]).await;
    }
}

#[tokio::main]
async fn main() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap().to_string();
    tokio::spawn(serve(listener));
    let client = ibapi::Client::connect(&address, 1).await.unwrap();
    let (accounts, id) = (client.handshake_managed_accounts().to_vec(), client.next_order_id());
    println!("accounts {accounts:?}, order id {id}, asked for {}", client.next_valid_order_id().await.unwrap());
}
RS
cd "$folder"
CARGO_TARGET_DIR=$folder/target cargo build --quiet
seen=$(timeout 60 target/debug/finding)
echo "$seen"
[ "$seen" = 'accounts [], order id 0, asked for 1001' ]
