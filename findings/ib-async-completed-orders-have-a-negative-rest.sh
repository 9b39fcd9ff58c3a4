#!/usr/bin/env bash
# ib_async 2.1.0: a filled order that comes from `reqCompletedOrders()` has a negative rest.
#
# In a row of completed orders TWS gives as total quantity what was left unfilled: 0 for a filled one. ib_async takes it for the size of
# the order. When the executions of the order are fetched too, they are added to it, and `Trade.remaining()` is minus what filled.
#
# Plays the server side of the text protocol (version 178) on loopback: one order of 100 that filled, its row and its execution.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check 'ib_async==2.1.0'
cat >"$folder/run.py" <<'PY'
import logging, socket, struct, threading
from ib_async import ExecutionFilter, IB, StartupFetchNONE

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


CONTRACT = (265598, "AAPL", "STK", "", 0, "?", "", "SMART", "USD", "AAPL", "NMS")
UNSET = "1.7976931348623157E308"


def answer(send, fields):
    if fields[0] == "61":
        send(62, 1)
    elif fields[0] == "99":
        order = ("BUY", 0, "MKT", 0.0, 0.0, "DAY", "", "DU1234567", "", 0, "", 9001, 0, 0, 0, "", "", "", "", "", "", 0, "", "")
        institution = (0, "", -1, "", "", "", "", "", 2147483647, 0, 0, "", 3, 0, "", 0, "None", "", 0, 0, 0, "", 0, 0)
        trail = ("", "", "", 0, 0, 0, 2147483647, 2147483647, "", "", "", "IB", 0, 0, "", 0, "Filled", 0, 0, 0, UNSET, UNSET, 0, 1, 0)
        end = ("", 100, 2147483647, 0, "Not an insider or substantial shareholder", 0, 0, 0, "20260825 14:11:30 US/Eastern",
               "Filled Size: 100", "", "", "", "", "")
        send(101, *CONTRACT, *order, *institution, *trail, *end)
        send(102)
    elif fields[0] == "7":
        send(11, fields[2], 1, *CONTRACT, "0000e0d5.6740e7b5.01.01", "20260825 14:11:30 US/Eastern", "DU1234567", "NASDAQ", "BOT", 100,
             230.01, 9001, 1, 0, 100, 230.01, "", "", "", "", 2, 0)
        send(55, 1, fields[2])


threading.Thread(target=serve, args=(answer,), daemon=True).start()
ib = IB()
ib.connect("127.0.0.1", listener.getsockname()[1], clientId=1, fetchFields=StartupFetchNONE)
trade = ib.reqCompletedOrders(apiOnly=False)[0]
ib.reqExecutions(ExecutionFilter())
print(trade.orderStatus.status, "filled", trade.filled(), "remaining", trade.remaining())
PY
seen=$(timeout 60 "$folder/venv/bin/python" "$folder/run.py")
echo "$seen"
[ "$seen" = 'Filled filled 100.0 remaining -100.0' ]
