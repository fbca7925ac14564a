#!/bin/sh
# Prints the first Python of 3.11 or later on PATH. BRIDGE_PYTHON=/path/to/python names one.
# The checkout's own .venv does not count, even where it is activated: it may have to be made again.
set -eu
own=$(cd "$(dirname "$0")/.." && pwd)/.venv/bin
PATH=$(printf '%s' "$PATH" | tr ':' '\n' | grep -vxF "$own" | tr '\n' ':')
suits='import sys; sys.exit(sys.version_info < (3, 11) or sys.implementation.name != "cpython")'

if [ -n "${BRIDGE_PYTHON:-}" ]; then
    if ! "$BRIDGE_PYTHON" -c "$suits" >/dev/null 2>&1; then
        echo "set-up: BRIDGE_PYTHON=$BRIDGE_PYTHON is not a CPython of 3.11 or later" >&2
        exit 1
    fi
    echo "$BRIDGE_PYTHON"
    exit 0
fi
for name in python3 python3.14 python3.13 python3.12 python3.11 python; do
    found=$(command -v "$name" 2>/dev/null) || continue
    if "$found" -c "$suits" >/dev/null 2>&1; then
        echo "$found"
        exit 0
    fi
done
echo "set-up: no Python of 3.11 or later on PATH. Install one (Debian, Ubuntu: apt install python3; macOS: brew install python)," >&2
echo "set-up: or name one: make demo BRIDGE_PYTHON=/path/to/python3" >&2
exit 1
