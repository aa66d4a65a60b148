"""Equal outputs of many hosts, shown once."""

from collections.abc import Iterable
from dataclasses import dataclass

from execo import _html
from execo._shown import failure
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
    """What each of them printed on its standard output."""
    stderr: str
    """What each of them printed on its standard error."""

    @property
    def hosts(self) -> list[Host]:
        """Their hosts; processes of this machine have none."""
        return [process.host for process in self.processes if process.host is not None]

    @property
    def title(self) -> str:
        """Where it was, how many they are, and how they failed, as "grisou-[1-3] (3) exit 1"."""
        where = fold_hosts(self.hosts) or "this machine"
        failure = f" {self.failure}" if self.failure else ""
        return f"{where} ({len(self.processes)}){failure}"

    def __str__(self) -> str:
        printed = [*self.stdout.splitlines(), *self.stderr.splitlines()]
        return "\n".join([f"== {self.title} ==", *printed])

    def _repr_html_(self) -> str:
        return _html.output(self.title, self.stdout + self.stderr, failed=bool(self.failure))


class OutputGroups(list[OutputGroup]):
    """Groups, as `group_outputs` returns them: a list that notebooks show."""

    def _repr_html_(self) -> str:
        return "".join(group._repr_html_() for group in self)


def group_outputs(processes: Iterable[ProcessBase] | Action) -> OutputGroups:
    """Return a list of OutputGroup: processes that ended in the same way, and printed the same.

    `processes`: an action, or several processes.

    Those that are ok come first, then the largest groups. One that has not ended is in a group by
    what it printed so far.
    """
    given = processes.processes if isinstance(processes, Action) else list(processes)
    groups: dict[tuple[str, str, str], list[ProcessBase]] = {}
    for process in given:
        key = (failure(process), process.stdout, process.stderr)
        groups.setdefault(key, []).append(process)
    made = [OutputGroup(tuple(members), *key) for key, members in groups.items()]
    return OutputGroups(
        sorted(made, key=lambda group: (bool(group.failure), -len(group.processes)))
    )
