# Sourced by the other scripts, from the project's directory.
set -euo pipefail

VENV=${VENV:-.venv}
export DEBIAN_FRONTEND=noninteractive
export PIP_DISABLE_PIP_VERSION_CHECK=1 PIP_NO_INPUT=1 PIP_ROOT_USER_ACTION=ignore

say() { printf '== %s\n' "$*"; }
die() { printf 'error: %s\n' "$*" >&2; exit 1; }

can_apt() { [ "$(id -u)" = 0 ] && command -v apt-get >/dev/null; }

# apt_install PACKAGE... : from lists fetched now if there are none, or if they are too old.
apt_install() {
    say "apt-get install $*"
    compgen -G '/var/lib/apt/lists/*Packages*' >/dev/null || apt-get -qq update
    apt-get -qq install -y --no-install-recommends "$@" >/dev/null ||
        { apt-get -qq update && apt-get -qq install -y --no-install-recommends "$@" >/dev/null; }
}

# A server that apt installs is started at once on a machine that has booted with systemd:
# nobody asked for that, so there it's left to the user.
can_install_servers() { can_apt && [ ! -d /run/systemd/system ]; }
