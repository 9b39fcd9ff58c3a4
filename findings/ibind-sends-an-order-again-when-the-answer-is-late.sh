#!/usr/bin/env bash
# ibind 0.2.2: an order whose answer does not come in time is sent again, up to three times, and each is an order.
#
# `IbkrClient` repeats any request that times out or whose connection ends, the POST that places an order too, by default three times. It
# gives the order no id of its own (cOID) by which IB could know it again. So a gateway that took the order and answered after the ten
# seconds has two or more orders, and `place_order()` returns the last one as if it were the only one.
#
# Plays the Client Portal gateway on loopback: its first answer comes later than the client waits, here one second.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check 'ibind==0.2.2'
cat >"$folder/run.py" <<'PY'
import http.server, json, threading, time
from ibind import IbkrClient
from ibind.client.ibkr_utils import OrderRequest

orders = []


class Gateway(http.server.BaseHTTPRequestHandler):
    def do_POST(self):
        body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        orders.extend(body["orders"])
        answer = [{"order_id": str(987654320 + len(orders)), "order_status": "Submitted", "encrypt_message": "1"}]
        if len(orders) == 1:
            time.sleep(2)
        try:
            self.send_response(200)
            self.send_header("Content-Type", "application/json")
            self.end_headers()
            self.wfile.write(json.dumps(answer).encode())
        except OSError:
            pass

    def log_message(self, *arguments):
        pass


server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Gateway)
threading.Thread(target=server.serve_forever, daemon=True).start()
url = f"http://127.0.0.1:{server.server_port}/v1/api/"
client = IbkrClient(url=url, account_id="DU1234567", cacert=False, timeout=1)
order = OrderRequest(conid=265598, side="BUY", quantity=100, order_type="LMT", price=230, tif="DAY", acct_id="DU1234567")
result = client.place_order(order, {})
print("orders at the gateway", len(orders), "with cOID", sum("cOID" in order for order in orders), "returned", result.data["order_id"])
PY
seen=$(IBIND_LOG_TO_FILE=false IBIND_LOG_TO_CONSOLE=false IBIND_LOGS_DIR="$folder" timeout 60 "$folder/venv/bin/python" "$folder/run.py")
echo "$seen"
[ "$seen" = 'orders at the gateway 2 with cOID 0 returned 987654322' ]
