#!/usr/bin/env bash
# easyib 0.2.5: of two positions with one name the portfolio has the last.
#
# `get_portfolio()` files positions by IB's description of the contract, which for a share is its symbol. A share that is held on two
# exchanges, in euros and in dollars, is one entry: the size of the last row, no currency, and no sign that there was another. What is
# sold by it is the wrong number of the wrong contract.
#
# Plays the Client Portal gateway on loopback: a long position in euros, a short one in dollars.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check 'easyib==0.2.5' 'requests==2.34.2'
cat >"$folder/run.py" <<'PY'
import http.server, json, threading
import easyib

POSITIONS = [
    {"acctId": "DU1234567", "conid": 1, "contractDesc": "ASML", "position": 10.0, "currency": "EUR", "assetClass": "STK"},
    {"acctId": "DU1234567", "conid": 2, "contractDesc": "ASML", "position": -3.0, "currency": "USD", "assetClass": "STK"},
]


class Gateway(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        path = self.path.split("/")
        if path[-2] == "positions":
            answer = POSITIONS if path[-1] == "0" else []
        elif path[-1] == "ledger":
            answer = {"USD": {"cashbalance": 1000.0, "netliquidationvalue": 5000.0}}
        else:
            answer = [{"id": "DU1234567", "accountId": "DU1234567"}]
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.end_headers()
        self.wfile.write(json.dumps(answer).encode())

    def log_message(self, *arguments):
        pass


server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Gateway)
threading.Thread(target=server.serve_forever, daemon=True).start()
portfolio = easyib.REST(url=f"http://127.0.0.1:{server.server_port}").get_portfolio()
print(len(POSITIONS), "positions, told:", portfolio)
PY
seen=$(timeout 60 "$folder/venv/bin/python" "$folder/run.py")
echo "$seen"
[ "$seen" = "2 positions, told: {'ASML': -3.0, 'USD': 1000.0}" ]
