"""Networks of a job: its subnets and its vlans."""

import asyncio
from collections.abc import Sequence

from execo.times import Deadline, Timeout
from execo_g5k.config import g5k_settings
from execo_g5k.follow import info_of_started
from execo_g5k.frontend import CommandResult, FrontendParams
from execo_g5k.grid import current_grid
from execo_g5k.parse.network import (
    no_subnet_answered,
    no_vlan_answered,
    parse_kavlan,
    parse_subnet_addresses,
    parse_subnets,
)
from execo_g5k.query import failed
from execo_g5k.specs import job_id_or_own


async def get_oar_job_subnets(
    oar_job_id: int | str | None = None,
    site: str | None = None,
    frontend_connexion_params: FrontendParams = None,
    timeout: Timeout = None,
) -> tuple[list[tuple[str, str]], dict[str, str]]:
    """Return the addresses of the subnets of a job, once it runs, and what to configure with them.

    Return ([(ip, mac)], {ip_prefix, broadcast, netmask, gateway, network, dns_hostname, dns_ip}):
    a list of pairs of texts, and a dict of texts. With several subnets the dict is that of the
    first; only ip_prefix, and network and netmask with some sites, differ between them. ([], {})
    when the job has no subnet. It is what g5k-subnets prints on the frontend.

    Arguments are those of `get_oar_job_nodes`. Raises what `get_oar_job_nodes` raises, and
    CommandFailed when g5k-subnets fails.
    """
    job_id = job_id_or_own(oar_job_id)
    await info_of_started(job_id, site, frontend_connexion_params, timeout)
    addresses, subnets = await asyncio.gather(
        _run(site, frontend_connexion_params, ["g5k-subnets", "-j", str(job_id), "-im"]),
        _run(site, frontend_connexion_params, ["g5k-subnets", "-j", str(job_id), "-a"]),
    )
    for result in (addresses, subnets):
        if result.exit_code and no_subnet_answered(result.stdout, result.stderr):
            return [], {}
        _check(site, frontend_connexion_params, result)
    found = parse_subnets(subnets.stdout)
    return parse_subnet_addresses(addresses.stdout), found[0] if found else {}


async def get_oar_job_kavlan(
    oar_job_id: int | str | None = None,
    site: str | None = None,
    frontend_connexion_params: FrontendParams = None,
    timeout: Timeout = None,
) -> list[int]:
    """Return the ids of the vlans of a job, once it runs: a list of int, [] when it has none.

    It is what kavlan prints on the frontend. Arguments are those of `get_oar_job_nodes`. Raises
    what `get_oar_job_nodes` raises, and CommandFailed when kavlan fails.
    """
    job_id = job_id_or_own(oar_job_id)
    await info_of_started(job_id, site, frontend_connexion_params, timeout)
    result = await _run(site, frontend_connexion_params, ["kavlan", "-V", "-j", str(job_id)])
    if no_vlan_answered(result.stdout, result.stderr):
        return []
    _check(site, frontend_connexion_params, result)
    return parse_kavlan(result.stdout)


async def _run(site: str | None, params: FrontendParams, argv: Sequence[str]) -> CommandResult:
    frontend = current_grid().frontend(site, params)
    return await frontend.run(argv, deadline=Deadline.of(g5k_settings().default_timeout))


def _check(site: str | None, params: FrontendParams, result: CommandResult) -> None:
    if result.exit_code:
        raise failed(current_grid().frontend(site, params), result)
