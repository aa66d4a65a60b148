"""What users have: homes with keys on each site, and files on their laptop."""

import os
import shutil
from pathlib import Path

from testbed.plan import HOSTS, SITES, USERS, hosts_file
from testbed.workdir import WorkDir

SSH_CONFIG = """\
Host *
  User {user}
  IdentityFile {key}
  IdentitiesOnly yes
  UserKnownHostsFile {known_hosts}
  StrictHostKeyChecking yes
  BatchMode yes
  LogLevel ERROR
"""


def make_homes(work: WorkDir) -> None:
    """Make every user's home on every site; a site's hosts share it, as by NFS."""
    for site in (*SITES, None):
        for user, uid in USERS.items():
            home = work.home(site) / user
            _fill_home(work, home, user)
            _give(home, uid)


def _fill_home(work: WorkDir, home: Path, user: str) -> None:
    """Fill a home as the usual set-up has it: one key inside, one for jobs."""
    ssh = home / ".ssh"
    ssh.mkdir(parents=True)
    ssh.chmod(0o700)
    public = Path(f"{work.user_key(user)}.pub").read_text()
    (ssh / "authorized_keys").write_text(public)
    for name, key in (("id_ed25519", work.user_key(user)), ("oar_job_key", work.job_key(user))):
        shutil.copy(key, ssh / name)
        shutil.copy(f"{key}.pub", ssh / f"{name}.pub")
        (ssh / name).chmod(0o600)
    shutil.copy(work.rootfs / "etc/skel/.bashrc", home / ".bashrc")
    (home / ".profile").write_text(
        "[ -f ~/.bashrc ] && . ~/.bashrc\nexport OAR_JOB_KEY_FILE=~/.ssh/oar_job_key\n"
    )


def _give(home: Path, uid: int) -> None:
    for path in (home, *home.rglob("*")):
        os.chown(path, uid, uid)


def make_laptop(work: WorkDir) -> None:
    """Write what the users' laptop has: names, known hosts, one ssh configuration each."""
    known_hosts = work.run / "known_hosts"
    shutil.copy(work.rootfs / "etc/ssh/ssh_known_hosts", known_hosts)
    addresses = "".join(
        f"Host {' '.join(host.names)}\n  HostName {host.address}\n" for host in HOSTS.values()
    )
    for user in USERS:
        common = SSH_CONFIG.format(user=user, key=work.user_key(user), known_hosts=known_hosts)
        work.ssh_config(user).write_text(common + addresses)
    work.laptop_etc.mkdir()
    (work.laptop_etc / "hosts").write_text(hosts_file())
    shutil.copy(work.rootfs / "etc/nsswitch.conf", work.laptop_etc)
