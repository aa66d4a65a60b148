"""Who gives to whom in a chain, with relays that are made of words."""

import pytest

from execo._archive import Archive
from execo._chain.chain import Chain
from execo._chain.relay import Relay
from execo._chain.source import Source
from execo._engine.child import STDERR, STDOUT, Exit


class Loop:
    """A loop whose time is set by hand."""

    def __init__(self):
        self.now = 0.0
        self.timers = []

    def time(self):
        return self.now

    def call_later(self, delay, call):
        timer = Timer(self.now + delay, call)
        self.timers.append(timer)
        return timer

    def pass_time(self, seconds):
        end = self.now + seconds
        while due := [t for t in self.timers if t.when <= end]:
            timer = min(due, key=lambda t: t.when)
            self.timers.remove(timer)
            self.now = timer.when
            if not timer.cancelled:
                timer.call()
        self.now = end


class Timer:
    def __init__(self, when, call):
        self.when, self.call, self.cancelled = when, call, False

    def cancel(self):
        self.cancelled = True


class Ssh:
    """What the engine would call a child."""

    def __init__(self, relay):
        self.relay = relay
        self.written = []
        self.killed = False

    def write(self, data):
        self.written.append(data)

    def kill(self, sig, force_after):
        self.killed = True
        self.relay.child_ended(Exit(-9, killed=True))

    def orders(self, word):
        lines = [data.partition(b"\n")[0] for data in self.written]
        return [line.decode() for line in lines if line.split(b" ")[0] == word.encode()]


class Owner:
    """The process of the user."""

    def __init__(self):
        self.printed = []
        self.end = None

    def child_started(self, pid):
        pass

    def child_printed(self, stream, data):
        self.printed.append((stream, data))

    def child_ended(self, end):
        self.end = end


class Hosts:
    """A chain of hosts a, b, c... with what each was told."""

    def __init__(self, source, names):
        self.loop = Loop()
        self.source = source
        self.owners = {name: Owner() for name in names}
        self.relays = {name: Relay(name, name, self.owners[name], "tar", source) for name in names}
        chain = Chain(self.loop, list(self.relays.values()), source, patience=3, silence=30)
        self.ssh = {name: Ssh(relay) for name, relay in self.relays.items()}
        for name, relay in self.relays.items():
            relay.attach(chain, self.ssh[name])

    def say(self, name, *lines):
        for line in lines:
            self.relays[name].child_printed(STDOUT, f"{line}\n".encode())

    def fed(self, name):
        """Return the bytes of the stream that a host was sent from here."""
        return sum(int(order.split()[1]) for order in self.ssh[name].orders("data"))

    def end(self, name, code=0):
        self.relays[name].child_ended(Exit(code))


@pytest.fixture
def source(tmp_path):
    (tmp_path / "file").write_bytes(bytes(3_000_000))
    return Source(Archive([str(tmp_path / "file")]))


def test_the_first_is_fed_and_each_gives_to_the_next(source):
    hosts = Hosts(source, "abc")
    hosts.say("c", "port 3")
    hosts.say("a", "port 1")
    assert hosts.fed("a") == 0
    hosts.say("b", "port 2")
    assert hosts.fed("a") == source.size
    assert hosts.fed("b") == hosts.fed("c") == 0
    tokens = {name: relay.token for name, relay in hosts.relays.items()}
    assert hosts.ssh["a"].orders("next") == [f"next b 2 {tokens['b']}"]
    assert hosts.ssh["b"].orders("next") == [f"next c 3 {tokens['c']}"]
    assert len(set(tokens.values())) == 3
    # one of the two must be known to each before anything is taken
    assert [bool(hosts.ssh[name].orders("last")) for name in "abc"] == [False, False, True]


def test_it_begins_without_hosts_that_fail_and_without_those_that_are_late(source):
    hosts = Hosts(source, "abcd")
    hosts.say("a", "port 1")
    hosts.end("b", 255)
    hosts.loop.pass_time(2)
    hosts.say("c", "port 3")
    hosts.loop.pass_time(2)
    assert hosts.fed("a") == 0
    hosts.loop.pass_time(2)
    assert hosts.fed("a") == source.size
    hosts.say("d", "port 4")
    assert hosts.fed("d") == source.size


def test_a_host_behind_one_that_ends_is_sent_the_rest(source):
    hosts = Hosts(source, "abc")
    for number, name in enumerate("abc"):
        hosts.say(name, f"port {number}")
    hosts.end("b", 255)
    assert hosts.ssh["c"].orders("leave")
    hosts.say("c", "lost 1000000")
    assert hosts.fed("c") == source.size - 1_000_000
    hosts.say("c", "lost 1000000")
    assert hosts.fed("c") == source.size - 1_000_000
    assert hosts.owners["b"].end.error.startswith("b: lost after 0 of")


def test_a_host_that_cannot_give_to_the_next_has_it_sent_from_here(source):
    hosts = Hosts(source, "ab")
    hosts.say("a", "port 1")
    hosts.say("b", "port 2")
    hosts.say("a", "nonext Connection refused")
    assert hosts.ssh["b"].orders("leave")
    hosts.say("b", "lost 0")
    assert hosts.fed("b") == source.size


def test_a_host_that_says_nothing_is_given_up_unless_it_has_all(source):
    hosts = Hosts(source, "abc")
    for number, name in enumerate("abc"):
        hosts.say(name, f"port {number}")
    hosts.say("c", f"got {source.size}")
    for _ in range(10):
        hosts.loop.pass_time(10)
        hosts.say("a", "got 5000")
    assert hosts.ssh["b"].killed
    assert hosts.owners["b"].end.error == "b: says nothing for 30 s"
    assert hosts.ssh["a"].orders("drop")
    assert not hosts.ssh["c"].killed


def test_what_is_on_its_way_is_bounded(tmp_path):
    (tmp_path / "file").write_bytes(bytes(20_000_000))
    hosts = Hosts(Source(Archive([str(tmp_path / "file")])), "a")
    hosts.say("a", "port 1")
    assert hosts.fed("a") == 4 << 20
    hosts.say("a", f"got {1 << 20}")
    assert hosts.fed("a") == 5 << 20


@pytest.mark.parametrize("right", [True, False])
def test_what_a_host_has_is_judged_by_its_checksum(source, right):
    hosts = Hosts(source, "a")
    hosts.say("a", "port 1")
    hosts.say("a", f"got {source.size}", f"end {source.checksum if right else 'f00'} 0")
    hosts.end("a")
    end = hosts.owners["a"].end
    assert end.code == 0
    assert end.error == (
        None if right else "a: the checksum of what it got is f00: the files there are corrupted"
    )


def test_a_file_that_shrinks_meanwhile_fails_the_copy(tmp_path):
    (tmp_path / "file").write_bytes(bytes(20_000_000))
    hosts = Hosts(Source(Archive([str(tmp_path / "file")])), "a")
    hosts.say("a", "port 1")
    (tmp_path / "file").write_bytes(b"")
    hosts.say("a", f"got {4 << 20}")
    assert "became shorter while it was sent" in hosts.owners["a"].end.error


def test_other_words_are_output_and_errors_are_the_reason(source):
    hosts = Hosts(source, "a")
    hosts.say("a", "Welcome to this host")
    hosts.relays["a"].child_printed(STDERR, b"ssh: no way\n")
    hosts.end("a", 255)
    printed = [(STDOUT, b"Welcome to this host\n"), (STDERR, b"ssh: no way\n")]
    assert hosts.owners["a"].printed == printed
    assert hosts.owners["a"].end.error.endswith("(exit 255): ssh: no way")
