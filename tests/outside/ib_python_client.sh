#!/usr/bin/env bash
# Runs IB's own Python client against the simulator, in an environment of its own for each package that brings one:
# the whole list with ibapi-stable, connect and fill with nautilus-ibapi. The packages are only run here, never shipped.
#
#     tests/outside/ib_python_client.sh [path of the ibkr-orders binary]
set -euo pipefail
cd "$(dirname "$0")/../.."
binary=$(realpath "${1:-target/debug/ibkr-orders}")
environments=target/outside
mkdir -p "$environments"

# environment NAME PACKAGE==VERSION...: an environment with the packages, made once.
environment() {
    local made=$environments/$1
    shift
    if [ "$(cat "$made/packages" 2>/dev/null)" != "$*" ]; then
        python3 -m venv "$made"
        "$made/bin/pip" install --quiet --disable-pip-version-check "$@"
        echo "$*" >"$made/packages"
    fi
}

failed=0
environment ib 'ibapi-stable==10.50.2' 'protobuf==7.36.2'
"$environments/ib/bin/python" tests/outside/ib_python_client.py --binary "$binary" || failed=1
environment nautilus 'nautilus-ibapi==10.46.1' 'protobuf==5.29.5'
"$environments/nautilus/bin/python" tests/outside/ib_python_client.py --short --binary "$binary" || failed=1
exit "$failed"
