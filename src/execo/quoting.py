"""Words of a command <-> text for a shell. Nothing else in the library quotes."""

import logging
import re
import shlex
from collections.abc import Sequence

logger = logging.getLogger("execo")

_QUOTED = re.compile(r"""'[^']*'|"(?:\\.|[^"\\])*"|\\.""", re.DOTALL)
# an & inside of a word is mostly that of a URL
_OPERATOR = re.compile(r"[|;<>]|&&|&(?=\s|$)")
_OPERATOR_WORD = re.compile(r"^(?:\|\|?|&&?|;|\d*(?:>>?|<)(?:&\d+|/[\w./-]*)?)$")
_FRAGMENT = re.compile(r"^[|&;<>].*\s|\s.*[|&;<>]$", re.DOTALL)


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
        TypeError: a word is no text.
        ValueError: there is no word, or a quotation has no end.
    """
    if not isinstance(cmd, str):
        return _words(cmd)
    words = split(cmd)
    if not words:
        raise ValueError(f"cmd: {cmd!r} is empty")
    if _OPERATOR.search(_QUOTED.sub("x", cmd)):
        logger.warning("%r has shell operators, but no shell runs it: use shell=True", cmd)
    return words


def remote_command(cmd: str | Sequence[str]) -> str:
    """Return the text that the shell of a host runs.

    Text stays as it is; words are quoted. Scripts also give a single text in a sequence, or
    fragments: words that are shell operators, or texts of several words that begin or end with one.
    These are taken as text, with a warning.

    Raises:
        TypeError: a word is no text.
        ValueError: the command is empty.
    """
    if isinstance(cmd, str):
        if not cmd.strip():
            # ssh would start a shell that waits for its input
            raise ValueError(f"cmd: {cmd!r} is empty")
        return cmd
    words = _words(cmd)
    if len(words) == 1 and quote(words[0]) == words[0]:
        return words[0]
    if len(words) == 1 or _has_fragments(words):
        logger.warning("%r is taken as text for a shell, not as words", cmd)
        return " ".join(words)
    return join(words)


def _has_fragments(words: Sequence[str]) -> bool:
    # a last ; has no use in a shell, and find -exec wants it as a word
    if words[-1] == ";":
        words = words[:-1]
    # what follows -c is a script in one word, whatever it ends with
    before = ["", *words]
    return any(
        _OPERATOR_WORD.match(word) or (_FRAGMENT.search(word) and previous != "-c")
        for previous, word in zip(before, words, strict=False)
    )


def _words(cmd: Sequence[str]) -> list[str]:
    words = list(cmd)
    if not words:
        raise ValueError(f"cmd: {cmd!r} is empty")
    for word in words:
        if not isinstance(word, str):
            raise TypeError(f"cmd: {word!r} in {cmd!r}: expected text")
    return words
