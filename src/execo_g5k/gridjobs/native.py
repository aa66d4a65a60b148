"""A grid request -> what is submitted on each site where there is no oargridsub. Pure."""

import dataclasses
import getopt
from collections.abc import Sequence
from dataclasses import dataclass

from execo.times import get_seconds, get_unixts
from execo_g5k.gridjobs.request import GridRequest, split_options, words_of
from execo_g5k.jobs import JobRef
from execo_g5k.specs import Spec
from execo_g5k.submission import OarSubmission, oarsub_argv

WALLTIME = 3600
"""Seconds of a grid job that asks for no walltime: those of oargridsub 2.2.4."""

_OPTIONS = "s:q:t:p:w:i:T:d:F"


@dataclass(frozen=True)
class NativeRequest:
    """A request, complete: what oarsub gets on each site, but for the date."""

    specs: tuple[Spec, ...]
    reservation_date: float | None
    walltime: int
    key_file: str | None
    keep_partial: bool
    """Whether the parts that were obtained are kept when another is refused (option -F)."""

    @property
    def together(self) -> bool:
        """Whether the parts need a common date to start at the same time.

        A single part does not, and OAR refuses reservations of besteffort jobs.
        """
        besteffort = any(
            submission.queue == "besteffort" or "besteffort" in words_of(submission.job_type)
            for submission, _ in self.specs
        )
        return len(self.specs) > 1 and not besteffort

    def dated(self, mark: str) -> list[Spec]:
        """Return the submissions, with their date and a mark by which they are found."""
        return [
            Spec(
                dataclasses.replace(
                    submission,
                    reservation_date=self.reservation_date,
                    additional_options=_marked(submission.additional_options, mark),
                ),
                site,
            )
            for submission, site in self.specs
        ]


def native_request(request: GridRequest) -> NativeRequest:
    """Return what oarsub is to do for a request, the options of oargridsub included.

    Raises:
        ValueError: oargridsub has no such option, or it means nothing without oargridsub.
    """
    common, key_file, keep_partial = _with_options(request)
    walltime = WALLTIME if common.walltime is None else get_seconds(common.walltime)
    specs = []
    for index, (submission, site) in enumerate(common.specs):
        types = dict.fromkeys([*common.job_types, *words_of(submission.job_type)])
        complete = dataclasses.replace(
            submission,
            walltime=walltime,
            job_type=list(types) or None,
            queue=submission.queue or common.queue,
            directory=common.directory,
            command=common.command,
        )
        try:
            oarsub_argv(complete)
        except ValueError as error:
            raise ValueError(f"job_specs[{index}]: {error}") from error
        specs.append(Spec(complete, site))
    return NativeRequest(
        tuple(specs), common.reservation_date, int(walltime), key_file, keep_partial
    )


def _with_options(request: GridRequest) -> tuple[GridRequest, str | None, bool]:
    try:
        options, rest = getopt.getopt(list(request.options), _OPTIONS)
    except getopt.GetoptError as error:
        raise ValueError(
            f"additional_options: {list(request.options)}: {error.msg}: there is no oargridsub"
            " here; what is understood of its options: -s -q -t -p -w -i -T -d -F"
        ) from error
    if rest:
        raise ValueError(f"additional_options: {rest[0]!r} is no option: give job_specs instead")
    given = dict(options)
    types = tuple(value for option, value in options if option == "-t")
    changed = dataclasses.replace(
        request,
        reservation_date=get_unixts(given["-s"]) if "-s" in given else request.reservation_date,
        walltime=get_seconds(given["-w"]) if "-w" in given else request.walltime,
        job_types=(*request.job_types, *types),
        queue=given.get("-q", request.queue),
        directory=given.get("-d", request.directory),
        command=given.get("-p", request.command),
    )
    return changed, given.get("-i", request.key_file), "-F" in given


def _marked(options: str | Sequence[str] | None, mark: str) -> list[str]:
    own = split_options(options)
    # as in a single submission: an option here would hide the same one of a scanned script
    if {"-S", "--scanscript"} & set(own):
        return list(own)
    return ["--checkpoint", mark, "--checkpoint", "0", *own]


def parts_of(specs: Sequence[Spec], job_ids: Sequence[int | None]) -> tuple[JobRef, ...]:
    """Return the jobs that were obtained, in the order of the request."""
    return tuple(
        JobRef(job_id, site)
        for job_id, (_, site) in zip(job_ids, specs, strict=True)
        if job_id is not None
    )


def command_line(specs: Sequence[Spec]) -> str:
    """Return a line that tells what was asked for, as oargridstat does."""
    return ", ".join(f"{site}: {_told(submission)}" for submission, site in specs)


def _told(submission: OarSubmission) -> str:
    return " + ".join(words_of(submission.resources)) or "default resources"
