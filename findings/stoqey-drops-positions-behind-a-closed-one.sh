#!/usr/bin/env bash
# @stoqey/ib 1.6.10: when a position is closed, all positions listed after it disappear.
#
# `IBApiNext.getPositions()` keeps a list of the account's positions and tells all of it with every change. TWS reports a position that
# was closed with size 0; the client then cuts its list off at that place instead of taking one entry out. Positions that are open
# are gone from `all`, and `removed` names the closed one only. They return one by one when their own sizes change.
#
# Plays the server side of the text protocol (version 193) on loopback: three positions, of which the first is closed.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
echo '{"private": true}' >package.json
npm install --silent --no-audit --no-fund '@stoqey/ib@1.6.10'
cat >run.js <<'JS'
const net = require("node:net");
const { IBApiNext } = require("@stoqey/ib");

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
                peer.write(Buffer.concat([position(1, "AAPL", 100), position(2, "MSFT", 50), position(3, "NVDA", 10), frame(62, 1)]));
                setTimeout(() => peer.write(position(1, "AAPL", 0)), 500);
            }
        }
    });
    peer.on("error", () => {});
});

server.listen(0, "127.0.0.1", () => {
    const ib = new IBApiNext({ host: "127.0.0.1", port: server.address().port });
    const names = (positions) => [...(positions?.values() ?? [])].flat().map((entry) => entry.contract.symbol).join(" ") || "none";
    ib.getPositions().subscribe((update) => {
        console.log(`all: ${names(update.all)}, removed: ${names(update.removed)}`);
        if (update.removed) process.exit(0);
    });
    ib.connect(1);
});
JS
seen=$(timeout 60 node run.js)
echo "$seen"
[ "$seen" = 'all: AAPL MSFT NVDA, removed: none
all: none, removed: AAPL' ]
