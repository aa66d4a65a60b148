"""Checks of files and directories of this machine: who can read and change them."""

import re
import shlex
from collections.abc import Iterator

from execo_g5k.doctor.facts import Conf, ConfProblem, Facts, File
from execo_g5k.doctor.findings import CONFIGURE, Finding, ok, skipped, wrong

_BAD_LINE = re.compile(r"^(?P<file>/.*?):? line (?P<line>\d+): ", re.MULTILINE)


def _chmod(mode: str, file: File) -> str:
    return f"chmod {mode} {shlex.quote(file.path)}"


def _mode(file: File) -> str:
    return "" if file.mode is None else f"mode {file.mode:04o}"


def check_ssh_directory(facts: Facts) -> Iterator[Finding]:
    """Check ~/.ssh."""
    check, directory = "~/.ssh", facts.ssh_directory
    if not directory.exists:
        yield wrong(check, f"{directory.path} does not exist", CONFIGURE)
    elif directory.writable_by_others:
        yield wrong(
            check, f"{directory.path} can be changed by others ({_mode(directory)}): whoever can,"
            " can give you keys", _chmod("700", directory),
        )  # fmt: skip
    else:
        yield ok(check, f"{directory.path}, {_mode(directory)}")


def check_ssh_files(facts: Facts) -> Iterator[Finding]:
    """Check the configuration files of ssh: it refuses those that others can change."""
    check, there = "ssh configuration", [file for file in facts.ssh_files if file.exists]
    bad = False
    for file in there:
        if file.directory:
            bad = True
            yield _directory(check, file)
        elif not file.owned:
            bad = True
            what = f"{file.path} belongs to somebody else: ssh refuses it"
            yield wrong(check, what, f'sudo chown "$(id -u)" {shlex.quote(file.path)}')
        elif file.writable_by_others:
            bad = True
            what = f"{file.path} can be changed by others ({_mode(file)}): ssh refuses it"
            yield wrong(check, what, _chmod("600", file))
    if not there:
        yield skipped(check, "there is no ~/.ssh/config")
    elif not bad:
        yield ok(check, ", ".join(file.path for file in there))


def _directory(check: str, file: File) -> Finding:
    """Return that there is a directory where a file should be."""
    path = shlex.quote(file.path)
    return wrong(check, f"{file.path} is a directory", f"mv {path} {path}.unusable; {CONFIGURE}")


def bad_configuration(words: str) -> Finding:
    """Return that ssh can't read its configuration; `words` are what it says of it."""
    found = _BAD_LINE.search(words)
    mend = None
    if found:
        mend = f'"${{EDITOR:-vi}}" +{found["line"]} {shlex.quote(found["file"])}'
    return wrong("ssh configuration", words.strip(), mend)


def check_conf(conf: Conf) -> Iterator[Finding]:
    """Check ~/.execo.conf.py: what it says, and who can change and read it."""
    check, file = "~/.execo.conf.py", conf.file
    if not file.exists:
        yield skipped(check, f"there is no {file.path}: the defaults count")
        return
    if file.directory:
        yield _directory(check, file)
        return
    if file.writable_by_others:
        what = f"{file.path} can be changed by others ({_mode(file)}), and it is run as a program"
        yield wrong(check, what, _chmod("600", file))
    elif conf.api_password and file.open_to_others:
        what = f"{file.path} has a password, and can be read by others ({_mode(file)})"
        yield wrong(check, what, _chmod("600", file))
    for problem in conf.problems:
        line = f", line {problem.line}" if problem.line else ""
        yield wrong(check, f"{file.path}{line}: {problem.what}", _edit(file, problem))
    if not (file.writable_by_others or conf.problems):
        yield ok(check, file.path)


def _edit(file: File, problem: ConfProblem) -> str:
    path = shlex.quote(file.path)
    if problem.meant:
        line = str(problem.line or "")
        script = rf"{line}s/\b{problem.name}\b/{problem.meant}/"
        return f"sed -i {shlex.quote(script)} {path}"
    at = f"+{problem.line} " if problem.line else ""
    return f'"${{EDITOR:-vi}}" {at}{path}'
