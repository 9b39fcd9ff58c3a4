#!/usr/bin/env bash
# ibapi 10.51.1 (IB's Python client): a commission report without a realised profit says 0.0 or 1.7976931348623157e+308, by server version.
#
# A fill that opens a position realises nothing. In the text protocol (up to server version 210) TWS writes the largest double for that,
# and the client hands it on; in protobuf the field is absent, and the client makes 0.0 of it. So the check for the largest double
# that programs carry from earlier versions finds nothing any more, and a profit of nothing cannot be told from none.
#
# Gives the client's decoder one report in both forms.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check 'ibapi-latest==10.51.1' 'protobuf==7.36.2'
cat >"$folder/run.py" <<'PY'
from ibapi.decoder import Decoder
from ibapi.protobuf.CommissionAndFeesReport_pb2 import CommissionAndFeesReport
from ibapi.wrapper import EWrapper


class Wrapper(EWrapper):
    def commissionAndFeesReport(self, report):
        seen.append(report.realizedPNL)


seen = []
largest = b"1.7976931348623157E308"
text = [b"1", b"0000e0d5.6740e7b5.01.01", b"1.0", b"USD", largest, largest, b""]
Decoder(Wrapper(), 200).processCommissionAndFeesReportMsg(iter(text))
report = CommissionAndFeesReport(execId="0000e0d5.6740e7b5.01.01", commissionAndFees=1.0, currency="USD")
Decoder(Wrapper(), 226).processCommissionAndFeesReportMsgProtoBuf(report.SerializeToString())
print("text", seen[0], "protobuf", seen[1])
PY
seen=$(timeout 60 "$folder/venv/bin/python" "$folder/run.py")
echo "$seen"
[ "$seen" = 'text 1.7976931348623157e+308 protobuf 0.0' ]
