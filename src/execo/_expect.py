"""Wait for a regular expression in the output of a process."""

import logging
import re
from collections.abc import Sequence
from typing import TYPE_CHECKING

from execo._engine.completion import Completion
from execo._engine.loop import engine
from execo._outputs import StreamOutput
from execo.handlers import ExpectOutputHandler, output_sink

if TYPE_CHECKING:
    from execo.process import ProcessBase

logger = logging.getLogger("execo")

Regexes = str | re.Pattern[str] | Sequence[str | re.Pattern[str]]
Found = tuple[int, re.Match[str]] | tuple[None, None]


def expect(
    process: "ProcessBase",
    output: StreamOutput,
    stream: int,
    regexes: Regexes,
    timeout: float | None,
    backtrack: bool,
) -> Found:
    """See `ProcessBase.expect`."""
    search = Search(process, output, stream, regexes, backtrack)
    search.done.wait(timeout)
    return search.close()


class Search:
    """One search in what a process prints, which goes on until `close`."""

    def __init__(
        self,
        process: "ProcessBase",
        output: StreamOutput,
        stream: int,
        regexes: Regexes,
        backtrack: bool,
    ) -> None:
        self.done = Completion()
        self._result: Found = (None, None)
        self._process, self._output = process, output
        self._patterns = compiled(regexes)
        self._handler = ExpectOutputHandler(self._patterns, self._found)
        self._sink = output_sink(self._handler, process, stream)
        self._from = 0
        engine().call(self._attach, backtrack)

    def _attach(self, backtrack: bool) -> None:
        if backtrack:
            self._from = self._output.expected
        else:
            self._from = len(self._output.text())
        self._output.attach(self._sink, self._from, self.done.is_set)

    def _found(self, index: int | None, match: re.Match[str] | None) -> None:
        if index is not None and match is not None:
            self._result = (index, match)
            self._output.expected = self._from + self._handler.consumed
        self.done.set()

    def close(self) -> Found:
        """Stop searching; return what was found, and note it on the process if nothing was."""
        engine().call(self._output.detach, self._sink)
        result = self._result
        if result[0] is None:
            self._process.expect_fail = True
            if not self._process.nolog_expect_fail:
                sought = ", ".join(repr(pattern.pattern) for pattern in self._patterns)
                logger.warning("%r: did not print what was expected: %s", self._process, sought)
        return result


def compiled(regexes: Regexes) -> list[re.Pattern[str]]:
    """Return `regexes` compiled, as a list.

    Raises:
        TypeError: one is neither text nor a compiled regular expression.
        ValueError: there is none, or one is malformed.
    """
    if isinstance(regexes, str | re.Pattern):
        regexes = [regexes]
    patterns = []
    for regex in regexes:
        if not isinstance(regex, str | re.Pattern):
            raise TypeError(f"regexes: {regex!r} is no regular expression")
        try:
            patterns.append(re.compile(regex))
        except re.error as error:
            raise ValueError(f"regexes: {regex!r}: {error}") from error
    if not patterns:
        raise ValueError("regexes: expected at least one regular expression")
    return patterns
