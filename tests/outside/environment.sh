# Sourced: environments of other people's packages, each made once under target/outside.
environments=$PWD/target/outside
mkdir -p "$environments"

# environment NAME PACKAGE==VERSION...: a Python environment with the packages.
environment() {
    local made=$environments/$1
    shift
    if [ "$(cat "$made/packages" 2>/dev/null)" != "$*" ]; then
        python3 -m venv --clear "$made"
        "$made/bin/pip" install --quiet --disable-pip-version-check "$@"
        echo "$*" >"$made/packages"
    fi
}

# node_environment NAME PACKAGE@VERSION...: a folder with the packages under node_modules.
node_environment() {
    local made=$environments/$1
    shift
    if [ "$(cat "$made/packages" 2>/dev/null)" != "$*" ]; then
        rm -rf "$made"
        mkdir -p "$made"
        echo '{"private": true}' >"$made/package.json"
        npm install --prefix "$made" --silent --no-audit --no-fund "$@"
        echo "$*" >"$made/packages"
    fi
}
