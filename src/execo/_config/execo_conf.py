"""`~/.execo.conf.py`, or the file that EXECO_CONF names: Python that defines dicts of settings.

Read once, at the first use.
"""

import ast
import io
import logging
import os
import threading
import tokenize
import traceback
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from execo._printable import printable
from execo.spelling import modern

logger = logging.getLogger("execo")

CONF_VARIABLE = "EXECO_CONF"
"""Environment variable that names another file."""

reading = threading.RLock()
"""Held while settings are read; the file may itself import this library and read settings."""


@dataclass
class _Conf:
    names: dict[str, Any] = field(default_factory=dict)
    lines: dict[tuple[str, object], int] = field(default_factory=dict)
    """Name of a dict and a key of it -> the line that sets it."""
    assigned: dict[str, int] = field(default_factory=dict)
    """Name -> the last line that assigns it."""
    problem: tuple[int | None, str] | None = None


_read: _Conf | None = None
_running = False
_bystanders: frozenset[int] = frozenset()


def conf_path() -> Path:
    """Return the path of the file."""
    named = os.environ.get(CONF_VARIABLE)
    if named:
        return Path(named)
    try:
        return Path("~/.execo.conf.py").expanduser()
    except RuntimeError:
        # an account without a home, and no HOME
        return Path("/nonexistent/.execo.conf.py")


def conf_values(name: str) -> Mapping[str, Any]:
    """Return the dict called `name` in the file; empty if there is none.

    Old spellings of the name are understood. An error in the file is logged, with its line, and
    what the file defines before that line counts.
    """
    found = _conf().names.get(name, {})
    if not isinstance(found, Mapping):
        logger.error("%s: %s is no dict: it is left out", conf_path(), name)
        return {}
    return found


def conf_layers(name: str) -> Iterator[tuple[str, Mapping[str, Any]]]:
    """Yield where each value of the dict called `name` comes from, and the value."""
    path, lines = conf_path(), _conf().lines
    for key, value in conf_values(name).items():
        line = lines.get((name, key))
        yield place(path, line), {key: value}


def place(path: Path, line: int | None) -> str:
    """Return the name of the file, with the line if it is known."""
    return f"{path}, line {line}" if line else str(path)


def conf_problem() -> tuple[int | None, str] | None:
    """Return the line of the error that ends the file, if known, and its words; None: no error."""
    return _conf().problem


def conf_names() -> Mapping[str, Any]:
    """Return what the file defines, by names in today's spelling."""
    return {name: value for name, value in _conf().names.items() if not name.startswith("__")}


def conf_lines() -> Mapping[str, int]:
    """Return the last line that assigns each name, by names in today's spelling."""
    return _conf().assigned


def forget() -> None:
    """Read the file again at the next use."""
    global _read
    with reading:
        _read = None


def being_read() -> bool:
    """Tell whether the file is running. Call it with `reading` held."""
    return _running


def needed_by_the_file() -> bool:
    """Tell whether the file runs and may wait for this thread, which then must not wait for it.

    It may start threads, and processes, which threads of this library serve.
    """
    return _running and threading.get_ident() not in _bystanders


def _others() -> frozenset[int]:
    threads = threading.enumerate()
    return frozenset(t.ident or 0 for t in threads if not t.name.startswith("execo-"))


def _conf() -> _Conf:
    global _read, _running, _bystanders
    with reading:
        if _read is None:
            _bystanders, _running = _others(), True
            try:
                _read = _run(conf_path())
            finally:
                _running = False
        return _read


def decoded(source: bytes) -> tuple[str, str]:
    """Return the text of a Python program, and its encoding: what its first lines say, or UTF-8.

    Raises:
        ValueError: it is no text of that encoding.
    """
    try:
        encoding, _ = tokenize.detect_encoding(io.BytesIO(source).readline)
        return source.decode(encoding), encoding
    except (SyntaxError, LookupError) as error:
        raise ValueError(str(error)) from None


def _run(path: Path) -> _Conf:
    try:
        source, _ = decoded(path.read_bytes())
    except FileNotFoundError:
        return _Conf()
    except (OSError, ValueError) as error:
        logger.error("%s can't be read: %s", path, error)
        return _Conf(problem=(None, f"it can't be read: {error}"))
    names: dict[str, Any] = {"__file__": str(path), "__name__": "execo_conf"}
    lines: dict[tuple[str, object], int] = {}
    assigned: dict[str, int] = {}
    problem = None
    try:
        tree = ast.parse(source, str(path))
        lines = dict(_lines_of_keys(tree))
        assigned = {modern(name.id): name.lineno for name in assigned_names(tree.body)}
        exec(compile(tree, str(path), "exec", dont_inherit=True), names)
    except (Exception, SystemExit) as error:
        problem = _line(error, path), printable(f"{type(error).__name__}: {_text_of(error)}")
        logger.error("%s: %s", place(path, problem[0]), problem[1])
    return _Conf(_modern_names(names, path), lines, assigned, problem)


def _text_of(error: BaseException) -> str:
    try:
        return str(error)
    except Exception as failure:
        # it is of a class of the file
        return f"(its text fails: {type(failure).__name__})"


def _modern_names(names: Mapping[str, Any], path: Path) -> dict[str, Any]:
    for old in names:
        new = modern(old)
        if new != old and new in names and names[new] is not names[old]:
            logger.error("%s: %s is another spelling of %s: it is left out", path, old, new)
    return {modern(name): value for name, value in names.items()} | {
        name: value for name, value in names.items() if modern(name) == name
    }


def _lines_of_keys(tree: ast.Module) -> Iterator[tuple[tuple[str, object], int]]:
    for statement in tree.body:
        match statement:
            case ast.Assign(targets=targets, value=ast.Dict(keys=keys)):
                names = [target.id for target in targets if isinstance(target, ast.Name)]
                for key in keys:
                    if isinstance(key, ast.Constant):
                        yield from (((modern(n), key.value), key.lineno) for n in names)
            case ast.Assign(targets=[ast.Subscript(ast.Name(id=name), ast.Constant(value=key))]):
                yield (modern(name), key), statement.lineno


def assigned_names(body: Iterable[ast.stmt]) -> Iterator[ast.Name]:
    """Yield the names that statements define, in order."""
    for node in body:
        if isinstance(node, ast.Assign | ast.AnnAssign):
            targets = node.targets if isinstance(node, ast.Assign) else [node.target]
            yield from (target for target in targets if isinstance(target, ast.Name))


def _line(error: BaseException, path: Path) -> int | None:
    if isinstance(error, SyntaxError):
        return error.lineno
    frames = traceback.extract_tb(error.__traceback__)
    return next((f.lineno for f in reversed(frames) if f.filename == str(path)), None)
