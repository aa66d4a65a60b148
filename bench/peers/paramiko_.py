"""paramiko 3, a thread a host."""

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor

from paramiko import AutoAddPolicy, SSHClient

from bench.peers import common
from bench.peers.common import Job, Timed


def _connected(job: Job, host: str) -> SSHClient:
    client = SSHClient()
    client.set_missing_host_key_policy(AutoAddPolicy())
    client.connect(
        host,
        port=job["port"],
        username=job["user"],
        key_filename=job["key"],
        allow_agent=False,
        look_for_keys=False,
        banner_timeout=60,
        auth_timeout=60,
    )
    return client


def _address(client: SSHClient) -> str:
    _, stdout, _ = client.exec_command(common.COMMAND_ON_HOSTS)
    return common.server_address(stdout.read().decode())


def _close(clients: Sequence[SSHClient]) -> None:
    for client in clients:
        client.close()


def hosts(job: Job, timed: Timed) -> list[str]:
    with ThreadPoolExecutor(len(job["hosts"])) as pool:
        with timed:
            clients = list(pool.map(lambda host: _connected(job, host), job["hosts"]))
            found = list(pool.map(_address, clients))
        _close(clients)
    return found


def again(job: Job, timed: Timed) -> list[str]:
    with ThreadPoolExecutor(len(job["hosts"])) as pool:
        clients = list(pool.map(lambda host: _connected(job, host), job["hosts"]))
        list(pool.map(_address, clients))
        with timed:
            found = list(pool.map(_address, clients))
        _close(clients)
    return found


if __name__ == "__main__":
    common.main({"hosts": hosts, "again": again})
