"""Serial ports, of this machine or of a host."""

from collections.abc import Mapping
from typing import Any

from execo.host import Host
from execo.process import Process, SshProcess
from execo.quoting import quote
from execo.spelling import accept_old_spellings


def serial_command(device: str, speed: int) -> str:
    """Return shell text that copies between a serial port and its own input and output.

    The port is set to `speed` bauds, raw, 8 bits, no parity, one stop bit.
    """
    checked_device(device)
    if isinstance(speed, bool) or not isinstance(speed, int) or speed <= 0:
        raise ValueError(f"speed: {speed!r} is no number of bauds")
    port = quote(device if device.startswith("/") else f"./{device}")
    return (
        "[ -t 0 ] && stty raw -echo; "
        f"stty -F {port} {speed} raw -echo cs8 -parenb -cstopb && "
        f"{{ cat {port} & exec cat > {port}; }}"
    )


def checked_device(device: object) -> str:
    """Return the path of a serial port; raise TypeError if it is none."""
    if not isinstance(device, str) or not device:
        raise TypeError(f"device: {device!r} is no path of a serial port")
    return device


class Serial(Process):
    """A serial port of this machine: write to it, expect and read what it says.

    `device`: its path, such as "/dev/ttyUSB0". `speed`: in bauds; the port is raw, with 8 bits, no
    parity, one stop bit. Raises TypeError for a wrong device, ValueError for a wrong speed.
    """

    def __init__(self, device: str, speed: int = 115200, **options: Any) -> None:
        """`options`: those of Process."""
        super().__init__(serial_command(device, speed), shell=True, **options)
        self.device = device
        self.speed = speed


class SerialSsh(SshProcess):
    """A serial port of a host, through ssh. `device`, `speed`: see Serial."""

    @accept_old_spellings
    def __init__(
        self,
        host: Host | str,
        device: str,
        speed: int = 115200,
        connexion_params: Mapping[str, Any] | None = None,
        **options: Any,
    ) -> None:
        """`options`: those of SshProcess."""
        super().__init__(serial_command(device, speed), host, connexion_params, **options)
        self.device = device
        self.speed = speed
