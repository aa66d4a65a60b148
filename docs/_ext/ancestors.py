"""Directive `ancestors`: the inheritance of a class, drawn in text, from the source.

.. ancestors:: execo_g5k.Kadeployer
"""

import importlib
from collections.abc import Iterator

from docutils import nodes
from sphinx.application import Sphinx
from sphinx.util.docutils import SphinxDirective


def drawn(kind: type) -> Iterator[str]:
    """Yield the lines of the tree: a class, and below it those of its bases that are public."""
    yield f"{kind.__module__.partition('.')[0]}.{kind.__name__}"
    bases = [base for base in kind.__bases__ if is_public(base)]
    for base in bases:
        last = base is bases[-1]
        first, *others = drawn(base)
        yield f"{'└── ' if last else '├── '}{first}"
        yield from (f"{'    ' if last else '│   '}{line}" for line in others)


def is_public(kind: type) -> bool:
    """Tell whether a package of ours exports a class."""
    package = kind.__module__.partition(".")[0]
    exported = getattr(importlib.import_module(package), "__all__", ())
    return package.startswith("execo") and kind.__name__ in exported


class Ancestors(SphinxDirective):
    """The directive."""

    required_arguments = 1

    def run(self) -> list[nodes.Node]:
        """Return the drawing."""
        module, _, name = self.arguments[0].rpartition(".")
        text = "\n".join(drawn(getattr(importlib.import_module(module), name)))
        return [nodes.literal_block(text, text, language="text")]


def setup(app: Sphinx) -> dict[str, bool]:
    """Add the directive."""
    app.add_directive("ancestors", Ancestors)
    return {"parallel_read_safe": True}
