"""The inside key on the homes of sites: what is there, and what is to be written, by ssh."""

from collections.abc import Iterator

from execo.errors import Error, TimedOut
from execo.times import Deadline
from execo_g5k.configuring.changes import Change
from execo_g5k.doctor.facts import Site
from execo_g5k.errors import CommandFailed
from execo_g5k.frontend import frontend_for
from execo_g5k.query import failed

AUTHORIZED = "~/.ssh/authorized_keys"

_FIND = """\
path=$1
case $path in '~/'*) path=$HOME/${path#'~/'};; esac
path=$(readlink -f "$path") || exit 1
"""
_READ = f'{_FIND} [ ! -e "$path" ] || cat "$path"'

# $2: what the name of the backup ends with
_WRITE = f"""\
set -e
umask 077
[ -d ~/.ssh ] || mkdir ~/.ssh
{_FIND}
if [ -e "$path" ]; then cp "$path" "$path.execo-$2"; chmod go= "$path.execo-$2"; fi
cat >"$path.execo-new"
mv "$path.execo-new" "$path"
"""

_TIME = 60.0


class SiteFailed(Error):
    """A frontend can't do what it is asked."""


def changes_of_key(
    site: Site, there: str, private: str, public: str, authorized: str
) -> Iterator[Change]:
    """Yield what is to be written on a site, so that it has the inside key.

    `there`: name of the key on sites; `private`, `public`: its text; `authorized`: authorized_keys
    of the site.
    """
    key, bare = site.key, " ".join(public.split()[:2])
    if key is None or key.mode is None or key.public != bare or key.mode & 0o077:
        yield Change(there, private, site=site.name, secret=True, why="the inside key")
        if key is None or key.public != bare:
            yield Change(f"{there}.pub", public, site=site.name, why="its public key")
    if key is None or not any(bare in line for line in _keys(authorized)):
        ended = "" if not authorized or authorized.endswith("\n") else "\n"
        yield Change(
            AUTHORIZED, f"{authorized}{ended}{public.strip()}\n", before=authorized,
            site=site.name, why="so that the inside key opens this site",
        )  # fmt: skip


def _keys(authorized: str) -> list[str]:
    return [line for line in authorized.splitlines() if not line.startswith("#")]


async def read_there(site: str, path: str) -> str:
    """Return the text of a file of a site, "" when there is none. Raises SiteFailed."""
    return await _run(site, [_READ, "read", path], "")


async def write_there(change: Change, stamp: str) -> None:
    """Write a file of a site, for its owner alone, with a backup. Raises SiteFailed."""
    await _run(change.site or "", [_WRITE, "write", change.path, stamp], change.after)


async def _run(site: str, words: list[str], stdin: str) -> str:
    try:
        frontend = frontend_for(site)
        result = await frontend.run(["sh", "-c", *words], stdin=stdin, deadline=Deadline.of(_TIME))
        if result.exit_code != 0:
            raise failed(frontend, result)
    except CommandFailed as error:
        raise SiteFailed(f"{site}: {error.stderr.strip() or error}") from error
    except TimedOut:
        raise SiteFailed(f"{site}: no answer in {_TIME:g} s") from None
    except (Error, ValueError) as error:
        # settings of the user may be no connexion params
        raise SiteFailed(f"{site}: {error}") from error
    return result.stdout
