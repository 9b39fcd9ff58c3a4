#!/usr/bin/env bash
# ib_async 2.1.0: told that a Flex report is not ready yet, it takes that answer for the report, and there were no trades.
#
# IB makes a Flex report on request and answers with a notice (status Warn, code 1019) until it is done. `FlexReport.download()` looks for
# an older form of that notice, does not find it, and is done after its first question. No error is raised: `extract("Trade")` is empty as
# on a day without trades.
#
# Plays IB's Flex Web Service (version 3) on loopback: the report is there at the second question, which is never asked.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check 'ib_async==2.1.0'
cat >"$folder/run.py" <<'PY'
import http.server, logging, os, threading
from ib_async import FlexReport

logging.disable(logging.CRITICAL)
NOTICE = """<FlexStatementResponse timestamp="26 August, 2026 08:15 AM EDT"><Status>Warn</Status><ErrorCode>1019</ErrorCode>
<ErrorMessage>Statement generation in progress. Please try again shortly.</ErrorMessage></FlexStatementResponse>"""
REPORT = """<FlexQueryResponse queryName="trades" type="AF"><FlexStatements count="1"><FlexStatement accountId="U1234567"><Trades>
<Trade symbol="AAPL" quantity="100" tradePrice="230.01"/></Trades></FlexStatement></FlexStatements></FlexQueryResponse>"""
asked = []


class Service(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        if self.path.startswith("/SendRequest"):
            url = f"http://127.0.0.1:{self.server.server_port}/GetStatement"
            body = f"""<FlexStatementResponse timestamp="26 August, 2026 08:15 AM EDT"><Status>Success</Status>
<ReferenceCode>1234567890</ReferenceCode><Url>{url}</Url></FlexStatementResponse>"""
        else:
            asked.append(self.path)
            body = NOTICE if len(asked) == 1 else REPORT
        self.send_response(200)
        self.send_header("Content-Type", "text/xml")
        self.end_headers()
        self.wfile.write(body.encode())

    def log_message(self, *arguments):
        pass


server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Service)
threading.Thread(target=server.serve_forever, daemon=True).start()
os.environ["IB_FLEXREPORT_URL"] = f"http://127.0.0.1:{server.server_port}/SendRequest?"
report = FlexReport(token="123456789012345678901234", queryId="123456")
print("asked", len(asked), "time, root", report.root.tag, "trades", report.extract("Trade"))
PY
seen=$(timeout 60 "$folder/venv/bin/python" "$folder/run.py")
echo "$seen"
[ "$seen" = 'asked 1 time, root FlexStatementResponse trades []' ]
