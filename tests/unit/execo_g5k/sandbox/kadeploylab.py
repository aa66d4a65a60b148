"""A site with Kadeploy as the one on which its transcripts were recorded, on a clock of its own."""

import shlex
from dataclasses import dataclass, field

from execo_g5k.sandbox.commands.call import Call, Event, Reply
from execo_g5k.sandbox.commands.kadeploy import PROGRAMS
from execo_g5k.sandbox.model.jobs import Job
from execo_g5k.sandbox.model.kadeploy.environments import public_environment
from execo_g5k.sandbox.model.kadeploy.machines import System
from execo_g5k.sandbox.model.kadeploy.server import KadeployServer, Setting
from execo_g5k.sandbox.model.kadeploy.steps import Macro, Micro
from execo_g5k.sandbox.model.platform import Cluster, resource_rows
from execo_g5k.sandbox.model.request import parse_request
from execo_g5k.sandbox.model.site import SiteServer
from execo_g5k.sandbox.model.table import ResourceTable
from tests.unit.execo_g5k.sandbox.gridlab import MemoryFiles
from tests.unit.execo_g5k.sandbox.modelled import NOW, FakeExecutor

HOME = "/srv/kadeploy/home"
KEYS = f"{HOME}/.ssh/authorized_keys"
TICK = 0.1
_DUMMY = (Micro(name="dummy", seconds=0.5), Micro(name="dummy", seconds=0.5))
DUMMY_STEPS = tuple(
    Macro(name=name, micros=_DUMMY)
    for name in ("SetDeploymentEnvDummy", "BroadcastEnvDummy", "BootNewEnvDummy")
)
CLUSTERS = {"graphene": 6, "griffon": 12, "graoully": 4}
IMAGE = "server:///srv/kadeploy/envs/debian.tgz"


class FakeMachines:
    """Nodes that boot at once, but for those that never come back."""

    def __init__(self) -> None:
        self.lost: set[str] = set()
        self.down: set[str] = set()
        self.systems: dict[str, System] = {}

    def stop(self, node: str) -> None:
        self.down.add(node)

    def start(self, node: str, system: System) -> None:
        self.down.discard(node)
        self.systems[node] = system

    def answers(self, node: str) -> bool:
        return node not in self.down | self.lost


@dataclass
class Ended:
    """What a command printed, and how it ended."""

    exit_code: int
    stdout: str
    stderr: str
    reply: Reply = field(default_factory=Reply)


class KadeployLab:
    """A site, its Kadeploy server, and a user who has a deploy job on some of its nodes."""

    def __init__(self, family: str = "3.3", steps: tuple[Macro, ...] = DUMMY_STEPS) -> None:
        clusters = {name: Cluster(nodes=nodes, cores=2) for name, nodes in CLUSTERS.items()}
        table = ResourceTable([*resource_rows("nancy", clusters, "172.16")])
        self.executor = FakeExecutor()
        self.site = SiteServer("nancy", table, self.executor)
        self.machines = FakeMachines()
        self.files = MemoryFiles()
        self.files.texts[KEYS] = "ssh-ed25519 AAAA alice\n"
        base = public_environment("debian11-x64-base", "debian 11 (bullseye) - base")
        base = type(base)(**{**vars(base), "image": {**base.image, "file": IMAGE}})
        setting = Setting(family=family, seconds=3.0, steps=steps, prefixes={"griffon": "gri"})
        self.server = KadeployServer(self.site, self.machines, setting, [base])
        self.now = float(NOW)
        self.reserve([f"graphene-{n}" for n in range(1, 5)])
        self.reserve(["griffon-11", "griffon-12"])
        self.reserve([f"graoully-{n}" for n in range(1, 5)])

    def reserve(self, nodes: list[str], user: str = "alice") -> Job:
        """Give a user a deploy job that runs on some nodes."""
        names = ", ".join(f"'{node}.nancy.grid5000.fr'" for node in nodes)
        request = parse_request(
            f"{{network_address in ({names})}}/nodes={len(nodes)},walltime=9:0:0"
        )

        def make(job_id: int) -> Job:
            return Job(
                job_id=job_id, array_id=job_id, requests=(request,), user=user, properties="",
                queue="default", command="sleep", directory="/", stdout_file="o",
                stderr_file="e", initial_request="", submission_date=NOW, types=("deploy",),
            )  # fmt: skip

        job = self.site.submit(make, self.now)
        self.settle(5)
        return job

    def settle(self, seconds: float) -> None:
        """Let time pass."""
        end = self.now + seconds
        while self.now < end:
            self.now += TICK
            self.executor.now = self.now
            self.site.advance(self.now)
            ends, self.executor.ends = self.executor.ends, []
            for _, job, status in ends:
                self.site.ended(job, status, self.now)
            self.server.advance(self.now)

    def begin(self, words: str, user: str = "alice", stdin: str = "", terminal: bool = False):
        """Call a command, which has printed nothing yet."""
        name, *arguments = shlex.split(words)
        call = Call(
            self.site, user, arguments, self.now, self.files, "/srv", {"HOME": HOME}, stdin,
            "fnancy", terminal=terminal, kadeploy=self.server,
        )  # fmt: skip
        return Running(self, PROGRAMS[name](call))

    def call(self, words: str, user: str = "alice", stdin: str = "", terminal: bool = False):
        """Call a command, and let it end."""
        return self.begin(words, user, stdin, terminal).end()


class Running:
    """A command that runs."""

    def __init__(self, lab: KadeployLab, program) -> None:
        self._lab = lab
        self._program = program
        self._terminal = False
        self.printed = ""
        self.ended: Ended | None = None
        self._go(lambda: next(program))

    def tell(self, event: Event) -> None:
        """Let something happen to it."""
        self._lab.settle(TICK)
        self._go(lambda: self._program.send(event))

    def _go(self, step) -> None:
        if self.ended is not None:
            return
        try:
            self.printed += step()
        except StopIteration as end:
            reply = end.value
            printed = "" if reply.unflushed else self.printed
            self.ended = Ended(reply.exit_code, printed + reply.stdout, reply.stderr, reply)

    def wait(self, seconds: float) -> "Running":
        """Let it run for a while."""
        end = self._lab.now + seconds
        while self._lab.now < end and self.ended is None:
            self.tell(Event.TIME)
        return self

    def end(self) -> Ended:
        """Let it run to its end."""
        self.wait(100)
        assert self.ended is not None, self.printed
        return self.ended

    def vanish(self) -> None:
        """Let its caller be gone."""
        self._program.close()
