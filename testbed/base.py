"""The root every host of the grid starts from: Debian packages and their settings.

Built once (about a minute), in the work directory; nothing is installed on the machine
but mmdebstrap.
"""

import hashlib
import shutil
from pathlib import Path

from testbed.apt import SUITE, proxy_options, require_tool, write_sources
from testbed.commands import CLEAN_ENVIRONMENT, must
from testbed.errors import GridError
from testbed.plan import OAR_SSH_PORT, SITES, USERS
from testbed.workdir import FILES, WorkDir

PACKAGES = (
    "oar-server",
    "oar-server-pgsql",
    "oar-user",
    "oar-user-pgsql",
    "oar-node",
    "oar-common",
    "postgresql",
    "openssh-server",
    "openssh-client",
    "taktuk",
    "iproute2",
    "iputils-ping",
    "procps",
    "rsync",
    "less",
    "sudo",
    "libyaml-perl",
    "libxml-dumper-perl",
    "libjson-perl",
    "python3",
    "python3-minimal",
)

SSHD_CONFIG = """\
Port 22
UsePAM no
UseDNS no
PasswordAuthentication no
KbdInteractiveAuthentication no
PermitRootLogin prohibit-password
PrintMotd no
PrintLastLog no
X11Forwarding no
MaxStartups 200
MaxSessions 100
Subsystem sftp internal-sftp
"""

# Small, and forgetful: this is a test.
POSTGRESQL_CONF = """\
fsync=off
synchronous_commit=off
full_page_writes=off
ssl=off
shared_buffers=16MB
max_connections=60
jit=off
max_wal_size=64MB
min_wal_size=32MB
max_parallel_workers=0
max_logical_replication_workers=0
"""

# Lines of OAR's sshd_config that OpenSSH 9 calls deprecated, or that we set ourselves.
DROPPED_FROM_OAR_SSHD = ("UsePrivilegeSeparation", "Protocol", "KeepAlive", "UseDNS", "Subsystem")


def fingerprint() -> str:
    """Return what tells one version of the base from another."""
    digest = hashlib.sha256(Path(__file__).read_bytes())
    digest.update((FILES / "job_resource_manager_plain.pl").read_bytes())
    return digest.hexdigest()


def is_built(work: WorkDir) -> bool:
    """Tell whether the base is there, whole, and of this version."""
    stamp = work.top / "base.done"
    return stamp.exists() and stamp.read_text() == fingerprint()


def build(work: WorkDir) -> None:
    """Build the base unless it is there.  No host may be running on it meanwhile."""
    if is_built(work):
        return
    work.top.mkdir(parents=True, exist_ok=True)
    # hosts' users walk through it to their files
    work.top.chmod(0o755)
    (work.top / "base.done").unlink(missing_ok=True)
    packages = "\n".join(PACKAGES)
    stamp = work.top / "packages.done"
    if not (stamp.exists() and stamp.read_text() == packages and work.rootfs.exists()):
        stamp.unlink(missing_ok=True)
        _unpack(work)
        stamp.write_text(packages)
    _make_keys(work)
    _add_users(work.rootfs)
    _set_time_and_names(work.rootfs)
    _set_sshd(work.rootfs)
    _set_oar(work.rootfs)
    _set_python(work.rootfs)
    (work.top / "base.done").write_text(fingerprint())


def remove(directory: Path) -> None:
    """Remove a root that may be half built.  Refuses while something is mounted in it."""
    mounts = [line.split()[4] for line in Path("/proc/self/mountinfo").read_text().splitlines()]
    inside = [mount for mount in mounts if Path(mount).is_relative_to(directory)]
    if inside:
        raise GridError(f"not removing {directory}: mounted in it: {', '.join(inside)}")
    if directory.exists():
        shutil.rmtree(directory)


def _unpack(work: WorkDir) -> None:
    """Unpack the packages beside, and put the result in place when it is whole."""
    require_tool("mmdebstrap", "mmdebstrap")
    partial = work.top / "rootfs.partial"
    remove(partial)
    remove(work.rootfs)
    must(
        [
            "mmdebstrap",
            "--variant=minbase",
            '--aptopt=Acquire::Check-Valid-Until "false"',
            '--aptopt=APT::Install-Recommends "false"',
            *proxy_options(),
            "--dpkgopt=path-exclude=/usr/share/doc/*",
            "--dpkgopt=path-exclude=/usr/share/locale/*",
            "--include=" + ",".join(PACKAGES),
            SUITE,
            partial,
            *write_sources(work.top / "sources"),
        ],
        env={**CLEAN_ENVIRONMENT, "DEBIAN_FRONTEND": "noninteractive"},
    )
    partial.rename(work.rootfs)


def _keygen(work: WorkDir, kind: str, path: Path, comment: str) -> None:
    """Make a key pair with the base's own ssh-keygen: the machine may have none."""
    if path.exists():
        return
    inside = work.rootfs / "tmp" / path.name
    for leftover in (inside, inside.with_name(f"{inside.name}.pub")):
        leftover.unlink(missing_ok=True)
    name = f"/tmp/{path.name}"
    keygen = ["ssh-keygen", "-q", "-t", kind, "-N", "", "-C", comment, "-f", name]
    must(["chroot", work.rootfs, *keygen], env=CLEAN_ENVIRONMENT)
    shutil.move(f"{inside}.pub", f"{path}.pub")
    shutil.move(inside, path)


def _make_keys(work: WorkDir) -> None:
    work.keys.mkdir(exist_ok=True)
    for user in USERS:
        _keygen(work, "ed25519", work.user_key(user), f"{user}@laptop")
        # OAR refuses any job key that is not RSA (or DSA)
        _keygen(work, "rsa", work.job_key(user), f"{user}@job")
    for site in SITES:
        _keygen(work, "rsa", work.server_key(site), f"oar@{site}")


def _add_users(root: Path) -> None:
    known = (root / "etc/passwd").read_text()
    for user, uid in USERS.items():
        if f"\n{user}:" not in known:
            # sshd without PAM takes a password of '!' for a locked account
            useradd = ["useradd", "-u", uid, "-M", "-s", "/bin/bash", "-p", "*", user]
            must(["chroot", root, *useradd], env=CLEAN_ENVIRONMENT)


def _set_time_and_names(root: Path) -> None:
    # Grid'5000 keeps French time: a client elsewhere must not take its own
    (root / "etc/localtime").unlink(missing_ok=True)
    (root / "etc/localtime").symlink_to("/usr/share/zoneinfo/Europe/Paris")
    (root / "etc/timezone").write_text("Europe/Paris\n")
    # no name server is reachable: an unknown name is an unknown name, at once
    (root / "etc/resolv.conf").unlink(missing_ok=True)
    (root / "etc/resolv.conf").write_text("")
    nsswitch = root / "etc/nsswitch.conf"
    lines = nsswitch.read_text().splitlines()
    lines = ["hosts: files" if line.startswith("hosts:") else line for line in lines]
    nsswitch.write_text("\n".join(lines) + "\n")


def _set_sshd(root: Path) -> None:
    must(["chroot", root, "ssh-keygen", "-A"], env=CLEAN_ENVIRONMENT)
    (root / "etc/ssh/sshd_config").write_text(SSHD_CONFIG)
    conf = root / "etc/oar/sshd_config"
    kept = [
        line for line in conf.read_text().splitlines() if not line.startswith(DROPPED_FROM_OAR_SSHD)
    ]
    # oarcp is scp over oarsh, and scp speaks sftp since OpenSSH 9
    kept += ["UseDNS no", "Subsystem sftp /usr/lib/openssh/sftp-server"]
    conf.write_text("\n".join(kept) + "\n")
    # one set of host keys for all hosts, known to all: no "Permanently added" on stderr
    oar = _public_key(root / "etc/oar/oar_ssh_host_rsa_key.pub")
    known = [_public_key(path) for path in sorted((root / "etc/ssh").glob("ssh_host_*_key.pub"))]
    lines = [f"* {key}" for key in known] + [f"[*]:{OAR_SSH_PORT} {oar}"]
    (root / "etc/ssh/ssh_known_hosts").write_text("\n".join(lines) + "\n")


def _public_key(path: Path) -> str:
    """Return type and key of a public key file, without its comment."""
    return " ".join(path.read_text().split()[:2])


def _set_oar(root: Path) -> None:
    shutil.copy(FILES / "job_resource_manager_plain.pl", root / "etc/oar/")
    conf = next((root / "etc/postgresql").glob("*/main")) / "conf.d"
    conf.mkdir(exist_ok=True)
    (conf / "grid.conf").write_text(POSTGRESQL_CONF)


def _set_python(root: Path) -> None:
    # what an installed package would do: `import execo` works in any shell
    (root / "usr/lib/python3/dist-packages/execo-g5k.pth").write_text("/opt/execo-g5k/src\n")
    for name in ("src", "examples"):
        (root / "opt/execo-g5k" / name).mkdir(parents=True, exist_ok=True)
