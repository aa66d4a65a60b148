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

ssh_for_tests() {
    if ! command -v ssh >/dev/null && can_apt; then apt_install openssh-client; fi
    if [ ! -x /usr/sbin/sshd ] && can_install_servers; then apt_install openssh-server; fi
    [ -x /usr/sbin/sshd ] || say "no sshd: the system tests that need one are skipped (apt-get install openssh-server)"
}

taktuk_for_tests() {
    if ! command -v taktuk >/dev/null && can_apt; then apt_install taktuk; fi
    command -v taktuk >/dev/null || say "no taktuk: the tests that need it are skipped (apt-get install taktuk)"
}

grid_tests() {
    grid up && grid run "$PWD/$VENV/bin/python" -m pytest tests/grid
}

grid_down() { [ -n "${GRID_KEEP:-}" ] || grid down; }

scripts/venv.sh test
ssh_for_tests
taktuk_for_tests
step lint scripts/lint.sh
step 'unit and system tests' "$VENV/bin/python" -m pytest
if why=$(grid check); then
    trap grid_down EXIT
    step 'tests on the grid' grid_tests
    trap - EXIT
    grid_down
else
    skip 'tests on the grid' "$why (run \`make test\` as root on Debian 12; see testbed/README.md)"
fi

say summary
printf '   %s\n' "${summary[@]}"
exit $failed
