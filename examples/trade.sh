#!/bin/sh
# Checks an order, places it, follows it to its end and prints what it cost. Runs on the built-in simulator unless told otherwise:
#
#   examples/trade.sh examples/orders/market.json
#   DOOR="--ib-port 7497" examples/trade.sh order.json
#
# IBKR_ORDERS: the program (default: ibkr-orders on the PATH). DOOR: where to (default: --simulate).
# Needs jq. Exits 0 when the order filled.
set -eu

order=${1:?usage: trade.sh ORDER.json}
program=${IBKR_ORDERS:-ibkr-orders}
door=${DOOR:---simulate}
# A name for this run of the script: the same order twice is two orders, the same command twice is one.
request=trade-$$-$(date +%s)

# Each command prints one JSON document on stdout and says on stderr what people may want to know.
# shellcheck disable=SC2086 # the door is words
if ! "$program" validate --json-file "$order" $door >/dev/null; then
    echo "the order is not valid; this is why:" >&2
    "$program" validate --json-file "$order" $door | jq -r '.errors[] | "  \(.loc | join(".")): \(.msg)"' >&2
    exit 1
fi

# shellcheck disable=SC2086
placed=$("$program" place --json-file "$order" --transmit --request-id "$request" $door) || {
    printf '%s\n' "$placed" | jq -r '.error // .state.last_error // .errors' >&2
    exit 1
}
id=$(printf '%s\n' "$placed" | jq .order_id)
echo "order $id is on its way" >&2

# shellcheck disable=SC2086
"$program" watch --order-id "$id" --max-wait 60 $door >/dev/null
# shellcheck disable=SC2086
"$program" get --order-id "$id" $door |
    jq '{order_id: .order.order_id, status: .order.status, filled: .order.filled, average: .order.avg_fill_price, commission: .order.commission}' |
    tee /dev/stderr | jq -e '.status == "FILLED"' >/dev/null
