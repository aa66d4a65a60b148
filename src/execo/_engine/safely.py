"""Calls into the script that must not stop the engine, such as to its log handlers."""

import threading
from collections.abc import Callable
from typing import Any


def safely(function: Callable[..., object], *args: Any) -> None:
    """Call `function`; an exception goes to `threading.excepthook`, which shows it."""
    try:
        function(*args)
    except Exception as error:
        thread = threading.current_thread()
        seen = threading.ExceptHookArgs((type(error), error, error.__traceback__, thread))
        threading.excepthook(seen)
