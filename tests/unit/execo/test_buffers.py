"""Bytes kept as they came, and text when asked for."""

import threading
import tracemalloc

import pytest
from hypothesis import given
from hypothesis import strategies as st

from execo._engine.buffers import NewlineFilter, OutputBuffer

PIECES = st.lists(st.binary(max_size=12) | st.sampled_from([b"\xc3", b"\xa9", b"\r", b"\n"]))


def kept(*pieces, final=True):
    buffer = OutputBuffer()
    for piece in pieces:
        buffer.append(piece)
    return buffer.text(final=final)


@given(PIECES)
def test_no_byte_is_lost_wherever_the_output_is_cut(pieces):
    assert kept(*pieces).encode("utf-8", "surrogateescape") == b"".join(pieces)


@given(PIECES)
def test_asking_for_the_text_in_between_changes_nothing(pieces):
    buffer = OutputBuffer()
    for piece in pieces:
        buffer.append(piece)
        buffer.text(final=False)
    assert buffer.text(final=True) == kept(*pieces)
    assert buffer.text(final=True) == kept(*pieces)


def test_a_character_cut_between_two_pieces_is_whole():
    buffer = OutputBuffer()
    buffer.append(b"a\xe2\x82")
    assert buffer.text(final=False) == "a"
    buffer.append(b"\xac")
    assert buffer.text(final=True) == "a€"


def test_a_character_that_never_comes_whole_is_kept_as_surrogates():
    assert kept(b"a\xe2\x82") == "a\udce2\udc82"


@pytest.mark.parametrize("size", [1, 100, 4095, 4096, 65536])
def test_pieces_of_any_size_keep_their_order(size):
    pieces = [bytes([65 + i % 26]) * (size + i % 3) for i in range(40)]
    assert kept(*pieces).encode() == b"".join(pieces)


def test_memory_is_linear_in_what_was_printed():
    buffer = OutputBuffer()
    tracemalloc.start()
    try:
        for _ in range(4096):
            buffer.append(b"x" * 1024)
        held, _ = tracemalloc.get_traced_memory()
        text = buffer.text(final=True)
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert len(text) == 4 << 20
    assert held < 5 << 20
    assert peak < 13 << 20


def test_text_can_be_asked_for_while_another_thread_appends():
    buffer = OutputBuffer()
    done = threading.Event()

    def append():
        for _ in range(2000):
            buffer.append("é".encode())
        done.set()

    thread = threading.Thread(target=append)
    thread.start()
    while not done.is_set():
        assert set(buffer.text(final=False)) <= {"é"}
    thread.join()
    assert buffer.text(final=True) == "é" * 2000


@given(st.lists(st.text("ab\r\n", min_size=1, max_size=5).map(str.encode)))
def test_each_cr_lf_becomes_lf_wherever_it_is_cut(pieces):
    convert = NewlineFilter()
    found = b"".join([*map(convert, pieces), convert(b"")])
    assert found == b"".join(pieces).replace(b"\r\n", b"\n")
