#!/usr/bin/env bash
# ibapi 10.51.1 (IB's Python client): `TWSSyncWrapper.get_account_summary` keeps one of the currencies.
#
# With the tag $LEDGER:ALL TWS answers a row of each figure for each currency of the account and one for their sum (BASE). The synchronous
# client files rows by account and tag alone, so each row takes the place of the one before, and what is returned as the cash of the
# account is that of the currency that came last.
#
# Plays the server side of version 226 on loopback, with the client's own message classes.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check 'ibapi-latest==10.51.1' 'protobuf==7.36.2'
cat >"$folder/run.py" <<'PY'
import logging, socket, struct, threading, time
from ibapi.protobuf.AccountSummary_pb2 import AccountSummary
from ibapi.protobuf.AccountSummaryEnd_pb2 import AccountSummaryEnd
from ibapi.protobuf.AccountSummaryRequest_pb2 import AccountSummaryRequest
from ibapi.protobuf.ManagedAccounts_pb2 import ManagedAccounts
from ibapi.protobuf.NextValidId_pb2 import NextValidId
from ibapi.sync_wrapper import TWSSyncWrapper

logging.disable(logging.CRITICAL)
listener = socket.create_server(("127.0.0.1", 0))


def serve():
    peer, _ = listener.accept()
    stream = peer.makefile("rb")

    def send(number, message):
        body = struct.pack("!i", number + 200) + message.SerializeToString()
        peer.sendall(struct.pack("!I", len(body)) + body)

    def receive():
        return stream.read(struct.unpack("!I", stream.read(4))[0])

    try:
        stream.read(4)
        receive()
        hello = b"226\x0020260825 14:11:00 US/Eastern\0"
        peer.sendall(struct.pack("!I", len(hello)) + hello)
        while True:
            frame = receive()
            number = struct.unpack("!i", frame[:4])[0] - 200
            if number == 71:
                send(15, ManagedAccounts(accountsList="DU1234567"))
                send(9, NextValidId(orderId=1))
            elif number == 8:
                # Later than at once, so that the client waits already.
                time.sleep(1)
                send(9, NextValidId(orderId=1))
            elif number == 62:
                time.sleep(1)
                id = AccountSummaryRequest.FromString(frame[4:]).reqId
                for value, currency in (("250000.00", "EUR"), ("-1200.50", "USD"), ("248969.91", "BASE"), ("0.00", "CHF")):
                    send(63, AccountSummary(reqId=id, account="DU1234567", tag="CashBalance", value=value, currency=currency))
                send(64, AccountSummaryEnd(reqId=id))
    except (OSError, struct.error):
        return


threading.Thread(target=serve, daemon=True).start()
client = TWSSyncWrapper()
assert client.connect_and_start("127.0.0.1", listener.getsockname()[1], 1)
print(client.get_account_summary("$LEDGER:ALL"))
client.disconnect()
PY
seen=$(timeout 60 "$folder/venv/bin/python" "$folder/run.py")
echo "$seen"
[ "$seen" = "{'DU1234567': {'CashBalance': {'value': '0.00', 'currency': 'CHF'}}}" ]
