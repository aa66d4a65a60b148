"""Answers without what differs from run to run: ids, dates, homes, the order of JSON."""

import json
import re
from collections.abc import Callable

FIRST_JOB_ID = 700_001
"""Ids start here for the cases, so that they are known from other numbers."""

_DATE = re.compile(r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d")
_TIMESTAMP = re.compile(r"\b1[789]\d{8}\b")
_ELAPSED = re.compile(r"\b\d+:\d\d:\d\d\b")
_JOB_ID = re.compile(r"(?<!\d)70\d{4}(?!\d)")
_NODE = re.compile(r"\b(grisou|nova|taurus)-(\d+)\b")
_CORES = re.compile(r"assigned_resources = ([\d+]+)")
_SITE = re.compile(r"\b(f?)(nancy|lyon)\b")
# where PostgreSQL points at in a request that OAR made
_LINE = re.compile(r"^LINE \d+: .*\n\s*\^?.*\n?", re.MULTILINE)
_PERL = re.compile(r" at /usr/share/perl5/\S+ line \d+")
# OAR forgets the predicted start of a job that is over some time after its end
_OVER = re.compile(r"state = (Error|Terminated)")
_PREDICTED = re.compile(r"scheduledStart = .*")
_SHELL = re.compile(r"^\S*bash: (line \d+: )?", re.MULTILINE)


def normal(text: str, home: str) -> str:
    """Return what one stream of a case printed, as it is compared."""
    text = _sorted_json(text.replace("\r\n", "\n").replace(home, "<home>"))
    text = _LINE.sub("", text)
    text = _PERL.sub("", text)
    text = _SHELL.sub("bash: ", text)
    text = _DATE.sub("<date>", text)
    text = _TIMESTAMP.sub("<timestamp>", text)
    text = _ELAPSED.sub("<elapsed>", text)
    text = _CORES.sub(lambda m: f"assigned_resources = {len(m[1].split('+'))} of them", text)
    text = _numbered(_JOB_ID, text, lambda m: m[0], "job")
    text = _numbered(_NODE, text, lambda m: m[0], "node")
    if _OVER.search(text):
        text = _PREDICTED.sub("scheduledStart = <forgotten soon>", text)
    return _SITE.sub(r"\1<site>", text)


def _numbered(
    pattern: re.Pattern[str], text: str, key: Callable[[re.Match[str]], str], word: str
) -> str:
    seen: dict[str, int] = {}

    def name(match: re.Match[str]) -> str:
        return f"<{word} {seen.setdefault(key(match), len(seen) + 1)}>"

    return pattern.sub(name, text)


def _sorted_json(text: str) -> str:
    """Put the keys of JSON objects that stand in a text in order."""
    decoder = json.JSONDecoder()
    start = re.search(r"^\{", text, re.MULTILINE)
    if start is None:
        return text
    try:
        data, end = decoder.raw_decode(text, start.start())
    except ValueError:
        return text
    rest = _sorted_json(text[end:])
    return text[: start.start()] + json.dumps(_plain(data), indent=1, sort_keys=True) + rest


def _plain(data: object) -> object:
    if isinstance(data, dict):
        shown = {key: _plain(value) for key, value in data.items() if key != "event_id"}
        if "assigned_resources" in shown:
            shown["assigned_resources"] = len(data["assigned_resources"])
        return shown
    if isinstance(data, list):
        return [_plain(value) for value in data]
    return data
