"""What ends a program may come up on the thread of the engine: only its caller ends."""

import pytest

from execo import Process
from execo._engine.loop import blocking, engine


@blocking
async def raising(error):
    raise error


@pytest.mark.parametrize("error", [SystemExit(3), KeyboardInterrupt()])
def test_what_ends_a_program_ends_a_flow_and_leaves_the_engine(error):
    with pytest.raises(type(error)) as raised:
        raising(error)
    assert raised.value is error
    assert Process("echo on").run().stdout == "on\n"


def test_it_leaves_the_engine_when_it_comes_from_a_callback():
    def end():
        raise SystemExit

    engine().call(end)
    assert Process("echo on").run().stdout == "on\n"
