#!/usr/bin/env bash
# pandas_market_calendars 5.5.0: its calendars of Eurex disagree about whole days.
#
# Eurex does not trade on 24 and 31 December. `EUREX` has sessions on both, and the Monday off when Boxing Day falls on a Saturday, as
# London has; `EUREX_Bond` and `XEUR` (taken over from exchange_calendars) say the opposite for each of the three days. An order that is to
# end with the last session of the year gets the wrong day by the name one picks.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check 'pandas_market_calendars==5.5.0' 'exchange_calendars==4.13.2' 'pandas==3.0.1'
cat >"$folder/run.py" <<'PY'
import pandas_market_calendars

for name in ("EUREX", "EUREX_Bond", "XEUR"):
    days = pandas_market_calendars.get_calendar(name).schedule("2026-12-24", "2026-12-31").index
    print(name, *(day.strftime("%d") for day in days))
PY
seen=$(timeout 120 "$folder/venv/bin/python" -W ignore "$folder/run.py")
echo "$seen"
[ "$seen" = 'EUREX 24 29 30 31
EUREX_Bond 28 29 30
XEUR 28 29 30' ]
