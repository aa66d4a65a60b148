#!/usr/bin/env bash
# From nothing to a first experiment, on a sandbox: two sites of four nodes on this machine.
# `scripts/demo.sh deploy` deploys an image on nodes of both.
cd "$(dirname "$0")/.."
. scripts/common.sh

scripts/venv.sh run
if [ "${1:-}" = deploy ]; then
    script=examples/deploy_in_a_sandbox.py
    say "python3 $script"
    "$VENV/bin/python" "$script"
else
    say "execo-g5k demo"
    "$VENV/bin/execo-g5k" demo
fi
