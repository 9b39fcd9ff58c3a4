#!/usr/bin/env bash
# ib_async 2.1.0: an order whose replacement TWS refuses with 135 counts as cancelled, and works on.
#
# Codes that leave a working order alone are known to the client one by one (105, 110, 321, 329, 399 and some more); every other code
# under the id of an order ends it in the client's books. 135, the answer to a change of a bracket's child whose parent has filled, is
# none of them: the `Trade` says Cancelled and is missing from `openTrades()`, until TWS happens to report the order again. (The same
# happens with the notice 10349, for which see the client's issues 191 and 217.)
#
# Plays the server side of the text protocol (version 178) on loopback.
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


placed = []


def answer(send, fields):
    if fields[0] == "61":
        send(62, 1)
    elif fields[0] == "3":
        placed.append(fields[1])
        if len(placed) == 1:
            send(3, fields[1], "Submitted", 0, 100, 0, 9001, 0, 0, 1, "", 0)
        else:
            send(4, 2, fields[1], 135, "Can't find order with id =4", "")


threading.Thread(target=serve, args=(answer,), daemon=True).start()
ib = IB()
ib.connect("127.0.0.1", listener.getsockname()[1], clientId=1, fetchFields=StartupFetchNONE)
errors = []
ib.errorEvent += lambda id, code, text, contract: errors.append(code)
trade = ib.placeOrder(Stock("AAPL", "SMART", "USD"), LimitOrder("SELL", 100, 250.0, tif="DAY"))
while trade.orderStatus.status != "Submitted":
    ib.waitOnUpdate(1)
trade.order.lmtPrice = 251.0
ib.placeOrder(trade.contract, trade.order)
while 135 not in errors:
    ib.waitOnUpdate(1)
print(trade.orderStatus.status, "open trades", len(ib.openTrades()))
PY
seen=$(timeout 60 "$folder/venv/bin/python" "$folder/run.py")
echo "$seen"
[ "$seen" = 'Cancelled open trades 0' ]
