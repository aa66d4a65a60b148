"""`with reservation(...) as nodes:`, and `async with`: the block, and all the ways it can end."""

import asyncio
import atexit
import logging
from collections.abc import Iterable

from execo._engine.endings import Endings, raise_exit
from execo._engine.loop import blocking, bridged, engine
from execo.times import Timeout
from execo_g5k.frontend import FrontendParams
from execo_g5k.reservation import Reservation, ReservedNodes
from execo_g5k.specs import JobSpec

logger = logging.getLogger("execo")


class Block:
    """The jobs that live as long as a `with` block, or an `async with` block."""

    def __init__(self, reservation: Reservation) -> None:
        self._reservation = reservation
        self._endings = Endings()
        self._entered = False
        self._signal: int | None = None

    def __enter__(self) -> ReservedNodes:
        self._open(Endings())
        try:
            return blocking(self._reservation.obtain)()
        except BaseException:
            self.__exit__()
            raise

    def __exit__(self, kind: type[BaseException] | None = None, *_: object) -> None:
        jobs = self._reservation.told()
        try:
            self._release()
        finally:
            self._close()
        if jobs and kind is not None and issubclass(kind, KeyboardInterrupt):
            logger.warning("interrupted: %s", jobs)

    async def __aenter__(self) -> ReservedNodes:
        self._open(self._cancelling())
        try:
            return await bridged(self._reservation.obtain)()
        except BaseException:
            await self.__aexit__()
            raise

    async def __aexit__(self, *_: object) -> None:
        try:
            await bridged(self._reservation.release)()
        finally:
            self._close()
            if self._signal is not None:
                raise_exit(self._signal)

    def _open(self, endings: Endings) -> None:
        if self._entered:
            raise RuntimeError("this reservation is entered already: make another one")
        self._entered = True
        # the engine, which runs oardel, ends in a hook that must be older than ours
        engine()
        atexit.register(self._release)
        self._endings, self._signal = endings, None
        endings.set()

    def _close(self) -> None:
        self._entered = False
        self._endings.put_back()
        atexit.unregister(self._release)

    def _release(self) -> None:
        blocking(self._reservation.release)()

    def _cancelling(self) -> Endings:
        """Return handlers that cancel this task: an exception would end the loop itself."""
        task, loop = asyncio.current_task(), asyncio.get_running_loop()

        def told(number: int) -> None:
            self._signal = number
            if task is not None:
                loop.call_soon_threadsafe(task.cancel)

        return Endings(told)


def reservation(
    job_specs: Iterable[JobSpec] | JobSpec,
    frontend_connexion_params: FrontendParams = None,
    timeout: Timeout = None,
    name: str | None = None,
    keep: bool = False,
) -> Block:
    """Have jobs during a `with` block: all of them run in it, and they are deleted at its end::

        with reservation([(OarSubmission("nodes=2"), "nancy")]) as nodes:
            Remote("hostname", nodes, node_connexion_params()).run()

    The block gets a ReservedNodes: a list of Host, with `.jobs`, `.by_site` and `.keep`. The jobs
    are deleted when the block ends, also by an exception, Ctrl-C, `sys.exit`, or SIGTERM or SIGHUP:
    these raise SystemExit in the main thread for the time of the block, unless the script has a
    handler of its own or ignores them. After `kill -9`, they are among `jobs_left`. In a block of
    another thread, the two signals act as without it. In asyncio, write `async with`: the signals
    cancel the task of the block, which ends in SystemExit.

    Entering the block raises when a submission failed, or a job does not start: then nothing is
    left on any site. With `keep`, the jobs that had not started stay.

    Args:
        job_specs: several (OarSubmission, site), or a single pair; site None is the default one.
        frontend_connexion_params: dict of what differs from `default_frontend_connexion_params`.
        timeout: seconds for the start of all jobs; omitted or None: no limit. The submission has
            the configured default.
        name: a script that is started again with the same name, after the first has died, takes
            over the jobs that still live, in the order of `job_specs` on each site, and submits
            only those that are missing. It is told by a warning when they were asked for in other
            words.
        keep: leave the jobs to the next script of this name, however the block ends; it needs a
            name. `nodes.keep = False` in the block changes that, for example when its work is done.

    Raises:
        TypeError: an argument is of another type; it is named.
        ValueError: an argument is impossible; it is named.
        SubmissionRefused: OAR refused a submission.
        FrontendUnreachable: a frontend can't be reached.
        execo.TimedOut: a submission had no answer in time, or a job has not started in time.
        UnparsableOutput: oarsub printed something else than it should.
        JobEnded: a job ended, or failed, before all of them ran.
        JobNotFound: OAR does not know a job any more.
        ReservationHeld: a script that runs has this name.
        LedgerUnreadable: the records of jobs can't be read, with a name.
    """
    return Block(Reservation(job_specs, frontend_connexion_params, timeout, name, keep))
