#!/usr/bin/env bash
# @stoqey/ib 1.6.10: a refused client id and a lost link to IB are no errors.
#
# What TWS says with id -1 the client tells as the event `info`, whatever its code: that the client id is in use (326, after which TWS
# closes the connection) and that TWS has lost its link to IB (1100, after which orders wait). A program that listens for `error`, as
# the client's first example does, hears of neither: of the first it sees a `disconnected`, of the second nothing.
#
# Plays the server side of the text protocol (version 193) on loopback.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
echo '{"private": true}' >package.json
npm install --silent --no-audit --no-fund '@stoqey/ib@1.6.10'
cat >run.js <<'JS'
const net = require("node:net");
const { EventName, IBApi } = require("@stoqey/ib");

function frame(...fields) {
    const body = Buffer.from(fields.map((field) => `${field}\0`).join(""));
    const length = Buffer.alloc(4);
    length.writeUInt32BE(body.length);
    return Buffer.concat([length, body]);
}

// Errors at version 193: number, version, id, code, text, details of a refused order.
const server = net.createServer((peer) => {
    let heard = 0;
    peer.on("data", () => {
        heard += 1;
        if (heard === 1) {
            peer.write(frame(193, "20260825 14:11:00 US/Eastern"));
        } else if (heard === 2) {
            peer.write(frame(15, 1, "DU1234567"));
            peer.write(frame(9, 1, 1));
            peer.write(frame(4, 2, -1, 1100, "Connectivity between IBKR and Trader Workstation has been lost.", ""));
            peer.write(frame(4, 2, -1, 326, "Unable to connect as the client id is already in use. Retry with a unique client id.", ""));
            peer.end();
        }
    });
    peer.on("error", () => {});
});

server.listen(0, "127.0.0.1", () => {
    const ib = new IBApi({ host: "127.0.0.1", port: server.address().port, clientId: 1 });
    const told = [];
    ib.on(EventName.error, (error, code) => told.push(`error ${code}`));
    ib.on(EventName.info, (message, code) => told.push(`info ${code}`));
    ib.on(EventName.disconnected, () => {
        console.log(told.join(", "), "and disconnected");
        process.exit(0);
    });
    ib.connect();
});
JS
seen=$(timeout 60 node run.js)
echo "$seen"
[ "$seen" = 'info 1100, info 326 and disconnected' ]
