"""What taktuk prints, cut anywhere, and what agents say in it."""

from hypothesis import given
from hypothesis import strategies as st

from execo._taktuk.frames import (
    AgentReader,
    Frame,
    FrameReader,
    connector_words,
    plain,
    state_change,
)

# what looks like our framing has to come often
bodies = st.lists(
    st.sampled_from([b"\x02O 1 1 5\n", b"\n", b"\x00", b"\x01", b"\x01a", b"\x01b", b"x"])
    | st.binary(max_size=50)
).map(b"".join)
frames = st.builds(
    Frame,
    st.sampled_from("CEOSX"),
    st.sampled_from(["0", "1", "12", "1.3"]),
    st.booleans(),
    bodies,
)


def printed(frame):
    header = f"\x02{frame.kind} {frame.position} {int(frame.line_ended)} {len(frame.body)}\n"
    return header.encode() + frame.body


def said(data):
    """Return what an agent prints of some bytes."""
    return data.replace(b"\x01", b"\x01a").replace(b"\n", b"\x01b")


def cut(data, places):
    start = 0
    for place in sorted(place % (len(data) + 1) for place in places):
        yield data[start:place]
        start = place
    yield data[start:]


@given(st.lists(frames), st.lists(st.integers(0, 10_000)))
def test_frames_are_found_whatever_they_hold_and_wherever_they_are_cut(several, places):
    reader = FrameReader()
    data = b"".join(map(printed, several))
    assert [frame for piece in cut(data, places) for frame in reader(piece)] == several
    assert reader.stray == b""


def test_a_large_frame_that_comes_byte_by_byte_is_found():
    frame = Frame("O", "3", True, bytes(range(256)) * 40)
    reader = FrameReader()
    data = printed(frame)
    assert [f for n in range(len(data)) for f in reader(data[n : n + 1])] == [frame]


def test_words_outside_of_frames_are_kept_and_stop_nothing():
    frame = Frame("X", "3", False, b"0")
    reader = FrameReader()
    data = b"Perl says no\n" + printed(frame) + b"in the line" + printed(frame)
    assert list(reader(data)) == [frame, frame]
    assert reader.stray == b"Perl says no\nin the line\n"


@given(st.lists(st.tuples(st.sampled_from("oe"), bodies)), st.lists(st.integers(0, 10_000)))
def test_what_an_agent_says_arrives_however_taktuk_cuts_its_lines(several, places):
    reader = AgentReader()
    heard = []
    for kind, data in several:
        line = kind.encode() + said(data)
        pieces = list(cut(line, places))
        for number, piece in enumerate(pieces, 1):
            thing = reader(piece, number == len(pieces))
            if thing is not None:
                heard.append((thing.kind, thing.data))
    assert heard == several


@given(st.binary())
def test_bytes_come_back_from_a_line_as_they_were(data):
    assert b"\n" not in said(data)
    assert plain(said(data)) == data


def test_a_change_of_state_names_the_host_and_those_that_it_was_to_connect_to():
    # as taktuk 3.7.7 prints them
    assert state_change(b"6  ").code == 6
    assert state_change(b"6  ").peer == ""
    lost = state_change(b"5 3 127.0.0.21:21 node-2:1.7")
    assert (lost.peer, lost.given) == ("3", ("21", "1.7"))


def test_words_of_a_connector_are_those_of_a_host():
    words = b"8 ssh: connect to host 127.0.0.8 port 1: Connection refused\r"
    assert connector_words(words) == (
        "8",
        "ssh: connect to host 127.0.0.8 port 1: Connection refused",
    )
