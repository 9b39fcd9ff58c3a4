#!/usr/bin/env bash
# ib_async 2.1.0: an order is told as filled before its fills are there.
#
# TWS may send the status Filled before the execution, as it did for a limit order that was replaced by a market order. ib_async emits
# `filledEvent` at the status: a program that then reads size, price or commission from `trade.fills` finds none, and `Trade.filled()` is
# 0 for a filled order. `Trade.isDone()` is true at the same moment, so waiting for that does not help.
#
# Plays the server side of the text protocol (version 178) on loopback, in the order of a recorded gateway.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check 'ib_async==2.1.0'
cat >"$folder/run.py" <<'PY'
import logging, socket, struct, threading, time
from ib_async import IB, MarketOrder, StartupFetchNONE, Stock

logging.disable(logging.CRITICAL)
listener = socket.create_server(("127.0.0.1", 0))


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
    if fields[0] == "61":
        send(62, 1)
    elif fields[0] == "3":
        contract = (265598, "AAPL", "STK", "", 0, "?", "", "NASDAQ", "USD", "AAPL", "NMS")
        send(3, fields[1], "Filled", 100, 0, 230.01, 9001, 0, 230.01, 1, "", 0)
        time.sleep(0.5)
        send(11, -1, fields[1], *contract, "0000e0d5.6740e7b5.01.01", "20260825 14:11:30 US/Eastern", "DU1234567", "NASDAQ", "BOT", 100,
             230.01, 9001, 1, 0, 100, 230.01, "", "", "", "", 2, 0)


def tell(trade):
    print("status", trade.orderStatus.status, "done", trade.isDone(), "filled", trade.filled(), "fills", len(trade.fills))


threading.Thread(target=serve, args=(answer,), daemon=True).start()
ib = IB()
ib.connect("127.0.0.1", listener.getsockname()[1], clientId=1, fetchFields=StartupFetchNONE)
trade = ib.placeOrder(Stock("AAPL", "SMART", "USD"), MarketOrder("BUY", 100, tif="DAY"))
trade.filledEvent += tell
while not trade.fills:
    ib.waitOnUpdate(1)
tell(trade)
PY
seen=$(timeout 60 "$folder/venv/bin/python" "$folder/run.py")
echo "$seen"
[ "$seen" = 'status Filled done True filled 0 fills 0
status Filled done True filled 100.0 fills 1' ]
