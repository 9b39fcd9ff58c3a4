#!/usr/bin/env bash
# ib_async 2.1.0: an order that TWS refuses with 321 is active for ever.
#
# An order with a field that TWS cannot take, such as an unknown order type, is answered by error 321 with the order's id and nothing
# else: it never existed. ib_async counts 321 among the warnings about working orders. The trade is `ValidationError`, `isActive()` is
# true, `openTrades()` lists it, and a program that waits for the end of its orders waits for ever.
#
# Plays the server side of the text protocol (version 178) on loopback. The answer is the one of a recorded gateway.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check 'ib_async==2.1.0'
cat >"$folder/run.py" <<'PY'
import logging, socket, struct, threading
from ib_async import IB, Order, StartupFetchNONE, Stock

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
        send(4, 2, fields[1], 321, "Error validating request.-'bF' : cause - Invalid order type was entered", "")
    elif fields[0] == "5":
        send(53, 1)


threading.Thread(target=serve, args=(answer,), daemon=True).start()
ib = IB()
ib.connect("127.0.0.1", listener.getsockname()[1], clientId=1, fetchFields=StartupFetchNONE)
trade = ib.placeOrder(Stock("AAPL", "SMART", "USD"), Order(action="BUY", totalQuantity=100, orderType="LIMIT", lmtPrice=230, tif="DAY"))
while len(trade.log) < 2:
    ib.waitOnUpdate(1)
print("TWS lists", len(ib.reqOpenOrders()), "open orders, the client", len(ib.openTrades()), f"({trade.orderStatus.status})", end=", ")
print("active", trade.isActive(), "done", trade.isDone())
PY
seen=$(timeout 60 "$folder/venv/bin/python" "$folder/run.py")
echo "$seen"
[ "$seen" = 'TWS lists 0 open orders, the client 1 (ValidationError), active True done False' ]
