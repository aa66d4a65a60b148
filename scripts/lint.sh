#!/usr/bin/env bash
# Check style, types and layers; all are run even if one fails.
cd "$(dirname "$0")/.."
. scripts/common.sh

failed=0
check() {
    say "$*"
    "$VENV/bin/$1" "${@:2}" || failed=1
}
check ruff check .
check ruff format --check .
check mypy
check lint-imports
exit $failed
