#!/usr/bin/env bash
# ib_async 2.1.0: an execution and its correction are both counted.
#
# When an exchange corrects an execution, TWS reports it again under the same execution id but for the number after the last dot, and
# the second report takes the place of the first. ib_async tells executions apart by their whole id: a fill of 100 that is corrected to
# 90 is two fills, `Trade.filled()` says 190 of 100, and `Trade.remaining()` is negative.
#
# Plays the server side of the text protocol (version 178) on loopback.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check 'ib_async==2.1.0'
cat >"$folder/run.py" <<'PY'
import logging, socket, struct, threading
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
    def execution(id, shares):
        contract = (265598, "AAPL", "STK", "", 0, "?", "", "NASDAQ", "USD", "AAPL", "NMS")
        send(11, -1, fields[1], *contract, id, "20260825 14:11:30 US/Eastern", "DU1234567", "NASDAQ", "BOT", shares, 230.01, 9001, 1,
             0, shares, 230.01, "", "", "", "", 2, 0)

    if fields[0] == "61":
        send(62, 1)
    elif fields[0] == "3":
        execution("0000e0d5.6740e7b5.01.01", 100)
        execution("0000e0d5.6740e7b5.01.02", 90)


threading.Thread(target=serve, args=(answer,), daemon=True).start()
ib = IB()
ib.connect("127.0.0.1", listener.getsockname()[1], clientId=1, fetchFields=StartupFetchNONE)
trade = ib.placeOrder(Stock("AAPL", "SMART", "USD"), MarketOrder("BUY", 100, tif="DAY"))
while len(trade.fills) < 2:
    ib.waitOnUpdate(1)
print("fills", len(trade.fills), "filled", trade.filled(), "remaining", trade.remaining())
PY
seen=$(timeout 60 "$folder/venv/bin/python" "$folder/run.py")
echo "$seen"
[ "$seen" = 'fills 2 filled 190.0 remaining -90.0' ]
