"""Text that differs from host to host: `{{{host}}}` and `{{expression}}`."""

import inspect
import logging
import os
import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from types import FrameType
from typing import Any

from execo._record import process_options
from execo.handlers import OutputHandler, output_handlers

logger = logging.getLogger("execo")

_HOST = re.compile(r"\{\{\{\s*host\s*\}\}\}")
_EXPRESSION = re.compile(r"\{\{(.+?)\}\}(?!\})", re.DOTALL)
_OUR_PACKAGES = ("execo", "execo_g5k")
_COMPREHENSIONS = ("<listcomp>", "<setcomp>", "<dictcomp>")
_HANDLER_LISTS = ("stdout_handlers", "stderr_handlers")


def callers_names() -> dict[str, Any]:
    """Return the names that the caller of this library sees: its globals, then its locals."""
    frame = inspect.currentframe()
    while frame is not None:
        package = frame.f_globals.get("__name__", "").partition(".")[0]
        if package not in _OUR_PACKAGES:
            return {**frame.f_globals, **_locals(frame)}
        frame = frame.f_back
    return {}


def _locals(frame: FrameType) -> dict[str, Any]:
    # before Python 3.12 a comprehension is a frame of its own
    if frame.f_code.co_name in _COMPREHENSIONS and frame.f_back is not None:
        return {**_locals(frame.f_back), **frame.f_locals}
    return dict(frame.f_locals)


class Substitutions:
    """The expressions of some texts, evaluated once, for any number of hosts.

    An expression that is no Python, or can't be evaluated, stays as it is: `{{.State}}` belongs to
    another templating language.
    """

    def __init__(self, names: Mapping[str, Any] | None = None) -> None:
        """`names` that expressions can use; None: those that the caller of the library sees."""
        if names is not None and not isinstance(names, Mapping):
            raise TypeError(f"values: {names!r}: expected a dict of names")
        self._names = callers_names() if names is None else dict(names)
        self._values: dict[str, Callable[[int], str] | None] = {}

    def __call__(self, text: str, index: int, address: str) -> str:
        """Return `text` for the host number `index`, connected to by `address`."""
        if "{{" not in text:
            return text
        # {{{host}}} first: its braces would make an expression of a set
        pieces = _HOST.split(text)
        return address.join(
            _EXPRESSION.sub(lambda match: self._replaced(match, index), piece) for piece in pieces
        )

    def _replaced(self, match: re.Match[str], index: int) -> str:
        expression = match.group(1)
        if expression not in self._values:
            self._values[expression] = self._evaluate(expression)
        value = self._values[expression]
        return match.group(0) if value is None else value(index)

    def _evaluate(self, expression: str) -> Callable[[int], str] | None:
        try:
            code = compile(expression.strip(), "{{expression}}", "eval")
        except (SyntaxError, ValueError):
            return None
        try:
            # one dict: comprehensions see locals of the caller too
            value = eval(code, dict(self._names))
        except (Exception, SystemExit) as error:
            logger.warning("{{%s}} is left as it is: %r", expression, error)
            return None
        return _chooser(value, expression)


def _chooser(value: object, expression: str) -> Callable[[int], str]:
    if isinstance(value, str | bytes) or not isinstance(value, Iterable):
        return lambda index: str(value)
    elements: Sequence[object] = list(value)
    if not elements:
        raise ValueError(f"{{{{{expression}}}}} is empty: there is no element for a host")
    return lambda index: str(elements[index % len(elements)])


def substituted_options(
    options: Mapping[str, Any] | None, substitute: Substitutions, index: int, address: str
) -> dict[str, Any]:
    """Return `options` of a process, with the file names of its handlers for this host.

    Raises:
        TypeError: `options` are no mapping, or handlers are none.
    """
    own = process_options(options)
    for key in _HANDLER_LISTS:
        if own.get(key) is not None:
            own[key] = [
                _substituted(handler, substitute, index, address)
                for handler in output_handlers(own[key], key)
            ]
    return own


def _substituted(
    handler: OutputHandler, substitute: Substitutions, index: int, address: str
) -> OutputHandler:
    name = os.fspath(handler) if isinstance(handler, os.PathLike) else handler
    return substitute(name, index, address) if isinstance(name, str) else handler
