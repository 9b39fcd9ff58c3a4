#!/usr/bin/env bash
# Runs IB's own Python client against the simulator, in an environment of its own for each package that brings one: the whole list
# with each. With the newest also for each older server version at which the form of a message changed, as the clients of that time
# speak. The packages are only run here, never shipped.
#
#     tests/outside/ib_python_client.sh [path of the ibkr-orders binary]
set -euo pipefail
cd "$(dirname "$0")/../.."
binary=$(realpath "${1:-target/debug/ibkr-orders}")
source tests/outside/environment.sh

list() {
    "$environments/$1/bin/python" tests/outside/ib_python_client.py --binary "$binary" "${@:2}"
}

failed=0
environment ib-10.45 'ibapi-stable==10.45.1' 'protobuf==5.29.5'
environment ib-10.46 'nautilus-ibapi==10.46.1' 'protobuf==5.29.5'
environment ib-10.50 'ibapi-stable==10.50.2' 'protobuf==7.36.2'
environment ib-10.51 'ibapi-latest==10.51.1' 'protobuf==7.36.2'
for made in ib-10.45 ib-10.46 ib-10.50 ib-10.51; do
    echo "--- $made"
    list "$made" || failed=1
done

# Where the text of a message changed, up to 200; where a family of messages became protobuf, from 201.
versions="157 158 160 162 163 164 166 169 170 176 177 178 182 183 184 185 186 187 189 190 191 192 193 194 195 197 198 199 200 201
    202 203 204 205 207 211 212"
export -f list
export environments binary
echo "--- server versions $(echo $versions)"
if ! printf '%s\n' $versions | xargs -P 4 -I{} bash -c \
    'told=$(list ib-10.51 --version {} 2>&1) || { echo "--- version {}"; echo "$told" | grep -v "^ok"; exit 1; }'; then
    failed=1
fi
exit "$failed"
