"""Options as the tools of OAR read them: bundles, abbreviations, options behind arguments."""

from collections.abc import Mapping, Sequence

FLAG = "flag"
VALUE = "value"
OPTIONAL = "optional"
"""A value may follow; an option that follows is none."""

Spec = Mapping[str, str]
"""Names of an option, joined by | ("u|user"), -> FLAG, VALUE or OPTIONAL."""


class BadOption(ValueError):
    """Words that are no options; the message is that of Perl's Getopt::Long."""


class Options:
    """The options of a command line: name (the longest of its names) -> values, in order."""

    def __init__(self, spec: Spec, words: Sequence[str]) -> None:
        """Read `words`.

        Raises:
            BadOption: there is no such option, or its value is missing.
        """
        self._kinds = {name: kind for names, kind in spec.items() for name in names.split("|")}
        self._longest = {n: max(ns.split("|"), key=len) for ns in spec for n in ns.split("|")}
        self.values: dict[str, list[str | None]] = {}
        self.arguments: list[str] = []
        self._rest = list(words)
        while self._rest:
            word = self._rest.pop(0)
            if word == "--":
                self.arguments += self._rest
                break
            if word.startswith("--"):
                self._long(word[2:])
            elif word.startswith("-") and len(word) > 1:
                self._bundle(word[1:])
            else:
                self.arguments.append(word)

    def _long(self, word: str) -> None:
        given, equals, value = word.partition("=")
        names = [n for n in self._kinds if len(n) > 1 and n.startswith(given)]
        different = {self._longest[name] for name in names}
        if given not in self._kinds and len(different) != 1:
            problem = f"Option {given} is ambiguous" if different else f"Unknown option: {given}"
            raise BadOption(problem)
        name = given if given in self._kinds else names[0]
        self._take(name, value if equals else None)

    def _bundle(self, letters: str) -> None:
        while letters:
            name, letters = letters[0], letters[1:]
            if name not in self._kinds:
                raise BadOption(f"Unknown option: {name}")
            if self._kinds[name] == FLAG or not letters:
                self._take(name, None)
            else:
                self._take(name, letters.removeprefix("="))
                return

    def _take(self, name: str, value: str | None) -> None:
        kind = self._kinds[name]
        if kind == VALUE and value is None:
            if not self._rest:
                raise BadOption(f"Option {name} requires an argument")
            value = self._rest.pop(0)
        optional = kind == OPTIONAL and value is None and bool(self._rest)
        if optional and not self._rest[0].startswith("-"):
            value = self._rest.pop(0)
        self.values.setdefault(self._longest[name], []).append(value)

    def has(self, name: str) -> bool:
        """Tell whether an option is given."""
        return name in self.values

    def last(self, name: str) -> str | None:
        """Return the value that counts of an option; None without one."""
        values = self.values.get(name)
        return values[-1] if values else None

    def all(self, name: str) -> list[str]:
        """Return all values of an option."""
        return [value for value in self.values.get(name, []) if value is not None]
