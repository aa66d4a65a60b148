"""Checks of the access machine, and of the way that leads through it."""

import shlex
from collections.abc import Iterator

from execo_g5k.doctor.facts import Entry, Trouble
from execo_g5k.doctor.findings import Finding, ok, skipped, warning, wrong

_SLOW = 5.0


def check_access(access: str | None, entry: Entry | None) -> Iterator[Finding]:
    """Check the access machine; `entry` is None when no site is reached through one."""
    check = "access machine"
    if access is None or entry is None:
        yield skipped(check, "ssh goes to the sites directly")
    elif entry.seconds is None:
        yield _unreachable(check, access, entry)
    elif entry.seconds > _SLOW:
        yield warning(check, f"{access} answers after {entry.seconds:.1f} s")
    else:
        yield ok(check, f"{access} answers in {entry.seconds:.2f} s")


def _unreachable(check: str, access: str, entry: Entry) -> Finding:
    host, route = shlex.quote(access), entry.route
    meet = f"ssh -o BatchMode=yes -o StrictHostKeyChecking=accept-new {host} true"
    match entry.trouble:
        case Trouble.CHANGED_HOST_KEY:
            known = shlex.quote(route.known_hosts)
            what = (
                f"the host key of {route.address} is not the one in {route.known_hosts}. If you"
                " know that it was changed, forget the old one; else somebody may be in between"
            )
            return wrong(check, what, f"ssh-keygen -f {known} -R {route.address} && {meet}")
        case Trouble.UNKNOWN_HOST_KEY:
            what = f"the host key of {route.address} is unknown: nobody answers when ssh asks"
            return wrong(check, what, meet)
        case Trouble.DENIED:
            what = (
                f"{access} lets user {route.user!r} in with none of the keys:"
                f" {entry.words}. Check the login (`execo-g5k configure --user LOGIN`), and that"
                " the key is registered at https://api.grid5000.fr/stable/users/"
            )
            return wrong(check, what)
        case _:
            why = entry.words or "no answer"
            return wrong(check, f"{access} can't be reached: {why}", f"ssh -v {host} true")


def jump_of(route_jump: str | None) -> str | None:
    """Return the first host of a ProxyJump, as ssh takes it; None when there is none."""
    if route_jump is None:
        return None
    first = route_jump.partition(",")[0].removeprefix("ssh://")
    return first or None
