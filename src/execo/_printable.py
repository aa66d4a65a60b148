"""Text of others, for a terminal."""


def printable(text: str) -> str:
    """Return text without what would move the cursor of a terminal."""
    return "".join(c if c.isprintable() else "?" for c in text)


def printable_lines(text: str) -> str:
    """Return the same with its line ends."""
    return "\n".join(map(printable, text.split("\n")))
