"""A grid request -> words of oargridsub (OARGrid 2.2.4). Pure.

oargridsub splits its arguments at each comma, then at each colon, without any quoting, and pastes
what it finds into the text of two shells. What does not get through is refused here: it would
submit something else.
"""

import re
from collections.abc import Callable

from execo.times import Date
from execo_g5k.dates import format_oar_date, format_oar_duration
from execo_g5k.gridjobs.request import GridRequest, words_of
from execo_g5k.submission import OarSubmission

_SEPARATORS = {",": "a comma", ":": "a colon"}
_UNPROTECTED = re.compile(r"""[^\w=/+.{}@%^-]""")
_IN_BRACES = re.compile(r"\{([^{}]*)\}")
_FOR_SHELLS = re.compile(r"[\"$`\\\n]")


def oargridsub_argv(
    request: GridRequest, mark: str, site_name: Callable[[str | None], str]
) -> list[str]:
    """Return the words of oargridsub.

    `mark`: number by which the grid job can be found again. It is put in the name of the first
    part, which OARGrid records and gives to nobody. `site_name`: from a site as users give it to
    the alias that OARGrid knows.

    Raises:
        ValueError: something can't be said to oargridsub; the message names it.
    """
    argv = ["oargridsub"]
    if request.reservation_date is not None:
        date: Date = request.reservation_date
        argv += ["-s", format_oar_date(date)]
    if request.queue is not None:
        argv += ["-q", _word("queue", request.queue)]
    for job_type in request.job_types:
        argv += ["-t", _word("job_type", job_type)]
    if request.walltime is not None:
        argv += ["-w", format_oar_duration(request.walltime)]
    if request.directory is not None:
        argv += ["-d", _word("directory", request.directory, "~")]
    if request.command is not None:
        argv += ["-p", _program(request.command)]
    if request.key_file is not None:
        argv += ["-i", request.key_file]
    parts = []
    for index, (submission, site) in enumerate(request.specs):
        try:
            parts.append(_part(site_name(site), submission, "" if index else mark))
        except ValueError as error:
            raise ValueError(f"job_specs[{index}]: {error}") from error
    return [*argv, *request.options, ",".join(parts)]


def _part(alias: str, submission: OarSubmission, mark: str) -> str:
    for field in ("project", "additional_options"):
        if (value := getattr(submission, field)) is not None:
            raise ValueError(f"{field}: {value!r}: oargridsub has no such option for a site")
    words = [_word("site", alias)]
    if submission.resources is not None:
        words.append(f"rdef={_resources('+'.join(words_of(submission.resources)))}")
    if submission.sql_properties is not None:
        words.append(f"prop={_properties(submission.sql_properties)}")
    words += [f"type={_word('job_type', word)}" for word in words_of(submission.job_type)]
    name = "-".join(filter(None, [submission.name, mark]))
    if name:
        words.append(f"name={_word('name', name)}")
    if submission.queue is not None:
        words.append(f"queue={_word('queue', submission.queue)}")
    return ":".join(words)


def _refuse_separators(field: str, text: str, instead: str = "") -> None:
    for character, told in _SEPARATORS.items():
        if character in text:
            raise ValueError(
                f"{field}: {text!r}: oargridsub can't take {told}, it splits there{instead}"
            )


def _word(field: str, text: str, more: str = "") -> str:
    _refuse_separators(field, text)
    bad = _UNPROTECTED.search(text.translate(str.maketrans("", "", more)))
    if bad:
        raise ValueError(f"{field}: {text!r}: oargridsub can't take {bad[0]!r}, a shell reads it")
    return text


def _resources(text: str) -> str:
    _refuse_separators("resources", text)
    outside = _IN_BRACES.sub("", text)
    bad = _UNPROTECTED.search(outside) or re.search("[{}]", outside)
    if bad:
        raise ValueError(
            f"resources: {text!r}: oargridsub can't take {bad[0]!r} outside of {{}}:"
            " a shell reads it"
        )
    return _IN_BRACES.sub(_protected, text)


def _protected(braces: re.Match[str]) -> str:
    condition = braces[1]
    if bad := _FOR_SHELLS.search(condition):
        raise ValueError(
            f"resources: {braces[0]!r}: oargridsub can't take {bad[0]!r} there,"
            " a shell reads it: quote with '"
        )
    # its two shells eat one level of quotes each
    return '{\\\\\\"' + condition + '\\\\\\"}' if _UNPROTECTED.search(condition) else braces[0]


def _properties(text: str) -> str:
    _refuse_separators("sql_properties", text, ": write x = 'a' or x = 'b' for x in ('a', 'b')")
    if bad := _FOR_SHELLS.search(text):
        raise ValueError(f"sql_properties: {text!r}: oargridsub can't take {bad[0]!r}")
    return text


def _program(command: object) -> str:
    if not isinstance(command, str) or re.search(r"[\"'$`\\\n]", command):
        raise ValueError(
            f"command: {command!r}: oargridsub takes a text without quotes, $, ` and \\:"
            " put it in a script"
        )
    return command
