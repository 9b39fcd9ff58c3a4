#!/usr/bin/env bash
# @stoqey/ib 1.6.10: an order written as a plain object is not transmitted, the same order made with its class is.
#
# `transmit` is an optional field of `Order`, and IB's own clients set it. `LimitOrder` sets it too; an object literal, which TypeScript
# accepts as an `Order`, sends an empty field in its place. An order without transmit is staged: TWS keeps it to itself and says nothing,
# no status and no error, and after a restart of TWS it is gone.
#
# Plays the server side of the text protocol (version 193) on loopback and reads the field of both orders.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
echo '{"private": true}' >package.json
npm install --silent --no-audit --no-fund '@stoqey/ib@1.6.10'
cat >run.js <<'JS'
const net = require("node:net");
const { EventName, IBApi, LimitOrder } = require("@stoqey/ib");

function frame(...fields) {
    const body = Buffer.from(fields.map((field) => `${field}\0`).join(""));
    const length = Buffer.alloc(4);
    length.writeUInt32BE(body.length);
    return Buffer.concat([length, body]);
}

const PLACE_ORDER = "3";
const TRANSMIT = 27; // The field after the order reference.
const told = [];

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
            } else if (fields[0] === PLACE_ORDER) {
                told.push(`${fields[TRANSMIT - 1]} "${fields[TRANSMIT]}"`);
                if (told.length === 2) {
                    console.log(`transmit of ${told.join(", of ")}`);
                    process.exit(0);
                }
            }
        }
    });
    peer.on("error", () => {});
});

server.listen(0, "127.0.0.1", () => {
    const ib = new IBApi({ host: "127.0.0.1", port: server.address().port, clientId: 1 });
    const contract = { conId: 265598, symbol: "AAPL", secType: "STK", exchange: "SMART", currency: "USD" };
    ib.once(EventName.nextValidId, () => {
        const made = new LimitOrder("BUY", 230.25, 100);
        made.tif = "DAY";
        made.orderRef = "class";
        ib.placeOrder(1, contract, made);
        ib.placeOrder(2, contract, {
            action: "BUY", orderType: "LMT", lmtPrice: 230.25, totalQuantity: 100, tif: "DAY", orderRef: "object",
        });
    });
    ib.connect();
});
JS
seen=$(timeout 60 node run.js)
echo "$seen"
[ "$seen" = 'transmit of class "1", of object ""' ]
