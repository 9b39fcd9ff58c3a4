#!/usr/bin/env bash
# grpc-web 2.1.1: a stream that a proxy cut short has ended; the half of a message at its end is dropped.
#
# A gRPC-Web stream ends with a frame of trailers that says how. When a proxy in front of the service gives up (idle time-out, restart) and
# closes the response in order, that frame is missing. The client then tells `end` and no `error`; that no `status` came before it is all that
# shows the difference. A page that watches orders believes that it has seen all of them. @connectrpc/connect-web 2.3.0 fails the same
# stream.
#
# Plays the service on loopback: one whole message, and the first eight bytes of the next.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
echo '{"private": true, "type": "module"}' >package.json
npm install --silent --no-audit --no-fund 'grpc-web@2.1.1' 'xhr2@0.2.1' '@connectrpc/connect@2.3.0' '@connectrpc/connect-web@2.3.0' \
    '@bufbuild/protobuf@2.17.0'
cat >run.js <<'JS'
import http from "node:http";
import { create, toBinary } from "@bufbuild/protobuf";
import { EmptySchema, StringValueSchema } from "@bufbuild/protobuf/wkt";
import { createGrpcWebTransport } from "@connectrpc/connect-web";
import grpcWeb from "grpc-web";
import xhr2 from "xhr2";

globalThis.XMLHttpRequest = xhr2;

function frame(value) {
    const body = Buffer.from(toBinary(StringValueSchema, create(StringValueSchema, { value })));
    const head = Buffer.alloc(5);
    head.writeUInt32BE(body.length, 1);
    return Buffer.concat([head, body]);
}

// The text form, which grpc-web needs for streams, is the same in base64.
const server = http.createServer((request, response) => {
    const type = request.headers["content-type"];
    const encode = (bytes) => (type.includes("text") ? bytes.toString("base64") : bytes);
    response.writeHead(200, { "content-type": type });
    response.write(encode(frame("order 1 filled")));
    setTimeout(() => response.end(encode(frame("order 2 filled").subarray(0, 8))), 200);
});
await new Promise((listening) => server.listen(0, "127.0.0.1", listening));
const url = `http://127.0.0.1:${server.address().port}`;

const descriptor = new grpcWeb.MethodDescriptor("/orders.Orders/Watch", grpcWeb.MethodType.SERVER_STREAMING, Object, Object,
    () => new Uint8Array(), (bytes) => bytes.length);
const told = [];
await new Promise((ended) => {
    const client = new grpcWeb.GrpcWebClientBase({ format: "text" });
    const stream = client.serverStreaming(`${url}/orders.Orders/Watch`, {}, {}, descriptor);
    for (const event of ["data", "status", "error", "end"]) stream.on(event, () => told.push(event));
    stream.on("end", ended);
});
console.log("grpc-web:", told.join(", "));

const method = {
    kind: "rpc", name: "Watch", localName: "watch", methodKind: "server_streaming", input: EmptySchema, output: StringValueSchema,
    parent: { typeName: "orders.Orders" },
};
const heard = [];
try {
    const transport = createGrpcWebTransport({ baseUrl: url });
    const requests = (async function* () { yield create(EmptySchema); })();
    const stream = await transport.stream(method, undefined, undefined, undefined, requests);
    for await (const _ of stream.message) heard.push("data");
    heard.push("end");
} catch (error) {
    heard.push(`error (${error.message})`);
}
console.log("connect-web:", heard.join(", "));
process.exit(0);
JS
seen=$(timeout 60 node run.js)
echo "$seen"
[ "$seen" = 'grpc-web: data, end
connect-web: data, error ([invalid_argument] protocol error: incomplete envelope)' ]
