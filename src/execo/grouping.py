"""Equal outputs of many hosts, shown once."""

from collections.abc import Iterable
from dataclasses import dataclass

from execo.action import Action
from execo.host import Host, fold_hosts
from execo.process import ProcessBase


@dataclass(frozen=True)
class OutputGroup:
    """Processes that ended in the same way, and printed the same."""

    processes: tuple[ProcessBase, ...]
    """In the order in which they were given."""
    failure: str
    """How they failed, such as "exit 3"; "" if they are ok."""
    stdout: str
    stderr: str

    @property
    def hosts(self) -> list[Host]:
        """Their hosts; processes of this machine have none."""
        return [process.host for process in self.processes if process.host is not None]

    def __str__(self) -> str:
        where = fold_hosts(self.hosts) or "this machine"
        failure = f" {self.failure}" if self.failure else ""
        lines = [f"== {where} ({len(self.processes)}){failure} =="]
        return "\n".join([*lines, *self.stdout.splitlines(), *self.stderr.splitlines()])


def group_outputs(processes: Iterable[ProcessBase] | Action) -> list[OutputGroup]:
    """Return processes, or those of an action, by what they printed and how they ended.

    Those that are ok come first, then the largest groups. One that has not ended is in a group by
    what it printed so far.
    """
    given = processes.processes if isinstance(processes, Action) else list(processes)
    groups: dict[tuple[str, str, str], list[ProcessBase]] = {}
    for process in given:
        key = (_failure(process), process.stdout, process.stderr)
        groups.setdefault(key, []).append(process)
    made = [OutputGroup(tuple(members), *key) for key, members in groups.items()]
    return sorted(made, key=lambda group: (bool(group.failure), -len(group.processes)))


def _failure(process: ProcessBase) -> str:
    if process.ok:
        return ""
    if process.error:
        return f"error: {process.error_reason}"
    if process.timeouted:
        return "timeout"
    if process.killed:
        return "killed"
    return "running" if process.exit_code is None else f"exit {process.exit_code}"
