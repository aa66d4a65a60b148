"""asyncssh 2."""

import asyncio
from collections.abc import Sequence

import asyncssh

from bench.peers import common
from bench.peers.common import Job, Timed


async def _connected(job: Job, host: str) -> asyncssh.SSHClientConnection:
    return await asyncssh.connect(
        host,
        job["port"],
        username=job["user"],
        client_keys=[job["key"]],
        known_hosts=None,
        config=None,
        agent_path=None,
        login_timeout=60,
    )


async def _all(job: Job) -> list[asyncssh.SSHClientConnection]:
    return await asyncio.gather(*(_connected(job, host) for host in job["hosts"]))


async def _addresses(connexions: Sequence[asyncssh.SSHClientConnection]) -> list[str]:
    ends = await asyncio.gather(*(one.run(common.COMMAND_ON_HOSTS) for one in connexions))
    return [common.server_address(str(end.stdout)) for end in ends]


async def _close(connexions: Sequence[asyncssh.SSHClientConnection]) -> None:
    for connexion in connexions:
        connexion.close()
    await asyncio.gather(*(connexion.wait_closed() for connexion in connexions))


async def _hosts(job: Job, timed: Timed) -> list[str]:
    with timed:
        connexions = await _all(job)
        found = await _addresses(connexions)
    await _close(connexions)
    return found


async def _again(job: Job, timed: Timed) -> list[str]:
    connexions = await _all(job)
    await _addresses(connexions)
    with timed:
        found = await _addresses(connexions)
    await _close(connexions)
    return found


async def _copy(job: Job, timed: Timed) -> None:
    async def one(host: str) -> None:
        async with await _connected(job, host) as connexion:
            await asyncssh.scp(job["file"], (connexion, f"{common.place(job, host)}/"))

    with timed:
        await asyncio.gather(*(one(host) for host in job["hosts"]))


def hosts(job: Job, timed: Timed) -> list[str]:
    return asyncio.run(_hosts(job, timed))


def again(job: Job, timed: Timed) -> list[str]:
    return asyncio.run(_again(job, timed))


def copy(job: Job, timed: Timed) -> list[str]:
    asyncio.run(_copy(job, timed))
    return common.copies(job)


if __name__ == "__main__":
    common.main({"hosts": hosts, "again": again, "copy": copy})
