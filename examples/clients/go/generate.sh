#!/bin/sh
# Generates the stubs into gen/ordersv1.
set -eu
cd "$(dirname "$0")"
mkdir -p gen
package='Morders.proto=placeandwatch/gen/ordersv1;ordersv1'
protoc -I../../../proto --go_out=gen --go_opt="$package" --go_opt=module=placeandwatch/gen \
    --go-grpc_out=gen --go-grpc_opt="$package" --go-grpc_opt=module=placeandwatch/gen orders.proto
