#!/usr/bin/env bash
# @stoqey/ib 1.6.10: cancelling an order ends the subscription that has the order's number.
#
# TWS counts order ids for each client from 1, and `IBApiNext` its subscriptions, those without a number in the protocol too. An error frame
# with an order's id, as the 202 that confirms a cancel, is given to the subscription of the same number and ends it: the list of positions
# stands still from then on, with an error that says that an order was cancelled.
#
# Plays the server side of the text protocol (version 193) on loopback: order 1 is cancelled while subscription 1 is the positions.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
echo '{"private": true}' >package.json
npm install --silent --no-audit --no-fund '@stoqey/ib@1.6.10'
cat >run.js <<'JS'
const net = require("node:net");
const { IBApiNext, LimitOrder } = require("@stoqey/ib");

function frame(...fields) {
    const body = Buffer.from(fields.map((field) => `${field}\0`).join(""));
    const length = Buffer.alloc(4);
    length.writeUInt32BE(body.length);
    return Buffer.concat([length, body]);
}

function position(id, symbol, size) {
    return frame(61, 3, "DU1234567", id, symbol, "STK", "", 0, "", "", "NASDAQ", "USD", symbol, "NMS", size, size === 0 ? 0 : 230.01);
}

const server = net.createServer((peer) => {
    let unread = Buffer.alloc(0);
    let greeted = false;
    peer.on("data", (data) => {
        if (!greeted) {
            greeted = true;
            peer.write(frame(193, "20260825 14:11:00 US/Eastern"));
            return;
        }
        unread = Buffer.concat([unread, data]);
        while (unread.length >= 4 && unread.length >= 4 + unread.readUInt32BE(0)) {
            const end = 4 + unread.readUInt32BE(0);
            const fields = unread.subarray(4, end).toString().split("\0");
            unread = unread.subarray(end);
            if (fields[0] === "71") {
                peer.write(frame(15, 1, "DU1234567"));
                peer.write(frame(9, 1, 1));
            } else if (fields[0] === "61") {
                peer.write(Buffer.concat([position(1, "AAPL", 100), frame(62, 1)]));
            } else if (fields[0] === "4") {
                peer.write(frame(3, 1, "Cancelled", 0, 100, 0, 9001, 0, 0, 1, "", 0));
                peer.write(frame(4, 2, 1, 202, "Order Canceled - reason:", ""));
                setTimeout(() => peer.write(position(1, "AAPL", 200)), 500);
                setTimeout(() => { console.log("AAPL is 200 now"); process.exit(0); }, 1000);
            }
        }
    });
    peer.on("error", () => {});
});

server.listen(0, "127.0.0.1", () => {
    const ib = new IBApiNext({ host: "127.0.0.1", port: server.address().port });
    ib.getPositions().subscribe({
        next: ({ all }) => {
            console.log("AAPL", all.get("DU1234567")[0].pos);
            ib.placeOrder(1, { symbol: "AAPL", secType: "STK", exchange: "SMART", currency: "USD" }, new LimitOrder("BUY", 200, 100));
            ib.cancelOrder(1);
        },
        error: (problem) => console.log("positions end:", problem.code, problem.error.message),
    });
    ib.connect(1);
});
JS
seen=$(timeout 60 node run.js)
echo "$seen"
[ "$seen" = 'AAPL 100
positions end: 202 Order Canceled - reason:
AAPL is 200 now' ]
