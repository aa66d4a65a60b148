"""parallel-ssh 2: libssh2 and gevent."""

from gevent import joinall
from pssh.clients import ParallelSSHClient

from bench.peers import common
from bench.peers.common import Job, Timed


def _client(job: Job) -> ParallelSSHClient:
    return ParallelSSHClient(
        job["hosts"],
        user=job["user"],
        port=job["port"],
        pkey=job["key"],
        pool_size=len(job["hosts"]),
        allow_agent=False,
        identity_auth=False,
    )


def _outputs(client: ParallelSSHClient) -> list[str]:
    outputs = client.run_command(common.COMMAND_ON_HOSTS)
    client.join(outputs)
    return [common.server_address("\n".join(output.stdout)) for output in outputs]


def hosts(job: Job, timed: Timed) -> list[str]:
    with timed:
        return _outputs(_client(job))


def again(job: Job, timed: Timed) -> list[str]:
    client = _client(job)
    _outputs(client)
    with timed:
        return _outputs(client)


def copy(job: Job, timed: Timed) -> list[str]:
    name = job["file"].rpartition("/")[2]
    files = [
        {"local_file": job["file"], "remote_file": f"{common.place(job, host)}/{name}"}
        for host in job["hosts"]
    ]
    with timed:
        client = _client(job)
        joinall(client.copy_file("%(local_file)s", "%(remote_file)s", copy_args=files))
    return common.copies(job)


if __name__ == "__main__":
    common.main({"hosts": hosts, "again": again, "copy": copy})
