#!/usr/bin/env bash
# From nothing to a first experiment: a small Grid'5000 on this machine, and a script of a
# user that runs on its Nancy frontend.
cd "$(dirname "$0")/.."
. scripts/common.sh

script=first_experiment.py

scripts/venv.sh run
grid() { "$VENV/bin/python" -m testbed "$@"; }
why=$(grid check) || die "$why (the demo needs root on Debian 12; see testbed/README.md)"
say 'starting the grid (its base is built the first time, in about a minute)'
grid up
say "alice@fnancy: python3 examples/$script"
grid exec fnancy -u alice python3 "/opt/execo-g5k/examples/$script"
say 'the grid stays up: try `python3 -m testbed exec fnancy -u alice oarstat`; `make grid-down` stops it'
