"""The facts of the access machine and of the frontends, each asked by one ssh."""

import time
from collections.abc import Sequence
from dataclasses import replace

from execo import quoting
from execo.connexion import SSH_FAILED, ConnexionParams
from execo.host import Host
from execo_g5k.config import default_frontend_connexion_params
from execo_g5k.doctor.facts import Entry, Route, Site, SiteKey, Trouble
from execo_g5k.doctor.local import run
from execo_g5k.doctor.openssh import last_words, parse_public_key, parse_route, trouble_of

_BEGIN, _END = "execo-doctor-begins", "execo-doctor-ends"

# $1: name of the job key, maybe with ~
_PROBE = f"""\
echo {_BEGIN}
echo "date $(date +%s.%N)"
command -v oarsub >/dev/null && echo oar
key=$1
case $key in '~/'*) key=$HOME/${{key#'~/'}};; esac
if [ -n "$key" ] && [ -e "$key" ]; then
    echo "mode $(stat -Lc %a "$key")"
    public=$(ssh-keygen -y -P '' -f "$key" 2>/dev/null || cat "$key.pub" 2>/dev/null)
    echo "public $public"
    number=$(printf %s "$public" | cut -d' ' -f2)
    grep -v '^#' ~/.ssh/authorized_keys 2>/dev/null | grep -qF "${{number:-none}}" &&
        echo authorized
fi
echo {_END}
"""


def _params() -> ConnexionParams:
    # keys that are no settings are told of by the check of the file
    return ConnexionParams(default_frontend_connexion_params.snapshot()).without_terminal()


def address_of_site(site: str) -> str:
    """Return the address of a frontend, as the user has it written.

    Raises ValueError when his `host_rewrite_func` fails.
    """
    return _params().address(Host(site))


class BadConfiguration(Exception):
    """Ssh can't read its configuration; the text is what it says."""


async def route_to(argv: Sequence[str], home: str) -> Route:
    """Return how ssh goes to a host; `argv` are its words.

    Raises:
        BadConfiguration: it can't read its configuration.
    """
    ended = await run([*argv[:1], "-G", *argv[1:]])
    if ended.exit_code != 0:
        raise BadConfiguration(ended.stderr)
    return parse_route(ended.stdout, home)


async def enter_access(access: str, seconds: float, home: str) -> Entry:
    """Try to enter the access machine as ssh does for a jump: with the settings of ssh alone."""
    limit = f"ConnectTimeout={max(1, round(seconds))}"
    options = ["-o", "BatchMode=yes", "-o", limit]
    route = await route_to(["ssh", access], home)
    start = time.monotonic()
    # access machines may allow nothing but forwards; a shell that refuses is one that was reached
    ended = await run(["ssh", *options, access, "true"], seconds)
    taken = time.monotonic() - start
    if ended.exit_code not in (None, SSH_FAILED):
        return Entry(route, taken)
    return Entry(route, None, trouble_of(ended.stderr), last_words(ended.stderr))


async def ask_site(site: str, job_key: str | None, seconds: float, home: str) -> Site:
    """Ask the frontend of a site; it has an answer in any case, `seconds` later at most."""
    try:
        address = address_of_site(site)
    except ValueError as error:
        return Site(site, Entry(Route(site), None, None, str(error)), "")
    params = _params()
    command = quoting.join(["sh", "-c", _PROBE, "probe", job_key or ""])
    argv = params.ssh_argv(Host(site))
    try:
        route = await route_to(argv, home)
    except BadConfiguration as error:
        entry = Entry(Route(address), None, Trouble.OTHER, last_words(str(error)))
        return Site(site, entry, address)
    limit = ("-o", f"ConnectTimeout={max(1, round(seconds))}")
    start, began = time.monotonic(), time.time()
    ended = await run(params.ssh_argv(Host(site), command, options=limit), seconds)
    taken = time.monotonic() - start
    if ended.exit_code in (None, SSH_FAILED) or _END not in ended.stdout:
        words = last_words(ended.stderr) or f"it ended with {ended.exit_code}, without an answer"
        return Site(site, Entry(route, None, trouble_of(ended.stderr), words), address)
    answering = Site(site, Entry(route, taken), address)
    return parse_answer(answering, ended.stdout, job_key, began + taken / 2)


def parse_answer(site: Site, stdout: str, job_key: str | None, asked: float) -> Site:
    """Return a site with what its frontend tells; `asked` is the date here, when it did."""
    stray, _, rest = stdout.partition(_BEGIN)
    lines = rest.partition(_END)[0].splitlines()
    found = {word: value for word, _, value in (line.partition(" ") for line in lines)}
    key = None
    if job_key:
        key = SiteKey(
            job_key,
            int(found["mode"], 8) if "mode" in found else None,
            parse_public_key(found.get("public", "")),
            "authorized" in found,
        )
    try:
        clock = float(found.get("date", "")) - asked
    except ValueError:
        clock = None
    return replace(
        site, clock=clock, uncertain=(site.entry.seconds or 0.0) / 2, stray=stray.strip(),
        has_oar="oar" in found, key=key,
    )  # fmt: skip
