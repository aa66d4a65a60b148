"""Directive `settings`: what a dict of settings holds, taken from the source.

    .. settings:: execo_g5k.config.G5kSettings

Each field of the dataclass with its default and the text below it. What a dataclass has from its
base, and does not change, is left out with the option `:own:`.
"""

import ast
import dataclasses
import importlib
import inspect
import textwrap
from collections.abc import Iterator
from typing import Any, ClassVar

from docutils import nodes
from docutils.parsers.rst import directives
from sphinx.application import Sphinx
from sphinx.util.docutils import SphinxDirective


def documented(record: type[Any]) -> dict[str, str]:
    """Return the texts below the fields of a dataclass, and of its bases."""
    found: dict[str, str] = {}
    for kind in reversed(record.__mro__):
        if not dataclasses.is_dataclass(kind):
            continue
        [body] = ast.parse(textwrap.dedent(inspect.getsource(kind))).body
        assert isinstance(body, ast.ClassDef)
        for field, below in zip(body.body, body.body[1:], strict=False):
            match field, below:
                case (
                    ast.AnnAssign(target=ast.Name(id=name)),
                    ast.Expr(value=ast.Constant(value=str(text))),
                ):
                    found[name] = inspect.cleandoc(text)
    return found


def fields(record: type[Any], *, own: bool) -> Iterator[tuple[str, Any, str]]:
    """Yield name, default value and text of each field."""
    values, texts = record(), documented(record)
    base = record.__mro__[1]
    below = base() if own and dataclasses.is_dataclass(base) else None
    for field in dataclasses.fields(record):
        value = getattr(values, field.name)
        if below is None or getattr(below, field.name, ...) != value:
            yield field.name, value, texts.get(field.name, "")


def shown(value: Any) -> str:
    """Return how a default value is written in Python."""
    return value.__name__ if callable(value) else repr(value)


class SettingsTable(SphinxDirective):
    """The directive."""

    required_arguments = 1
    option_spec: ClassVar[Any] = {"own": directives.flag}

    def run(self) -> list[nodes.Node]:
        """Return a list of the settings."""
        module, _, name = self.arguments[0].rpartition(".")
        record = getattr(importlib.import_module(module), name)
        lines: list[str] = []
        for key, value, text in fields(record, own="own" in self.options):
            lines += [f"``{key}`` = ``{shown(value)}``", *textwrap.indent(text, "    ").split("\n")]
            lines += ["    \\ " if not text else "", ""]
        return self.parse_text_to_nodes("\n".join(lines))


def setup(app: Sphinx) -> dict[str, bool]:
    """Add the directive."""
    app.add_directive("settings", SettingsTable)
    return {"parallel_read_safe": True}
