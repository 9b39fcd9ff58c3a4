#!/usr/bin/env bash
# ib_async 2.1.0: execution times that TWS writes in UTC are read as times of the machine's zone.
#
# TWS can be told to send times in UTC; it then writes them with a dash and without a zone (20260825-18:11:30). ib_async reads such a time
# as local, here New York's, and converts it to UTC: every fill is four hours late, after the close of its exchange. With a zone in the
# text (20260825 14:11:30 US/Eastern) the same moment is read rightly.
#
# Plays the server side of the text protocol (version 178) on loopback: one execution in each form.
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


def answer(send, fields):
    contract = (265598, "AAPL", "STK", "", 0, "?", "", "NASDAQ", "USD", "AAPL", "NMS")

    def execution(id, time):
        send(11, fields[2], 1, *contract, id, time, "DU1234567", "NASDAQ", "BOT", 100, 230.01, 9001, 1, 0, 100, 230.01, "", "", "", "",
             2, 0)

    if fields[0] == "61":
        send(62, 1)
    elif fields[0] == "7":
        execution("0000e0d5.6740e7b5.01.01", "20260825 14:11:30 US/Eastern")
        execution("0000e0d5.6740e7b6.01.01", "20260825-18:11:30")
        send(55, 1, fields[2])


threading.Thread(target=serve, args=(answer,), daemon=True).start()
ib = IB()
ib.connect("127.0.0.1", listener.getsockname()[1], clientId=1, fetchFields=StartupFetchNONE)
for fill in ib.reqExecutions(ExecutionFilter()):
    print(fill.execution.execId, fill.execution.time)
PY
seen=$(TZ=America/New_York timeout 60 "$folder/venv/bin/python" "$folder/run.py")
echo "$seen"
[ "$seen" = '0000e0d5.6740e7b5.01.01 2026-08-25 18:11:30+00:00
0000e0d5.6740e7b6.01.01 2026-08-25 22:11:30+00:00' ]
