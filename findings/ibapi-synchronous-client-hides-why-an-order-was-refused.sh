#!/usr/bin/env bash
# ibapi 10.51.1 (IB's Python client): `TWSSyncWrapper.place_order_sync` answers a refused order with a timeout.
#
# TWS refuses many orders with an error under the order's id and no orderStatus (an unknown symbol 200, a price off the tick 110, an
# order type 321). The synchronous client waits for an orderStatus and nothing else: five seconds after the refusal it raises
# ResponseTimeout, which says that no response was received. The refusal lies in its dictionary `errors`.
#
# Plays the server side of version 226 on loopback, with the client's own message classes.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check 'ibapi-latest==10.51.1' 'protobuf==7.36.2'
cat >"$folder/run.py" <<'PY'
import logging, socket, struct, threading, time
from decimal import Decimal
from ibapi.contract import Contract
from ibapi.order import Order
from ibapi.protobuf.ErrorMessage_pb2 import ErrorMessage
from ibapi.protobuf.ManagedAccounts_pb2 import ManagedAccounts
from ibapi.protobuf.NextValidId_pb2 import NextValidId
from ibapi.protobuf.PlaceOrderRequest_pb2 import PlaceOrderRequest
from ibapi.sync_wrapper import ResponseTimeout, TWSSyncWrapper

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
            elif number == 3:
                time.sleep(1)
                id = PlaceOrderRequest.FromString(frame[4:]).orderId
                send(4, ErrorMessage(id=id, errorTime=0, errorCode=200, errorMsg="No security definition has been found for the request"))
    except (OSError, struct.error):
        return


threading.Thread(target=serve, daemon=True).start()
client = TWSSyncWrapper()
assert client.connect_and_start("127.0.0.1", listener.getsockname()[1], 1)
contract, order = Contract(), Order()
contract.symbol, contract.secType, contract.exchange, contract.currency = "ZZZZ", "STK", "SMART", "USD"
order.action, order.orderType, order.totalQuantity, order.tif = "BUY", "MKT", Decimal(1), "DAY"
started = time.monotonic()
try:
    client.place_order_sync(contract, order)
except ResponseTimeout as problem:
    seconds = round(time.monotonic() - started)
    print(f"{problem}; kept: {client.errors[order.orderId][0]['errorCode']}; after more than 4 s: {seconds > 4}")
client.disconnect()
PY
seen=$(timeout 60 "$folder/venv/bin/python" "$folder/run.py")
echo "$seen"
[ "$seen" = 'No response received for order_status request 1 within 5 seconds; kept: 200; after more than 4 s: True' ]
