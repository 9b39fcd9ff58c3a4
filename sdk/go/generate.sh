#!/bin/sh
# Compiles the schema into ordersv1/, under a path of its own: two files called orders.proto in one Go program panic.
set -eu
cd "$(dirname "$0")"
scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT
mkdir -p "$scratch/ibkr/orders/v1" ordersv1
cp ../../proto/orders.proto "$scratch/ibkr/orders/v1/"
package='Mibkr/orders/v1/orders.proto=ibkrorders/ordersv1;ordersv1'
protoc -I"$scratch" --go_out=. --go_opt="$package" --go_opt=module=ibkrorders \
    --go-grpc_out=. --go-grpc_opt="$package" --go-grpc_opt=module=ibkrorders ibkr/orders/v1/orders.proto
