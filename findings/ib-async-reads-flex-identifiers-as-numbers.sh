#!/usr/bin/env bash
# ib_async 2.1.0: what looks like a number in a Flex report becomes one: CUSIPs and order references are lost.
#
# `FlexReport.extract()` turns every attribute that Python's `float` accepts into a number unless `parseNumbers=False` says otherwise. The
# CUSIP of Apple loses its zero in front, that of Verisign, which has an E between digits, is 9.2e106, and the order references 0042 and
# 42 are one. Joined with a program's own records such a report finds the wrong order or none, without a word.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check 'ib_async==2.1.0'
cat >"$folder/report.xml" <<'XML'
<FlexQueryResponse queryName="trades" type="AF"><FlexStatements count="1">
<FlexStatement accountId="U1234567" fromDate="20260825" toDate="20260825" period="LastBusinessDay" whenGenerated="20260826;081500"><Trades>
<Trade accountId="U1234567" currency="USD" assetCategory="STK" symbol="AAPL" cusip="037833100" tradeID="812345671"
  ibExecID="0000e0d5.6740e7b5.01.01" orderReference="0042" dateTime="20260825;093005" quantity="100" tradePrice="230.01" notes="P"/>
<Trade accountId="U1234567" currency="USD" assetCategory="STK" symbol="VRSN" cusip="92343E102" tradeID="812345672"
  ibExecID="0000e0d5.6740e7b6.01.01" orderReference="42" dateTime="20260825;093005" quantity="100" tradePrice="270.5" notes=""/>
</Trades></FlexStatement></FlexStatements></FlexQueryResponse>
XML
cat >"$folder/run.py" <<'PY'
import sys
from ib_async import FlexReport

for trade in FlexReport(path=sys.argv[1]).extract("Trade"):
    print(trade.symbol, "cusip", repr(trade.cusip), "orderReference", repr(trade.orderReference))
PY
seen=$(timeout 60 "$folder/venv/bin/python" "$folder/run.py" "$folder/report.xml")
echo "$seen"
[ "$seen" = 'AAPL cusip 37833100 orderReference 42
VRSN cusip 9.2343e+106 orderReference 42' ]
