#!/usr/bin/env bash
# ibapi 10.51.1 (IB's Python client): what a program leaves empty in an order is sent as text, and is left out in protobuf.
#
# `Order.tif` is empty unless a program sets it. Towards a server of version 200 the client sends an empty field, which TWS fills in from
# its presets; towards 226 it sends no field, which TWS refuses (10052, "Invalid time in force:Empty"). The same program, another
# TWS: its orders stop working without a change of either.
#
# Has the client write the same order for both versions and looks at what it wrote.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check 'ibapi-latest==10.51.1' 'protobuf==7.36.2'
cat >"$folder/run.py" <<'PY'
from decimal import Decimal
from ibapi.client import EClient
from ibapi.contract import Contract
from ibapi.order import Order
from ibapi.protobuf.PlaceOrderRequest_pb2 import PlaceOrderRequest
from ibapi.wrapper import EWrapper


class Wire:
    def isConnected(self):
        return True

    def sendMsg(self, message):
        self.sent = message


def sent(version):
    client = EClient(EWrapper())
    client.conn, client.serverVersion_ = Wire(), version
    client.setConnState(EClient.CONNECTED)
    contract, order = Contract(), Order()
    contract.symbol, contract.secType, contract.exchange, contract.currency = "AAPL", "STK", "SMART", "USD"
    order.action, order.orderType, order.totalQuantity = "BUY", "MKT", Decimal(1)
    client.placeOrder(1, contract, order)
    return client.conn.sent


fields = sent(200)[4:].split(b"\0")
after_type = fields[fields.index(b"MKT") + 3]
order = PlaceOrderRequest.FromString(sent(226)[8:]).order
print("text", "empty" if after_type == b"" else after_type, "protobuf", order.tif if order.HasField("tif") else "absent")
PY
seen=$(timeout 60 "$folder/venv/bin/python" "$folder/run.py")
echo "$seen"
[ "$seen" = 'text empty protobuf absent' ]
