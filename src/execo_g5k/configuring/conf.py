"""`~/.execo.conf.py`, with what is missing in it. Pure; what the user wrote stays."""

import ast
import re
from collections.abc import Container, Iterable, Iterator, Mapping
from dataclasses import dataclass

from execo._config.execo_conf import assigned_names
from execo.spelling import modern
from execo_g5k.configuring.aliases import DOMAIN
from execo_g5k.configuring.changes import line_end
from execo_g5k.configuring.choices import Choices

_BEGIN = "# >>> execo-g5k configure: it replaces what is between these two lines\n"
_END = "# <<< execo-g5k configure\n"

_BLOCK = re.compile(f"{_BEGIN}.*?{_END}".replace("\n", "\r?\n"), re.DOTALL)

_FUNCTION = """\
def g5k_address(name):
    site = name.rpartition(".")[2]
    return f"{{name}}.{domain}" if site in {sites} else name


"""
_REWRITE = "g5k_address"

Entries = Mapping[str, Mapping[str, str]]
"""Name of a dict -> key -> value, as Python."""

Values = Mapping[tuple[str, str], str]
"""(Name of a dict, key) -> value, as Python."""


class UnreadableConf(ValueError):
    """The file is no Python; the text says why."""

    def __init__(self, why: str, line: int | None) -> None:
        super().__init__(why)
        self.line = line


@dataclass(frozen=True)
class MergedConf:
    """What becomes of the file."""

    text: str
    kept: tuple[str, ...]
    """What the user has set otherwise than we would, as Python: it stays."""
    job_key: str | None = None
    """Name of the job key on sites that the user has set; None when he has not, or by code."""


def wanted_entries(choices: Choices, *, oarsh: bool) -> Entries:
    """Return what the file should set. `oarsh`: whether this machine has it."""
    entries: dict[str, dict[str, str]] = {
        "g5k_configuration": {"oar_job_key_file": repr(choices.inside_key_there)},
        "default_connexion_params": {"host_rewrite_func": _REWRITE},
        "default_frontend_connexion_params": {"host_rewrite_func": _REWRITE},
    }
    if not oarsh:
        entries["default_oarsh_oarcp_params"] = {
            "ssh": "'ssh'",
            "scp": "'scp'",
            "taktuk_connector": "'ssh'",
            "user": "'oar'",
            "port": "6667",
            "keyfile": repr(choices.inside_key),
            "host_rewrite_func": _REWRITE,
            # nodes can't go through the access machine to one another
            "taktuk_gateway": repr(f"{choices.sites[0]}.{DOMAIN}"),
        }
    return entries


def merged_conf(text: str, choices: Choices, entries: Entries) -> MergedConf:
    """Return the file with the entries that the user has not set.

    Raises:
        UnreadableConf: it is no Python.
    """
    try:
        ast.parse(text)
        before, after = _around_block(text)
        above, below = ast.parse(before), ast.parse(after)
    except SyntaxError as error:
        raise UnreadableConf(error.msg, error.lineno) from None
    except (ValueError, RecursionError, MemoryError) as error:
        raise UnreadableConf(str(error) or type(error).__name__, None) from None
    if any(name in entries for name, _ in _names(below.body)):
        # it would replace what the block sets
        before, after = before + after, ""
        above, below = ast.parse(before), ast.parse(after)
    values = _values(above) | _values(below)
    names, changed_below = dict(_names(above.body)), {name for name, _ in _values(below)}
    body = "".join(_lines(entries, values, names, changed_below))
    job_key = _literal(values.get(("g5k_configuration", "oar_job_key_file")))
    merged = _joined(before, body, after, choices, line_end(text))
    return MergedConf(merged, tuple(_kept(entries, values)), job_key)


def _lines(
    entries: Entries, values: Values, names: Mapping[str, str], changed_below: Container[str]
) -> Iterator[str]:
    """Yield what sets the entries that the user has not set."""
    for name, wanted in entries.items():
        missing = {key: value for key, value in wanted.items() if (name, key) not in values}
        if name in names:
            yield from (f"{names[name]}[{key!r}] = {value}\n" for key, value in missing.items())
        elif missing or name in changed_below:
            inside = "".join(f"    {key!r}: {value},\n" for key, value in missing.items())
            yield f"{name} = {{\n{inside}}}\n"


def _kept(entries: Entries, values: Values) -> Iterator[str]:
    for name, wanted in entries.items():
        for key, value in wanted.items():
            if values.get((name, key), value) != value:
                yield f"{name}[{key!r}] = {values[name, key]}"


def _joined(before: str, body: str, after: str, choices: Choices, end: str) -> str:
    if not body:
        return before + after
    if _REWRITE in body:
        body = _FUNCTION.format(domain=DOMAIN, sites=repr(choices.sites)) + body
    above = f"{before.rstrip()}{end}{end}" if before.strip() else ""
    block = f"{_BEGIN}{body}{_END}".replace("\n", end)
    return f"{above}{block}{after}"


def _literal(text: str | None) -> str | None:
    try:
        value = None if text is None else ast.literal_eval(text)
    except ValueError:
        return None
    return value if isinstance(value, str) else None


def _around_block(text: str) -> tuple[str, str]:
    """Return what stands before and behind what `configure` wrote."""
    block = _BLOCK.search(text)
    return (text[: block.start()], text[block.end() :]) if block else (text, "")


def _names(body: Iterable[ast.stmt]) -> Iterator[tuple[str, str]]:
    """Yield the names that statements define: in today's spelling, and as they are written."""
    return ((modern(name.id), name.id) for name in assigned_names(body))


def _values(tree: ast.Module) -> dict[tuple[str, str], str]:
    """Return what a file sets at its end: (dict, key) -> the value, as Python."""
    found: dict[tuple[str, str], str] = {}
    for node in tree.body:
        match node:
            case ast.Assign(targets=[ast.Subscript(ast.Name(id=name), ast.Constant(str(key)))]):
                found[modern(name), modern(key)] = ast.unparse(node.value)
            case ast.Assign() | ast.AnnAssign():
                for name, _ in _names([node]):
                    found = {place: text for place, text in found.items() if place[0] != name}
                    found |= {(name, key): text for key, text in _items(node.value)}
    return found


def _items(value: ast.expr | None) -> Iterator[tuple[str, str]]:
    if isinstance(value, ast.Dict):
        for key, item in zip(value.keys, value.values, strict=True):
            if isinstance(key, ast.Constant) and isinstance(key.value, str):
                yield modern(key.value), ast.unparse(item)
