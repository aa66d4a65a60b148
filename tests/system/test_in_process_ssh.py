"""Commands on hosts by asyncssh, in this process: what differs from the program ssh."""

import getpass
import os
import shlex
import subprocess
import textwrap
import time
from pathlib import Path

import pytest

pytest.importorskip("asyncssh")

from execo import Host, Process, Remote, SshProcess, configuration
from tests.system.helpers import Sshd, alive, checked_script, until

HOST = "127.0.0.7"
QUIET = {"nolog_exit_code": True, "nolog_error": True, "nolog_timeout": True}


@pytest.fixture
def plain(sshd):
    return sshd.without_terminal() | {"transport": "asyncssh"}


def logins(sshd):
    return sshd.log().count("Accepted publickey")


def test_no_process_of_this_machine_is_started(plain):
    with SshProcess("echo ready; sleep 100", HOST, plain, **QUIET).start() as process:
        assert process.expect("ready", timeout=20)[0] == 0
        assert (process.pid, process.running) == (None, True)


def test_a_signal_reaches_a_command_without_a_terminal(plain):
    command = (
        "trap 'echo caught; exit 7' TERM; echo ready; while kill -0 $PPID; do sleep 0.05; done"
    )
    with SshProcess(command, HOST, plain, **QUIET).start() as process:
        assert process.expect("ready", timeout=20)[0] == 0
        process.kill().wait(20)
    # sshd 9.2 passes no signals to commands of root
    code, said = (255, "ready\n") if os.geteuid() == 0 else (7, "ready\ncaught\n")
    assert (process.exit_code, process.stdout) == (code, said)


def test_a_command_that_ignores_signals_is_left(plain):
    command = "trap '' TERM HUP; echo ready; sleep 1000 & echo $!; wait"
    process = SshProcess(command, HOST, plain, **QUIET).start()
    assert process.expect(r"ready\n\d+", timeout=20)[0] == 0
    process.kill().wait(20)
    assert process.exit_code == 255
    Process(f"kill -9 {process.stdout.split()[1]}").run()


def test_commands_to_a_host_share_a_connexion_when_told_to(sshd, plain):
    configuration["connexion_reuse"] = True
    before = logins(sshd)
    for number in range(5):
        assert SshProcess(f"echo {number}", HOST, plain).run().stdout == f"{number}\n"
    # an earlier test may have left one
    assert logins(sshd) <= before + 1
    many = Remote("echo {{{host}}}", [HOST] * 20, plain).run()
    assert [process.stdout for process in many.processes] == [f"{HOST}\n"] * 20
    configuration["connexion_reuse"] = False
    before = logins(sshd)
    for _ in range(2):
        assert SshProcess("true", HOST, plain).run().ok
    assert logins(sshd) == before + 2


def test_a_connexion_that_is_lost_is_told_and_made_again(plain):
    configuration["connexion_reuse"] = True
    killed = SshProcess("kill -9 $PPID; sleep 100", HOST, plain, **QUIET).run(timeout=20)
    assert killed.exit_code == 255
    assert "closed" in killed.stderr.lower()
    assert SshProcess("echo hi", HOST, plain).run(timeout=20).stdout == "hi\n"


def test_output_and_input_of_any_size_pass(plain):
    big = SshProcess("head -c 30000000 /dev/zero | tr '\\0' x", HOST, plain).run(timeout=60)
    assert len(big.stdout) == 30_000_000
    counted = SshProcess("wc -c", HOST, plain).start()
    counted.write("x" * 5_000_000)
    assert counted.close_stdin().wait(60).stdout.strip() == "5000000"


def test_sixty_four_hosts_at_once(sshd, plain):
    action = Remote("echo {{{host}}}; exit 2", sshd.hosts, plain, QUIET).run(timeout=60)
    assert [process.stdout.strip() for process in action.processes] == sshd.hosts
    assert {process.exit_code for process in action.processes} == {2}


@pytest.mark.parametrize(
    ("more", "reason"),
    [
        ({"ssh_options": ("-W", "a:1")}, "ssh_options: '-W' can't be said to asyncssh"),
        ({"ssh": "oarsh"}, "ssh: 'oarsh': asyncssh connects by itself"),
    ],
)
def test_what_asyncssh_cannot_do_is_an_error_that_names_it(plain, more, reason):
    process = SshProcess("true", HOST, plain | more, **QUIET).run()
    assert (process.error, process.exit_code) == (True, None)
    assert reason in process.error_reason


def test_an_unknown_transport_is_refused(plain):
    with pytest.raises(ValueError, match="transport: 'pigeon': expected one of ssh, asyncssh"):
        SshProcess("true", HOST, plain | {"transport": "pigeon"}).run()


def test_without_asyncssh_it_is_told_what_to_install(plain):
    source = f"""
        import sys
        from importlib.machinery import PathFinder
        find = PathFinder.find_spec
        def hidden(name, *rest):
            return None if name == "asyncssh" else find(name, *rest)
        PathFinder.find_spec = hidden
        from execo import SshProcess
        quiet = {QUIET!r}
        print(SshProcess("true", {HOST!r}, {plain!r}, **quiet).run().error_reason)
    """
    assert "pip install 'execo-g5k[asyncssh]'" in checked_script(textwrap.dedent(source))


def test_the_configuration_of_ssh_is_read(sshd, own_home):
    (own_home / ".ssh").mkdir()
    (own_home / ".ssh" / "config").write_text(
        f"Host alias\n    HostName {HOST}\n    Port {sshd.port}\n    IdentityFile {sshd.keyfile}\n"
    )
    process = SshProcess("echo $SSH_CONNECTION", "alias", {"transport": "asyncssh"}).run(timeout=20)
    assert process.stdout.split()[2] == HOST


def test_a_key_that_is_not_there_is_told(sshd, plain):
    host = Host(HOST, keyfile="/no/key")
    process = SshProcess("true", host, plain, **QUIET).run(timeout=20)
    assert process.exit_code == 255
    assert "/no/key" in process.stderr


@pytest.mark.parametrize("reuse", [False, True])
def test_at_the_end_of_a_script_commands_end_and_a_forked_process_harms_nothing(params, reuse):
    params = params | {"transport": "asyncssh"}
    source = f"""
        import os, sys
        from execo import SshProcess, configuration
        configuration["connexion_reuse"] = {reuse}
        process = SshProcess("echo $$; exec sleep 1000", {HOST!r}, {params!r}).start()
        process.expect(r"\\d+\\n", timeout=20)
        if os.fork() == 0:
            os._exit(0)
        os.wait()
        print(process.running, process.stdout.split()[0])
    """
    running, pid = checked_script(textwrap.dedent(source)).split()
    assert running == "True"
    until(lambda: not Path("/proc", pid).exists(), 20)


def test_importing_does_not_import_asyncssh():
    source = "import sys, execo, execo_g5k; print('asyncssh' in sys.modules)"
    assert checked_script(source) == "False\n"


ON_ALL_HOSTS = """
import os
from execo import Process, Remote, configuration
configuration["connexion_reuse"] = True
{before}
for _ in range(2):
    action = Remote("echo {{{{{{host}}}}}}", {hosts!r}, {params!r}).run(timeout=80)
    print([process.stdout for process in action.processes] == [f"{{h}}\\n" for h in {hosts!r}])
print(Process("echo local").run().stdout)
"""


@pytest.mark.parametrize(
    ("limit", "before"),
    [
        (64, ""),
        (64, 'held = [os.open("/dev/null", os.O_RDONLY) for _ in range(40)]'),
    ],
)
def test_connexions_that_are_kept_take_no_descriptors_from_others(sshd, plain, limit, before):
    source = ON_ALL_HOSTS.format(hosts=sshd.hosts, params=plain, before=before)
    # the name of the user is then looked up, which takes a descriptor
    limits = f"unset LOGNAME USER LNAME USERNAME; ulimit -n {limit}"
    assert checked_script(source, limits).split() == ["True", "True", "local"]


def test_a_connexion_without_a_descriptor_left_says_so(plain):
    source = f"""
        import os, time
        from execo import Process, SshProcess
        Process("true").run()
        def files():
            return len(os.listdir("/proc/self/fd"))
        before = files()
        SshProcess("true", {HOST!r}, {plain!r}).run()
        while files() > before:
            time.sleep(0.01)
        held = []
        try:
            while True:
                held.append(os.open("/dev/null", os.O_RDONLY))
        except OSError:
            pass
        process = SshProcess("true", {HOST!r}, {plain!r}, **{QUIET!r}).run()
        for file in held:
            os.close(file)
        print(process.exit_code, process.stderr)
    """
    said = checked_script(textwrap.dedent(source), "ulimit -n 64")
    assert said.startswith("255 ssh: connect to host")
    assert "Too many open files" in said


def test_a_command_that_waits_for_a_descriptor_can_be_killed(plain):
    source = f"""
        import os, time
        from execo import Process, SshProcess
        from execo._engine.loop import engine
        SshProcess("true", {HOST!r}, {plain!r}).run()
        other = Process("sleep 1000", nolog_exit_code=True).start()
        other.started_event.wait()
        fanout, held = engine().fanout, []
        process = SshProcess("true", {HOST!r}, {plain!r}, **{QUIET!r})
        def hold():
            try:
                while True:
                    held.append(os.open("/dev/null", os.O_RDONLY))
            except OSError:
                pass
        hold()
        process.start()
        while not fanout._waiting:
            hold()
            time.sleep(0.01)
        process.kill().wait(20)
        for file in held:
            os.close(file)
        print(process.exit_code, process.ok, other.running)
        other.kill().wait()
        print(SshProcess("echo hi", {HOST!r}, {plain!r}).run().stdout)
    """
    assert checked_script(textwrap.dedent(source), "ulimit -n 64") == "-15 True True\nhi\n\n"


@pytest.fixture(scope="module")
def narrow(tmp_path_factory):
    """Servers that allow a connexion one session."""
    server = Sshd(tmp_path_factory.mktemp("narrow"), "MaxSessions 1\n")
    try:
        server.start()
        yield server
    finally:
        server.stop()


def test_commands_have_connexions_of_their_own_where_a_host_allows_few_sessions(narrow):
    configuration["connexion_reuse"] = True
    params = narrow.without_terminal() | {"transport": "asyncssh"}
    for _ in range(2):
        many = Remote("echo {{{host}}}", [HOST] * 12, params).run(timeout=40)
        assert [process.stdout for process in many.processes] == [f"{HOST}\n"] * 12


def test_a_command_that_is_killed_while_it_starts_does_not_stay(plain, tmp_path):
    configuration["connexion_reuse"] = True
    assert SshProcess("true", HOST, plain).run(timeout=20).ok
    processes = []
    for number in range(40):
        # it lives as long as its channel
        command = f"echo $$ > {tmp_path}/{number}; exec cat"
        processes.append(SshProcess(command, HOST, plain, **QUIET).start())
        processes[-1].started_event.wait()
        time.sleep(number * 0.0005)
        processes[-1].kill()
    for process in processes:
        process.wait(20)
    # the connexion still works, and all that was told to the host before is done
    assert SshProcess("true", HOST, plain).run(timeout=20).ok
    pids = [int(file.read_text() or 0) for file in tmp_path.iterdir()]
    until(lambda: not any(alive(pid) for pid in pids if pid))


@pytest.mark.parametrize("reuse", [False, True])
def test_the_end_of_a_script_does_not_wait_for_commands_without_a_terminal(plain, reuse):
    source = f"""
        import time
        from execo import SshProcess, configuration
        configuration["connexion_reuse"] = {reuse}
        process = SshProcess("echo ready; exec cat", {HOST!r}, {plain!r}).start()
        process.expect("ready", timeout=20)
        print(time.monotonic())
    """
    ready = float(checked_script(textwrap.dedent(source)))
    assert time.monotonic() - ready < 1.5


# --- what the configuration of ssh says


@pytest.fixture
def config(own_home, sshd):
    """A function that writes ~/.ssh/config, and gives params that read it."""

    def write(text):
        (own_home / ".ssh").mkdir(exist_ok=True)
        common = f"\nHost *\n    Port {sshd.port}\n    IdentityFile {sshd.keyfile}\n"
        (own_home / ".ssh" / "config").write_text(text + common)
        options = sshd.without_terminal()["ssh_options"]
        return {"transport": "asyncssh", "ssh_options": options}

    return write


def by_ssh(sshd, *words, host=HOST):
    """Return the words of the program ssh that reach a host."""
    known = ["-oStrictHostKeyChecking=no", "-oUserKnownHostsFile=/dev/null"]
    key = ["-i", str(sshd.keyfile), "-p", str(sshd.port)]
    return shlex.join(["ssh", "-Fnone", *known, *key, *words, host])


ALIAS = """Host *.g5k
    ProxyCommand {ssh} -W "$(basename %h .g5k):%p"
"""


def test_a_proxy_command_is_text_for_a_shell(sshd, config):
    params = config(ALIAS.format(ssh=by_ssh(sshd)))
    process = SshProcess("echo hi", f"{HOST}.g5k", params).run(timeout=20)
    assert (process.stdout, process.stderr) == ("hi\n", "")


def test_a_proxy_command_in_the_options_has_its_tokens_filled_in(sshd, plain):
    command = by_ssh(sshd).removesuffix(HOST) + "-W $(echo %h):%p %r@127.0.0.9"
    params = plain | {"ssh_options": (*plain["ssh_options"], "-o", f"ProxyCommand={command}")}
    assert SshProcess("echo hi", HOST, params).run(timeout=20).stdout == "hi\n"


def test_a_proxy_command_that_fails_says_why(config):
    params = config("Host *.g5k\n    ProxyCommand echo no gateway >&2; exit 1\n")
    process = SshProcess("true", "a.g5k", params, **QUIET).run(timeout=20)
    assert process.exit_code == 255
    assert "no gateway" in process.stderr
    assert "ProxyCommand echo no gateway" in process.stderr


def test_a_user_before_the_host_is_a_user(plain):
    process = SshProcess("echo hi", f"{getpass.getuser()}@{HOST}", plain).run(timeout=20)
    assert (process.stdout, process.exit_code) == ("hi\n", 0)
    other = plain | {"user": "nobody"}
    assert "user nobody" in SshProcess("true", f"a@{HOST}", other, **QUIET).run(20).stderr


@pytest.fixture
def encrypted(sshd, tmp_path):
    """The key of the servers, encrypted."""
    file = tmp_path / "encrypted"
    file.write_bytes(sshd.keyfile.read_bytes())
    file.chmod(0o600)
    subprocess.run(["ssh-keygen", "-q", "-p", "-N", "secret", "-f", str(file)], check=True)
    return file


@pytest.fixture
def agent(tmp_path, monkeypatch):
    """An agent of ours, without keys."""
    path = tmp_path / "agent"
    with subprocess.Popen(["ssh-agent", "-D", "-a", str(path)], stdout=subprocess.DEVNULL) as ours:
        until(path.exists)
        monkeypatch.setenv("SSH_AUTH_SOCK", str(path))
        yield
        ours.terminate()


def test_an_encrypted_key_is_used_by_the_agent(sshd, plain, encrypted, agent):
    params = plain | {"keyfile": str(encrypted)}
    refused = SshProcess("true", HOST, params, **QUIET).run(timeout=20)
    assert refused.exit_code == 255
    assert f"ssh-add {encrypted}" in refused.stderr
    subprocess.run(["ssh-add", "-q", str(sshd.keyfile)], check=True)
    assert SshProcess("echo hi", HOST, params).run(timeout=20).stdout == "hi\n"


def test_a_key_that_is_missing_does_not_hide_the_others(sshd, plain, config):
    options = ("-i", "/no/key", *plain["ssh_options"])
    process = SshProcess("echo hi", HOST, plain | {"ssh_options": options}).run(timeout=20)
    missing = "Warning: Identity file /no/key not accessible: No such file or directory.\n"
    assert (process.stdout, process.stderr) == ("hi\n", missing)
    params = config("Host *\n    IdentityFile /no/other\n    IdentitiesOnly yes\n")
    process = SshProcess("echo hi", HOST, params).run(timeout=20)
    assert (process.stdout, process.stderr) == ("hi\n", "")


def test_the_key_of_a_jump_that_is_not_known_is_told_with_the_jump(config):
    params = config("Host al\n    HostName 127.0.0.8\n    ProxyJump 127.0.0.9\n")
    process = SshProcess("true", "al", params, **QUIET).run(timeout=20)
    assert process.exit_code == 255
    assert "ProxyJump 127.0.0.9, on the way to al" in process.stderr
    assert "ssh_options" not in process.stderr


@pytest.mark.parametrize(
    ("text", "named"),
    [
        ('Match host al exec "test %h = al"\n    Port 1\n', "transport='ssh'"),
        ("Host al\n    RemoteCommand date\n", "RemoteCommand 'date'"),
        ("Host al\n    HostName 127.0.0.7\n    Port 1\n", "connect to host 127.0.0.7 port 1: "),
    ],
)
def test_what_the_configuration_makes_impossible_is_told(config, text, named):
    process = SshProcess("echo hi", "al", config(text), **QUIET).run(timeout=20)
    assert (process.stdout, process.exit_code) == ("", 255)
    assert named in process.stderr


def test_a_remote_command_of_the_configuration_can_be_left_out(config):
    params = config(f"Host al\n    HostName {HOST}\n    RemoteCommand date\n")
    params["ssh_options"] = (*params["ssh_options"], "-o", "RemoteCommand=none")
    assert SshProcess("echo hi", "al", params).run(timeout=20).stdout == "hi\n"


@pytest.mark.parametrize(("more", "stdin"), [((), "terminal\r\n"), (("-T",), "no\n")])
def test_a_terminal_that_the_configuration_forces_is_given(config, more, stdin):
    params = config(f"Host al\n    HostName {HOST}\n    RequestTTY force\n")
    params["ssh_options"] = (*params["ssh_options"], *more)
    command = "test -t 0 && echo terminal || echo no"
    assert SshProcess(command, "al", params).run(timeout=20).stdout == stdin


@pytest.mark.parametrize("transport", ["ssh", "asyncssh"])
def test_input_that_a_command_does_not_take_is_told(plain, transport):
    quiet = QUIET | {"nolog_write_error": True}
    params = plain | {"transport": transport}
    process = SshProcess("sleep 0.3", HOST, params, **quiet).start()
    process.write("x" * 10_000_000)
    process.close_stdin().wait(30)
    assert (process.exit_code, process.write_error, process.ok) == (0, True, False)


def test_a_certificate_beside_a_key_is_used(tmp_path_factory):
    folder = tmp_path_factory.mktemp("certified")
    server = Sshd(folder, f"TrustedUserCAKeys {folder}/ca.pub\n")
    key = ["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f"]
    for name in ("ca", "id"):
        subprocess.run([*key, str(folder / name)], check=True)
    sign = ["ssh-keygen", "-q", "-s", str(folder / "ca"), "-I", "id", "-n", getpass.getuser()]
    subprocess.run([*sign, str(folder / "id.pub")], check=True)
    try:
        server.start()
        more = {"transport": "asyncssh", "keyfile": str(folder / "id")}
        params = server.without_terminal() | more
        assert SshProcess("echo hi", HOST, params).run(timeout=20).stdout == "hi\n"
    finally:
        server.stop()
