#!/usr/bin/env bash
# Runs the clients that most people use, and that speak the text protocol, against the simulator: ib_async and @stoqey/ib,
# unchanged and from their registries. They are only run here, never shipped.
#
#     tests/outside/text_clients.sh [path of the ibkr-orders binary]
set -euo pipefail
cd "$(dirname "$0")/../.."
binary=$(realpath "${1:-target/debug/ibkr-orders}")
source tests/outside/environment.sh

failed=0
environment ib-async 'ib_async==2.1.0'
echo '--- ib_async'
"$environments/ib-async/bin/python" tests/outside/ib_async_client.py --binary "$binary" || failed=1
node_environment stoqey '@stoqey/ib@1.6.10'
echo '--- @stoqey/ib'
list=$PWD/tests/outside/stoqey_client.mjs
(cd "$environments/stoqey" && node "$list" "$binary") || failed=1
exit "$failed"
