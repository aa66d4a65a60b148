"""Serial ports, played by pseudo-terminals."""

# names in {{ }} are used, though not to the eye of a linter
# ruff: noqa: F841

import os
import tty

import pytest

from execo import RemoteSerial, Serial, SerialSsh


class Device:
    """What is at the other end of a serial line."""

    def __init__(self):
        self.fd, self._line = os.openpty()
        tty.setraw(self._line)
        self.path = os.ttyname(self._line)

    def say(self, data):
        os.write(self.fd, data)

    def hear(self, size):
        heard = b""
        while len(heard) < size:
            heard += os.read(self.fd, size - len(heard))
        return heard

    def close(self):
        os.close(self.fd)
        os.close(self._line)


@pytest.fixture
def device():
    device = Device()
    yield device
    device.close()


def talk(device, serial):
    # what is said before the port is set may be lost, as on a real line
    serial.write("ready?")
    assert device.hear(6) == b"ready?"
    device.say(b"login: ")
    assert serial.expect("login: ", timeout=20)[0] == 0
    serial.write("root\r")
    assert device.hear(5) == b"root\r"
    device.say(b"welcome\n")
    assert serial.expect(r"wel(c)ome", timeout=20)[1].group(1) == "c"


def test_serial_port_is_written_to_and_read(device):
    with Serial(device.path, 9600).start() as serial:
        talk(device, serial)
    assert serial.ended
    assert "welcome" in serial.stdout


def test_serial_port_of_a_host_is_written_to_and_read(params, device):
    with SerialSsh("127.0.0.1", device.path, connexion_params=params).start() as serial:
        talk(device, serial)
    assert serial.ended


def test_serial_ports_of_several_hosts(params, device):
    other = Device()
    paths = [device.path, other.path]
    try:
        remote = RemoteSerial(["127.0.0.1", "127.0.0.2"], "{{paths}}", connexion_params=params)
        with remote.start():
            for number, end in enumerate((device, other)):
                remote.processes[number].write(f"number {number}")
                assert end.hear(8) == f"number {number}".encode()
            device.say(b"first\n")
            other.say(b"second\n")
            found = remote.expect(r"first|second", timeout=20)
        assert [match.group() for _, _, match in found] == ["first", "second"]
    finally:
        other.close()


def test_port_that_does_not_exist_is_a_failed_process():
    serial = Serial("/dev/no-such-port", nolog_exit_code=True).run(20)
    assert serial.exit_code != 0
    assert "no-such-port" in serial.stderr


@pytest.mark.parametrize("arguments", [("",), (None,), ("/dev/x", 0), ("/dev/x", True)])
def test_what_is_no_port_or_speed_is_refused(arguments):
    with pytest.raises((TypeError, ValueError)):
        Serial(*arguments)
