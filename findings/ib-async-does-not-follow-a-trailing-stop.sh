#!/usr/bin/env bash
# ib_async 2.1.0: a trailing stop that TWS moves stays where it was.
#
# While an order trails the market TWS sends openOrder again and again with the moved stop in trailStopPrice, and no orderStatus. Of
# such a frame ib_async takes six fields into the order it knows (permanent id, quantity, limit, aux price, type, reference): the stop
# of the `Trade` is the one it was placed with, also after `reqOpenOrders()`. Only a session that has not seen the order shows where
# its stop is.
#
# Plays the server side of the text protocol (version 178) on loopback: a stop that rises from 220 to 225.5.
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


def open_order(send, id, kind, status, limit=0.0, aux=0.0, trail_stop="", quantity=100):
    """openOrder as TWS writes it at version 178: an order of 100 AAPL for the day, most fields empty or zero."""
    contract = (265598, "AAPL", "STK", "", 0, "?", "", "SMART", "USD", "AAPL", "NMS")
    order = ("SELL", quantity, kind, limit, aux, "DAY", "", "DU1234567", "", 0, "", 1, 9001, 0, 0, 0, "", "", "", "", "", "", "", 0, "", "")
    institution = (0, "", -1, 0, "", "", "", "", "", "", 0, 0, 0, "", 3, 0, 0, "", 0, 0)
    volatility = ("", 0, "None", "", 0, "", "", "", "?", 0, 0, "", 0, 0)
    trail = (trail_stop, "", "", "", "", 0, 0, 0, "", "", "", "", 0, "", "IB", 0, 0, "", 0)
    unset = "1.7976931348623157E308"
    state = (0, status, *(unset,) * 9, "", "", "", "", "", 0, 0, 0)
    adjusted = ("None", unset, trail_stop, unset, unset, unset, unset, 0, "", "", "", 0, 0, 0, 0, 0, "", "", 0, "", "", "", "", "")
    send(5, id, *contract, *order, *institution, *volatility, *trail, *state, *adjusted)


def answer(send, fields):
    if fields[0] == "61":
        send(62, 1)
    elif fields[0] == "3":
        open_order(send, 1, "TRAIL", "PreSubmitted", aux=5.0, trail_stop=220.0)
        send(3, 1, "PreSubmitted", 0, 100, 0, 9001, 0, 0, 1, "trigger", 0)
    elif fields[0] == "5":
        open_order(send, 1, "TRAIL", "PreSubmitted", aux=5.0, trail_stop=225.5)
        send(53, 1)


def session():
    threading.Thread(target=serve, args=(answer,), daemon=True).start()
    ib = IB()
    ib.connect("127.0.0.1", listener.getsockname()[1], clientId=1, fetchFields=StartupFetchNONE)
    return ib


ib = session()
trail = Order(action="SELL", totalQuantity=100, orderType="TRAIL", auxPrice=5.0, trailStopPrice=220.0, tif="DAY")
trade = ib.placeOrder(Stock("AAPL", "SMART", "USD"), trail)
while trade.orderStatus.status != "PreSubmitted":
    ib.waitOnUpdate(1)
known = ib.reqOpenOrders()[0].order.trailStopPrice
ib.disconnect()
print("known", known, "another session", session().reqOpenOrders()[0].order.trailStopPrice)
PY
seen=$(timeout 60 "$folder/venv/bin/python" "$folder/run.py")
echo "$seen"
[ "$seen" = 'known 220.0 another session 225.5' ]
