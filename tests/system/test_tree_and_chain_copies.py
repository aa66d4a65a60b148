"""TaktukPut, TaktukGet and ChainPut over real ssh to loopback hosts."""

import os
import shutil
import signal
from pathlib import Path

import pytest

from execo import CHAINPUT, ChainPut, Host, Put, TaktukGet, TaktukPut, configuration, get_fileput
from tests.system.helpers import HOSTS, free_port, until

pytestmark = pytest.mark.slow

with_taktuk = pytest.mark.skipif(
    shutil.which("taktuk") is None, reason="no taktuk: apt-get install taktuk"
)
QUIET = {"nolog_exit_code": True, "nolog_error": True, "nolog_timeout": True}
SIXTEEN = [f"127.0.0.{n}" for n in range(1, 17)]


@pytest.fixture
def reach(sshd):
    return sshd.params | {"taktuk_connector": "ssh -F none"}


@pytest.fixture
def files(tmp_path):
    """Return a directory and a file of 5 MB, of all kinds of names."""
    top = tmp_path / "a dir"
    (top / "sub").mkdir(parents=True)
    (top / "sub" / "é $HOME 'x'").write_text("one\n")
    (top / "empty").touch()
    big = tmp_path / "big"
    big.write_bytes(os.urandom(5_000_000))
    os.chmod(big, 0o751)
    os.utime(big, (1_000_000, 1_000_000))
    return [str(top), str(big)]


@pytest.fixture
def there(tmp_path):
    """Return a location that differs from host to host, and makes directories for some."""

    def make(hosts):
        for host in hosts:
            (tmp_path / "there" / str(host)).mkdir(parents=True, exist_ok=True)
        return f"{tmp_path}/there/{{{{{{host}}}}}}"

    return make


@pytest.fixture
def stuck(reach, tmp_path):
    """Return connexion params with which tar takes nothing, on some hosts."""
    wrapper, bin_there = tmp_path / "ssh with stuck tar", tmp_path / "bin"
    bin_there.mkdir()
    (bin_there / "tar").write_text("#!/bin/sh\nexec sleep 100\n")
    (bin_there / "tar").chmod(0o700)

    def make(hosts):
        names = "|".join(f"*' {host} '*" for host in hosts)
        wrapper.write_text(
            f"""#!/bin/bash
last=${{!#}}
set -- "${{@:1:$#-1}}"
case " $* " in {names}) last="PATH='{bin_there}':\\$PATH; export PATH; $last";; esac
exec ssh -F none "$@" "$last"
"""
        )
        wrapper.chmod(0o700)
        return reach | {"ssh": f"'{wrapper}'", "taktuk_connector": f"'{wrapper}'"}

    return make


def check(tmp_path, hosts):
    for host in hosts:
        place = tmp_path / "there" / str(host)
        assert (place / "a dir" / "sub" / "é $HOME 'x'").read_text() == "one\n"
        assert (place / "a dir" / "empty").exists()
        assert (place / "big").read_bytes() == (tmp_path / "big").read_bytes()
        status = (place / "big").stat()
        assert (status.st_mode & 0o777, int(status.st_mtime)) == (0o751, 1_000_000)


BOTH = [pytest.param(TaktukPut, marks=with_taktuk), ChainPut]


@pytest.mark.parametrize("kind", BOTH)
def test_files_and_directories_arrive_and_dead_hosts_fail_alone(
    kind, reach, files, there, tmp_path
):
    dead = [Host(f"127.0.1.{n}", port=free_port([f"127.0.1.{n}"])) for n in (20, 21, 22)]
    hosts = [dead[0], *HOSTS[:30], dead[1], *HOSTS[30:], dead[2]]
    action = kind(hosts, files, there(hosts), reach, QUIET).run(100)
    for host, process in zip(hosts, action.processes, strict=True):
        assert process.host == host
        assert process.ok is (host not in dead), process.dump()
        if host in dead:
            assert process.error_reason.startswith(f"{host}: ")
            assert "refused" in process.error_reason
        else:
            assert (process.exit_code, process.stdout, process.stderr) == (0, "", "")
    check(tmp_path, HOSTS)


@pytest.mark.parametrize("kind", BOTH)
def test_a_single_one_gets_a_new_name(kind, reach, files, tmp_path):
    new = f"{tmp_path}/new {{{{{{host}}}}}}"
    assert kind(SIXTEEN[:2], files[1], new, reach, QUIET).run(60).ok
    assert (tmp_path / "new 127.0.0.2").read_bytes() == (tmp_path / "big").read_bytes()


@pytest.mark.parametrize("kind", BOTH)
def test_a_location_that_is_not_there_fails_with_words(kind, reach, files, there, tmp_path):
    location = there(SIXTEEN[:2])
    (tmp_path / "there" / "127.0.0.2").rmdir()
    action = kind(SIXTEEN[:3], files, location, reach, QUIET).run(60)
    assert [process.exit_code for process in action.processes] == [0, 1, 1]
    assert "127.0.0.2: no such directory" in action.processes[1].stderr
    assert (tmp_path / "there" / "127.0.0.1" / "big").exists()


@pytest.mark.parametrize("kind", BOTH)
def test_files_that_are_not_here_are_the_reason_of_all(kind, reach):
    action = kind(SIXTEEN[:2], "/no/such/file", "/tmp", reach, QUIET).run(30)
    assert [process.error_reason for process in action.processes] == [
        "/no/such/file: No such file or directory"
    ] * 2


@pytest.mark.parametrize("kind", BOTH)
def test_each_host_may_get_files_of_its_own(kind, reach, tmp_path, there):
    for host in SIXTEEN[:3]:
        (tmp_path / f"for {host}").write_text(host)
    files = f"{tmp_path}/for {{{{{{host}}}}}}"
    assert kind(SIXTEEN[:3], files, there(SIXTEEN[:3]), reach, QUIET).run(60).ok
    for host in SIXTEEN[:3]:
        assert (tmp_path / "there" / host / f"for {host}").read_text() == host


@pytest.mark.parametrize("kind", BOTH)
def test_a_kill_ends_the_copy_everywhere(kind, stuck, tmp_path, there):
    (tmp_path / "big").write_bytes(bytes(30_000_000))
    hosts = SIXTEEN[:4]
    action = kind(hosts, f"{tmp_path}/big", there(hosts), stuck([hosts[1]]), QUIET).start()
    until(lambda: (tmp_path / "there" / hosts[0] / "big").exists())
    assert action.running
    action.kill().wait(30)
    assert action.processes[1].killed
    assert no_process_in(tmp_path)


@pytest.mark.parametrize("kind", BOTH)
def test_a_timeout_ends_the_copy(kind, stuck, tmp_path, there):
    (tmp_path / "big").write_bytes(bytes(30_000_000))
    hosts = SIXTEEN[:2]
    params, options = stuck([hosts[1]]), QUIET | {"timeout": 5}
    action = kind(hosts, f"{tmp_path}/big", there(hosts), params, options).run(60)
    assert action.processes[1].timeouted
    assert no_process_in(tmp_path)


def no_process_in(folder):
    """Wait until no process names a folder, or anything below it."""

    def nobody():
        for entry in os.listdir("/proc"):
            try:
                words = Path(f"/proc/{entry}/cmdline").read_bytes()
            except OSError:
                continue
            if str(folder).encode() in words:
                return False
        return True

    until(nobody)
    return True


@with_taktuk
def test_files_come_back_from_each_host(reach, files, tmp_path):
    into = f"{tmp_path}/got/{{{{{{host}}}}}}/"
    hosts = [*SIXTEEN[:5], Host("127.0.0.20", port=free_port(["127.0.0.20"]))]
    action = TaktukGet(hosts, [f"{tmp_path}/a dir", f"{tmp_path}/big"], into, reach, QUIET)
    action.run(60)
    assert [process.ok for process in action.processes] == [True] * 5 + [False]
    (tmp_path / "got").rename(tmp_path / "there")
    check(tmp_path, SIXTEEN[:5])


@with_taktuk
def test_a_file_that_comes_back_gets_a_new_name(reach, files, tmp_path):
    names = f"{tmp_path}/big of {{{{{{host}}}}}}"
    assert TaktukGet(SIXTEEN[:2], files[1], names, reach, QUIET).run(60).ok
    assert (tmp_path / "big of 127.0.0.2").read_bytes() == (tmp_path / "big").read_bytes()


@with_taktuk
def test_a_file_that_is_not_there_fails_with_words_and_the_others_come(reach, files, tmp_path):
    (tmp_path / "got").mkdir()
    wanted = [f"{tmp_path}/big", f"{tmp_path}/no such file"]
    action = TaktukGet(SIXTEEN[:1], wanted, f"{tmp_path}/got", reach, QUIET).run(60)
    assert action.processes[0].exit_code == 2
    assert "no such file" in action.processes[0].stderr
    assert (tmp_path / "got" / "big").exists()


@with_taktuk
def test_a_place_that_is_not_there_fails_with_words(reach, files, tmp_path):
    action = TaktukGet(SIXTEEN[:1], files[1], f"{tmp_path}/none/x", reach, QUIET).run(60)
    assert action.processes[0].exit_code != 0
    assert "none" in action.processes[0].stderr


@pytest.fixture
def blocked(stuck, tmp_path, there):
    """Return a chain of eight that stops in the middle of the transfer, at the fourth host."""
    (tmp_path / "big").write_bytes(os.urandom(1_000_000) * 40)
    hosts = SIXTEEN[:8]

    def make(**params):
        params |= stuck([hosts[3]])
        action = ChainPut(hosts, f"{tmp_path}/big", there(hosts), params, QUIET).start()
        # what is behind got some, what is before can't have given all
        until(lambda: (tmp_path / "there" / hosts[7] / "big").exists())
        return action

    return make


def check_all_but_the_fourth(action, tmp_path):
    assert [process.ok for process in action.processes] == [n != 3 for n in range(8)]
    for process in action.processes:
        if process.ok:
            copy = tmp_path / "there" / process.host.address / "big"
            assert copy.read_bytes() == (tmp_path / "big").read_bytes()


def test_a_host_that_dies_during_the_transfer_is_gone_around(blocked, tmp_path):
    action = blocked()
    assert action.running
    os.kill(action.processes[3].pid, signal.SIGKILL)
    action.wait(100)
    check_all_but_the_fourth(action, tmp_path)
    reason = action.processes[3].error_reason
    assert reason.startswith("127.0.0.4: lost after ")
    assert "of 40001536 bytes" in reason


def test_the_first_and_the_last_may_die_too(blocked, tmp_path):
    action = blocked()
    for index in (0, 3, 7):
        os.kill(action.processes[index].pid, signal.SIGKILL)
    action.wait(100)
    assert [process.ok for process in action.processes] == [n not in (0, 3, 7) for n in range(8)]
    copy = tmp_path / "there" / "127.0.0.7" / "big"
    assert copy.read_bytes() == (tmp_path / "big").read_bytes()


def test_a_host_that_says_nothing_any_more_is_gone_around(blocked, tmp_path):
    action = blocked(chainput_silence=6)
    os.kill(action.processes[3].pid, signal.SIGSTOP)
    action.wait(100)
    check_all_but_the_fourth(action, tmp_path)
    assert "says nothing for 6 s" in action.processes[3].error_reason


def test_hosts_that_are_late_make_a_chain_of_their_own(reach, files, there, tmp_path):
    # the shell there is held up until the others have all
    marker = tmp_path / "there" / "127.0.0.1" / "big"
    late = [Host("127.0.0.3"), Host("127.0.0.4")]
    hosts = [*SIXTEEN[:2], *late]
    location = there(hosts)
    slow = tmp_path / "slow ssh"
    slow.write_text(
        f"""#!/bin/sh
case "$*" in *127.0.0.[34]*) while ! test -s {marker}; do sleep 0.05; done;; esac
exec ssh -F none "$@"
"""
    )
    slow.chmod(0o700)
    params = reach | {"ssh": f"'{slow}'", "chainput_patience": 1}
    assert ChainPut(hosts, files, location, params, QUIET).run(100).ok
    check(tmp_path, hosts)


def test_the_tool_of_the_configuration_copies(reach, files, there, tmp_path):
    configuration["fileput_tool"] = CHAINPUT
    action = get_fileput(SIXTEEN[:2], files, there(SIXTEEN[:2]), reach, process_args=QUIET)
    assert type(action) is ChainPut
    assert action.run(60).ok
    check(tmp_path, SIXTEEN[:2])


def copied_names(kind, files, location, reach, place):
    """Copy to one host, where a link to a file already is; return what is there, with contents."""
    shutil.rmtree(place, ignore_errors=True)
    place.mkdir(parents=True)
    (place / "target").write_text("old\n")
    (place / "empty").symlink_to("target")
    (place / "dangling").symlink_to("made")
    done = kind(SIXTEEN[:1], files, f"{place}/{location}", reach, QUIET).run(60)
    found = sorted(place.rglob("*"))
    return done.ok, [
        (str(path.relative_to(place)), path.is_symlink(), path.is_file() and path.read_bytes())
        for path in found
    ]


@pytest.mark.parametrize("kind", BOTH)
@pytest.mark.parametrize(
    ("names", "location"),
    [
        (["a dir", "big"], ""),
        (["a dir/."], ""),
        (["a dir/"], "new"),
        (["a dir"], "new/"),
        (["big"], "new/"),
        (["big"], "none/new"),
        (["a dir/empty"], "."),
        (["big"], "empty"),
        (["big"], "dangling"),
    ],
)
def test_names_come_out_as_those_of_put(kind, names, location, reach, files, tmp_path):
    given = [f"{tmp_path}/{name}" for name in names]
    place = tmp_path / "there"
    as_put = copied_names(Put, given, location, reach, place)
    assert copied_names(kind, given, location, reach, place) == as_put
