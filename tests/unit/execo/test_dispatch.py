"""The thread of the handlers."""

import os
import threading

from execo._engine.completion import Completion
from execo._engine.dispatch import dispatch, is_current_thread, run_until

LONG = 30


def drained(owner=None):
    """Wait until all that was dispatched so far for `owner` has run."""
    done = threading.Event()
    dispatch(object() if owner is None else owner, done.set)
    assert done.wait(LONG)


def test_calls_run_in_order_on_one_thread_that_is_not_ours():
    seen: list[int] = []
    threads: set[int] = set()
    owner = object()

    def call(i):
        seen.append(i)
        threads.add(threading.get_ident())

    for i in range(200):
        dispatch(owner, lambda i=i: call(i))
    drained()
    assert seen == list(range(200))
    assert len(threads) == 1
    assert threading.get_ident() not in threads


def test_the_thread_knows_itself():
    answers: list[bool] = []
    dispatch(object(), lambda: answers.append(is_current_thread()))
    drained()
    assert answers == [True]
    assert not is_current_thread()


def test_an_exception_is_logged_with_its_trace_and_stops_nothing(caplog):
    seen: list[str] = []
    dispatch(object(), lambda: 1 / 0)
    dispatch(object(), lambda: seen.append("after"))
    drained()
    assert seen == ["after"]
    assert "ZeroDivisionError" in caplog.text


def test_calls_from_many_threads_keep_the_order_of_each_owner():
    seen: list[tuple[int, int]] = []

    def give(owner):
        for i in range(50):
            dispatch(owner, lambda i=i: seen.append((owner, i)))

    threads = [threading.Thread(target=give, args=(owner,)) for owner in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    drained()
    for owner in range(8):
        assert [i for who, i in seen if who == owner] == list(range(50))


def test_a_handler_that_waits_lets_other_handlers_run_and_keeps_its_own_for_later():
    seen: list[str] = []
    done = Completion()
    waiting = "waiting owner"

    def wait():
        dispatch(waiting, lambda: seen.append("own"))
        dispatch("other", lambda: (seen.append("other"), done.set()))
        assert run_until(done.is_set, done.add_callback, LONG)
        seen.append("end of wait")

    dispatch(waiting, wait)
    drained(waiting)
    assert seen == ["other", "end of wait", "own"]


def test_a_wait_in_a_handler_is_over_when_its_time_is():
    answers: list[bool] = []
    never = Completion()
    dispatch("owner", lambda: answers.append(run_until(never.is_set, never.add_callback, 0.001)))
    drained("owner")
    assert answers == [False]


def test_a_forked_child_has_handlers_of_its_own():
    drained()
    read, write = os.pipe()
    pid = os.fork()
    if pid == 0:
        done = threading.Event()
        dispatch(object(), done.set)
        os.write(write, b"yes" if done.wait(LONG) else b"no")
        os._exit(0)
    os.close(write)
    try:
        assert os.read(read, 10) == b"yes"
    finally:
        os.close(read)
        os.waitpid(pid, 0)
