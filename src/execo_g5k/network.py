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

    oar_job_id None: the job in which this program runs. timeout: how long to wait for the start;
    None: no limit.

    Return ([(ip, mac)], {ip_prefix, broadcast, netmask, gateway, network, dns_hostname, dns_ip}).
    With several subnets the dict is that of the first; only ip_prefix, and network and netmask
    with some sites, differ between them. ([], {}) when the job has no subnet. Raises as
    `get_oar_job_nodes`, CommandFailed.
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
    """Return the ids of the vlans of a job, once it runs; [] when it has none.

    oar_job_id None: the job in which this program runs. timeout: how long to wait for the start;
    None: no limit. Raises as `get_oar_job_nodes`, CommandFailed.
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
