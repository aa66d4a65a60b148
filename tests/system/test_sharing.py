"""Commands to the same host on one connexion, with real ssh servers."""

import asyncio
import contextlib
import os
import shutil
import signal
import socket
import subprocess
import tempfile
import textwrap
from pathlib import Path

import pytest

from execo import Host, Remote, SshProcess, _sharing, configuration
from execo._engine.loop import bridged
from execo._sharing import share
from execo.connexion import ConnexionParams
from execo.times import Deadline
from execo_g5k.frontend import SshFrontend
from tests.system.helpers import Sshd, checked_script, end_of, script, until

HOST = "127.0.0.7"


@pytest.fixture(autouse=True)
def shared(own_home):
    configuration["connexion_reuse"] = True


@pytest.fixture
def plain(sshd):
    return sshd.without_terminal()


def logins(sshd):
    return sshd.log().count("Accepted publickey")


def socket_of(params):
    """Return where the connexion to HOST that commands with these params share has its socket."""
    lease = share(ConnexionParams.of(params).ssh_argv(Host(HOST)))
    lease.release()
    [path] = [o.partition("=")[2] for o in lease.options if o.startswith("ControlPath=")]
    return Path(path)


def master_of(path):
    title = f"ssh: {path} [mux]"
    found = [pid for pid, line in processes().items() if line.rstrip("\0 ") == title]
    return found[0] if found else None


def end_master(path, sig):
    os.kill(master_of(path), sig)
    until(lambda: master_of(path) is None)


def test_commands_in_turn_make_one_connexion(sshd, plain):
    before = logins(sshd)
    for number in range(5):
        process = SshProcess(f"echo {number}; echo err >&2; exit {number}", HOST, plain)
        process.nolog_exit_code = True
        process.run()
        assert (process.stdout, process.stderr) == (f"{number}\n", "err\n")
        assert process.exit_code == number
    assert logins(sshd) == before + 1


@pytest.mark.parametrize("terminal", [True, False])
def test_many_commands_at_once_on_a_host_are_right_and_say_nothing_more(sshd, plain, terminal):
    params = sshd.params if terminal else plain
    SshProcess("true", HOST, params).run()
    remote = Remote("echo {{range(30)}}", [HOST] * 30, params).run()
    assert remote.ok
    assert [process.stdout.strip() for process in remote.processes] == [str(n) for n in range(30)]
    if not terminal:
        assert {process.stderr for process in remote.processes} == {""}


def test_a_command_that_is_killed_dies_on_the_host_and_leaves_the_connexion(sshd, tmp_path):
    before = logins(sshd)
    SshProcess("true", HOST, sshd.params).run()
    alive = tmp_path / "pid"
    process = SshProcess(f"echo $$ > {alive}; sleep 60", HOST, sshd.params).start()
    until(lambda: alive.exists() and alive.read_text().strip())
    pid = int(alive.read_text())
    process.kill().wait(20)
    until(lambda: not Path(f"/proc/{pid}").exists())
    assert SshProcess("true", HOST, sshd.params).run().ok
    assert logins(sshd) == before + 1


def test_output_and_input_of_any_size_pass(plain):
    SshProcess("true", HOST, plain).run()
    process = SshProcess("cat", HOST, plain).start()
    process.write(b"x" * 3_000_000)
    assert len(process.close_stdin().wait(60).stdout) == 3_000_000


@pytest.mark.parametrize(
    "harm",
    [
        lambda path: end_master(path, signal.SIGKILL),
        lambda path: end_master(path, signal.SIGTERM),
        lambda path: path.unlink(),
        lambda path: shutil.rmtree(path.parent),
    ],
    ids=["killed", "ended", "socket deleted", "directory deleted"],
)
def test_a_connexion_that_is_lost_is_made_again(plain, harm):
    SshProcess("true", HOST, plain).run()
    path = socket_of(plain)
    harm(path)
    again = Remote("echo hi", [HOST] * 3, plain).run()
    assert [(p.stdout, p.stderr) for p in again.processes] == [("hi\n", "")] * 3
    if path.parent.exists():
        assert SshProcess("echo hi", HOST, plain).run().stdout == "hi\n"


@pytest.fixture
def one_session(tmp_path):
    """A server that takes one session a connexion."""
    server = Sshd(tmp_path, "MaxSessions 1")
    server.start()
    yield server
    server.stop()


@pytest.mark.parametrize("terminal", [True, False])
def test_a_host_that_takes_few_sessions_is_right_silent_and_learnt(one_session, terminal):
    params = one_session.params if terminal else one_session.without_terminal()
    SshProcess("true", HOST, params).run()
    for _ in range(2):
        refused = one_session.log().count("no more sessions")
        words = "read line; echo {{range(5)}}" + ("" if terminal else "; echo err >&2")
        remote = Remote(words, [HOST] * 5, params).start()
        for process in remote.processes:
            process.write("line\n")
        remote.wait()
        assert [process.stdout.split()[-1] for process in remote.processes] == list("01234")
        assert {process.stderr for process in remote.processes} == {"" if terminal else "err\n"}
    assert one_session.log().count("no more sessions") == refused


def test_a_frontend_that_takes_few_sessions_is_right_silent_and_learnt(one_session, tmp_path):
    frontend = SshFrontend(HOST, one_session.params)

    def run(round_, number):
        place = tmp_path / f"round{round_}"
        all_here = (
            f"mkdir -p {place}/{number}; until [ $(ls {place} | wc -l) = 5 ]; do sleep 0.01; done"
        )
        argv = ["sh", "-c", f"{all_here}; echo {number}; echo err >&2"]
        return bridged(frontend.run)(argv, deadline=Deadline.of(30))

    async def run_all(round_):
        return await asyncio.gather(*[run(round_, number) for number in range(5)])

    asyncio.run(run_all(0))
    for round_ in (1, 2):
        refused = one_session.log().count("no more sessions")
        results = asyncio.run(run_all(round_))
        assert [result.stdout for result in results] == [f"{number}\n" for number in range(5)]
        assert {result.stderr for result in results} == {"err\n"}
    assert one_session.log().count("no more sessions") == refused


@pytest.fixture
def full():
    """Connect to a socket until nobody else can."""
    with contextlib.ExitStack() as opened:

        def fill(path):
            while True:
                waiting = opened.enter_context(socket.socket(socket.AF_UNIX))
                waiting.setblocking(False)
                try:
                    waiting.connect(str(path))
                except BlockingIOError:
                    return

        yield fill


@pytest.mark.parametrize("crowded", [False, True])
def test_a_master_that_is_stuck_is_not_used(sshd, plain, full, crowded):
    SshProcess("true", HOST, plain).run()
    path = socket_of(plain)
    before = logins(sshd)
    os.kill(master_of(path), signal.SIGSTOP)
    if crowded:
        full(path)
    for _ in range(3):
        process = SshProcess("echo hi", HOST, plain, timeout=10).run()
        assert (process.stdout, process.stderr) == ("hi\n", "")
    assert logins(sshd) == before + 2
    end_master(path, signal.SIGKILL)


def descendants(pid):
    try:
        children = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
    except OSError:
        return set()
    return {int(child) for child in children}.union(*map(descendants, children))


def servers_at_work():
    return descendants(os.getpid()) & {p for p, line in processes().items() if "sshd" in line}


@pytest.fixture
def silenced():
    """Stop the processes of the server that serve connexions made since the test began."""
    before = servers_at_work()
    stopped = set()

    def stop():
        stopped.update(servers_at_work() - before)
        assert stopped
        for pid in stopped:
            os.kill(pid, signal.SIGSTOP)

    yield stop
    for pid in stopped:
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)


def test_a_host_that_goes_silent_is_given_up_after_the_time_to_connect(plain, silenced):
    plain["ssh_options"] = ("-o", "ConnectTimeout=4", *plain["ssh_options"])
    SshProcess("true", HOST, plain).run()
    silenced()
    process = SshProcess("true", HOST, plain, timeout=30, nolog_exit_code=True).run()
    assert not process.timeouted
    assert process.end_date - process.start_date < 8


@pytest.mark.parametrize(
    ("words", "options"),
    [
        (["ssh", "host"], ("5", "3")),
        (["ssh", "-o", "ConnectTimeout=20", "host"], ("5", "3")),
        (["ssh", "-o", "connecttimeout 8", "-oConnectTimeout=60", "host"], ("2", "3")),
        (["ssh", "-oConnectTimeout=1", "host"], ("1", "3")),
        (["ssh", "-o", "ServerAliveInterval=7", "host"], ()),
    ],
)
def test_a_connexion_asks_as_often_as_the_time_to_connect_wants(words, options):
    names = ("ServerAliveInterval", "ServerAliveCountMax")
    lease = share(words)
    lease.release()
    asked = [option for option in lease.options if option.startswith("ServerAlive")]
    assert asked == [f"{name}={value}" for name, value in zip(names, options, strict=False)]


def test_who_chose_for_himself_shares_nothing(sshd, plain):
    before = logins(sshd)
    options = (*plain["ssh_options"], "-o", "ControlMaster=no")
    for _ in range(2):
        assert SshProcess("true", HOST, plain | {"ssh_options": options}).run().ok
    configuration["connexion_reuse"] = False
    assert SshProcess("true", HOST, plain).run().ok
    assert logins(sshd) == before + 3


def test_without_a_directory_for_its_socket_a_command_connects_by_itself(plain):
    source = f"""
        import tempfile
        tempfile.tempdir = "/nonexistent" + "x" * 100
        from execo import SshProcess, configuration
        import execo._sharing
        execo._sharing._LONGEST = 0
        configuration["connexion_reuse"] = True
        for _ in range(2):
            print(SshProcess("echo hi", {HOST!r}, {plain!r}).run().stdout, end="")
    """
    assert checked_script(textwrap.dedent(source)) == "hi\nhi\n"


@pytest.fixture
def no_room():
    """A file system that has room for a directory, and for nothing in it."""
    # the name of a socket has to be short
    folder = Path(tempfile.mkdtemp())
    words = ["mount", "-t", "tmpfs", "-o", "nr_inodes=2", "tmpfs", str(folder)]
    mounted = subprocess.run(words, capture_output=True).returncode == 0
    try:
        if not mounted:
            pytest.skip("only root mounts a file system")
        yield folder
    finally:
        if mounted:
            subprocess.run(["umount", str(folder)], check=True)
        folder.rmdir()


def test_where_no_socket_can_be_made_another_directory_is_taken(plain, no_room, monkeypatch):
    monkeypatch.setenv("XDG_RUNTIME_DIR", str(no_room))
    monkeypatch.setattr(_sharing, "_sharing", None)
    process = SshProcess("echo hi", HOST, plain).run()
    assert (process.stdout, process.stderr) == ("hi\n", "")
    assert socket_of(plain).is_relative_to(tempfile.gettempdir())
    assert not socket_of(plain).is_relative_to(no_room)
    assert list(no_room.iterdir()) == []


def test_where_no_socket_can_be_made_at_all_commands_connect_by_themselves(
    plain, no_room, monkeypatch
):
    monkeypatch.setattr(_sharing, "socket_bases", lambda: iter([str(no_room)]))
    monkeypatch.setattr(_sharing, "_sharing", None)
    for _ in range(2):
        process = SshProcess("echo hi", HOST, plain).run()
        assert (process.stdout, process.stderr) == ("hi\n", "")


def test_a_runtime_directory_that_is_relative_is_ignored(monkeypatch):
    monkeypatch.setenv("XDG_RUNTIME_DIR", "run")
    assert all(base.startswith("/") for base in _sharing.socket_bases())


def test_at_the_end_of_a_script_nothing_is_left(plain):
    source = f"""
        import os
        from execo import Remote, configuration
        from execo._sharing import share
        configuration["connexion_reuse"] = True
        action = Remote("true", ["127.0.0.1", "127.0.0.2"], {plain!r}).run()
        from execo.connexion import ConnexionParams
        lease = share(ConnexionParams.of({plain!r}).ssh_argv(action.hosts[0]))
        print(lease.options[3].partition("=")[2])
        lease.release()
        if os.fork() == 0:
            assert Remote("true", ["127.0.0.1"], {plain!r}).run().ok
            raise SystemExit
        os.wait()
        assert Remote("true", ["127.0.0.1"], {plain!r}).run().ok
    """
    path = Path(checked_script(textwrap.dedent(source)).strip())
    assert path.is_relative_to(tempfile.gettempdir())
    assert not path.parent.exists()
    until(lambda: master_of(path) is None)


SHARES = """
import multiprocessing, os, signal
from execo import SshProcess, configuration
configuration["connexion_reuse"] = True

def share():
    assert SshProcess("true", "{host}", {params!r}).run().ok
    print(os.getpid(), flush=True)
"""


def script_that_shares(params, then):
    return SHARES.format(host=HOST, params=params) + then


def sockets_of(pid):
    return list(Path(tempfile.gettempdir()).glob(f"execo-ssh-{pid}-*"))


def masters_of(pid):
    title = f"ssh: {tempfile.gettempdir()}/execo-ssh-{pid}-"
    return [pid for pid, line in processes().items() if line.startswith(title)]


def processes():
    found = {}
    for entry in Path("/proc").glob("[0-9]*/cmdline"):
        with contextlib.suppress(OSError):
            found[int(entry.parent.name)] = entry.read_bytes().decode(errors="replace")
    return found


@pytest.mark.parametrize("sig", [signal.SIGTERM, signal.SIGHUP, signal.SIGKILL])
def test_a_script_that_is_killed_leaves_nothing(plain, sig):
    with script(script_that_shares(plain, "share(); signal.pause()")) as process:
        pid = int(process.stdout.readline())
        assert sockets_of(pid)
        assert len(masters_of(pid)) == 1
        process.send_signal(sig)
        assert end_of(process) == (-sig, "")
    until(lambda: not sockets_of(pid) and not masters_of(pid))


def test_a_child_of_multiprocessing_leaves_nothing(plain):
    then = """
share()
for _ in range(2):
    child = multiprocessing.get_context("fork").Process(target=share)
    child.start()
    child.join()
signal.pause()
"""
    with script(script_that_shares(plain, then)) as process:
        own, *children = [int(process.stdout.readline()) for _ in range(3)]
        assert len({own, *children}) == 3
        until(lambda: not any(sockets_of(pid) or masters_of(pid) for pid in children))
        assert masters_of(own)


@pytest.fixture
def runtime(monkeypatch):
    """A runtime directory that no other program sweeps, with a name that is short."""
    with tempfile.TemporaryDirectory() as folder:
        monkeypatch.setenv("XDG_RUNTIME_DIR", folder)
        yield folder


def test_what_nobody_could_end_is_ended_by_the_next_one_that_shares(plain, runtime):
    gone = subprocess.Popen(["true"])
    gone.wait()
    path = Path(tempfile.mkdtemp(prefix=f"execo-ssh-{gone.pid}-", dir=runtime), "0")
    argv = ConnexionParams.of(plain).ssh_argv(Host(HOST), "true")
    options = ["-o", "ControlMaster=yes", "-o", f"ControlPath={path}", "-o", "ControlPersist=60"]
    subprocess.run([argv[0], *options, *argv[1:]], check=True, stderr=subprocess.DEVNULL)
    assert master_of(path)
    checked_script(script_that_shares(plain, "share()"))
    assert not path.parent.exists()
    assert master_of(path) is None


def test_a_script_that_ends_leaves_no_master_that_is_stuck(plain):
    stop = """
from tests.system.test_sharing import masters_of
share()
[master] = masters_of(os.getpid())
os.kill(master, signal.SIGSTOP)
"""
    pid = int(checked_script(script_that_shares(plain, stop)))
    assert not masters_of(pid)
    assert not sockets_of(pid)


@pytest.mark.parametrize("pty", [False, True])
@pytest.mark.parametrize("reuse", [False, True])
def test_what_is_typed_on_a_remote_terminal_is_the_same_on_a_shared_connexion(params, pty, reuse):
    configuration["connexion_reuse"] = reuse
    for _ in range(2):
        process = SshProcess("cat", "127.0.0.1", params, pty=pty, timeout=60).start()
        process.write("typed\n")
        process.close_stdin().wait()
        # once echoed, once by cat
        assert (process.exit_code, process.stdout) == (0, "typed\n" * 2)
