#!/usr/bin/env bash
# accfifo 0.2.0: the realised profit of a sale above cost is negative.
#
# `FIFO.profit_and_loss`, by its own words the realised profit and loss, sums what was paid less what was received: 40 shares bought at 10
# and sold at 12 are -80. The sign is turned for shorts too, so it looks consistent, and a test of one's own that checks the size alone
# passes. The rest and its cost are right.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check 'accfifo==0.2.0'
cat >"$folder/run.py" <<'PY'
from accfifo import Entry, FIFO

for fills in ([(100, 10), (-40, 12)], [(-100, 10), (40, 8)], [(100, 10), (-150, 12), (50, 11)]):
    books = FIFO([Entry(quantity, price) for quantity, price in fills])
    print(fills, "rest", books.stock, "at", books.avgcost, "profit", books.profit_and_loss)
PY
seen=$(timeout 60 "$folder/venv/bin/python" "$folder/run.py")
echo "$seen"
[ "$seen" = '[(100, 10), (-40, 12)] rest 60 at 10.0 profit -80
[(-100, 10), (40, 8)] rest -60 at 10.0 profit -80
[(100, 10), (-150, 12), (50, 11)] rest 0 at None profit -250' ]
