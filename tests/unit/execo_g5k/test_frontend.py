import asyncio
import os
from collections.abc import Callable
from pathlib import Path

import pytest

from execo.errors import ConfigError, TimedOut
from execo.times import Deadline
from execo_g5k.config import G5kSettings, g5k_configuration
from execo_g5k.errors import FrontendUnreachable
from execo_g5k.frontend import (
    CommandResult,
    LocalFrontend,
    SshFrontend,
    frontend_for,
    local_site,
    may_have_run,
    resolve_site,
)
from tests.unit.execo_g5k.scripted import run

NO_LIMIT = Deadline.of(None)


@pytest.fixture
def ssh(tmp_path: Path) -> Callable[[str], SshFrontend]:
    """A frontend whose ssh is a script of the test; "$last" is the remote command line."""

    def make(script: str) -> SshFrontend:
        path = tmp_path / "ssh"
        path.write_text(f"#!/bin/sh\nfor last; do :; done\n{script}\n")
        path.chmod(0o755)
        return SshFrontend("nancy", {"ssh": str(path)})

    return make


def outcome(frontend: SshFrontend | LocalFrontend, *argv: str, stdin: str = "") -> CommandResult:
    return run(frontend.run(argv, stdin=stdin, deadline=NO_LIMIT))


@pytest.mark.parametrize(
    ("site", "name"),
    [
        ("nancy", "nancy"),
        (" nancy ", "nancy"),
        ("nancy.grid5000.fr", "nancy"),
        ("frontend.nancy.grid5000.fr", "nancy"),
        ("grisou-1.nancy.grid5000.fr", "grisou-1.nancy.grid5000.fr"),
        ("my-cluster.example.org", "my-cluster.example.org"),
        ("172.16.0.1", "172.16.0.1"),
    ],
)
def test_a_site_is_known_by_its_name_and_all_else_is_an_address(site: str, name: str) -> None:
    assert resolve_site(site, G5kSettings()) == name


def test_the_default_site_is_the_configured_one_else_that_of_this_machine() -> None:
    here = "fnancy.nancy.grid5000.fr".__str__
    assert resolve_site(None, G5kSettings(default_frontend="lyon"), here) == "lyon"
    assert resolve_site(None, G5kSettings(), here) == "nancy"


def test_no_default_site_is_an_error_that_says_how_to_set_it() -> None:
    with pytest.raises(ConfigError, match=r"g5k_configuration\['default_frontend'\]"):
        resolve_site(None, G5kSettings(), "laptop.example.org".__str__)


@pytest.mark.parametrize("site", ["", "  ", "-oProxyCommand=x"])
def test_what_is_no_name_of_a_machine_is_refused(site: str) -> None:
    with pytest.raises(ValueError, match="no name of a site"):
        resolve_site(site, G5kSettings())


def test_the_site_of_a_machine_is_in_its_name() -> None:
    assert local_site("grisou-1.nancy.grid5000.fr".__str__) == "nancy"
    assert local_site("nancy.grid5000.fr".__str__) is None
    assert local_site("laptop".__str__) is None


def test_ssh_is_used_unless_the_frontend_is_this_machine_and_that_is_allowed(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setitem(g5k_configuration, "no_ssh_for_local_frontend", True)
    assert isinstance(frontend_for("nancy"), SshFrontend)


def test_the_command_line_arrives_quoted_with_a_fixed_locale_and_zone(
    ssh: Callable[[str], SshFrontend],
) -> None:
    result = outcome(ssh('sh -c "$last"'), "printf", "%s\n", "a b", "$HOME", "c'd")
    assert result.stdout == "a b\n$HOME\nc'd\n"
    assert result.exit_code == 0
    zone = outcome(ssh('sh -c "$last"'), "sh", "-c", "echo $TZ $LC_ALL")
    assert zone.stdout == "Europe/Paris C\n"


def test_no_terminal_is_asked_for(ssh: Callable[[str], SshFrontend]) -> None:
    words = outcome(ssh('printf "%s\\n" "$@"'), "oarstat").stdout.splitlines()
    assert "-tt" not in words
    assert "-t" not in words


def test_stdout_and_stderr_and_input_are_apart(ssh: Callable[[str], SshFrontend]) -> None:
    result = outcome(ssh("cat; echo oops >&2; exit 3"), "oarprint", stdin="text\n")
    assert (result.stdout, result.stderr, result.exit_code) == ("text\n", "oops\n", 3)


def test_a_failing_ssh_is_an_unreachable_frontend_with_its_last_words(
    ssh: Callable[[str], SshFrontend],
) -> None:
    script = (
        "echo \"Warning: Permanently added 'nancy' to the list of known hosts.\" >&2;"
        "echo 'ssh: connect to host nancy port 22: Connection refused' >&2; exit 255"
    )
    with pytest.raises(FrontendUnreachable, match="Connection refused") as caught:
        outcome(ssh(script), "oarstat")
    assert not may_have_run(caught.value)


def test_a_connexion_that_is_cut_may_have_run_the_command(
    ssh: Callable[[str], SshFrontend],
) -> None:
    script = "echo OAR_JOB_ID=12; echo 'Connection to nancy closed by remote host.' >&2; exit 255"
    with pytest.raises(FrontendUnreachable) as caught:
        outcome(ssh(script), "oarsub")
    assert may_have_run(caught.value)


def test_an_exit_255_of_a_command_of_oar_is_its_own(ssh: Callable[[str], SshFrontend]) -> None:
    script = "echo '/!\\ ERROR: No job id provided' >&2; exit 255"
    assert outcome(ssh(script), "oarstat").exit_code == 255


def test_an_ssh_that_does_not_exist_is_an_unreachable_frontend(tmp_path: Path) -> None:
    with pytest.raises(FrontendUnreachable):
        outcome(SshFrontend("nancy", {"ssh": str(tmp_path / "none")}), "oarstat")


def test_a_command_that_outlives_the_deadline_times_out(
    ssh: Callable[[str], SshFrontend],
) -> None:
    with pytest.raises(TimedOut, match="oarsub"):
        run(ssh("exec sleep 60").run(["oarsub"], deadline=Deadline.of(0.2)))


def test_a_cancelled_command_ends_its_ssh(
    ssh: Callable[[str], SshFrontend], tmp_path: Path
) -> None:
    started, ended = tmp_path / "started", tmp_path / "ended"
    os.mkfifo(started)
    os.mkfifo(ended)

    async def scenario() -> None:
        frontend = ssh(
            f"trap 'kill $!; echo > {ended}; exit 1' TERM; echo > {started}; sleep 60 & wait"
        )
        task = asyncio.create_task(frontend.run(["oarsub"], deadline=NO_LIMIT))
        await asyncio.to_thread(started.read_text)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        assert await asyncio.to_thread(ended.read_text) == "\n"

    run(scenario())


def test_the_local_frontend_runs_commands_here() -> None:
    assert outcome(LocalFrontend("nancy"), "echo", "a b").stdout == "a b\n"
