"""The whole examination: this machine, the access machine, all sites at once."""

import asyncio
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace

from execo._engine.loop import blocking
from execo_g5k.doctor import files, keys, programs, reach, sites
from execo_g5k.doctor.facts import Entry, Facts, Site
from execo_g5k.doctor.findings import CONFIGURE, Finding, State
from execo_g5k.doctor.local import gather_facts, home_directory, read_key
from execo_g5k.doctor.remote import (
    BadConfiguration,
    address_of_site,
    ask_site,
    enter_access,
    route_to,
)

Tell = Callable[[Finding], object]

_DEADLINE = 15.0


async def examine_awaitably(
    site_names: Sequence[str], seconds: float = _DEADLINE, tell: Tell = lambda finding: None
) -> list[Finding]:
    """Check the set-up of the user, and return what was found, in a fixed order.

    `site_names`: sites to ask. `seconds`: what each of them is given to answer; all are asked at
    once. `tell`: called with each finding as soon as it is there, on a thread of the library.
    """
    findings: list[Finding] = []

    def add(found: Iterator[Finding]) -> None:
        for finding in found:
            findings.append(finding if facts.configured else _first_time(finding))
            tell(findings[-1])

    facts = await gather_facts()
    add(_of_this_machine(facts))
    if facts.programs.ssh_version is None:
        add(_without_ssh(site_names))
        return findings
    home = home_directory()
    try:
        access, facts, control_path = await _way(facts, site_names, home)
    except BadConfiguration as error:
        add(iter([files.bad_configuration(str(error))]))
        return findings
    add(_of_keys_and_settings(facts, control_path))
    entry = await enter_access(access, seconds, home) if access else None
    add(reach.check_access(access, entry))
    closed = access if entry is not None and entry.seconds is None else None
    answers = await _all_sites(site_names, facts, seconds, home, entry)
    add(sites.check_sites(answers, facts, closed=closed))
    return findings


def _of_this_machine(facts: Facts) -> Iterator[Finding]:
    yield from programs.check_python(facts.programs)
    yield from programs.check_ssh(facts.programs)
    yield from files.check_ssh_directory(facts)
    yield from files.check_ssh_files(facts)
    yield from files.check_conf(facts.conf)


def _of_keys_and_settings(facts: Facts, control_path: str | None) -> Iterator[Finding]:
    yield from keys.check_agent(facts.agent)
    yield from keys.check_outside_keys(facts)
    yield from keys.check_inside_key(facts)
    yield from keys.check_job_key_file(facts)
    yield from programs.check_nodes(facts)
    yield from programs.check_sharing(facts, control_path)
    yield from programs.check_api(facts)


def _first_time(finding: Finding) -> Finding:
    """Return a finding whose command asks for what `configure` was not told yet."""
    if finding.mend is None:
        return finding
    return replace(finding, mend=finding.mend.replace(CONFIGURE, "execo-g5k configure"))


def _without_ssh(site_names: Sequence[str]) -> Iterator[Finding]:
    for name in site_names:
        yield Finding(name, State.SKIPPED, "there is no ssh to ask it with")


async def _way(
    facts: Facts, site_names: Sequence[str], home: str
) -> tuple[str | None, Facts, str | None]:
    """Return the access machine, the facts with the keys that open it, and ControlPath."""
    if not site_names:
        return None, facts, None
    try:
        address = address_of_site(site_names[0])
    except ValueError:
        # its own check tells
        address = site_names[0]
    first = await route_to(["ssh", address], home)
    access = reach.jump_of(first.jump)
    way = await route_to(["ssh", access], home) if access else first
    outside = await asyncio.gather(*map(read_key, dict.fromkeys(way.identities)))
    facts = replace(facts, outside_keys=tuple(outside))
    return access, facts, first.control_path or way.control_path


async def _all_sites(
    names: Sequence[str], facts: Facts, seconds: float, home: str, access: Entry | None
) -> list[Site]:
    if access is not None and access.seconds is None:
        # each would wait for the machine that does not answer
        return [Site(name, Entry(access.route, None, access.trouble), "") for name in names]
    asked = (ask_site(name, facts.job_key_file, seconds, home) for name in names)
    return await asyncio.gather(*asked)


examine = blocking(examine_awaitably)
