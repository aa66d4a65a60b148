"""OAR on the hosts: its configuration, database, resources and daemons."""

import os
import shutil
from collections.abc import Callable, Mapping
from pathlib import Path

from testbed.plan import (
    CORES_PER_CPU,
    CPUS_PER_NODE,
    FRONTENDS,
    OAR_PORT,
    GridHost,
    nodes_of,
)
from testbed.workdir import WorkDir

RunScript = Callable[[str, str], str]
"""Runs a shell script as root on a host: (host, script) -> stdout."""

# Over Debian's defaults, on all hosts.
COMMON = {
    "LOG_LEVEL": "3",
    "OARSUB_DEFAULT_RESOURCES": "/nodes=1",
    # no kernel cpuset: ordinary directories under /dev/cpuset (see the .pl)
    "JOB_RESOURCE_MANAGER_FILE": "/etc/oar/job_resource_manager_plain.pl",
    "TAKTUK_CMD": "/usr/bin/taktuk -t 30 -s",
    "PINGCHECKER_TAKTUK_ARG_COMMAND": "broadcast exec timeout 5 kill 9 [ true ]",
    "OAR_SSH_CONNECTION_TIMEOUT": "30",
    # Speed; the defaults are 5, 60 and 300 s.  The first must be 0: with 1, a submission in
    # the second after a scheduler run waits 10 s for the server's next wake-up.
    "SCHEDULER_MIN_TIME_BETWEEN_2_CALLS": "0",
    "SCHEDULER_JOB_SECURITY_TIME": "1",
    "SCHEDULER_GANTT_HOLE_MINIMUM_TIME": "1",
    # a deletion that meets a job still launching is repeated after this (default 20 s)
    "JOBDEL_SOFTWALLTIME": "2",
    "WALLTIME_CHANGE_ENABLED": "yes",
    "WALLTIME_MAX_INCREASE": "7200",
    "USERS_ALLOWED_HOLD_RESUME": "yes",
}

# A node holds no database password, as in real life.
FRONTEND_ONLY = {
    "DB_HOSTNAME": "127.0.0.1",
    "DB_BASE_PASSWD": "oar",
    "DB_BASE_PASSWD_RO": "oar_ro",
}

# On a node oarsh must find the job of the calling process; there is no kernel cpuset to
# ask, so the job's environment answers.
NODE_ONLY = {"GET_CURRENT_CPUSET_CMD": "echo /oar/${OARDO_USER}_${OAR_JOB_ID}"}

EXTRA_JOB_TYPES = ("allow_classic_ssh", "exotic", "night", "day", "monitor(?:=.*)?")

START_DATABASE = "pg_ctlcluster 15 main start"
STOP_DATABASE = "pg_ctlcluster 15 main stop -m immediate"
# the server closes every file descriptor up to the limit: a million by default
START_SERVER = "ulimit -n 1024; cd /; /usr/sbin/oar-server"
START_OAR_SSHD = "/usr/sbin/sshd -f /etc/oar/sshd_config -o PidFile=/run/oar-node_sshd.pid"
START_SSHD = "/usr/sbin/sshd"

CREATE_DATABASE = """\
set -e
cd /
oar-database --create --db-is-local >/dev/null
oarproperty -q -a core -a cpu -a memnode -a core_count -a cpucore -a gpu_count
oarproperty -q -c -a host -a cluster -a ip -a cputype -a production -a maintenance_reason
"""

PSQL = "PGPASSWORD=oar psql -q -A -t -v ON_ERROR_STOP=1 -h 127.0.0.1 -U oar oar"

# Resources go in by one statement: `oarnodesetting` takes 0.3 s for each.
FILL_DATABASE = """\
INSERT INTO resources (type, network_address, host, cluster, ip, cpu, core, cpuset, state,
    state_num, besteffort, deploy, core_count, cpucore, cputype, memnode, gpu_count,
    production, desktop_computing, available_upto)
SELECT 'default', fqdn, fqdn, cluster, ip, cpu, core, cpuset, 'Alive',
    1, 'YES', 'YES', {cores}, {cores_per_cpu}, 'Intel Xeon E5', 262144, 0,
    'NO', 'NO', 0
FROM (VALUES {rows}) AS node (fqdn, cluster, ip, cpu, core, cpuset);
INSERT INTO resource_logs (resource_id, attribute, value, date_start, finaud_decision)
    SELECT resource_id, 'state', 'Alive', extract(epoch from now())::int, 'NO' FROM resources;
INSERT INTO queues (queue_name, priority, scheduler_policy) VALUES
    ('production', 5, 'oar_sched_gantt_with_timesharing_and_fairsharing_and_quotas'),
    ('testing', 1, 'oar_sched_gantt_with_timesharing_and_fairsharing_and_quotas');
-- Grid'5000's own job types, unknown to Debian's rule
UPDATE admission_rules
    SET rule = replace(rule, 'qr/^state=permissive$/,', 'qr/^state=permissive$/, {types}')
    WHERE rule LIKE '# Check if job types are valid%';
"""


def configure(work: WorkDir, host: GridHost, root: Path, run: RunScript) -> None:
    """Configure a host that has just booted, and start its daemons.

    `root` is its root directory as seen from the machine.
    """
    run(host.name, START_SSHD)
    if host.site is None:
        return
    _write_oar_conf(host, host.site, root / "etc/oar/oar.conf")
    _write_server_keys(work, host.site, root / "var/lib/oar/.ssh")
    # oarsh 2.5.9 deletes the keys of processes that are gone, and when it sees none, all there are:
    # those of an oarsh that starts at the same moment. It sees one of a process that never ends.
    (root / "var/lib/oar/oarsh.jobkey.1").touch()
    # a deploy job's command runs on the frontend, so it has OAR's sshd too
    run(host.name, START_OAR_SSHD)
    if host.kind == "frontend":
        run(host.name, START_DATABASE)
        run(host.name, CREATE_DATABASE)
        run(host.name, f"{PSQL} <<'SQL'\n{_fill_database(host.site)}SQL\n")
        run(host.name, START_SERVER)
        run(host.name, wait_for_server(host))


def wait_for_server(host: GridHost) -> str:
    """Return a script that ends when the OAR server answers, or fails after 20 s."""
    return (
        f"for i in $(seq 200); do (: </dev/tcp/{host.fqdn}/{OAR_PORT}) 2>/dev/null && exit 0; "
        "sleep 0.1; done; echo the OAR server does not answer; exit 1"
    )


def health_check(host: GridHost) -> str:
    """Return a script that fails, saying why, if a daemon or the network of a host is down."""
    daemons = ["sshd"] if host.site is None else ["sshd", "oar-node_sshd"]
    script = [
        'fail() { echo "$1"; exit 1; }',
        "ip -o link show up dev eth0 | grep -q . || fail 'network down'",
    ]
    script += [
        f"state=$(cut -d' ' -f3 /proc/$(cat /run/{daemon}.pid)/stat 2>/dev/null); "
        f'[ "$state" = S ] || fail "{daemon} not running"'
        for daemon in daemons
    ]
    if host.kind == "frontend":
        script.append(f"{PSQL} -c 'SELECT 1' >/dev/null 2>&1 || fail 'database down'")
        script.append(f"(: </dev/tcp/{host.fqdn}/{OAR_PORT}) 2>/dev/null || fail 'OAR server down'")
    return "\n".join(script)


def _set_values(text: str, values: Mapping[str, str]) -> str:
    """Return an oar.conf with these values instead of its own."""
    kept = [line for line in text.splitlines() if line.split("=")[0].strip() not in values]
    return "\n".join(kept + [f'{key}="{value}"' for key, value in values.items()]) + "\n"


def _write_oar_conf(host: GridHost, site: str, path: Path) -> None:
    fqdn = FRONTENDS[site].fqdn
    # with "localhost" the server takes its short host name, which nodes can't call back
    names = dict.fromkeys(("SERVER_HOSTNAME", "DEPLOY_HOSTNAME", "COSYSTEM_HOSTNAME"), fqdn)
    on_frontend = host.kind == "frontend"
    values = {**COMMON, **names, **(FRONTEND_ONLY if on_frontend else NODE_ONLY)}
    before = path.stat()
    path.write_text(_set_values(path.read_text(), values))
    os.chown(path, before.st_uid, before.st_gid)
    path.chmod(0o600 if on_frontend else 0o644)


def _write_server_keys(work: WorkDir, site: str, ssh: Path) -> None:
    """Give each site's OAR a key of its own: a site can't enter another site's nodes."""
    owner = ssh.stat()
    key = work.server_key(site)
    shutil.copy(key, ssh / "id_rsa")
    shutil.copy(f"{key}.pub", ssh / "id_rsa.pub")
    public = Path(f"{key}.pub").read_text()
    (ssh / "authorized_keys").write_text(f'environment="OAR_KEY=1" {public}')
    for name, mode in (("id_rsa", 0o600), ("id_rsa.pub", 0o644), ("authorized_keys", 0o644)):
        os.chown(ssh / name, owner.st_uid, owner.st_gid)
        (ssh / name).chmod(mode)


def _fill_database(site: str) -> str:
    rows = []
    for node_index, node in enumerate(nodes_of(site)):
        for cpuset in range(CPUS_PER_NODE * CORES_PER_CPU):
            core = node_index * CPUS_PER_NODE * CORES_PER_CPU + cpuset
            cpu = core // CORES_PER_CPU
            rows.append(
                f"('{node.fqdn}', '{node.cluster}', '{node.address}', {cpu + 1}, {core + 1}, "
                f"'{cpuset}')"
            )
    return FILL_DATABASE.format(
        cores=CPUS_PER_NODE * CORES_PER_CPU,
        cores_per_cpu=CORES_PER_CPU,
        rows=", ".join(rows),
        types=" ".join(f"qr/^{name}$/," for name in EXTRA_JOB_TYPES),
    )
