#!/usr/bin/env bash
# pandas_market_calendars 5.5.0: on Christmas Eve options trade for three hours after their shares have closed.
#
# When NYSE closes at 13:00 the options on its shares close with it. The package's `CBOE_Equity_Options` and `CBOE_Index_Options` know
# that for the day after Thanksgiving, not for 24 December, where its own `NYSE` closes early: an exit that is planned for the last
# minutes of an option's session is never traded.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check 'pandas_market_calendars==5.5.0' 'exchange_calendars==4.13.2' 'pandas==3.0.1'
cat >"$folder/run.py" <<'PY'
import pandas_market_calendars

for day in ("2025-11-28", "2025-12-24", "2026-12-24"):
    closes = []
    for name in ("NYSE", "CBOE_Equity_Options", "CBOE_Index_Options"):
        close = pandas_market_calendars.get_calendar(name).schedule(day, day).market_close.iloc[0]
        closes.append(f"{name} {close.tz_convert('America/New_York'):%H:%M}")
    print(day, *closes)
PY
seen=$(timeout 120 "$folder/venv/bin/python" -W ignore "$folder/run.py")
echo "$seen"
[ "$seen" = '2025-11-28 NYSE 13:00 CBOE_Equity_Options 13:00 CBOE_Index_Options 13:15
2025-12-24 NYSE 13:00 CBOE_Equity_Options 16:00 CBOE_Index_Options 16:15
2026-12-24 NYSE 13:00 CBOE_Equity_Options 16:00 CBOE_Index_Options 16:15' ]
