"""Doctor on a laptop outside: faults are planted, found, and mended by what it says."""

import os
import signal

import pytest

pytest.importorskip("asyncssh", reason="the sandbox needs asyncssh")
pytest.importorskip("rich", reason="the command line needs click and rich")

from execo_g5k.sandbox import Sandbox
from tests.system.laptops import Account, states

# an editor that deletes the line at which it is opened
EDITOR = """#!/bin/sh
sed -i "${1#+}d" "$2"
"""
ASKED = """#!/bin/sh
echo secret
"""


@pytest.fixture(scope="module")
def configured(tmp_path_factory):
    """A laptop that `configure` has set up."""
    folder = tmp_path_factory.mktemp("doctor")
    sites = {"nancy": {"grisou": 2}, "lyon": {"nova": 1}}
    with Sandbox(sites, user="alice", outside=True) as sandbox:
        account = Account(sandbox, folder)
        done = account.configure()
        assert done.returncode == 0, done.stdout + done.stderr
        for name, text in (("editor", EDITOR), ("asked", ASKED)):
            (folder / name).write_text(text)
            (folder / name).chmod(0o755)
        account.environment |= {
            "EDITOR": str(folder / "editor"),
            "SSH_ASKPASS": str(folder / "asked"),
            "SSH_ASKPASS_REQUIRE": "force",
        }
        # what a first examination writes is no fault
        account.doctor()
        account.keep()
        yield account


@pytest.fixture
def account(configured):
    """The same, as new."""
    configured.restore()
    yield configured
    configured.sandbox.faults.mend_all()


def test_nothing_is_wrong_after_configure(account):
    code, findings = account.doctor()
    assert (code, states(findings, "wrong", "warning")) == (0, [])
    assert [f["check"] for f in findings if f["state"] == "skipped"] == ["API"]


NANCY = "NANCY/.ssh"
IN_CONF = "echo '{}' >> ~/.execo.conf.py"

FAULTS = {
    "outside key open": ("chmod 644 ~/.ssh/id_ed25519", "outside key", "0644"),
    "ssh directory open": ("chmod 777 ~/.ssh", "~/.ssh", "0777"),
    "ssh config open": ("chmod 666 ~/.ssh/config", "ssh configuration", "0666"),
    "ssh config that is a directory": (
        "rm ~/.ssh/config; mkdir -m 700 ~/.ssh/config", "ssh configuration", "is a directory",
    ),
    "settings that are a directory": (
        "rm ~/.execo.conf.py; mkdir -m 700 ~/.execo.conf.py", "~/.execo.conf.py", "is a directory",
    ),
    "aliases open": ("chmod 666 ~/.ssh/execo-g5k.config", "ssh configuration", "execo-g5k.config"),
    "settings open": ("chmod 666 ~/.execo.conf.py", "~/.execo.conf.py", "0666"),
    "no settings": ("rm ~/.execo.conf.py", "OAR_JOB_KEY_FILE", "no key for jobs is set"),
    "oarsh that is not there": (
        "sed -i \"s/'scp'/'oarcp'/; s/'scp',/'oarcp',/\" ~/.execo.conf.py", "nodes", "no oarsh",
    ),
    "no aliases": ("rm ~/.ssh/config", "sites", "no alias of ssh leads there"),
    "aliases for other hosts only": (
        "sed -i '1i Host example.org' ~/.ssh/config", "sites", "no alias of ssh leads there",
    ),
    "bad option": (
        "sed -i '2a ProxyJumps x' ~/.ssh/config", "ssh configuration", "Bad configuration option",
    ),
    "no inside key": ("rm ~/.ssh/g5k_inside*", "inside key", "does not exist"),
    "inside key of a kind that OAR refuses": (
        "rm ~/.ssh/g5k_inside*; ssh-keygen -q -t ed25519 -N '' -f ~/.ssh/g5k_inside",
        "inside key", "ssh-ed25519",
    ),
    "inside key with a passphrase": (
        "ssh-keygen -q -p -P '' -N secret -f ~/.ssh/g5k_inside", "inside key", "passphrase",
    ),
    "inside key that is none": ("echo hi > ~/.ssh/g5k_inside", "inside key", "can't be read"),
    "inside key open": ("chmod 640 ~/.ssh/g5k_inside", "inside key", "0640"),
    "no public key": ("rm ~/.ssh/g5k_inside.pub", "inside key", "no public key"),
    "another public key": (
        "cp ~/.ssh/id_ed25519.pub ~/.ssh/g5k_inside.pub", "inside key", "does not match",
    ),
    "no key on a site": (f"rm {NANCY}/g5k_inside", "nancy: job key", "does not exist on nancy"),
    "another key on a site": (
        f"rm {NANCY}/g5k_inside*; ssh-keygen -q -t rsa -N '' -f {NANCY}/g5k_inside",
        "nancy: job key", "is not the key of",
    ),
    "key on a site open": (f"chmod 644 {NANCY}/g5k_inside", "nancy: job key", "0644"),
    "key of a site not authorized": (
        f"sed -i /inside/d {NANCY}/authorized_keys", "nancy: job key", "authorized_keys on nancy",
    ),
    "job key by a name that no site has": (
        IN_CONF.format('g5k_configuration["oar_job_key_file"] = "~/.ssh/other_key"'),
        "nancy: job key", "~/.ssh/other_key does not exist",
    ),
    "misspelt setting": (
        IN_CONF.format('g5k_configuration["polling_intervall"] = 3'), "~/.execo.conf.py",
        "did you mean 'polling_interval'",
    ),
    "misspelt connexion param": (
        IN_CONF.format('default_frontend_connexion_params["usr"] = "alice"'), "~/.execo.conf.py",
        "did you mean 'user'",
    ),
    "misspelt dict": (
        "sed -i s/g5k_configuration/g5k_configuratoin/ ~/.execo.conf.py", "~/.execo.conf.py",
        "did you mean g5k_configuration",
    ),
    "no Python": (IN_CONF.format("x = = 3"), "~/.execo.conf.py", "line 27: SyntaxError"),
    "error in the settings": (
        IN_CONF.format("import nothing_of_that_name"), "~/.execo.conf.py", "line 27: ModuleNot",
    ),
    "no dict": (
        IN_CONF.format("g5k_configuration = 3"), "~/.execo.conf.py",
        "line 27: g5k_configuration is no dict",
    ),
    "bad value": (
        IN_CONF.format('g5k_configuration["polling_interval"] = []'), "~/.execo.conf.py",
        "line 27: g5k_configuration['polling_interval']",
    ),
    "bad rewriting": (
        IN_CONF.format(
            'default_frontend_connexion_params["host_rewrite_func"] = lambda s: s + ".grid.fr"'
        ),
        "nancy: host rewriting", "'nancy.grid.fr'",
    ),
    "rewriting that fails": (
        IN_CONF.format('default_frontend_connexion_params["host_rewrite_func"] = lambda s: s.a'),
        "nancy: host rewriting", "no attribute",
    ),
    "changed host key": (
        "sed -i 's|AAAA.*|'$(cut -d' ' -f2 ~/.ssh/id_ed25519.pub)'|' ~/.ssh/known_hosts",
        "access machine", "is not the one in",
    ),
    "unknown host key": (
        "sed -i s/accept-new/ask/ ~/.ssh/execo-g5k.config; rm ~/.ssh/known_hosts",
        "access machine", "is unknown",
    ),
    "long names of sockets": (
        "printf 'Host *\\n ControlMaster auto\\n ControlPath /tmp/'$(printf %0100d 1)'\\n'"
        " >> ~/.ssh/config", "connexion sharing", "ControlPath",
    ),
    "passphrase without an agent": (
        "ssh-keygen -q -p -P '' -N secret -f ~/.ssh/id_ed25519", "outside key", "no ssh agent runs",
    ),
}  # fmt: skip


@pytest.mark.parametrize("fault", FAULTS)
def test_what_doctor_says_of_a_fault_mends_it(account, fault):
    plant, check, words = FAULTS[fault]
    planted = account.run(plant.replace("NANCY", str(account.site_home("nancy"))))
    assert planted.returncode == 0, planted.stderr
    code, findings = account.doctor()
    assert code == 1
    found = [f for f in findings if (f["check"], f["state"]) == (check, "wrong")]
    assert found, states(findings, "wrong", "warning", "skipped")
    assert words in found[0]["what"]
    agent = account.home.parent / "agent"
    try:
        code, findings = account.doctor(f'{found[0]["mend"]}\necho "$SSH_AGENT_PID" >{agent}')
    finally:
        if agent.exists() and agent.read_text().strip():
            os.kill(int(agent.read_text()), signal.SIGTERM)
    assert (code, states(findings, "wrong")) == (0, [])
    # what is mended may be slow
    well = [f["check"] for f in findings if f["state"] in ("ok", "warning")]
    assert check in (*well, "sites") or "rewriting" in check


def test_what_settings_say_leaves_the_terminal_alone(account):
    rewriting = "def f(site): raise ValueError('\\x1b[31m')"
    setting = 'default_frontend_connexion_params["host_rewrite_func"] = f'
    with open(account.home / ".execo.conf.py", "a") as conf:
        conf.write(f"{rewriting}\n{setting}\nraise ValueError('\\x1b]0;title\\a')\n")
    done = account.run("execo-g5k doctor --site nancy")
    assert "ValueError: ?]0;title?" in done.stdout
    assert "\x1b" not in done.stdout + done.stderr


def test_an_agent_that_is_gone_is_a_warning(account):
    gone = {"SSH_AUTH_SOCK": "/nonexistent/agent"}
    code, findings = account.doctor(**gone)
    [found] = [f for f in findings if f["state"] == "warning"]
    assert (code, found["check"]) == (0, "ssh agent")
    code, findings = account.doctor(found["mend"], **gone)
    assert (code, states(findings, "warning", "wrong")) == (0, [])


def test_a_site_that_never_answers_holds_nothing_up(account):
    account.sandbox.faults.hang("nancy")
    done = account.run("execo-g5k doctor --site nancy --site lyon --timeout 4")
    assert done.returncode == 1
    assert "wrong   nancy: nancy.grid5000.fr can't be reached through access.grid5000.fr" in (
        done.stdout
    )
    assert "timed out" in done.stdout
    assert "ok      lyon: job key" in done.stdout


def test_sites_behind_an_access_machine_that_is_down_are_left_alone(account):
    account.sandbox.faults.refuse("access.grid5000.fr")
    code, findings = account.doctor()
    assert code == 1
    [wrong] = states(findings, "wrong")
    assert "access.grid5000.fr can't be reached" in wrong
    assert "Connection refused" in wrong
    skipped = states(findings, "skipped")
    assert "sites: nancy, lyon: reached through access.grid5000.fr" in skipped


def test_a_login_that_does_not_exist_is_told(account):
    account.run("sed -i 's/User alice/User nobody/' ~/.ssh/execo-g5k.config")
    code, findings = account.doctor()
    [wrong] = states(findings, "wrong")
    assert code == 1
    assert "user 'nobody'" in wrong
    assert "configure --user LOGIN" in wrong


def test_a_shell_that_talks_and_a_clock_that_is_wrong_are_warnings(account):
    account.sandbox.faults.garbage("lyon", "Welcome to Lyon!\n")
    account.sandbox._ask(do="shift", seconds=500)
    try:
        code, findings = account.doctor()
    finally:
        account.sandbox._ask(do="shift", seconds=-500)
    assert (code, states(findings, "wrong")) == (0, [])
    warnings = states(findings, "warning")
    assert any(text.startswith("lyon: shell: ") and "'Welcome to Lyon!'" in text
               for text in warnings)  # fmt: skip
    clocks = [text for text in warnings if "clock" in text]
    assert len(clocks) == 2
    assert all(" s behind" in text for text in clocks)


def test_a_terminal_is_shown_the_same(account):
    done = account.run("script -qec 'execo-g5k doctor --site nancy --site lyon' /dev/null")
    assert done.returncode == 0, done.stdout
    assert "access.grid5000.fr answers in" in done.stdout
    assert "17 ok, 1 skipped" in done.stdout
