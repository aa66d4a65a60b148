"""Words of a command <-> text for a shell. Nothing else in the library quotes."""

import logging
import re
import shlex
from collections.abc import Sequence

logger = logging.getLogger("execo")

_OPERATOR_WORD = re.compile(r"^(?:&&|\|\||[|&;]|\d*[<>]{1,2}(?:&\d+)?)$")


def quote(text: str) -> str:
    """Return shell text that means `text` as one word."""
    return shlex.quote(text)


def join(argv: Sequence[str]) -> str:
    """Return shell text that means these words."""
    return shlex.join(argv)


def split(text: str) -> list[str]:
    """Return the words that a shell would make of `text`, without running anything.

    Raises:
        ValueError: a quotation has no end.
    """
    try:
        return shlex.split(text)
    except ValueError as error:
        raise ValueError(f"{text!r}: {error}") from error


def local_argv(cmd: str | Sequence[str]) -> list[str]:
    """Return the words of a command that no shell runs; text is split as a shell would.

    A shell operator in the text is logged as a warning: it is given to the command as a word.

    Raises:
        ValueError: there is no word, or a quotation has no end.
    """
    if not isinstance(cmd, str):
        return list(cmd)
    words = split(cmd)
    if not words:
        raise ValueError(f"cmd: {cmd!r} is empty")
    if any(_OPERATOR_WORD.match(word) for word in words):
        logger.warning("%r has shell operators, but no shell runs it: use shell=True", cmd)
    return words


def remote_command(cmd: str | Sequence[str]) -> str:
    """Return the text that the shell of a host runs.

    Text stays as it is; words are quoted. Scripts also give a single text in a sequence, or
    fragments with shell operators: these are taken as text, with a warning.
    """
    if isinstance(cmd, str):
        return cmd
    words = list(cmd)
    single = len(words) == 1 and bool(re.search(r"\s", words[0]))
    if single or any(_OPERATOR_WORD.match(word) for word in words):
        logger.warning("%r is taken as text for a shell, not as words", cmd)
        return " ".join(words)
    return join(words)
