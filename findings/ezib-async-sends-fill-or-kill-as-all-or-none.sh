#!/usr/bin/env bash
# ezib_async 0.3.0.dev0: fill-or-kill is sent as all-or-none, which waits.
#
# `createOrder(fillorkill=True)` sets IB's all-or-none flag and leaves the time in force at DAY. A fill-or-kill order that cannot fill at once
# is gone; this one rests until the close and may fill when nobody expects it any more. IB's name for what was asked is the time in
# force FOK.
#
# Plays the server side of the text protocol (version 178) on loopback and reads both fields. The package needs Python 3.12.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python=python3
for newer in python3.12 python3.13; do
    "$newer" -c '' 2>/dev/null && python=$newer
done
"$python" -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check 'ezib_async==0.3.0.dev0' 'ib_async==2.1.0' 'pandas==3.0.1'
cat >"$folder/run.py" <<'PY'
import asyncio, logging, socket, struct, threading
from ezib_async import ezIBAsync
from ib_async import Stock

logging.disable(logging.CRITICAL)
listener = socket.create_server(("127.0.0.1", 0))
placed = []


def serve(answer):
    """The server side of a session of the text protocol, version 178: the login, then `answer(send, fields)` for each request."""
    peer, _ = listener.accept()
    stream = peer.makefile("rb")

    def send(*fields):
        body = "".join(f"{field}\0" for field in fields).encode()
        peer.sendall(struct.pack("!I", len(body)) + body)

    def receive():
        return stream.read(struct.unpack("!I", stream.read(4))[0]).decode().split("\0")

    try:
        stream.read(4)
        receive()
        send(178, "20260825 14:11:00 US/Eastern")
        receive()
        send(15, 1, "DU1234567")
        send(9, 1, 1)
        while True:
            answer(send, receive())
    except (OSError, struct.error):
        return


def answer(send, fields):
    number = fields[0]
    if number == "61":
        send(62, 1)
    elif number == "5":
        send(53, 1)
    elif number == "99":
        send(102)
    elif number == "7":
        send(55, 1, fields[2])
    elif number == "6":
        send(6, 2, "AccountCode", "DU1234567", "", "DU1234567")
        send(54, 1, "DU1234567")
    elif number == "3":
        placed.append((fields[21], fields[49]))


async def main():
    client = ezIBAsync(ibhost="127.0.0.1", ibport=listener.getsockname()[1], ibclient=1)
    await client.connectAsync()
    client.placeOrder(Stock("AAPL", "SMART", "USD"), client.createOrder(100, price=230, fillorkill=True))
    while not placed:
        await asyncio.sleep(0.1)
    print("time in force", placed[0][0], "all-or-none", placed[0][1])
    client.ib.disconnect()


threading.Thread(target=serve, args=(answer,), daemon=True).start()
asyncio.run(main())
PY
seen=$(timeout 60 "$folder/venv/bin/python" "$folder/run.py")
echo "$seen"
[ "$seen" = 'time in force DAY all-or-none 1' ]
