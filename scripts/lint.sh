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
# the grid's own root holds a Python of its own
check mypy --exclude '^testbed/work/'
if grep -q '^\[tool.importlinter\]' pyproject.toml; then
    check lint-imports
fi
exit $failed
