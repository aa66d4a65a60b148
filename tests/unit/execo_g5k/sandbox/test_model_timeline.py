import math

from hypothesis import given, settings
from hypothesis import strategies as st

from execo_g5k.sandbox.model.timeline import Timeline


def cores(count):
    """Return a choice of so many resources, those with the lowest ids."""

    def choose(free):
        chosen = 0
        for _ in range(count):
            if not free:
                return None
            chosen |= free & -free
            free &= free - 1
        return chosen

    return choose


def test_all_is_free_before_anything_is_taken():
    line = Timeline(0b111, 10)
    assert line.free(10, math.inf) == 0b111
    assert line.first_fit(5, cores(3), 0) == (10, 0b111)


def test_what_is_taken_is_free_before_and_after():
    line = Timeline(0b111, 0)
    line.take(0b011, 10, 20)
    assert line.free(0, 10) == 0b111
    assert line.free(0, 10.5) == 0b100
    assert line.free(19, 30) == 0b100
    assert line.free(20, 30) == 0b111


def test_what_is_taken_in_the_past_is_taken_from_now_on():
    line = Timeline(0b1, 100)
    line.take(0b1, 0, 120)
    line.take(0b1, 0, 50)
    assert line.free(100, 101) == 0
    assert line.free(120, 121) == 0b1


def test_what_is_taken_for_ever_never_comes_back():
    line = Timeline(0b11, 0)
    line.take(0b01, 10, math.inf)
    assert line.first_fit(10, cores(2), 0) == (0, 0b11)
    assert line.first_fit(11, cores(2), 0) is None
    assert line.first_fit(11, cores(1), 0) == (0, 0b10)


def test_a_hole_that_is_too_short_is_left():
    line = Timeline(0b1, 0)
    line.take(0b1, 10, 20)
    line.take(0b1, 25, 30)
    assert line.first_fit(10, cores(1), 0) == (0, 0b1)
    assert line.first_fit(5, cores(1), 8) == (20, 0b1)
    assert line.first_fit(6, cores(1), 8) == (30, 0b1)


def test_nothing_fits_after_the_end_of_time():
    assert Timeline(0b1, 0).first_fit(1, cores(1), math.inf) is None


TAKEN = st.lists(st.tuples(st.integers(0, 15), st.integers(0, 30), st.integers(1, 15)), max_size=8)


@settings(max_examples=150, derandomize=True, database=None, deadline=None)
@given(TAKEN, st.integers(1, 4), st.integers(1, 10), st.integers(0, 20))
def test_the_first_fit_is_the_first_of_all_dates_that_fit(taken, count, duration, earliest):
    line = Timeline(0b1111, 0)
    free = [0b1111] * 100
    for mask, start, length in taken:
        line.take(mask, start, start + length)
        for second in range(start, start + length):
            free[second] &= ~mask

    def common(start):
        mask = 0b1111
        for second in range(start, start + duration):
            mask &= free[second]
        return mask

    first = next(s for s in range(earliest, 90) if common(s).bit_count() >= count)
    assert line.first_fit(duration, cores(count), earliest) == (first, cores(count)(common(first)))
