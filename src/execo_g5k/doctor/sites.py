"""Checks of what the frontends tell."""

import shlex
from collections.abc import Iterator, Sequence

from execo_g5k.config import site_address
from execo_g5k.doctor.facts import Facts, Site, Trouble
from execo_g5k.doctor.findings import CONFIGURE, Finding, ok, skipped, warning, wrong

_SLOW = 5.0
_AHEAD = 10.0
_MODES = (0o600, 0o400)


def check_sites(
    sites: Sequence[Site], facts: Facts, *, closed: str | None = None
) -> Iterator[Finding]:
    """Check sites. `closed`: what they are reached through, when that could not be entered."""
    if closed is not None:
        yield skipped("sites", f"{_names(sites)}: reached through {closed}")
        return
    unknown = [site for site in sites if _has_no_way(site)]
    if len(unknown) > 1:
        what = f"no address here, and no alias of ssh leads there: {unknown[0].entry.words}"
        yield wrong("sites", f"{_names(unknown)}: {what}", CONFIGURE)
    else:
        unknown = []
    for site in sites:
        if site not in unknown:
            yield from check_site(site, facts)


def _names(sites: Sequence[Site]) -> str:
    return ", ".join(site.name for site in sites)


def _has_no_way(site: Site) -> bool:
    """Tell whether the right name of a frontend is known neither to ssh nor to the network."""
    return (
        site.entry.trouble is Trouble.NAME
        and site.entry.route.jump is None
        and site.rewritten == site_address(site.name)
    )


def check_site(site: Site, facts: Facts) -> Iterator[Finding]:
    """Check one site."""
    if site.entry.seconds is None:
        yield _unreachable(site, facts)
        return
    yield _reached(site)
    yield from check_clock(site)
    yield from check_job_key(site, facts)
    if site.stray:
        first = site.stray.splitlines()[0]
        host = shlex.quote(site.entry.route.address)
        yield warning(
            f"{site.name}: shell",
            f"its start-up files print {first!r} where nobody asked: copies may fail on it",
            f"ssh -t {host} '\"${{EDITOR:-vi}}\" ~/.bashrc'",
        )


def _unreachable(site: Site, facts: Facts) -> Finding:
    entry, route = site.entry, site.entry.route
    host = shlex.quote(route.address)
    if site.rewritten != site_address(site.name) and entry.trouble in (Trouble.NAME, None):
        return _badly_rewritten(site, facts)
    if _has_no_way(site):
        what = f"{route.address} has no address here, and no alias of ssh leads there:"
        return wrong(site.name, f"{what} {entry.words}", CONFIGURE)
    if entry.trouble is Trouble.DENIED:
        what = f"user {route.user!r} is let in with none of the keys at {route.address}"
        return wrong(site.name, f"{what}: {entry.words}", f"ssh -v {host} true")
    how = f" through {route.jump}" if route.jump else ""
    why = entry.words or "no answer"
    return wrong(site.name, f"{route.address} can't be reached{how}: {why}", f"ssh -v {host} true")


def _badly_rewritten(site: Site, facts: Facts) -> Finding:
    """Return that host_rewrite_func gives a name that nobody has."""
    path, _, line = facts.rewrite_origin.partition(", line ")
    what = site.rewritten or site.entry.words
    return wrong(
        f"{site.name}: host rewriting",
        f"default_frontend_connexion_params['host_rewrite_func'], set by {facts.rewrite_origin},"
        f" gives {what!r} for {site.name!r}, expected {site_address(site.name)!r}",
        f'"${{EDITOR:-vi}}" +{line} {shlex.quote(path)}' if line else None,
    )


def _reached(site: Site) -> Finding:
    seconds, address = site.entry.seconds or 0.0, site.entry.route.address
    if not site.has_oar:
        return wrong(site.name, f"{address} has no oarsub: it is no frontend")
    if seconds > _SLOW:
        return warning(site.name, f"{address} answers after {seconds:.1f} s")
    return ok(site.name, f"{address} answers in {seconds:.2f} s")


def check_clock(site: Site) -> Iterator[Finding]:
    """Check that the clocks here and there agree: reservations are dates."""
    if site.clock is None:
        yield skipped(f"{site.name}: clock", "it does not tell the date")
    elif abs(site.clock) > _AHEAD + site.uncertain:
        how = "behind" if site.clock > 0 else "ahead"
        yield warning(
            f"{site.name}: clock",
            f"the clock of this machine is {abs(site.clock):.0f} s {how}: dates of reservations"
            " are those of the site",
            "sudo timedatectl set-ntp true",
        )
    else:
        yield ok(f"{site.name}: clock", f"within {abs(site.clock) + site.uncertain:.1f} s")


def check_job_key(site: Site, facts: Facts) -> Iterator[Finding]:
    """Check the key that jobs import, on a site: there, private, and the one that is here."""
    check, key, here = f"{site.name}: job key", site.key, facts.inside_key
    if key is None:
        return
    if key.mode is None:
        yield wrong(check, f"{key.path} does not exist on {site.name}", CONFIGURE)
    elif key.mode not in _MODES:
        host, name = shlex.quote(site.entry.route.address), key.path
        yield wrong(
            check, f"{name} on {site.name} is open to others (mode {key.mode:04o}): ssh refuses it",
            f"ssh {host} chmod 600 {shlex.quote(name.removeprefix('~/'))}",
        )  # fmt: skip
    elif here is not None and here.public and key.public != here.public:
        yield wrong(
            check, f"{key.path} on {site.name} is not the key of {here.file.path}", CONFIGURE
        )
    elif not key.authorized:
        yield wrong(check, f"~/.ssh/authorized_keys on {site.name} does not have {key.path}",
                    CONFIGURE)  # fmt: skip
    else:
        yield ok(check, f"{key.path}, known and authorized")
