"""What users ask of oargridsub: "nancy:rdef=/nodes=2:prop=...,lyon:rdef=/nodes=1:type=deploy".

OARGrid 2.2.4 knows no quotes: each comma ends the part of a site, each colon a field.
"""

import shlex
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

_DEPRECATED_NODES = (
    "WARNING: the 'nodes' keyword is deprecated. Please use a resource description with 'rdef'.\n"
)
_ONE = {"rdef", "prop", "name", "queue", "env", "part"}


class BadDescription(ValueError):
    """A description that says nothing; the message is oargridsub's, with what came before it."""


@dataclass(frozen=True)
class SiteSpec:
    """What is asked of one site."""

    alias: str
    site: str
    rdef: str = "/nodes=1"
    properties: str = ""
    """Condition of the user, and that of the cluster that the alias stands for."""
    types: tuple[str, ...] = ()
    queue: str | None = None
    name: str = ""
    environment: str = ""
    partition: str = ""
    nodes: int = 1


def parse_description(
    text: str, aliases: Mapping[str, tuple[str, str]], *, verbose: bool = False
) -> tuple[list[SiteSpec], str]:
    """Read a description; return its parts, and what is printed meanwhile.

    Raises:
        BadDescription: there is no such site, or no such field.
    """
    said = f"DESC string : {text}\n" if verbose else ""
    specs = []
    for part in text.split(","):
        alias, *fields = part.strip().split(":")
        if alias not in aliases:
            raise BadDescription(f"{said}{_unknown(alias, aliases)}")
        spec, told = _spec(alias, fields, aliases, said, verbose=verbose)
        said += told
        specs.append(spec)
    return specs, said


def _unknown(alias: str, aliases: Mapping[str, tuple[str, str]]) -> str:
    return (
        f"[OAR_GRIDSUB] ERROR, the alias {alias} is not registered\n"
        f"[OAR_GRIDSUB] right aliases are : \n{told_aliases(aliases)}"
    )


def told_aliases(aliases: Mapping[str, tuple[str, str]]) -> str:
    """Return the list of aliases: sites, and the clusters of each."""
    text = ""
    for site in sorted(name for name, (_, condition) in aliases.items() if not condition):
        text += f"\t{site} --> {site}\n"
        text += "".join(
            f"\t   {alias} ({condition})\n"
            for alias, (where, condition) in aliases.items()
            if where == site and condition
        )
    return text


def _spec(
    alias: str,
    fields: Sequence[str],
    aliases: Mapping[str, tuple[str, str]],
    said: str,
    *,
    verbose: bool,
) -> tuple[SiteSpec, str]:
    told, types = "", []
    known: dict[str, str] = {}
    for field in fields:
        keyword, equals, value = field.partition("=")
        if verbose:
            told += f"Scanning {field}...\n"
        if keyword == "type" and equals:
            types.append(value)
        elif keyword == "nodes" and value.isdecimal():
            told += _DEPRECATED_NODES
            known |= {"rdef": f"/nodes={value}", "nodes": value}
        elif keyword in _ONE and equals:
            known[keyword] = value
        else:
            raise BadDescription(f"{said}{told}ERROR: {field}: unknown keyword\n")
    site, condition = aliases[alias]
    prop = known.get("prop", "")
    both = f"{condition} AND ({prop})" if condition and prop else condition or prop
    spec = SiteSpec(
        alias, site, known.get("rdef", SiteSpec.rdef), both, tuple(types), known.get("queue"),
        known.get("name", ""), known.get("env", ""), known.get("part", ""),
        int(known.get("nodes", 1)),
    )  # fmt: skip
    return spec, told


def through_shells(command: str) -> list[str] | None:
    """Return the words that arrive at a site: three shells read the text one after the other.

    None: one of them finds a quote that nothing ends. So quotes in braces are eaten, unless they
    are escaped.
    """
    try:
        [*_, there] = shlex.split(command)
        [*_, inner] = shlex.split(there)
        return shlex.split(inner)
    except ValueError:
        return None
