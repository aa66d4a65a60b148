"""What taktuk is to be told, gathered: the same for many commands is told once."""

import os
from collections.abc import Callable, Iterator
from dataclasses import dataclass

from execo._taktuk.command import close_command, input_command, kill_command
from execo._taktuk.folder import Folder


@dataclass(slots=True)
class _Order:
    value: bytes | int | None
    """Input, a signal, or None for the end of the input."""
    numbers: set[int]


class Orders:
    """Orders for commands, by their numbers, in the order in which they were given."""

    def __init__(self, folder: Folder) -> None:
        self._folder = folder
        self._orders: list[_Order] = []
        self._files = 0

    def __bool__(self) -> bool:
        return bool(self._orders)

    def add(self, number: int, value: bytes | int | None) -> None:
        """Give input (bytes), a signal (int) or the end of input (None) to a command."""
        if self._orders:
            last = self._orders[-1]
            if last.value == value and number not in last.numbers:
                last.numbers.add(number)
                return
        self._orders.append(_Order(value, {number}))

    def take(
        self, everybody: set[int] | None, failed: Callable[[int, str], object]
    ) -> Iterator[bytes]:
        """Give the commands for taktuk.

        `everybody`: the numbers of all commands that run, None while more may start. Where input
        can't be written, `failed` is told the number and the reason.
        """
        orders, self._orders = self._orders, []
        for order in orders:
            # a host complains of each number that it does not have
            to_all = everybody is not None and everybody <= order.numbers
            numbers = None if to_all else order.numbers
            if order.value is None:
                yield close_command(numbers)
            elif isinstance(order.value, int):
                yield kill_command(order.value, numbers)
            else:
                try:
                    path = self.new_file(order.value)
                except OSError as error:
                    for number in order.numbers:
                        failed(number, str(error))
                else:
                    yield input_command(path, numbers)

    def new_file(self, data: bytes) -> str:
        """Write input to a file of its own: taktuk can't be given any bytes otherwise."""
        self._files += 1
        return self._folder.write(f"input-{self._files}", data)


def delete_file(path: str) -> None:
    """Delete a file that may be gone."""
    try:
        os.unlink(path)
    except FileNotFoundError:
        pass
