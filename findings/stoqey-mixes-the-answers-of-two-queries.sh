#!/usr/bin/env bash
# @stoqey/ib 1.6.10: two queries for executions at the same time get each other's rows.
#
# `IBApiNext.getExecutionDetails()` adds every execution that arrives to every query that is open, whatever request it answers. Asked for
# two accounts at once, as `Promise.all` does, each answer has the rows of both filters, and sums that are made of it count the shares of
# the other account.
#
# Plays the server side of the text protocol (version 193) on loopback: one execution for each of the two accounts.
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

function execution(request, account, id) {
    return frame(11, request, 1, 265598, "AAPL", "STK", "", 0, "", "", "NASDAQ", "USD", "AAPL", "NMS", id, "20260825 14:11:30 US/Eastern",
        account, "NASDAQ", "BOT", 100, 230.01, 9001, 1, 0, 100, 230.01, "", "", "", "", 2, 0);
}

const queries = [];

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
                peer.write(frame(15, 1, "DU1234567,DU7654321"));
                peer.write(frame(9, 1, 1));
            } else if (fields[0] === "7") {
                queries.push(fields[2]);
                if (queries.length === 2) {
                    const [first, second] = queries;
                    peer.write(Buffer.concat([
                        execution(first, "DU1234567", "0000e0d5.6740e7b5.01.01"), execution(second, "DU7654321", "0000e0d5.6740e7b6.01.01"),
                        frame(55, 1, first), frame(55, 1, second),
                    ]));
                }
            }
        }
    });
    peer.on("error", () => {});
});

server.listen(0, "127.0.0.1", () => {
    const ib = new IBApiNext({ host: "127.0.0.1", port: server.address().port });
    ib.connect(1);
    const accounts = ["DU1234567", "DU7654321"];
    Promise.all(accounts.map((acctCode) => ib.getExecutionDetails({ acctCode }))).then((answers) => {
        answers.forEach((rows, index) => console.log(accounts[index], "got", rows.map((row) => row.execution.acctNumber).join(" ")));
        process.exit(0);
    });
});
JS
seen=$(timeout 60 node run.js)
echo "$seen"
[ "$seen" = 'DU1234567 got DU1234567 DU7654321
DU7654321 got DU1234567 DU7654321' ]
