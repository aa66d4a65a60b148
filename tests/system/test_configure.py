"""Configure on a laptop outside, from an empty home."""

import json
import shlex
import shutil
import sys
from pathlib import Path

import pytest

pytest.importorskip("asyncssh", reason="the sandbox needs asyncssh")
pytest.importorskip("rich", reason="the command line needs click and rich")

import execo_g5k
from execo_g5k.sandbox import Sandbox
from tests.system.laptops import SITES, Account, states
from tests.system.screens import on_terminal


@pytest.fixture(scope="module")
def newcomer(tmp_path_factory):
    """A laptop with nothing but a key that the account knows."""
    sites = {"nancy": {"grisou": 2}, "lyon": {"nova": 1}}
    with Sandbox(sites, user="alice", outside=True) as sandbox:
        account = Account(sandbox, tmp_path_factory.mktemp("configure"))
        account.keep()
        yield account


@pytest.fixture
def account(newcomer):
    """The same, as new."""
    newcomer.restore()
    yield newcomer
    newcomer.sandbox.faults.mend_all()
    for site in SITES:
        newcomer.sandbox.clear(site)


def test_an_empty_home_is_set_up_and_the_second_time_nothing_changes(account):
    code, findings = account.doctor()
    assert code == 1
    assert {f["mend"] for f in findings if f["state"] == "wrong"} == {"execo-g5k configure"}
    first = account.configure()
    assert first.returncode == 0, first.stdout + first.stderr
    code, findings = account.doctor()
    assert (code, states(findings, "wrong", "warning")) == (0, [])
    before = account.tree()
    again = account.configure()
    assert (again.returncode, again.stderr) == (0, "")
    assert again.stdout == "nothing to change, for alice through access.grid5000.fr\n"
    assert account.tree() == before
    # choices are remembered
    assert account.run("execo-g5k configure --yes").stdout == again.stdout
    assert account.tree() == before


def test_files_are_private_and_the_key_is_shown_nowhere(account):
    done = account.configure()
    key = (account.home / ".ssh/g5k_inside").read_text()
    assert key.splitlines()[1] not in done.stdout
    for site in SITES:
        there = account.site_home(site) / ".ssh/g5k_inside"
        assert there.read_text() == key
        assert there.stat().st_mode & 0o777 == 0o600
        authorized = account.site_home(site) / ".ssh/authorized_keys"
        assert authorized.stat().st_mode & 0o777 == 0o600
        assert len(authorized.read_text().splitlines()) == 2
    for name in (".ssh/config", ".ssh/execo-g5k.config", ".execo.conf.py", ".ssh/g5k_inside"):
        assert (account.home / name).stat().st_mode & 0o777 == 0o600


SCRIPT = """
from execo import *
from execo_g5k import *
jobs = oarsub([(OarSubmission("nodes=1", walltime=300), site) for site in ("nancy", "lyon")])
nodes = [node for job in jobs for node in get_oar_job_nodes(*job, timeout=40)]
remote = Remote("hostname", nodes, default_oarsh_oarcp_params).run(40)
print(*[process.stdout.strip() for process in remote.processes])
oardel(jobs)
"""


def test_a_script_then_runs_from_outside_and_g5k_names_work(account):
    assert account.configure().returncode == 0
    done = account.run(f"{sys.executable} -", SCRIPT, EXECO_G5K_POLLING_INTERVAL="1")
    assert done.stdout == "grisou-1 nova-1\n", done.stderr
    # short names of nodes have no address but by the settings
    told = account.run("execo-g5k run --hosts grisou-1.nancy --json -- true").stdout
    assert "Could not resolve" not in told
    for name in ("nancy.g5k", "g5k", "lyon.grid5000.fr"):
        assert account.run(f"ssh {name} true").returncode == 0


def test_a_login_is_no_guess(account):
    done = account.run("execo-g5k configure --yes")
    assert (done.returncode, done.stdout) == (2, "")
    assert "--user LOGIN" in done.stderr


BAD = {
    "--user": ("Jane Doe", "a\nb", "-x y", ""),
    "--access": ("", "a b"),
    "--site": ("", "x\n ProxyCommand y"),
    "--outside-key": ("", '/tmp/a"b', "/tmp/a\nb"),
    "--inside-key": ("", "/tmp/a%h"),
}


@pytest.mark.parametrize("option", BAD)
def test_what_ssh_could_not_read_is_refused_and_nothing_is_written(account, option):
    before = account.tree()
    for value in BAD[option]:
        given = "" if option == "--user" else "--user alice"
        done = account.run(f"execo-g5k configure --yes {given} {option}={shlex.quote(value)}")
        assert (done.returncode, done.stdout) == (2, "")
        assert f"{option}: {value!r}: expected" in done.stderr
        assert account.tree() == before


def test_doctor_refuses_a_site_that_is_no_name(account):
    done = account.run("execo-g5k doctor --site ''")
    assert (done.returncode, done.stdout) == (2, "")
    assert "--site: '': expected" in done.stderr


def test_a_login_that_is_typed_is_checked_too(account):
    before = account.tree()
    configure = "execo-g5k configure --dry-run --site nancy"
    done = account.run(f"script -qec '{configure}' /dev/null", "Jane Doe\nalice\n")
    assert done.returncode == 0
    assert "--user: 'Jane Doe': expected a login" in done.stdout
    assert "User alice" in done.stdout
    assert account.tree() == before


def test_a_key_whose_name_ssh_would_change_opens_the_access_machine(account):
    account.run(
        "mv ~/.ssh/id_ed25519 ~/'.ssh/50%h key'; mv ~/.ssh/id_ed25519.pub ~/'.ssh/50%h key.pub'"
    )
    done = account.run(
        "cd ~/.ssh && execo-g5k configure --user alice --yes --site nancy --outside-key '50%h key'"
    )
    assert done.returncode == 0, done.stdout + done.stderr
    _, findings = account.doctor()
    assert [f["what"] for f in findings if f["check"] == "outside key"] == [
        f"{account.home}/.ssh/50%h key"
    ]
    assert [f["state"] for f in findings if f["check"] == "access machine"] == ["ok"]


def test_a_dry_run_shows_all_and_writes_nothing(account):
    before = account.tree()
    done = account.configure("--dry-run")
    assert done.returncode == 0, done.stderr
    assert "+    ProxyJump access.grid5000.fr" in done.stdout
    assert "+default_oarsh_oarcp_params = {" in done.stdout
    assert done.stdout.endswith("4 to write; nothing was written\n")
    assert account.tree() == before


def test_a_dry_run_of_a_home_that_is_set_up_looks_at_the_sites(account):
    assert account.configure().returncode == 0
    (account.site_home("lyon") / ".ssh/g5k_inside").unlink()
    before = account.tree()
    done = account.configure("--dry-run")
    assert "~/.ssh/g5k_inside on lyon: the inside key" in done.stdout
    assert "nancy" not in done.stdout
    assert account.tree() == before


def test_what_is_refused_stays_as_it_is(account):
    (account.home / ".execo.conf.py").write_text("# mine\n")
    before = account.tree()
    sites = "--site nancy --site lyon"
    done = account.run(f"execo-g5k configure --user alice {sites}", "n\n" * 20)
    assert done.returncode == 0, done.stderr
    assert "4 left as they are" in done.stdout
    assert account.tree() == before
    # the end of the answers is none
    done = account.run(f"execo-g5k configure --user alice {sites}")
    assert done.returncode == 1
    assert "nobody answered" in done.stderr
    assert "--yes" in done.stderr
    assert account.tree() == before


@pytest.mark.parametrize("words", [["--user", "alice"], []])
def test_an_interrupt_at_a_question_is_one(account, words):
    before = account.tree()
    command = ("configure", "--site", "nancy", *words)
    with on_terminal(*command, env=account.environment) as terminal:
        terminal.until(lambda text: "Write " in text or "Your login" in text)
        assert (terminal.interrupt(), "execo-g5k: interrupted" in terminal.text) == (130, True)
    assert account.tree() == before


def test_one_file_is_agreed_to_and_another_is_not(account):
    sites = "--site nancy --site lyon"
    done = account.run(
        f"execo-g5k configure --user alice {sites}", "y\ny\ny\nn\nn\ny\n" + "n\n" * 9
    )
    assert done.returncode == 0, done.stderr
    assert (account.home / ".ssh/execo-g5k.config").exists()
    assert not (account.home / ".execo.conf.py").exists()
    nancy, lyon = (account.site_home(site) / ".ssh" for site in SITES)
    assert not (nancy / "g5k_inside").exists()
    assert (nancy / "g5k_inside.pub").exists()
    assert not (lyon / "g5k_inside").exists()


MINE = """\
# how I like it
default_frontend_connection_params = {"user": "alice"}
g5k_configuration = {"oar_job_key_file": "~/.ssh/mine", "polling_interval": 5}
"""


def test_what_the_user_wrote_is_kept_and_saved(account):
    (account.home / ".execo.conf.py").write_text(MINE)
    (account.home / ".ssh/config").write_text("Host example.org\n    User me\n")
    done = account.configure()
    assert done.returncode == 0, done.stdout
    assert "yours stays: g5k_configuration['oar_job_key_file'] = '~/.ssh/mine'" in done.stdout
    text = (account.home / ".execo.conf.py").read_text()
    assert text.startswith(MINE)
    assert "default_frontend_connection_params['host_rewrite_func'] = g5k_address" in text
    assert (account.home / ".ssh/config").read_text().endswith("Host example.org\n    User me\n")
    [saved] = (account.home).glob(".execo.conf.py.execo-*")
    assert saved.read_text() == MINE
    assert (account.site_home("nancy") / ".ssh/mine").exists()
    code, findings = account.doctor()
    assert (code, states(findings, "wrong", "warning")) == (0, [])
    before = account.tree()
    assert "nothing to change" in account.configure().stdout
    assert account.tree() == before


def test_a_file_of_another_system_keeps_its_line_ends_and_only_the_change_is_shown(account):
    mine = b"Host example.org\r\n    User me\r\n"
    (account.home / ".ssh/config").write_bytes(mine)
    (account.home / ".execo.conf.py").write_bytes(b"mine = 1\r\n")
    done = account.configure()
    assert done.returncode == 0, done.stdout
    for name, before in ((".ssh/config", mine), (".execo.conf.py", b"mine = 1\r\n")):
        now = (account.home / name).read_bytes()
        assert before in now
        assert now.count(b"\n") == now.count(b"\r\n")
    assert "\n  -" not in done.stdout.replace("\n  --- ", "")
    assert account.run("ssh -G example.org").stdout.count("user me\n") == 1
    assert "nothing to change" in account.configure().stdout


def test_files_that_are_not_utf8_are_kept_byte_for_byte(account):
    config = b"# r\xe9glages\nHost foo\n User bar\n"
    conf = "# coding: latin-1\n# réglages\nnames = ['é']\n".encode("latin-1")
    (account.home / ".ssh/config").write_bytes(config)
    (account.home / ".execo.conf.py").write_bytes(conf)
    done = account.configure()
    assert done.returncode == 0, done.stdout + done.stderr
    now = (account.home / ".ssh/config").read_bytes()
    assert now.endswith(config)
    assert b"Include " in now
    assert (account.home / ".execo.conf.py").read_bytes().startswith(conf)
    assert states(account.doctor()[1], "wrong") == []
    assert "nothing to change" in account.configure().stdout


def test_settings_that_cant_be_decoded_are_told_and_the_rest_is_done(account):
    bad = b"# r\xe9glages\nx = 1\n"
    (account.home / ".execo.conf.py").write_bytes(bad)
    done = account.configure()
    assert (done.returncode, "Traceback" in done.stderr) == (1, False)
    assert f"not done: {account.home}/.execo.conf.py can't be read: " in done.stdout
    assert (account.home / ".execo.conf.py").read_bytes() == bad
    assert (account.home / ".ssh/execo-g5k.config").exists()
    assert (account.site_home("nancy") / ".ssh/g5k_inside").exists()


def test_a_directory_in_place_of_the_configuration_of_ssh_is_told(account):
    (account.home / ".ssh/config").mkdir()
    done = account.configure()
    assert (done.returncode, done.stderr) == (1, "")
    assert f"not done: {account.home}/.ssh/config can't be read: Is a directory" in done.stdout
    assert (account.home / ".execo.conf.py").exists()


def test_aliases_of_the_user_are_left_alone(account):
    config = (
        "Host access.grid5000.fr\n  User alice\n  StrictHostKeyChecking accept-new\n"
        "Host *.grid5000.fr !access.grid5000.fr\n  User alice\n  ProxyJump access.grid5000.fr\n"
        "  StrictHostKeyChecking accept-new\n"
    )
    (account.home / ".ssh/config").write_text(config)
    done = account.configure()
    assert done.returncode == 0, done.stdout
    assert "your own configuration leads through access.grid5000.fr" in done.stdout
    assert (account.home / ".ssh/config").read_text() == config
    assert not (account.home / ".ssh/execo-g5k.config").exists()
    assert (account.site_home("lyon") / ".ssh/g5k_inside").exists()
    assert account.doctor()[0] == 0


def test_a_site_that_is_down_is_told_and_done_the_next_time(account):
    account.sandbox.faults.refuse("nancy")
    done = account.configure()
    assert done.returncode == 1
    assert "not done: nancy: " in done.stdout
    assert not (account.site_home("nancy") / ".ssh/g5k_inside").exists()
    assert (account.site_home("lyon") / ".ssh/g5k_inside").exists()
    account.sandbox.faults.mend("nancy")
    done = account.configure()
    assert (done.returncode, "lyon" in done.stdout) == (0, False)
    assert (account.site_home("nancy") / ".ssh/g5k_inside").exists()


def test_sites_that_do_not_answer_are_told_together(account):
    for site in SITES:
        account.sandbox.faults.refuse(site)
    done = account.configure()
    assert done.returncode == 1
    told = [line for line in done.stdout.splitlines() if line.startswith("not done")]
    assert len(told) == 1
    assert told[0].startswith("not done: nancy, lyon: ")


def test_settings_that_are_no_python_are_told_with_their_line(account):
    broken = "x = 1\ny = = 2\n"
    (account.home / ".execo.conf.py").write_text(broken)
    done = account.configure()
    assert done.returncode == 1
    assert ".execo.conf.py, line 2" in done.stdout
    assert (account.home / ".execo.conf.py").read_text() == broken


def test_settings_that_are_no_dict_are_told_and_left_alone(account):
    (account.home / ".execo.conf.py").write_text("g5k_configuration = 3\n")
    done = account.configure()
    assert (done.returncode, "Traceback" in done.stderr) == (1, False)
    assert f"not done: {account.home}/.execo.conf.py, line 1: g5k_configuration is no dict" in (
        done.stdout
    )
    assert (account.home / ".execo.conf.py").read_text() == "g5k_configuration = 3\n"
    assert (account.site_home("lyon") / ".ssh/g5k_inside").exists()


def test_settings_that_keep_sites_from_being_reached_are_told(account):
    text = 'default_frontend_connexion_params = {"usr": "alice"}\n'
    (account.home / ".execo.conf.py").write_text(text)
    done = account.configure()
    assert done.returncode == 1
    assert "not done: nancy: connexion_params: 'usr' is no connexion param" in done.stdout


def test_a_link_stays_a_link(account):
    mine = account.home / "dotfiles"
    mine.mkdir()
    (mine / "conf").write_text("# mine\n")
    (account.home / ".execo.conf.py").symlink_to(mine / "conf")
    assert account.configure().returncode == 0
    assert (account.home / ".execo.conf.py").is_symlink()
    assert (mine / "conf").read_text().startswith("# mine\n")
    shutil.rmtree(mine)


def test_json_of_doctor_is_one_object_whatever_is_wrong(account):
    done = account.run("execo-g5k doctor --json --site nancy")
    found = json.loads(done.stdout)
    assert (done.returncode, found["ok"]) == (1, False)
    assert {"check", "state", "what", "mend"} == set(found["findings"][0])


def test_both_commands_run_in_a_process_that_has_click(account, monkeypatch):
    from click.testing import CliRunner

    from execo_g5k.cli.configure import configure
    from execo_g5k.cli.doctor import doctor

    for name, value in account.environment.items():
        monkeypatch.setenv(name, value)
    before = account.tree()
    sites = ["--site", "nancy", "--site", "lyon"]
    done = CliRunner().invoke(configure, ["--user", "alice", *sites, "--dry-run"])
    assert done.exit_code == 0, done.output
    assert done.output.endswith("4 to write; nothing was written\n")
    assert account.tree() == before
    done = CliRunner().invoke(doctor, sites)
    assert done.exit_code == 1
    assert "mend it: execo-g5k configure\n" in done.output
    assert CliRunner().invoke(doctor, ["--timeout", "0"]).exit_code == 2


def test_a_frontend_needs_no_alias(account):
    assert account.configure().returncode == 0
    home = account.site_home("nancy")
    sources = Path(execo_g5k.__file__).parents[1]
    command = f"PYTHONPATH={sources} python3 -m execo_g5k.cli"
    sites = "--site nancy --site lyon"
    try:
        done = account.run(f"ssh nancy.g5k '{command}.configure --user alice {sites} --yes'")
        assert done.returncode == 0, done.stdout + done.stderr
        assert "this machine is inside" in done.stdout
        assert not (home / ".ssh/execo-g5k.config").exists()
        assert "default_oarsh_oarcp_params" not in (home / ".execo.conf.py").read_text()
        done = account.run(f"ssh nancy.g5k '{command}.doctor {sites}'")
        assert done.returncode == 0, done.stdout + done.stderr
        assert "oarsh and oarcp are here" in done.stdout
        assert "ssh goes to the sites directly" in done.stdout
    finally:
        (home / ".execo.conf.py").unlink(missing_ok=True)
