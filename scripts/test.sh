#!/usr/bin/env bash
# Every check there is: lint, unit and system tests, then the tests on the real OAR grid.
# Goes on after a failure, ends with a summary, and fails if anything failed.
cd "$(dirname "$0")/.."
. scripts/common.sh

summary=()
failed=0
step() {
    local name=$1 start=$SECONDS
    shift
    say "$name"
    if "$@"; then
        summary+=("ok       $name ($((SECONDS - start)) s)")
    else
        summary+=("FAILED   $name ($((SECONDS - start)) s)")
        failed=1
    fi
}
skip() { summary+=("skipped  $1: $2"); }

grid() { "$VENV/bin/python" -m testbed "$@"; }

tools_for_tests() {
    can_apt || return 0
    command -v ssh >/dev/null || apt_install openssh-client
    [ -x /usr/sbin/sshd ] || ! can_install_servers || apt_install openssh-server
    for tool in rsync taktuk; do
        command -v "$tool" >/dev/null || apt_install "$tool"
    done
}

# a shell has what it starts in the background ignore Ctrl-C, and so would what that starts
with_signals() { env --default-signal=INT,QUIT "$@"; }

grid_tests() {
    grid up && with_signals "$VENV/bin/python" -m testbed run "$PWD/$VENV/bin/python" -m pytest tests/grid
}

grid_down() { [ -n "${GRID_KEEP:-}" ] || grid down; }

sandbox_tests() {
    GRID_TESTS_ON=sandbox with_signals "$VENV/bin/python" -m pytest "${beside[@]}" tests/grid \
        --ignore tests/grid/test_grid_itself.py --ignore tests/grid/test_conformance.py
}

# most tests wait for processes and connexions: three at a time keep two processors busy
beside=(-n 3 --dist worksteal)

# The tests on the grid mostly wait, so they run beside the others; their output is shown afterwards.
grid_log=testbed/work/tests.log
stop_grid_tests() {
    # they end with this shell's terminal on Ctrl-C; after that nothing waits long
    wait "$grid_pid" || true
    grid_down
}

scripts/venv.sh test
tools_for_tests
if why=$(grid check); then
    mkdir -p "$(dirname "$grid_log")"
    grid_tests >"$grid_log" 2>&1 </dev/null &
    grid_pid=$!
    trap stop_grid_tests EXIT
fi

step lint scripts/lint.sh
step 'unit and system tests' with_signals "$VENV/bin/python" -m pytest "${beside[@]}"
step 'tests of the OAR functions on the sandbox' sandbox_tests
if [ -n "${grid_pid:-}" ]; then
    say 'tests on the grid, which began with the others'
    tail -n +1 -F --pid="$grid_pid" "$grid_log" 2>/dev/null
    step 'tests on the grid (what was left of them)' wait "$grid_pid"
    trap - EXIT
    grid_down
else
    skip 'tests on the grid' "$why (run \`make test\` as root on Debian 12; see testbed/README.md)"
fi

say summary
printf '   %s\n' "${summary[@]}"
exit $failed
