#!/usr/bin/env bash
# ibapi-latest 10.51.1 and nautilus-ibapi 10.46.1: the second that is installed writes over the first, and taking one away breaks both.
#
# IB does not publish its Python client on PyPI; those who do give it different names, and each installs the import package `ibapi`. With
# both installed pip reports no conflict, and `import ibapi` is whichever came last, while the metadata of the other says that its
# version is there. Uninstalling the last one removes the files of both: pip still lists the other, and it cannot be imported.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check 'ibapi-latest==10.51.1' 'protobuf==5.29.5'
cat >"$folder/run.py" <<'PY'
import importlib.metadata, subprocess, sys


def pip(*arguments):
    subprocess.run([sys.executable, "-m", "pip", "--quiet", "--disable-pip-version-check", *arguments], check=True)


def version():
    code = "import ibapi, ibapi.client; print(ibapi.get_version_string() if hasattr(ibapi, 'get_version_string') else ibapi.VERSION)"
    return subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)


first = version().stdout.strip()
pip("install", "--no-deps", "nautilus-ibapi==10.46.1")
second = version().stdout.strip()
listed = importlib.metadata.version("ibapi-latest")
pip("uninstall", "--yes", "nautilus-ibapi")
third = version()
print(f"first {first}, then {second} while ibapi-latest is listed as {listed}, then {third.stderr.strip().splitlines()[-1]}")
PY
seen=$(timeout 180 "$folder/venv/bin/python" "$folder/run.py")
echo "$seen"
[ "$seen" = 'first 10.51.01, then 10.46.1 while ibapi-latest is listed as 10.51.1, then ModuleNotFoundError: No module named '"'"'ibapi.client'"'"'' ]
