"""What the tools of OAR 2.5.9 print when they are asked for help."""

from importlib.resources import files


def usage(command: str) -> str:
    """Return the help of a command."""
    return files(__package__).joinpath("usage", f"{command}.txt").read_text(encoding="utf-8")
