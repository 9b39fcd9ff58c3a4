#!/bin/sh
# Checks an order, places it, follows it to its end and shows what became of it. Runs on the built-in simulator unless told otherwise:
#
#   examples/trade.sh examples/orders/mkt_buy_aapl.json
#   DOOR="--ib-port 7497" examples/trade.sh order.json
#   DOOR="--server http://127.0.0.1:50051" examples/trade.sh order.json
#
# IBKR_ORDERS: the program (default: ibkr-orders on the PATH). DOOR: where to (default: --simulate).
# Exits 0 when the order came to an end.
set -eu

order=${1:?usage: trade.sh ORDER.json}
program=${IBKR_ORDERS:-ibkr-orders}
door=${DOOR:---simulate}
# Names this run of the script: should the place below be repeated, it still makes one order.
request=trade-$$-$(date +%s)

# Every command prints one JSON document on stdout, tells people what they may want to know on stderr, and exits with 1 when the
# operation failed. $door is several words.
# shellcheck disable=SC2086
if ! checked=$("$program" validate --json-file "$order" $door); then
    echo "the order is not valid: $checked" >&2
    exit 1
fi
# shellcheck disable=SC2086
if ! placed=$("$program" place --json-file "$order" --transmit --request-id "$request" $door); then
    echo "the order was not placed, or TWS rejected it: $placed" >&2
    exit 1
fi
# A program would read the JSON; for one number a pattern does.
id=$(printf '%s\n' "$placed" | sed -n 's/^{"submitted":true,"dry_run":false,"order_id":\([0-9]*\),.*/\1/p')
echo "order $id is on its way" >&2

# shellcheck disable=SC2086
"$program" watch --order-id "$id" --max-wait 60 $door >/dev/null
# shellcheck disable=SC2086
"$program" get --order-id "$id" --output table $door
