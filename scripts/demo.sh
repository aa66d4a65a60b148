#!/usr/bin/env bash
# From nothing to a first experiment, on a sandbox: two sites of four nodes on this machine.
cd "$(dirname "$0")/.."
. scripts/common.sh

script=examples/first_experiment.py

scripts/venv.sh run
say "execo-g5k sandbox run -- python3 $script"
"$VENV/bin/execo-g5k" sandbox run -- "$VENV/bin/python" "$script"
say "\`$VENV/bin/execo-g5k sandbox shell\` opens a shell in such a sandbox"
