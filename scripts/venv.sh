#!/usr/bin/env bash
# Make the virtual environment with the project in it; nothing is done when it is up to date.
#   scripts/venv.sh run    what users get
#   scripts/venv.sh test   with the tools of the tests
cd "$(dirname "$0")/.."
. scripts/common.sh

kind=${1:-run}
stamp="$VENV/.installed"
# the project is installed in place: only its metadata asks for another installation
wanted=$(sha256sum pyproject.toml scripts/venv.sh | sha256sum | cut -c1-16)

installed=$(cat "$stamp" 2>/dev/null || true)
case "$installed" in
    "$wanted test") exit 0 ;;
    "$wanted run") [ "$kind" = test ] || exit 0 ;;
esac

good_python() { "$1" -c 'import sys, venv, ensurepip; sys.exit(sys.version_info < (3, 11))' 2>/dev/null; }

find_python() {
    for python in ${PYTHON:-} python3 /usr/bin/python3 python3.14 python3.13 python3.12 python3.11; do
        if command -v "$python" >/dev/null && good_python "$python"; then
            echo "$python"
            return
        fi
    done
    return 1
}

if ! python=$(find_python); then
    can_apt || die "Python >= 3.11 with its venv module is needed (Debian: apt-get install python3 python3-venv)"
    apt_install python3 python3-venv ca-certificates
    python=$(find_python) || die "no Python >= 3.11 here, even after apt-get install python3 python3-venv"
fi

"$VENV/bin/python" -m pip --version >/dev/null 2>&1 || "$python" -m venv --clear "$VENV"
if [ "$kind" = test ]; then
    say "installing the project and its test tools in $VENV"
    "$VENV/bin/python" -m pip install -q -e '.[test]'
else
    say "installing the project in $VENV"
    "$VENV/bin/python" -m pip install -q -e '.[sandbox]'
fi
echo "$wanted $kind" > "$stamp"
