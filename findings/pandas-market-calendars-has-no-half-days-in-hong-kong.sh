#!/usr/bin/env bash
# pandas_market_calendars 5.5.0: the calendar of Hong Kong's exchange has no half days.
#
# On the eves of Christmas, of New Year and of the Lunar New Year the exchange closes at noon. exchange_calendars knows that; for the same
# days `HKEX` of pandas_market_calendars ends at 16:00, so a program that works an order to the close, or cancels before it, comes four
# hours late. The package has the right closes too, under `XHKG`, which it takes over from exchange_calendars.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check 'pandas_market_calendars==5.5.0' 'exchange_calendars==4.13.2' 'pandas==3.0.1'
cat >"$folder/run.py" <<'PY'
import exchange_calendars, pandas_market_calendars

other = exchange_calendars.get_calendar("XHKG", start="2026-01-01", end="2026-12-31")
for day in ("2026-02-16", "2026-12-24", "2026-12-31"):
    closes = [pandas_market_calendars.get_calendar(name).schedule(day, day).market_close.iloc[0] for name in ("HKEX", "XHKG")]
    closes.append(other.session_close(day))
    print(day, *(close.tz_convert("Asia/Hong_Kong").strftime("%H:%M") for close in closes))
PY
seen=$(timeout 120 "$folder/venv/bin/python" -W ignore "$folder/run.py")
echo "$seen"
[ "$seen" = '2026-02-16 16:00 12:00 12:00
2026-12-24 16:00 12:00 12:00
2026-12-31 16:00 12:00 12:00' ]
