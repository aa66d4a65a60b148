#!/usr/bin/env bash
# Check style, types and layers; all are run even if one fails.
cd "$(dirname "$0")/.."
. scripts/common.sh

failed=0
check() {
    say "$*"
    "$VENV/bin/$1" "${@:2}" || failed=1
}
# the grid's root holds a Python of its own, which is not ours to check
check ruff check --extend-exclude testbed/work .
check ruff format --check --extend-exclude testbed/work .
check mypy --exclude '^testbed/work/'
if grep -q '^\[tool.importlinter\]' pyproject.toml; then
    check lint-imports
fi
exit $failed
