"""What becomes of output: lines, files, descriptors; and looking for text in it."""

import io
import logging
import os
import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from execo import (
    STDERR,
    STDOUT,
    ActionLifecycleHandler,
    ExpectOutputHandler,
    Process,
    ProcessLifecycleHandler,
    ProcessOutputHandler,
)
from execo.handlers import check_output_handler, output_sink

PROCESS = object()


class Lines(ProcessOutputHandler):
    """Keeps lines; does not call the __init__ of its base, as scripts do."""

    def __init__(self) -> None:
        self.lines: list[tuple[int, str]] = []

    def read_line(self, process, stream, string):
        self.lines.append((stream, string))


class Texts(ProcessOutputHandler):
    def __init__(self) -> None:
        super().__init__()
        self.texts: list[tuple[str, bool, bool]] = []

    def read(self, process, stream, string, eof, error):
        self.texts.append((string, eof, error))


def fed(handler, *pieces, stream=STDOUT):
    sink = output_sink(handler, PROCESS, stream)
    for piece in pieces:
        sink(piece, False)
    sink(b"", True)


def test_lines_are_whole_however_they_come():
    handler = Lines()
    fed(handler, b"on", b"e\ntw", b"o\n\nend")
    assert [line for _, line in handler.lines] == ["one", "two", "", "end"]


def test_an_end_of_line_at_the_end_makes_no_empty_line():
    handler = Lines()
    fed(handler, b"one\n")
    assert handler.lines == [(STDOUT, "one")]


def test_streams_and_processes_do_not_mix():
    handler = Lines()
    out, err = (output_sink(handler, PROCESS, stream) for stream in (STDOUT, STDERR))
    other = output_sink(handler, object(), STDOUT)
    out(b"a", False)
    err(b"b", False)
    other(b"c", False)
    for sink in (out, err, other):
        sink(b"\n", True)
    assert handler.lines == [(STDOUT, "a"), (STDERR, "b"), (STDOUT, "c")]


@given(st.text(max_size=60), st.lists(st.integers(0, 200), max_size=5))
def test_lines_are_the_same_wherever_the_bytes_are_cut(text, cuts):
    data = text.encode("utf-8", "surrogateescape") if text.isprintable() else b"x\xc3\xa9\n\xff\n"
    handler = Lines()
    bounds = [0, *sorted(min(cut, len(data)) for cut in cuts), len(data)]
    fed(handler, *[data[a:b] for a, b in zip(bounds, bounds[1:], strict=False)])
    whole = Lines()
    fed(whole, data)
    assert handler.lines == whole.lines


def test_a_character_cut_between_two_reads_survives():
    handler = Texts()
    fed(handler, b"\xc3", b"\xa9")
    assert handler.texts == [("é", False, False), ("", True, False)]


def test_a_handler_is_told_the_end_once_even_without_output():
    handler = Texts()
    fed(handler)
    assert handler.texts == [("", True, False)]


def test_a_byte_that_is_no_text_is_not_lost(tmp_path):
    path = tmp_path / "out"
    with path.open("w", encoding="utf-8", errors="surrogateescape") as file:
        fed(file, b"a\xffb")
    assert path.read_bytes() == b"a\xffb"


def test_files_may_be_open_as_text_or_as_bytes():
    text, binary = io.StringIO(), io.BytesIO()
    fed(text, b"a\xc3", b"\xa9")
    fed(binary, b"a\xc3", b"\xa9")
    assert text.getvalue() == "aé"
    assert binary.getvalue() == "aé".encode()


def test_a_descriptor_gets_the_bytes(tmp_path):
    path = tmp_path / "out"
    fd = os.open(path, os.O_WRONLY | os.O_CREAT)
    try:
        fed(fd, b"\xff\n")
    finally:
        os.close(fd)
    assert path.read_bytes() == b"\xff\n"


def test_a_named_file_is_appended_to_and_shared_while_it_is_used(tmp_path):
    path = tmp_path / "out"
    path.write_bytes(b"before\n")
    first, second = (output_sink(str(path), PROCESS, STDOUT) for _ in range(2))
    first(b"1\n", False)
    second(b"2\n", True)
    first(b"3\n", True)
    fed(path, b"4\n")
    assert path.read_bytes() == b"before\n1\n2\n3\n4\n"


def test_the_home_in_the_name_of_a_file_is_expanded(own_home):
    fed("~/out", b"x")
    assert (own_home / "out").read_bytes() == b"x"


def test_a_file_that_cannot_be_opened_is_an_error_at_once(tmp_path):
    with pytest.raises(FileNotFoundError):
        output_sink(str(tmp_path / "nowhere" / "out"), PROCESS, STDOUT)


@pytest.mark.parametrize("handler", [Lines(), io.StringIO(), 1, "name", os.fspath("x"), Texts()])
def test_what_output_can_be_given_to_is_accepted(handler):
    check_output_handler(handler)


@pytest.mark.parametrize("handler", [None, True, 1.5, [], object(), ProcessLifecycleHandler()])
def test_what_is_no_handler_is_refused_with_what_is(handler):
    with pytest.raises(TypeError, match="expected a ProcessOutputHandler, an open file"):
        check_output_handler(handler)


def test_bases_of_handlers_do_nothing():
    for handler in (ProcessLifecycleHandler(), ActionLifecycleHandler()):
        for hook in ("start", "end", "reset"):
            assert getattr(handler, hook)(PROCESS) is None
    fed(ProcessOutputHandler(), b"a\nb")


def looked_for(*regexes):
    found: list[tuple[int | None, str | None]] = []
    patterns = [re.compile(regex) for regex in regexes]
    handler = ExpectOutputHandler(
        patterns, lambda index, match: found.append((index, match and match.group()))
    )
    return handler, found


def test_what_is_looked_for_may_be_text():
    found = []
    fed(ExpectOutputHandler(["l+"], lambda index, match: found.append(match.group())), b"hello")
    assert found == ["ll"]


def test_the_first_match_in_the_text_is_found_and_found_once():
    handler, found = looked_for("late", "early")
    fed(handler, b"xx ear", b"ly and late", b" early")
    assert found == [(1, "early")]
    assert handler.consumed == len("xx early")


def test_nothing_is_found_at_the_end_of_the_stream():
    handler, found = looked_for("never")
    fed(handler, b"text")
    assert found == [(None, None)]


def test_text_found_after_much_output_is_where_it_is():
    handler, found = looked_for("^x", "(?<=b)end")
    filler = b"b" * 100_000
    fed(handler, *[filler] * 9, b"e", b"nd", b"xx")
    assert found == [(1, "end")]
    assert handler.consumed == 900_003


def test_searching_much_output_costs_no_more_than_a_few_times_its_length():
    searched = 0

    class Counted:
        def search(self, text, start):
            nonlocal searched
            searched += len(text) - start

    handler = ExpectOutputHandler([Counted()], lambda index, match: None)
    for _ in range(1000):
        handler.read(PROCESS, STDOUT, "x" * 65536, False, False)
    assert searched < 8 * 1000 * 65536


def test_a_descriptor_that_does_not_block_gets_all_of_much_output():
    read_end, write_end = os.pipe()
    os.set_blocking(write_end, False)
    with open(read_end, "rb") as file:
        process = Process("head -c 1000000 /dev/zero", stdout_handlers=write_end).start()
        got = file.read(1000000)
        process.wait()
        os.close(write_end)
        assert len(got) + len(file.read()) == 1000000


def test_a_fifo_that_nobody_reads_is_told_and_keeps_nobody_waiting(tmp_path, caplog):
    fifo = tmp_path / "fifo"
    os.mkfifo(fifo)
    assert Process("echo hi", stdout_handlers=fifo).run().stdout == "hi\n"
    assert f"not written to {fifo}: [Errno 6] nobody reads it" in caplog.text


def test_a_fifo_that_is_read_gets_the_output(tmp_path):
    fifo = tmp_path / "fifo"
    os.mkfifo(fifo)
    with open(os.open(fifo, os.O_RDONLY | os.O_NONBLOCK)) as file:
        Process("echo hi", stdout_handlers=str(fifo)).run()
        assert file.read() == "hi\n"


def test_a_full_disk_is_told_once_in_one_line_for_each_process(caplog):
    caplog.set_level(logging.ERROR)
    with open("/dev/full", "wb", buffering=0) as file:
        process = Process("seq 100000", stdout_handlers=["/dev/full", file.fileno()]).run()
        told = [(r.getMessage().partition(" is lost, ")[2], r.exc_info) for r in caplog.records]
        assert told == [
            (f"not written to {where}: [Errno 28] No space left on device", None)
            for where in ("/dev/full", f"descriptor {file.fileno()}")
        ]
    assert all("seq 100000" in record.getMessage() for record in caplog.records)
    assert process.stdout.endswith("100000\n")


def test_a_handler_that_always_fails_is_told_once_with_its_traceback(caplog):
    calls = []

    class Fails(ProcessOutputHandler):
        def read(self, process, stream, string, eof, error):
            calls.append(eof)
            raise KeyError("x")

    Process("seq 100000", stdout_handlers=Fails()).run()
    [record] = caplog.records
    assert record.exc_info[0] is KeyError
    assert "seq 100000" in record.getMessage()
    assert "Fails" in record.getMessage()
    assert len(calls) > 1
    assert calls[-1]
