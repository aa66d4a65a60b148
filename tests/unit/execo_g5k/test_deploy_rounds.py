"""The rounds of deploy, on a clock driven by hand. Numbers are those of the pitfalls known."""

import asyncio
import logging
import pickle

import pytest

from execo import Host
from execo._engine.clock import ManualClock
from execo_g5k.deployment import by_frontend
from execo_g5k.nodes import AskedNodes
from execo_g5k.outcome import FailureKind, Outcome, settle
from execo_g5k.rounds import Means, Rounds
from execo_g5k.tries import Deployed
from tests.unit.execo_g5k.kadeploy_transcripts import heard, recorded
from tests.unit.execo_g5k.played import listing

G1, G2, G3, G4, G5 = (f"graphene-{n}.nancy.grid5000.fr" for n in range(1, 6))
L1 = "nova-1.lyon.grid5000.fr"
OLD = "3.1.7.2"
MANY = [f"graphene-{n}.nancy.grid5000.fr" for n in range(1, 33)]


def hosts(*names):
    return [Host(name) for name in names]


class Kadeploy:
    """Answers each run by the next of its scripts; the last one stays."""

    def __init__(self, *scripts):
        self.scripts = list(scripts)
        self.runs = []

    async def __call__(self, batch):
        self.runs.append([str(host) for host in batch])
        script = self.scripts.pop(0) if len(self.scripts) > 1 else self.scripts[0]
        text, ending = script(self.runs[-1]) if callable(script) else script
        await asyncio.sleep(0)
        return settle(AskedNodes(batch), heard(text), "nancy", ending)


def says(text, ending=""):
    return text, ending


def all_deployed(batch):
    return says(listing(batch))


def fails(*names):
    return lambda batch: says(
        listing([n for n in batch if n not in names], {n: "no" for n in batch if n in names})
    )


def discards(*names):
    def play(batch):
        left = [name for name in batch if name not in names]
        if not left:
            return says(recorded("30-concurrent-all-discarded").text, "exit 14")
        told = (
            f"The nodes {', '.join(names)} are already involved in deployment, let's discard them"
        )
        return says(listing(left).replace("Performing", f"{told}\nPerforming", 1))

    return play


def refuses(*names):
    """Refuse a run that holds one of `names`, without a word about which."""

    def play(batch):
        if set(names) & set(batch):
            return says(recorded("20-no-rights").text, "exit 6")
        return all_deployed(batch)

    return play


def knows_all_but(*names):
    def play(batch):
        unknown = [name for name in batch if name in names]
        if not unknown:
            return all_deployed(batch)
        return says(f"The nodes {', '.join(unknown)} does not belongs to any server\n", "exit 1")

    return play


class World:
    def __init__(self, kadeploy, check=None, enough=None, lock_timeout=900):
        self.clock = ManualClock()
        self.checked = []
        self.asked_enough = []
        self._check, self._enough_func = check, enough
        self.means = Means(
            kadeploy,
            lambda batch: {str(site): group for site, group in by_frontend(batch).items()},
            self.check if check is not None else None,
            self.enough,
            self.clock,
            lock_timeout,
        )

    async def check(self, batch):
        self.checked.append([str(host) for host in batch])
        return {host: "the check failed" for host in batch if not self._check(str(host))}

    async def enough(self, deployed, undeployed):
        self.asked_enough.append((set(deployed), set(undeployed)))
        if self._enough_func is None:
            return not undeployed
        return self._enough_func(deployed, undeployed)

    def run(self, names, num_tries=1, seconds=2000):
        async def scenario():
            task = asyncio.create_task(Rounds(hosts(*names), num_tries, self.means).run())
            while not task.done():
                assert self.clock.monotonic() < seconds, "deploy has not ended"
                await self.clock.advance(15)
            return await task

        return asyncio.run(scenario())


def test_without_a_check_kadeploy_is_believed():
    # 17
    kadeploy = Kadeploy(fails(G2))
    world = World(kadeploy)
    result = world.run([G1, G2])
    assert result == ({G1}, {G2})
    assert kadeploy.runs == [[G1, G2]]
    assert "no" in result.errors[Host(G2)]


def test_the_result_is_a_pair_of_sets_of_the_asked_hosts():
    # 18
    kadeploy = Kadeploy(all_deployed)
    deployed, undeployed = World(kadeploy).run([G1, G2])
    assert (type(deployed), type(undeployed)) == (set, set)
    assert G1 in deployed
    assert all(isinstance(host, Host) for host in deployed)
    assert undeployed == set()


def test_only_what_failed_is_deployed_again():
    kadeploy = Kadeploy(fails(G2, G3), fails(G3), all_deployed)
    assert World(kadeploy).run([G1, G2, G3], 3) == ({G1, G2, G3}, set())
    assert kadeploy.runs == [[G1, G2, G3], [G2, G3], [G3]]


def test_tries_are_spent_and_the_rest_stays_undeployed():
    kadeploy = Kadeploy(fails(G2))
    assert World(kadeploy).run([G1, G2], 3) == ({G1}, {G2})
    assert kadeploy.runs == [[G1, G2], [G2], [G2]]


def test_what_passes_the_check_before_is_not_deployed():
    # 24
    kadeploy = Kadeploy(all_deployed)
    before = {G1}
    world = World(kadeploy, check=lambda name: name in before or name in sum(kadeploy.runs, []))
    result = world.run([G1, G2])
    assert result == ({G1, G2}, set())
    assert kadeploy.runs == [[G2]]
    assert world.checked == [[G1, G2], [G2]]


def test_when_all_pass_before_kadeploy_is_not_called():
    # 24
    kadeploy = Kadeploy(all_deployed)
    assert World(kadeploy, check=lambda name: True).run([G1, G2], 3) == ({G1, G2}, set())
    assert kadeploy.runs == []


def test_no_try_only_checks():
    # 24
    kadeploy = Kadeploy(all_deployed)
    result = World(kadeploy, check=lambda name: name == G1).run([G1, G2], 0)
    assert result == ({G1}, {G2})
    assert kadeploy.runs == []
    assert result.errors[G2].startswith("not tried; before, ")
    assert World(kadeploy).run([G1], 0).errors == {G1: "not tried"}


def test_a_host_that_kadeploy_failed_to_deploy_is_undeployed_whatever_the_check_says():
    # 24: an earlier environment passes the check too
    kadeploy = Kadeploy(fails(G2))
    world = World(kadeploy, check=lambda name: bool(kadeploy.runs))
    assert world.run([G1, G2]) == ({G1}, {G2})
    assert world.checked == [[G1, G2], [G1]]


def test_a_host_that_does_not_pass_afterwards_is_deployed_again():
    kadeploy = Kadeploy(all_deployed)
    world = World(kadeploy, check=lambda name: name == G1 or len(kadeploy.runs) > 1)
    # G1 passes before
    result = world.run([G1, G2, G3], 2)
    assert kadeploy.runs == [[G2, G3], [G2, G3]]
    assert result == ({G1, G2, G3}, set())
    assert [one.count(FailureKind.CHECK) for one in result.tries] == [0, 2, 0]


def test_the_script_says_what_is_enough_with_sets_of_its_own():
    # 18, 24
    kadeploy = Kadeploy(fails(G2))

    def enough(deployed, undeployed):
        assert G1 in deployed | undeployed
        told = len(deployed) >= 1
        deployed.clear()
        undeployed.clear()
        return told

    world = World(kadeploy, enough=enough)
    assert world.run([G1, G2], 5) == ({G1}, {G2})
    assert kadeploy.runs == [[G1, G2]]
    assert [len(deployed) for deployed, _ in world.asked_enough] == [0, 1]


def test_never_enough_ends_when_nothing_is_left():
    kadeploy = Kadeploy(all_deployed)
    result = World(kadeploy, enough=lambda deployed, undeployed: False).run([G1], 5)
    assert result == ({G1}, set())
    assert kadeploy.runs == [[G1]]


def test_an_error_of_the_script_is_raised():
    def enough(deployed, undeployed):
        raise RuntimeError("mine")

    with pytest.raises(RuntimeError, match="mine"):
        World(Kadeploy(all_deployed), enough=enough).run([G1])


def test_no_host_is_no_run():
    kadeploy = Kadeploy(all_deployed)
    assert World(kadeploy, check=lambda name: True).run([]) == (set(), set())
    assert kadeploy.runs == []


def test_frontends_are_asked_at_once_and_one_that_fails_leaves_the_others():
    # 25
    both = asyncio.Barrier(2)

    async def run(batch):
        await both.wait()
        text = "" if batch[0] == L1 else listing([str(host) for host in batch])
        return settle(AskedNodes(batch), heard(text), "x", "connexion lost")

    assert World(run).run([G1, L1, G2]) == ({G1, G2}, {L1})


def test_a_cancelled_deploy_ends_when_all_of_its_deployments_are_cancelled():
    ended = []

    async def scenario():
        started = asyncio.Semaphore(0)

        async def run(batch):
            started.release()
            try:
                await asyncio.Event().wait()
            finally:
                # one of them takes longer to cancel than the other
                for _ in range(1 if batch[0] == L1 else 100):
                    await asyncio.sleep(0)
                ended.append(str(batch[0]))

        task = asyncio.create_task(Rounds(hosts(G1, L1), 1, World(run).means).run())
        await started.acquire()
        await started.acquire()
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        assert ended == [L1, G1]

    asyncio.run(scenario())


# --- hosts for which all are refused


@pytest.mark.parametrize("version", ["3.3.11", OLD])
def test_an_unknown_host_is_left_out_at_once_and_said(version, caplog):
    # 26
    def old(batch):
        unknown = [name for name in batch if name in (G2, G4)]
        if not unknown:
            return all_deployed(batch)
        return says(f"ERROR: The node {unknown[0]} does not exist\n")

    kadeploy = Kadeploy(old if version == OLD else knows_all_but(G2, G4))
    result = World(kadeploy).run([G1, G2, G3, G4])
    assert result == ({G1, G3}, {G2, G4})
    assert kadeploy.runs[-1] == [G1, G3]
    assert "going on without graphene-" in caplog.text
    assert len(result.tries) == 1


def test_a_refused_host_is_not_tried_again():
    # 26
    kadeploy = Kadeploy(knows_all_but(G2))
    assert World(kadeploy).run([G2], 5) == (set(), {G2})
    assert kadeploy.runs == [[G2]]
    kadeploy = Kadeploy(knows_all_but(G2), knows_all_but(G2), fails(G1), all_deployed)
    assert World(kadeploy).run([G1, G2], 5) == ({G1}, {G2})


def test_a_forbidden_host_that_is_not_named_is_found_by_halves(caplog):
    # 26
    kadeploy = Kadeploy(refuses(MANY[20]))
    result = World(kadeploy).run(MANY)
    assert result.undeployed == {MANY[20]}
    assert len(result.deployed) == 31
    assert "sufficient rights" in result.errors[Host(MANY[20])]
    # one refused and one accepted at each halving, and the whole
    assert len(kadeploy.runs) == 11
    assert "by halves" in caplog.text
    assert result.tries[0].count(FailureKind.REFUSED) == 1


def test_a_forbidden_host_that_old_versions_name_is_left_out():
    # 26
    words = recorded("20-no-rights", OLD).text
    kadeploy = Kadeploy(lambda batch: says(words) if G5 in batch else all_deployed(batch))
    assert World(kadeploy).run([G1, G5, G2]) == ({G1, G2}, {G5})
    assert kadeploy.runs == [[G1, G5, G2], [G1, G2]]


def test_without_any_rights_the_search_comes_to_an_end():
    names = [f"graphene-{n}.nancy.grid5000.fr" for n in range(1, 200)]
    kadeploy = Kadeploy(refuses(*names))
    result = World(kadeploy).run(names)
    assert result.undeployed == set(names)
    assert set(result.errors) == set(names)
    assert len(kadeploy.runs) < 150


# --- hosts that another deployment has


def test_locked_hosts_are_waited_for_longer_and_longer_which_is_no_try(caplog):
    # 29
    kadeploy = Kadeploy(discards(G2), discards(G2), discards(G2), all_deployed)
    world = World(kadeploy)
    result = world.run([G1, G2], 1)
    assert result == ({G1, G2}, set())
    assert kadeploy.runs == [[G1, G2], [G2], [G2], [G2]]
    starts = [one.start_date - result.tries[0].start_date for one in result.tries]
    assert [round(start) for start in starts] == [0, 30, 90, 210]
    assert "in another deployment; next try in 30 s" in caplog.text


def test_waiting_for_locked_hosts_comes_to_an_end():
    # 29
    kadeploy = Kadeploy(discards(G1, G2))
    world = World(kadeploy, lock_timeout=900)
    result = world.run([G1, G2], 2)
    assert result == (set(), {G1, G2})
    assert round(result.tries[-1].start_date - result.tries[0].start_date) == 900
    assert all(one.count(FailureKind.LOCKED) == 2 for one in result.tries)


def test_locked_hosts_are_given_up_at_once_when_the_script_wants():
    kadeploy = Kadeploy(discards(G1))
    world = World(kadeploy, lock_timeout=0)
    assert world.run([G1], 3) == (set(), {G1})
    assert kadeploy.runs == [[G1]]
    assert len(world.asked_enough) == 2


def test_what_failed_is_tried_again_before_what_is_locked():
    # 29
    def first(batch):
        text, _ = discards(G2)([G1, G2, G3])
        return says(
            text.replace(f"nodes\n{G1}", "nodes")
            + f"The deployment failed on nodes\n{G1} (a-b: c)\n"
        )

    kadeploy = Kadeploy(first, all_deployed)
    assert World(kadeploy).run([G1, G2, G3], 2) == ({G1, G2, G3}, set())
    assert kadeploy.runs == [[G1, G2, G3], [G1], [G2]]


def test_a_try_that_was_killed_leaves_locks_that_cost_no_try():
    # 20
    kadeploy = Kadeploy(says("", "timeout of 3 s"), discards(G1), all_deployed)
    result = World(kadeploy).run([G1], 2)
    assert result == ({G1}, set())
    assert len(kadeploy.runs) == 3


def test_a_run_that_comes_to_nothing_is_not_repeated_at_once():
    kadeploy = Kadeploy(says(recorded("32-server-down").text, "exit 1"), all_deployed)
    result = World(kadeploy).run([G1], 2)
    assert result == ({G1}, set())
    assert result.tries[1].start_date - result.tries[0].start_date >= 10


# --- what is told


def test_the_table_tells_each_try_with_what_was_attempted(caplog):
    # 21: counted before the set shrinks
    caplog.set_level(logging.INFO, "execo")
    kadeploy = Kadeploy(fails(G2, G3), fails(G3))
    result = World(kadeploy, check=lambda name: False).run([G1, G2, G3], 2)
    table = caplog.messages[-1].splitlines()
    assert table[0] == "deployment of 3 hosts"
    assert table[1].split()[:4] == ["try", "start", "length", "attempted"]
    columns = [line.split() for line in table[2:]]
    assert [row[0] for row in columns] == ["check", "1", "2"]
    assert [row[4:] for row in columns] == [
        ["3", "0", "0", "0", "0", "0", "0"],
        ["3", "0", "2", "1", "0", "0", "0"],
        ["3", "0", "1", "2", "0", "0", "0"],
    ]
    assert [len(one.attempted) for one in result.tries] == [3, 3, 3]


def test_the_result_is_a_tuple_of_two_that_can_be_pickled():
    result = World(Kadeploy(fails(G2))).run([G1, G2])
    deployed, undeployed = result
    assert result == (deployed, undeployed)
    assert isinstance(result, tuple)
    assert len(result) == 2
    twin = pickle.loads(pickle.dumps(result))
    assert (twin, twin.errors, twin.tries) == (result, result.errors, result.tries)
    assert Deployed([], []) == (set(), set())


def test_an_outcome_knows_each_host_once():
    asked = AskedNodes(hosts(G1, G2, G3))
    outcome = settle(asked, heard(listing([G1, G2, L1], {G2: "no"})), "nancy")
    assert outcome.deployed == {G1}
    assert outcome.failures.keys() == {G2, G3}
    assert "in no list" in str(outcome.failures[Host(G3)])
    assert Outcome() == Outcome(frozenset(), {}, None)
