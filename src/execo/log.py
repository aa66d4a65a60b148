"""The logger of the library, and text in colour."""

import logging
import os
import sys
from collections.abc import Callable

from execo._unset import UNSET

LOGGER_NAME = "execo"

_CODES = {
    "bold": 1, "underline": 4, "black": 30, "red": 31, "green": 32, "yellow": 33, "blue": 34,
    "magenta": 35, "cyan": 36, "white": 37, "on_black": 40, "on_red": 41, "on_green": 42,
    "on_yellow": 43, "on_blue": 44, "on_magenta": 45, "on_cyan": 46, "on_white": 47,
}  # fmt: skip


class _LastResort(logging.Handler):
    """Shows warnings on standard error as long as the script has configured no logging.

    A script that set a level of the logger sees all from this level on.
    """

    def __init__(self) -> None:
        super().__init__()
        self.setFormatter(logging.Formatter("%(asctime)s %(levelname)s: %(message)s"))

    def emit(self, record: logging.LogRecord) -> None:
        if record.levelno < logging.WARNING and logger.level == logging.NOTSET:
            return
        others = [handler for handler in logger.handlers if handler is not self]
        if logger.propagate:
            others += logging.getLogger().handlers
        if others or sys.stderr is None:
            return
        try:
            sys.stderr.write(self.format(record) + "\n")
        except Exception:
            self.handleError(record)


class _Logger(logging.Logger):
    """Has the level of the settings from its first use on."""

    _asked = False

    def isEnabledFor(self, level: int) -> bool:  # noqa: N802
        self._ask_settings()
        return super().isEnabledFor(level)

    def setLevel(self, level: int | str) -> None:  # noqa: N802
        # what the script says wins
        self._ask_settings()
        super().setLevel(level)

    def _ask_settings(self) -> None:
        if self._asked:
            return
        self._asked = True
        from execo.config import configuration

        # reading one sets the level
        configuration.get("log_level")


logger = logging.getLogger(LOGGER_NAME)
"""Logger of the library. Its level and handlers are the script's to choose."""

# whoever asked for it first made it
logger.__class__ = _Logger

if not any(isinstance(handler, _LastResort) for handler in logger.handlers):
    logger.addHandler(_LastResort())


def set_log_level(level: int | str) -> None:
    """Set the level of the logger: a number or a name such as "DEBUG".

    Raises:
        ValueError: there is no level of this name.
    """
    logger.setLevel(level.upper() if isinstance(level, str) else level)


def set_style(string: object, style: str) -> str:
    """Return text in a style, given by its name; `style.NAME(text)` does the same."""
    return _styled(style, str(string))


class _Style:
    """`style.NAME(text)` gives text in the style NAME of `configuration['color_styles']`.

    The text is left as it is for a name that is no style, and where colours are not wanted: by
    `configuration['color_mode']`, or where it is None without a terminal, or with NO_COLOR.
    """

    def __getattr__(self, name: str) -> Callable[[object], str]:
        if name.startswith("__"):
            raise AttributeError(name)
        return lambda text: _styled(name, str(text))


style = _Style()


def _styled(name: str, text: str) -> str:
    from execo.config import configuration, settings

    words = settings().color_styles.get(name, name if name in _CODES else ())
    words = (words,) if isinstance(words, str) else words
    codes = [str(_CODES[word]) for word in words if word in _CODES]
    if not codes or not _colours_wanted(configuration.get("color_mode", UNSET)):
        return text
    return f"\x1b[{';'.join(codes)}m{text}\x1b[0m"


def _colours_wanted(mode: object) -> bool:
    if isinstance(mode, bool):
        return mode
    if os.environ.get("NO_COLOR"):
        return False
    return sys.stderr is not None and sys.stderr.isatty()
