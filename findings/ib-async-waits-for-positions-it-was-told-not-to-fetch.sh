#!/usr/bin/env bash
# ib_async 2.1.0: `connect(fetchFields=...)` without POSITIONS asks for the positions all the same, and waits for them.
#
# `StartupFetch` says what is fetched at the start of a session. Of its six flags POSITIONS is not looked at: with `StartupFetchNONE`
# the client sends reqPositions (61) and waits for its end. Where the answer does not come, the connect takes its whole timeout, and
# with `raiseSyncErrors` it fails.
#
# Plays the server side of the text protocol (version 178) on loopback; it answers nothing after the login.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check 'ib_async==2.1.0'
cat >"$folder/run.py" <<'PY'
import logging, socket, struct, threading
from ib_async import IB, StartupFetchNONE

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


asked = []
threading.Thread(target=serve, args=(lambda send, fields: asked.append(fields[0]),), daemon=True).start()
port = listener.getsockname()[1]
try:
    IB().connect("127.0.0.1", port, clientId=1, timeout=2, fetchFields=StartupFetchNONE, raiseSyncErrors=True)
    print("connected")
except ConnectionError as problem:
    print("asked", *asked, *problem.args[0])
PY
seen=$(timeout 60 "$folder/venv/bin/python" "$folder/run.py")
echo "$seen"
[ "$seen" = 'asked 61 positions request timed out' ]
