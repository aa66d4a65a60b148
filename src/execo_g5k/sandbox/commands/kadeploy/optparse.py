"""Options as Ruby's OptionParser reads them, one at a time: -eNAME, --env-n NAME, --no-wait."""

import enum
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass


class Takes(enum.Enum):
    """What follows an option."""

    NOTHING = enum.auto()
    SWITCH = enum.auto()
    """Nothing, and --no-NAME is its contrary."""
    VALUE = enum.auto()
    MAYBE = enum.auto()
    """A word that does not begin with -, if there is one."""


Spec = Mapping[str, Takes]
"""Names of an option, joined by | ("e|env-name") -> what follows it."""


class BadOption(ValueError):
    """Words that are no options; the message is Ruby's."""


@dataclass(frozen=True)
class Given:
    """An option on a command line, or a word that is none."""

    name: str
    """The longest of its names; "" for a word that is no option."""
    value: str | None = None
    on: bool = True
    """False for --no-NAME."""
    text: str = ""
    """The option as it was written."""


def read(spec: Spec, words: Sequence[str]) -> Iterator[Given]:
    """Yield what is on a command line, in order.

    Raises:
        BadOption: at a word that is no option, or lacks its value.
    """
    longest = {n: max(names.split("|"), key=len) for names in spec for n in names.split("|")}
    takes = {longest[names.split("|")[0]]: kind for names, kind in spec.items()}
    rest = [*words]
    while rest:
        word = rest.pop(0)
        if word == "--":
            yield from (Given("", other) for other in rest)
            return
        if word.startswith("--"):
            yield _long(word, longest, takes, rest)
        elif word.startswith("-") and len(word) > 1:
            yield from _short(word, longest, takes, rest)
        else:
            yield Given("", word)


def _long(
    word: str, longest: Mapping[str, str], takes: Mapping[str, Takes], rest: list[str]
) -> Given:
    given, equals, value = word[2:].partition("=")
    known = {name: (full, True) for name, full in longest.items() if len(name) > 1}
    for full, kind in takes.items():
        if kind is Takes.SWITCH:
            known[f"no-{full}"] = full, False
    found = {known[n] for n in known if n.startswith(given)}
    if given in known:
        found = {known[given]}
    if len(found) != 1:
        raise BadOption(f"{'ambiguous' if found else 'invalid'} option: {word}")
    [(name, on)] = found
    text = f"--{given}"
    if takes[name] in (Takes.NOTHING, Takes.SWITCH):
        if equals:
            raise BadOption(f"needless argument: {word}")
        return Given(name, None, on, text)
    return Given(name, value if equals else _next(takes[name], text, rest), text=text)


def _short(
    word: str, longest: Mapping[str, str], takes: Mapping[str, Takes], rest: list[str]
) -> Iterator[Given]:
    letters = word[1:]
    while letters:
        letter, letters = letters[0], letters[1:]
        name = longest.get(letter)
        text = f"-{letter}"
        if name is None:
            raise BadOption(f"invalid option: {text}")
        if takes[name] in (Takes.NOTHING, Takes.SWITCH):
            yield Given(name, text=text)
            continue
        yield Given(name, letters or _next(takes[name], text, rest), text=text)
        return


def _next(kind: Takes, text: str, rest: list[str]) -> str | None:
    if kind is Takes.MAYBE and (not rest or rest[0].startswith("-") and len(rest[0]) > 1):
        return None
    if not rest:
        raise BadOption(f"missing argument: {text}")
    return rest.pop(0)
