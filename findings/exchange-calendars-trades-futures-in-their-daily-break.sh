#!/usr/bin/env bash
# exchange_calendars 4.13.2: the futures of CME trade round the clock; the hour in which they do not is missing.
#
# CME's index futures stop each day from 16:00 to 17:00 in Chicago, and a DAY order ends with that stop. `CMES` has sessions of 24 hours
# and no break: at 16:30 the market is open, and the close, against which a program times its last orders, is an hour late.
# `CME_Equity` of pandas_market_calendars closes the same sessions at 16:00.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check 'pandas_market_calendars==5.5.0' 'exchange_calendars==4.13.2' 'pandas==3.0.1'
cat >"$folder/run.py" <<'PY'
import exchange_calendars, pandas, pandas_market_calendars

day = "2026-08-25"
calendar = exchange_calendars.get_calendar("CMES", start="2026-01-01", end="2026-12-31")
other = pandas_market_calendars.get_calendar("CME_Equity").schedule(day, day).market_close.iloc[0]
chicago = "America/Chicago"
print("CMES closes", calendar.session_close(day).tz_convert(chicago).strftime("%H:%M"), end=", ")
print("is open at 16:30", calendar.is_open_on_minute(pandas.Timestamp(f"{day} 16:30", tz=chicago).tz_convert("UTC")), end=", ")
print("CME_Equity closes", other.tz_convert(chicago).strftime("%H:%M"))
PY
seen=$(timeout 120 "$folder/venv/bin/python" -W ignore "$folder/run.py")
echo "$seen"
[ "$seen" = 'CMES closes 17:00, is open at 16:30 True, CME_Equity closes 16:00' ]
