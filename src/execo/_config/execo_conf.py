"""`~/.execo.conf.py`: Python that defines dicts of settings. Read once, at the first use."""

import logging
import threading
import traceback
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from execo.spelling import modern

logger = logging.getLogger("execo")

_lock = threading.Lock()
_read: dict[str, Any] | None = None


def conf_path() -> Path:
    """Return the path of the file."""
    return Path("~/.execo.conf.py").expanduser()


def conf_values(name: str) -> Mapping[str, Any]:
    """Return the dict called `name` in the file; empty if there is none.

    Old spellings of the name are understood. An error in the file is logged, with its line, and
    what the file defines before that line counts.
    """
    global _read
    with _lock:
        if _read is None:
            _read = _run(conf_path())
    found = _read.get(name, {})
    if not isinstance(found, Mapping):
        logger.error("%s: %s is no dict: it is left out", conf_path(), name)
        return {}
    return found


def forget() -> None:
    """Read the file again at the next use."""
    global _read
    with _lock:
        _read = None


def _run(path: Path) -> dict[str, Any]:
    try:
        source = path.read_text()
    except FileNotFoundError:
        return {}
    except (OSError, UnicodeDecodeError, RuntimeError) as error:
        logger.error("%s can't be read: %s", path, error)
        return {}
    names: dict[str, Any] = {"__file__": str(path), "__name__": "execo_conf"}
    try:
        exec(compile(source, str(path), "exec"), names)
    except Exception as error:
        logger.error("%s, line %s: %s: %s", path, _line(error, path), type(error).__name__, error)
    return {modern(name): value for name, value in names.items()}


def _line(error: Exception, path: Path) -> int | None:
    if isinstance(error, SyntaxError):
        return error.lineno
    frames = traceback.extract_tb(error.__traceback__)
    return next((f.lineno for f in reversed(frames) if f.filename == str(path)), None)
