#!/usr/bin/env bash
# ezib_async 0.3.0.dev0: a limit price goes out rounded to cents whatever the tick of its contract is.
#
# `placeOrder()` rounds prices to the contract's `minTick`. It looks the contract up in a list as if it were a table by number, finds it
# never, even after `requestContractDetails()`, and takes 0.01. A limit of 1.08765 for EUR.USD, whose tick is 0.00005, is sent as 1.09:
# over the market, it fills at once.
#
# Plays the server side of the text protocol (version 178) on loopback. The package needs Python 3.12.
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
from ib_async import Forex

logging.disable(logging.CRITICAL)
listener = socket.create_server(("127.0.0.1", 0))
prices = []


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
    elif number == "9":
        details = ("EUR", "CASH", "", 0, "", "IDEALPRO", "USD", "EUR.USD", "EUR.USD", "EUR.USD", 12087792, 0.00005, "", "LMT,MKT",
                   "IDEALPRO", 1, 0, "European Monetary Union Euro", "", "", "", "", "", "US/Eastern", "20260825:1715-20260826:1700",
                   "20260825:1715-20260826:1700", "", 0, 0, 1, "", "", "239", "", "", 1000, 1000, 1000)
        send(10, fields[2], *details)
        send(52, 1, fields[2])
    elif number == "3":
        prices.append(fields[19])


async def main():
    client = ezIBAsync(ibhost="127.0.0.1", ibport=listener.getsockname()[1], ibclient=1)
    await client.connectAsync()
    contract = Forex("EURUSD")
    details = (await client.ib.reqContractDetailsAsync(contract))[0]
    await client.requestContractDetails(contract)
    client.placeOrder(contract, client.createOrder(20000, price=1.08765))
    while not prices:
        await asyncio.sleep(0.1)
    print("tick", details.minTick, "asked 1.08765 sent", *prices)
    client.ib.disconnect()


threading.Thread(target=serve, args=(answer,), daemon=True).start()
asyncio.run(main())
PY
seen=$(timeout 60 "$folder/venv/bin/python" "$folder/run.py")
echo "$seen"
[ "$seen" = 'tick 5e-05 asked 1.08765 sent 1.09' ]
