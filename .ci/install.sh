# shellcheck shell=bash
# Sourced by the scripts here: installs what they need, by package name, into target/ci or with apt-get. Every install is
# bounded in time and repeated only when something changed.

# python_tools: a virtual environment of .ci/requirements.txt, first on PATH.
python_tools() {
    local directory=$PWD/target/ci/python
    if ! cmp -s .ci/requirements.txt "$directory/installed.txt"; then
        rm -rf "$directory"
        timeout 60 python3 -m venv "$directory"
        timeout 240 "$directory/bin/pip" install --quiet --disable-pip-version-check -r .ci/requirements.txt
        cp .ci/requirements.txt "$directory/installed.txt"
    fi
    PATH=$directory/bin:$PATH
}

# debian_packages NAME...: what is not there yet, without starting a service.
debian_packages() {
    local missing=()
    local name
    for name in "$@"; do
        dpkg-query -W -f '${Status}' "$name" 2>/dev/null | grep -q 'install ok installed' || missing+=("$name")
    done
    ((${#missing[@]})) || return 0
    export DEBIAN_FRONTEND=noninteractive RUNLEVEL=1
    timeout 120 apt-get -qq -o DPkg::Lock::Timeout=60 update
    timeout 240 apt-get -qq -o DPkg::Lock::Timeout=60 install -y --no-install-recommends "${missing[@]}" \
        >target/ci/apt.log 2>&1 || { tail -n 20 target/ci/apt.log; return 1; }
}

# gateway_binary: IBKR_ORDERS_BIN as an absolute path, built when it is the default and missing.
gateway_binary() {
    if [[ -z ${IBKR_ORDERS_BIN:-} ]]; then
        cargo build --quiet
        IBKR_ORDERS_BIN=target/debug/ibkr-orders
    fi
    IBKR_ORDERS_BIN=$(realpath "$IBKR_ORDERS_BIN")
    export IBKR_ORDERS_BIN
}
