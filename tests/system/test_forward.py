"""A local port that leads, through ssh, to a port behind a host."""

import socket
import socketserver
import threading

import pytest

from execo import PortForwarder, configuration

QUIET = {"nolog_exit_code": True, "nolog_error": True}


class Upper(socketserver.StreamRequestHandler):
    """Says each line again, in capitals."""

    def handle(self):
        for line in self.rfile:
            self.wfile.write(line.upper())


@pytest.fixture
def service():
    """A TCP server on 127.0.0.1; its port."""
    with socketserver.ThreadingTCPServer(("127.0.0.1", 0), Upper) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
        thread.start()
        yield server.server_address[1]
        server.shutdown()
        thread.join()


def said(port, text, address="127.0.0.1"):
    with socket.create_connection((address, port), 10) as client, client.makefile("rw") as file:
        file.write(text + "\n")
        file.flush()
        return file.readline().strip()


def test_data_goes_through_a_forwarded_port_both_ways(params, service):
    with PortForwarder("127.0.0.2", "127.0.0.1", service, connexion_params=params) as forwarder:
        assert not forwarder.forwarding.is_set()
        forwarder.start()
        assert forwarder.forwarding.wait(20)
        low, high = configuration["port_range"]
        assert low <= forwarder.local_port < high
        assert said(forwarder.local_port, "hello") == "HELLO"
        assert said(forwarder.local_port, "again") == "AGAIN"
        assert forwarder.running
    assert forwarder.ended
    assert forwarder.ok
    with pytest.raises(ConnectionRefusedError):
        said(forwarder.local_port, "gone")


def test_local_port_and_bind_address_can_be_chosen(params, service):
    with socket.socket() as probe:
        probe.bind(("127.0.0.77", 0))
        port = probe.getsockname()[1]
    forwarder = PortForwarder("127.0.0.1", "127.0.0.1", service, port, "127.0.0.77", params)
    with forwarder.start():
        assert forwarder.forwarding.wait(20)
        assert forwarder.local_port == port
        assert said(port, "here", "127.0.0.77") == "HERE"


def test_busy_local_port_ends_the_forwarder_and_who_waits_goes_on(params, service):
    with socket.socket() as busy:
        busy.bind(("127.0.0.1", 0))
        busy.listen()
        port = busy.getsockname()[1]
        forwarder = PortForwarder(
            "127.0.0.1", "127.0.0.1", service, port, connexion_params=params, **QUIET
        ).start()
        assert not forwarder.forwarding.wait(20)
        forwarder.wait(20)
    assert forwarder.ended
    assert not forwarder.ok
    assert forwarder.exit_code == 255
    assert str(port) in forwarder.stderr


def test_forwarder_that_ends_before_it_listens_does_not_keep_who_waits(params):
    unreachable = params | {"port": 1}
    forwarder = PortForwarder("127.0.0.1", "x", 80, connexion_params=unreachable, **QUIET).start()
    assert not forwarder.forwarding.wait(20)
    assert forwarder.wait(20).exit_code == 255


def test_forwarder_of_a_missing_ssh_does_not_keep_who_waits(params):
    forwarder = PortForwarder(
        "127.0.0.1", "x", 80, connexion_params=params | {"ssh": "/no/ssh"}, **QUIET
    ).start()
    assert not forwarder.forwarding.wait(20)
    assert forwarder.error


def test_forwarders_started_together_take_different_ports(params, service):
    forwarders = [
        PortForwarder(f"127.0.0.{n}", "127.0.0.1", service, connexion_params=params).start()
        for n in range(1, 6)
    ]
    try:
        assert all(forwarder.forwarding.wait(30) for forwarder in forwarders)
        assert len({forwarder.local_port for forwarder in forwarders}) == 5
        assert [said(f.local_port, "me") for f in forwarders] == ["ME"] * 5
    finally:
        for forwarder in forwarders:
            forwarder.kill()
        for forwarder in forwarders:
            forwarder.wait(20)


def test_reset_forwarder_forwards_again(params, service):
    forwarder = PortForwarder("127.0.0.1", "127.0.0.1", service, connexion_params=params)
    for _ in range(2):
        forwarder.start()
        assert forwarder.forwarding.wait(20)
        assert said(forwarder.local_port, "hi") == "HI"
        forwarder.kill().wait(20)
        forwarder.reset()
        assert not forwarder.forwarding.is_set()


def test_a_port_that_does_not_listen_in_time_is_given_up(tmp_path):
    silent = tmp_path / "ssh"
    silent.write_text("#!/bin/sh\nexec sleep 100\n")
    silent.chmod(0o755)
    params = {"ssh": str(silent), "forwarding_timeout": 0.2}
    forwarder = PortForwarder("h", "r", 80, connexion_params=params, nolog_timeout=True).start()
    assert not forwarder.forwarding.wait()
    assert forwarder.wait().timeouted
    assert not forwarder.ok
