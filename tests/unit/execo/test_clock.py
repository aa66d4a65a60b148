"""The clock of the machine, and the one driven by hand."""

import asyncio
import time

from execo._engine.clock import ManualClock, SystemClock

HOUR = 3600


def test_the_clock_of_the_machine_is_the_clock_of_the_machine():
    clock = SystemClock()
    assert abs(clock.time() - time.time()) < 60
    before = clock.monotonic()
    asyncio.run(clock.sleep(0.001))
    assert clock.monotonic() >= before + 0.001


def test_a_manual_clock_stands_still_until_it_is_advanced():
    async def story():
        clock = ManualClock(start=1000)
        assert (clock.time(), clock.monotonic()) == (1000, 0)
        await clock.advance(12 * HOUR)
        assert (clock.time(), clock.monotonic()) == (1000 + 12 * HOUR, 12 * HOUR)

    asyncio.run(story())


def test_sleepers_wake_in_order_each_at_its_own_time():
    async def story():
        clock = ManualClock(start=0)
        woken: list[tuple[str, float]] = []

        async def sleeper(name, seconds):
            await clock.sleep(seconds)
            woken.append((name, clock.monotonic()))

        tasks = [asyncio.create_task(sleeper(*who)) for who in (("b", 2), ("a", 1), ("c", 5))]
        await clock.advance(3)
        assert woken == [("a", 1), ("b", 2)]
        await clock.advance(2)
        assert woken[2:] == [("c", 5)]
        await asyncio.gather(*tasks)

    asyncio.run(story())


def test_one_who_sleeps_again_and_again_wakes_each_time_of_one_advance():
    async def story():
        clock = ManualClock(start=0)
        ticks: list[float] = []

        async def ticker():
            for _ in range(5):
                await clock.sleep(10)
                ticks.append(clock.monotonic())

        task = asyncio.create_task(ticker())
        await clock.advance(50)
        assert ticks == [10, 20, 30, 40, 50]
        await task

    asyncio.run(story())


def test_no_time_at_all_is_slept_without_an_advance():
    async def story():
        clock = ManualClock()
        await clock.sleep(0)
        await clock.sleep(-1)

    asyncio.run(story())


def test_a_sleeper_that_was_cancelled_wakes_nobody():
    async def story():
        clock = ManualClock()
        task = asyncio.create_task(clock.sleep(5))
        await clock.advance(1)
        task.cancel()
        await clock.advance(10)
        assert task.cancelled()

    asyncio.run(story())
