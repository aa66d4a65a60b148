"""One relay of a chain, as a process of this machine: who may connect to it, what it tells."""

import hashlib
import io
import socket
import tarfile

import pytest

from execo import Process
from execo._chain.relay import program, relay_command
from tests.system.helpers import until

TOKEN = "0123456789abcdef" * 2


def archive(data):
    held = io.BytesIO()
    with tarfile.open(fileobj=held, mode="w") as tar:
        info = tarfile.TarInfo("file")
        info.size = len(data)
        tar.addfile(info, io.BytesIO(data))
    return held.getvalue()


STREAM = archive(bytes(range(256)) * 8000)
ENDED = f"end {hashlib.sha256(STREAM).hexdigest()} 0"


class Relay:
    """A relay, and how one talks to it."""

    def __init__(self, folder, place="last\n"):
        self.folder = folder
        self.process = Process(relay_command(len(program())), shell=True, nolog_exit_code=True)
        self.process.start().write(program())
        unpack = f"tar -xf - -C '{folder}'".encode().hex()
        self.process.write(f"hello {TOKEN} {len(STREAM)} {unpack}\n{place}")
        until(lambda: self.said("port"))
        self.port = int(self.said("port")[0])

    def said(self, word):
        lines = [line.partition(" ") for line in self.process.stdout.splitlines()]
        return [rest for first, _, rest in lines if first == word]

    def guest(self):
        return socket.create_connection(("127.0.0.1", self.port), 20)

    def finish(self):
        """Give it all that it lacks, as orders."""
        self.process.write("leave\n")
        until(lambda: self.said("lost"))
        rest = STREAM[int(self.said("lost")[0]) :]
        self.process.write(b"data %d\n" % len(rest) + rest)

    def has_all(self):
        self.process.wait(20)
        assert self.said("end") == [ENDED.partition(" ")[2]], self.process.dump()
        return (self.folder / "file").read_bytes() == bytes(range(256)) * 8000


@pytest.fixture
def relay(tmp_path):
    relay = Relay(tmp_path)
    yield relay
    relay.process.kill().wait()


def closed_by(guest):
    """Tell whether the other side closes the connexion, without a word."""
    try:
        return guest.recv(1) == b""
    except ConnectionResetError:
        return True


@pytest.mark.parametrize(
    "words",
    [b"x" * 33, TOKEN[:-1].encode() + b"x\n", TOKEN.encode() + b"x", b"\n" * 40, STREAM[:100]],
)
def test_a_guest_that_does_not_know_the_secret_is_sent_away(relay, words):
    with relay.guest() as guest:
        guest.sendall(words)
        assert closed_by(guest)
    with relay.guest() as guest:
        guest.sendall(f"{TOKEN}\n".encode() + STREAM)
        assert relay.has_all()


def test_guests_that_say_nothing_hold_nobody_up(relay):
    silent = [relay.guest() for _ in range(5)]
    with relay.guest() as guest:
        guest.sendall(f"{TOKEN}\n".encode() + STREAM)
        assert relay.has_all()
    for other in silent:
        other.close()


def test_only_one_guest_gives_the_stream(relay):
    with relay.guest() as first, relay.guest() as second:
        first.sendall(f"{TOKEN}\n".encode() + STREAM[:1_000_000])
        until(lambda: any(int(got) == 1_000_000 for got in relay.said("got")))
        second.sendall(f"{TOKEN}\n".encode() + b"other data")
        assert closed_by(second)
        first.sendall(STREAM[1_000_000:])
        assert relay.has_all()


def test_a_stream_that_ends_too_early_is_told_and_goes_on_from_orders(relay):
    with relay.guest() as guest:
        guest.sendall(f"{TOKEN}\n".encode() + STREAM[:700_001])
    until(lambda: relay.said("lost"))
    assert relay.said("lost") == ["700001"]
    relay.finish()
    assert relay.has_all()


def test_other_bytes_have_another_checksum(relay):
    corrupted = STREAM[:5000] + b"?" + STREAM[5001:]
    with relay.guest() as guest:
        guest.sendall(f"{TOKEN}\n".encode() + corrupted)
        relay.process.wait(20)
    [end] = relay.said("end")
    assert end == f"{hashlib.sha256(corrupted).hexdigest()} 0"


def test_bytes_behind_the_end_are_not_taken(relay):
    with relay.guest() as guest:
        guest.sendall(f"{TOKEN}\n".encode() + STREAM + b"more")
        assert relay.has_all()


def test_a_relay_gives_to_the_next_and_says_when_it_cannot(relay, tmp_path):
    (tmp_path / "next").mkdir()
    after = Relay(tmp_path / "next")
    relay.process.write(f"next 127.0.0.1 {after.port} {TOKEN}\n")
    relay.finish()
    assert relay.has_all()
    assert after.has_all()
    third = Relay(tmp_path / "next")
    with socket.socket() as nobody:
        nobody.bind(("127.0.0.1", 0))
        third.process.write(f"next 127.0.0.1 {nobody.getsockname()[1]} {TOKEN}\n")
        until(lambda: third.said("nonext"))
    assert "refused" in third.said("nonext")[0]
    third.finish()
    assert third.has_all()


def test_nothing_is_taken_before_it_is_known_who_is_next(tmp_path):
    folders = [tmp_path / "first", tmp_path / "second"]
    for folder in folders:
        folder.mkdir()
    first, second = Relay(folders[0], place=""), Relay(folders[1])
    with first.guest() as guest:
        guest.sendall(f"{TOKEN}\n".encode() + STREAM[:100_000])
        # a report comes every two seconds: with the second one, all that can be taken is
        until(lambda: len(first.said("got")) >= 2)
        assert set(first.said("got")) == {"0"}
        first.process.write(f"next 127.0.0.1 {second.port} {TOKEN}\n")
        guest.sendall(STREAM[100_000:])
        assert first.has_all()
        assert second.has_all()


def test_a_relay_ends_with_who_gives_it_orders(relay):
    relay.process.close_stdin().wait(20)
    assert relay.process.exit_code == 1


def test_a_secret_is_on_no_command_line(relay):
    with open(f"/proc/{relay.process.pid}/cmdline", "rb") as file:
        words = file.read()
    assert b"sysread" in words
    assert TOKEN.encode() not in words
