"""Consoles of nodes and ports inside of Grid'5000, by a real ssh."""

import socket
import socketserver
import sys
import threading

import pytest

from execo._engine.loop import engine
from execo_g5k import FrontendUnreachable, G5kAutoPortForwarder, KaconsoleProcess, g5k_configuration
from tests.unit.execo_g5k.kadeploy_transcripts import recorded

NODE = "graphene-1.nancy.grid5000.fr"

# what the recorded console does: raw, echoes, answers each line, ends by four ESC
CONSOLE = """#!{python}
import os, sys, tty
mode = {mode!r}
open({folder!r} + "/words", "w").write(" ".join(sys.argv[1:]))
if mode == "forbidden":
    os.write(1, {forbidden!r}.encode())
    sys.exit(6)
assert os.isatty(0)
# before it says a word: what is typed until then is lost
tty.setraw(0)
if mode != "silent":
    os.write(1, b"[Kaconsole] kill sequence: ^[^[^[^[\\r\\n")
line, escapes = b"", 0
while escapes < 4:
    char = os.read(0, 1)
    if not char:
        sys.exit(9)
    escapes = escapes + 1 if char == b"\\x1b" else 0
    if char in b"\\r\\n":
        os.write(1, b"\\r\\nyou said: " + line + b"\\r\\nroot@graphene-1:~# ")
        line = b""
    elif not escapes:
        os.write(1, char)
        line += char
"""


@pytest.fixture
def frontend(params):
    return {**params, "host_rewrite_func": lambda site: "127.0.0.2"}


@pytest.fixture
def console(tmp_path):
    def put(mode="normal"):
        forbidden = recorded("90-kaconsole-no-rights").stdout
        program = tmp_path / "kaconsole3"
        program.write_text(
            CONSOLE.format(
                python=sys.executable, folder=str(tmp_path), mode=mode, forbidden=forbidden
            )
        )
        program.chmod(0o755)
        g5k_configuration["kaconsole3"] = str(program)
        return tmp_path

    return put


def test_what_is_typed_on_a_console_is_answered_and_killing_closes_it(console, frontend):
    folder = console()
    with KaconsoleProcess("graphene-1.nancy", frontend).start() as process:
        assert process.opened.wait(30)
        assert process.wait_prompt(90)
        process.write("hello\n")
        index, match = process.expect(r"you said: (\w+)", 30)
        assert (index, match[1]) == (0, "hello")
        assert process.wait_prompt(30, wake=None)
    assert (folder / "words").read_text() == f"-m {NODE}"
    # the four ESC ended it, not a signal
    assert process.exit_code == 0
    assert process.ok


def test_a_refused_console_never_opens(console, frontend):
    console("forbidden")
    process = KaconsoleProcess(NODE, frontend, nolog_exit_code=True).start()
    assert not process.opened.wait(30)
    assert not process.wait_prompt(5)
    process.wait(30)
    assert process.exit_code == 6
    assert "sufficient rights" in process.stdout


def test_a_console_that_does_not_open_in_time_is_given_up(console, frontend):
    console("silent")
    process = KaconsoleProcess(NODE, frontend_connection_params=frontend, connection_timeout=1)
    process.nolog_timeout = True
    process.run(30)
    assert process.ended
    assert process.timeouted
    assert not process.ok


def test_an_open_console_outlives_the_timeout_of_its_connexion(console, frontend):
    console()
    with KaconsoleProcess(NODE, frontend).start() as process:
        assert process.opened.wait(30)
        # what the engine calls when that time is over
        engine().call(process._not_opened)
        assert process.wait_prompt(90)
        assert not process.timeouted


class Upper(socketserver.StreamRequestHandler):
    def handle(self):
        self.wfile.write(self.rfile.readline().upper())


@pytest.fixture
def service():
    with socketserver.ThreadingTCPServer(("127.0.0.1", 0), Upper) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
        thread.start()
        yield server.server_address[1]
        server.shutdown()
        thread.join()


def said(address, text):
    with socket.create_connection(address, 10) as client, client.makefile("rw") as file:
        file.write(text + "\n")
        file.flush()
        return file.readline().strip()


def test_from_outside_a_port_is_reached_through_the_frontend(frontend, service):
    forwarder = G5kAutoPortForwarder("nancy", "127.0.0.1", service, frontend, inside=lambda: False)
    with forwarder as (host, port):
        assert (host, port) != ("127.0.0.1", service)
        assert said((host, port), "hello") == "HELLO"
        assert forwarder.forwarder.running
    assert forwarder.forwarder is None
    with pytest.raises(ConnectionRefusedError):
        said((host, port), "gone")


def test_from_inside_it_is_the_port_itself(service):
    forwarder = G5kAutoPortForwarder("nancy", "127.0.0.1", service, inside=lambda: True)
    with forwarder as address:
        assert address == ("127.0.0.1", service)
        assert forwarder.forwarder is None
        assert said(address, "hello") == "HELLO"


def test_a_frontend_that_can_not_be_reached_is_an_error_with_the_words_of_ssh(frontend, service):
    params = {**frontend, "host_rewrite_func": lambda site: "127.0.0.99"}
    forwarder = G5kAutoPortForwarder("nancy", "127.0.0.1", service, params, inside=lambda: False)
    with pytest.raises(FrontendUnreachable, match=r"nancy: can't forward.*127\.0\.0\.99"):
        forwarder.open()
    forwarder.close()
