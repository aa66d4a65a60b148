"""Wait on conditions: the only place of the test grid, and of its tests, that sleeps."""

import time
from collections.abc import Callable


def wait_until(condition: Callable[[], bool], seconds: float, pause: float = 0.01) -> bool:
    """Return True as soon as the condition holds, False if it does not within `seconds`.

    It is looked at every `pause` seconds.
    """
    limit = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > limit:
            return False
        time.sleep(pause)
    return True
