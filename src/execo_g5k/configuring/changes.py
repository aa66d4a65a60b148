"""A change of a file, here or on a site, and how it looks."""

import difflib
from dataclasses import dataclass


def line_end(text: str) -> str:
    """Return what the first line of a text ends with."""
    return "\r\n" if text.partition("\n")[0].endswith("\r") else "\n"


@dataclass(frozen=True)
class Change:
    """A file that is to be written."""

    path: str
    after: str
    before: str | None = None
    """None when there is no such file, or it is not to be shown."""
    site: str | None = None
    """Site whose file it is; None for this machine."""
    secret: bool = False
    """Whether its content is shown to nobody."""
    why: str = ""
    encoding: str = "utf-8"

    @property
    def where(self) -> str:
        """The file, with its site."""
        return self.path if self.site is None else f"{self.path} on {self.site}"

    @property
    def content(self) -> bytes:
        """What the file is to hold. Raises UnicodeEncodeError where its encoding can't."""
        return self.after.encode(self.encoding, "surrogateescape")

    def diff(self) -> str:
        """Return the change in lines; in a few words for what is secret."""
        if self.secret:
            return "(a private key: not shown)\n"
        before = "" if self.before is None else self.before
        lines = difflib.unified_diff(
            before.splitlines(keepends=True), self.after.splitlines(keepends=True),
            "/dev/null" if self.before is None else self.where, self.where,
        )  # fmt: skip
        return "".join(line if line.endswith("\n") else f"{line}\n" for line in lines)
