#!/usr/bin/env bash
# ib_async 2.1.0: cancelling the order of another client cancels one's own of the same number.
#
# `reqAllOpenOrders()` lists the orders of all clients, each with its client id. `cancelOrder()` takes such an order and sends its number,
# which TWS reads as a number of the client that sent it. Numbers are counted for each client, so there may be an order of one's own under
# it: that is the one that ends. The trade that was to be cancelled is `PendingCancel`, and works on.
#
# Plays the server side of the text protocol (version 178) on loopback: order 1 of client 1, and order 1 of client 2.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check 'ib_async==2.1.0'
cat >"$folder/run.py" <<'PY'
import logging, socket, struct, threading
from ib_async import IB, LimitOrder, StartupFetchNONE, Stock

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


def open_order(send, client, permanent):
    """openOrder as TWS writes it at version 178: order 1 of a client, 100 AAPL for the day, most fields empty or zero."""
    contract = (265598, "AAPL", "STK", "", 0, "?", "", "SMART", "USD", "AAPL", "NMS")
    order = ("BUY", 100, "LMT", 200, 0.0, "DAY", "", "DU1234567", "", 0, "", client, permanent, 0, 0, 0, "", "", "", "", "", "", "", 0, "", "")
    institution = (0, "", -1, 0, "", "", "", "", "", "", 0, 0, 0, "", 3, 0, 0, "", 0, 0)
    volatility = ("", 0, "None", "", 0, "", "", "", "?", 0, 0, "", 0, 0)
    trail = ("", "", "", "", "", 0, 0, 0, "", "", "", "", 0, "", "IB", 0, 0, "", 0)
    unset = "1.7976931348623157E308"
    state = (0, "Submitted", *(unset,) * 9, "", "", "", "", "", 0, 0, 0)
    adjusted = ("None", unset, "", unset, unset, unset, unset, 0, "", "", "", 0, 0, 0, 0, 0, "", "", 0, "", "", "", "", "")
    send(5, 1, *contract, *order, *institution, *volatility, *trail, *state, *adjusted)


def status(send, client, permanent, name):
    send(3, 1, name, 0, 100, 0, permanent, 0, 0, client, "", 0)


def answer(send, fields):
    if fields[0] == "61":
        send(62, 1)
    elif fields[0] == "3":
        open_order(send, 1, 9001)
        status(send, 1, 9001, "Submitted")
    elif fields[0] == "16":
        for client, permanent in ((1, 9001), (2, 9002)):
            open_order(send, client, permanent)
            status(send, client, permanent, "Submitted")
        send(53, 1)
    elif fields[0] == "4":
        assert fields[2] == "1"
        status(send, 1, 9001, "Cancelled")
        send(4, 2, 1, 202, "Order Canceled - reason:", "")


threading.Thread(target=serve, args=(answer,), daemon=True).start()
ib = IB()
ib.connect("127.0.0.1", listener.getsockname()[1], clientId=1, fetchFields=StartupFetchNONE)
own = ib.placeOrder(Stock("AAPL", "SMART", "USD"), LimitOrder("BUY", 100, 200, tif="DAY"))
while own.orderStatus.status != "Submitted":
    ib.waitOnUpdate(1)
other = next(trade for trade in ib.reqAllOpenOrders() if trade.order.clientId == 2)
ib.cancelOrder(other.order)
while not own.isDone():
    ib.waitOnUpdate(1)
print("asked to cancel: client", other.order.clientId, other.orderStatus.status, "own:", own.orderStatus.status)
PY
seen=$(timeout 60 "$folder/venv/bin/python" "$folder/run.py")
echo "$seen"
[ "$seen" = 'asked to cancel: client 2 PendingCancel own: Cancelled' ]
