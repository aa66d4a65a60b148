import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from execo_g5k.sandbox.model.dates import read_date
from execo_g5k.sandbox.model.jobs import State
from execo_g5k.sandbox.model.request import ALL, BEST
from execo_g5k.sandbox.model.site import Deletion, NotEnoughResources
from execo_g5k.sandbox.model.table import BadSql, ids_of
from tests.unit.execo_g5k.sandbox.modelled import ALL_DAY, NOW, Lab, kinds

ERROR, HOLD, RUNNING, TERMINATED, WAITING = (
    State.ERROR, State.HOLD, State.RUNNING, State.TERMINATED, State.WAITING,
)  # fmt: skip


# --- from a submission to an end


def test_a_job_is_launched_on_its_nodes_runs_and_ends():
    lab = Lab(a=2)
    job = lab.submit("nodes=1")
    assert (job.state, job.predicted_start) == (State.TO_LAUNCH, NOW)
    assert lab.executor.calls == []
    lab.wait(0.2)
    assert job.state is State.LAUNCHING
    lab.wait(0.2)
    assert (job.state, job.start_date, lab.nodes(job)) == (RUNNING, NOW, ["a-1"])
    assert lab.executor.calls == [("launch", 1)]
    lab.wait(10)
    lab.end(job, 256)
    assert (job.state, job.stop_date, job.exit_status) == (State.FINISHING, NOW + 10, 256)
    lab.wait(1)
    assert job.state is TERMINATED
    assert lab.nodes(job) == ["a-1"]
    assert kinds(job) == ["SWITCH_INTO_TERMINATE_STATE"]


def test_time_passes_at_once_if_it_is_late():
    lab = Lab(a=1)
    jobs = [lab.submit(walltime=100, duration=10) for _ in range(3)]
    lab.executor.now += 5000
    lab.settle()
    lab.wait(300)
    assert [job.state for job in jobs] == [TERMINATED] * 3


def test_ids_count_from_one_and_a_refused_job_takes_none():
    lab = Lab(a=1)
    assert lab.submit().job_id == 1
    with pytest.raises(NotEnoughResources):
        lab.submit("nodes=2")
    with pytest.raises(NotEnoughResources):
        lab.submit("nodes=1", "nodes=2")
    with pytest.raises(BadSql):
        lab.submit(properties="nosuch = 1")
    with pytest.raises(BadSql):
        lab.submit("nosuch=1")
    assert lab.submit().job_id == 2


def test_jobs_without_a_command_to_run_are_not_launched():
    lab = Lab(a=4)
    jobs = [
        lab.submit(interactive=True), lab.submit(command=""), lab.submit(types=("noop",)),
    ]  # fmt: skip
    lab.wait()
    assert lab.in_state(RUNNING) == [1, 2, 3]
    assert lab.executor.calls == []
    for job in jobs:
        lab.delete(job)
    lab.wait()
    assert lab.in_state(ERROR) == [1, 2, 3]


def test_a_command_that_cannot_be_started_is_an_error_with_its_cause():
    lab = Lab(a=1)
    job = lab.submit()
    lab.wait()
    lab.site.failed(job, "USER_SHELL", "no shell", lab.now)
    lab.wait()
    assert job.state is ERROR
    assert kinds(job) == ["SWITCH_INTO_ERROR_STATE", "USER_SHELL"]


def test_an_end_that_is_told_twice_is_one():
    lab = Lab(a=1)
    job = lab.submit()
    lab.wait()
    lab.end(job)
    lab.site.failed(job, "USER_SHELL", "too late", lab.now)
    lab.end(job, 9)
    lab.wait()
    lab.end(job, 9)
    assert (job.state, job.exit_status, len(job.events)) == (TERMINATED, 0, 1)


def test_a_job_is_told_as_oar_tells_it():
    lab = Lab(a=2)
    job = lab.submit(
        "nodes=2", walltime=3600, name="x", project="p", types=("allow_classic_ssh", "deploy=1")
    )
    assert job.message == (
        "R=8,W=1:0:0,J=B,N=x,P=p,T=allow_classic_ssh|deploy (Karma=0.000,quota_ok)"
    )
    assert lab.submit(interactive=True).message == "R=4,W=0:1:40,J=I (Karma=0.000,quota_ok)"
    assert lab.reserve(after=ALL_DAY).message == "R=4,W=0:1:40,J=R"


# --- what runs when


def test_a_job_waits_for_nodes_and_its_start_is_predicted():
    lab = Lab(a=2)
    lab.submit("nodes=2", walltime=100)
    second = lab.submit("nodes=1", walltime=50)
    third = lab.submit("nodes=2", walltime=50)
    assert second.predicted_start == NOW + 101
    assert third.predicted_start == NOW + 152
    lab.wait(90)
    assert (second.state, second.predicted_start) == (WAITING, NOW + 101)
    lab.wait(12)
    assert second.state is RUNNING


def test_jobs_that_end_early_let_the_others_start_early():
    lab = Lab(a=1)
    first = lab.submit(walltime=1000)
    second = lab.submit(walltime=1000)
    third = lab.submit(walltime=1000)
    lab.wait(10)
    lab.end(first)
    lab.wait(2)
    assert second.state is RUNNING
    assert 0 <= third.predicted_start - (second.start_date + 1001) < 1


def test_jobs_start_at_the_dates_predicted_if_all_use_up_their_walltimes():
    lab = Lab(a=2)
    asked = [("nodes=1", 40), ("nodes=2", 30), ("nodes=1", 20), ("nodes=2", 10), ("core=1", 50)]
    jobs = [lab.submit(text, walltime=walltime) for text, walltime in asked]
    predicted = [job.predicted_start for job in jobs]
    assert predicted == [NOW, NOW + 41, NOW, NOW + 72, NOW + 83]
    lab.wait(200)
    assert all(job.state is ERROR for job in jobs)
    for job, date in zip(jobs, predicted, strict=True):
        # a job takes a moment less than it was promised
        assert date - 4 <= job.start_date <= date


def test_a_small_job_fills_a_hole_that_it_does_not_outlast():
    lab = Lab(a=2)
    lab.submit("nodes=1", walltime=100)
    wide = lab.submit("nodes=2", walltime=100)
    long = lab.submit("nodes=1", walltime=200)
    short = lab.submit("nodes=1", walltime=90)
    lab.wait()
    assert wide.predicted_start == NOW + 101
    assert long.predicted_start == NOW + 202
    assert (short.state, lab.nodes(short)) == (RUNNING, ["a-2"])
    lab.wait(101)
    assert wide.state is RUNNING


def test_jobs_share_a_node_by_its_cores():
    lab = Lab(a=1)
    jobs = [lab.submit("core=2") for _ in range(3)]
    lab.wait()
    assert [job.state for job in jobs] == [RUNNING, RUNNING, WAITING]
    assert [[*ids_of(job.resources)] for job in jobs[:2]] == [[1, 2], [3, 4]]


def test_a_job_for_all_waits_for_all_and_one_for_the_best_does_not():
    lab = Lab(a=3)
    lab.submit("nodes=1")
    everything = lab.submit("nodes=ALL", walltime=50)
    best = lab.submit("nodes=BEST", walltime=50)
    assert everything.predicted_start == NOW + 101
    lab.wait()
    assert lab.nodes(best) == ["a-2", "a-3"]


def test_groups_of_a_job_start_together():
    lab = Lab(a=1, b=1)
    lab.submit("{cluster='b'}/nodes=1", walltime=60)
    job = lab.submit("{cluster='a'}/nodes=1+{cluster='b'}/nodes=1")
    assert job.predicted_start == NOW + 61
    lab.wait(65)
    assert lab.nodes(job) == ["a-1", "b-1"]


def test_a_job_with_dates_of_its_own_does_not_keep_its_like_from_starting():
    lab = Lab(a=3)
    first = lab.submit(walltime=1000)
    lab.submit(walltime=50)
    later = lab.submit(walltime=50, dependencies=(first.job_id,))
    like = lab.submit(walltime=50)
    lab.wait()
    assert later.predicted_start == NOW + 1001
    assert like.state is RUNNING


def test_a_queue_with_a_higher_priority_goes_first():
    lab = Lab(a=1)
    lab.submit()
    low = lab.submit(queue="testing")
    middle = lab.submit()
    high = lab.submit(queue="admin")
    assert high.predicted_start < middle.predicted_start < low.predicted_start


def test_a_mute_scheduler_starts_nothing_until_it_speaks_again():
    lab = Lab(a=1)
    lab.site.mute = True
    job = lab.submit()
    lab.wait(10)
    assert (job.state, job.predicted_start) == (WAITING, None)
    lab.site.mute = False
    lab.wait()
    assert job.state is RUNNING


def test_a_server_with_nothing_to_do_waits_for_no_date():
    lab = Lab(a=1)
    assert lab.due is None
    lab.submit(duration=5)
    lab.submit(duration=5)
    lab.wait(1000)
    assert lab.due is None


# --- walltimes


def test_a_job_is_killed_when_its_walltime_is_over():
    lab = Lab(a=1)
    job = lab.submit(walltime=60)
    lab.wait(59)
    assert job.state is RUNNING
    lab.wait(2)
    assert (job.state, job.stop_date, job.exit_status) == (ERROR, NOW + 60, None)
    assert kinds(job) == [
        "FRAG_JOB_REQUEST", "WALLTIME", "SEND_KILL_JOB", "SWITCH_INTO_ERROR_STATE",
    ]  # fmt: skip
    assert lab.executor.calls == [("launch", 1), ("kill", 1)]


def test_a_job_that_is_slow_to_die_keeps_its_nodes():
    lab = Lab(a=1)
    lab.executor.grace = 30
    job, second = lab.submit(walltime=60), lab.submit()
    lab.wait(80)
    assert (job.state, second.state) == (RUNNING, WAITING)
    lab.wait(12)
    assert (job.state, second.state) == (ERROR, RUNNING)


def test_a_walltime_grows_and_later_jobs_wait():
    lab = Lab(a=1)
    job, second = lab.submit(walltime=60), lab.submit()
    lab.wait(10)
    lab.site.lengthen(job, 100, lab.now)
    lab.settle()
    assert job.walltime == 160
    assert second.predicted_start == NOW + 161
    assert "0:2:40 (granted: +0:1:40/pending" in job.events[-1].description
    lab.wait(140)
    assert job.state is RUNNING
    lab.wait(12)
    assert (job.state, second.state) == (ERROR, RUNNING)


def test_a_walltime_shrinks_even_to_the_past():
    lab = Lab(a=2)
    job, other = lab.submit(walltime=60), lab.submit(walltime=60)
    lab.wait(20)
    lab.site.lengthen(job, -30, lab.now)
    lab.site.lengthen(other, -50, lab.now)
    lab.wait(1)
    assert (job.state, other.state) == (RUNNING, ERROR)
    lab.wait(10)
    assert (job.state, job.stop_date) == (ERROR, NOW + 30)


def test_a_checkpoint_is_asked_for_before_the_end():
    lab = Lab(a=1)
    lab.submit(walltime=60, checkpoint=20, signal=10)
    lab.wait(39)
    assert lab.executor.calls == [("launch", 1)]
    lab.wait(2)
    assert lab.executor.calls == [("launch", 1), ("signal 10", 1)]


def test_a_checkpoint_moves_with_the_walltime_and_is_asked_for_once():
    lab = Lab(a=2)
    longer, shorter = (lab.submit(walltime=60, checkpoint=20) for _ in range(2))
    lab.wait(5)
    lab.site.lengthen(longer, 100, lab.now)
    lab.site.lengthen(shorter, -15, lab.now)
    lab.wait(45)
    assert lab.executor.calls == [
        ("launch", 1), ("launch", 2), ("signal 12", 2), ("kill", 2),
    ]  # fmt: skip
    lab.wait(120)
    assert lab.executor.calls[4:] == [("signal 12", 1), ("kill", 1)]


def test_a_signal_is_passed_on():
    lab = Lab(a=1)
    lab.site.signal(lab.submit(), 15)
    assert lab.executor.calls == [("signal 15", 1)]


# --- deletions


def test_a_waiting_job_that_is_deleted_never_runs():
    lab = Lab(a=1)
    lab.submit(walltime=60)
    job = lab.submit()
    assert lab.delete(job) is Deletion.REGISTERED
    assert lab.delete(job) is Deletion.TWICE
    lab.wait(100)
    assert (job.state, job.message) == (ERROR, "Job killed by Leon directly")
    assert (job.start_date, job.resources) == (0, 0)
    assert ("launch", 2) not in lab.executor.calls
    assert kinds(job) == ["FRAG_JOB_REQUEST"]


@pytest.mark.parametrize("seconds", [0, 0.2])
def test_a_job_that_is_deleted_while_it_is_launched_never_runs(seconds):
    lab = Lab(a=1)
    job, second = lab.submit(), lab.submit()
    if seconds:
        lab.wait(seconds)
    assert not job.state.final
    assert job.state is not RUNNING
    lab.delete(job)
    lab.wait()
    assert (job.state, second.state) == (ERROR, RUNNING)
    assert lab.executor.calls == [("launch", 2)]


def test_a_running_job_that_is_deleted_is_killed_and_is_an_error():
    lab = Lab(a=1)
    lab.executor.grace = 5
    job, second = lab.submit(), lab.submit()
    lab.wait()
    assert lab.delete(job, "root") is Deletion.REGISTERED
    assert (job.state, lab.delete(job)) == (RUNNING, Deletion.TWICE)
    lab.wait(4)
    assert second.state is WAITING
    lab.wait(2)
    assert (job.state, job.exit_status, second.state) == (ERROR, None, RUNNING)
    assert kinds(job) == ["FRAG_JOB_REQUEST", "SEND_KILL_JOB", "SWITCH_INTO_ERROR_STATE"]
    assert "User root requested" in job.events[0].description


def test_to_delete_a_job_that_is_over_has_no_effect():
    lab = Lab(a=1)
    job, killed = lab.submit(duration=1), lab.submit(walltime=10)
    lab.wait(20)
    assert lab.delete(job) is Deletion.REGISTERED
    assert lab.delete(killed) is Deletion.TWICE
    lab.wait()
    assert (job.state, killed.state) == (TERMINATED, ERROR)
    assert kinds(job) == ["SWITCH_INTO_TERMINATE_STATE"]


def test_ids_may_count_from_more_than_one():
    lab = Lab(a=1, first_job_id=100)
    assert [lab.submit().job_id, lab.submit().job_id] == [100, 101]
    assert lab.site.copy_of(lab.site.jobs[100], NOW).job_id == 102
    assert lab.site.next_job_id == 103


def test_a_job_that_finishes_while_it_is_deleted_ends_as_it_would():
    lab = Lab(a=1)
    job = lab.submit()
    lab.wait()
    lab.end(job)
    assert (job.state, lab.delete(job)) == (State.FINISHING, Deletion.REGISTERED)
    lab.wait()
    assert (job.state, job.exit_status) == (TERMINATED, 0)


def test_jobs_of_others_and_of_nobody_are_not_deleted():
    lab = Lab(a=1)
    job = lab.submit()
    assert lab.delete(job, "bob") is Deletion.NOT_YOURS
    assert lab.site.delete(99, "root", lab.now) is Deletion.NOT_YOURS
    lab.wait()
    assert job.state is RUNNING


# --- hold and resume


def test_a_held_job_lets_others_pass_until_it_is_resumed():
    lab = Lab(a=1)
    first, held, other = lab.submit(walltime=50), lab.submit(), lab.submit(walltime=50)
    assert lab.site.hold(held)
    assert not lab.site.hold(held)
    lab.settle()
    assert (held.state, held.predicted_start) == (HOLD, None)
    assert other.predicted_start == NOW + 51
    lab.wait(55)
    assert (first.state, other.state) == (ERROR, RUNNING)
    assert lab.site.resume(held)
    assert not lab.site.resume(held)
    lab.settle()
    assert held.predicted_start == other.start_date + 51
    lab.wait(50)
    assert held.state is RUNNING
    assert not lab.site.hold(held)
    assert not lab.site.resume(held)


def test_a_held_job_is_deleted_like_others():
    lab = Lab(a=1)
    lab.submit()
    job = lab.submit()
    lab.site.hold(job)
    lab.delete(job)
    lab.wait()
    assert job.state is ERROR
    assert not lab.site.resume(job)


# --- dependencies


def test_a_job_waits_for_the_end_of_those_it_depends_on():
    lab = Lab(a=3)
    first, second = lab.submit(walltime=50), lab.submit(walltime=80)
    job = lab.submit(dependencies=(first.job_id, second.job_id))
    assert job.predicted_start == NOW + 81
    lab.wait(60)
    assert (first.state, job.state) == (ERROR, WAITING)
    lab.end(second)
    lab.wait()
    assert job.state is RUNNING


def test_a_job_waits_for_one_that_is_slow_to_die():
    lab = Lab(a=2)
    lab.executor.grace = 30
    first = lab.submit(walltime=50)
    job = lab.submit(dependencies=(first.job_id,))
    lab.wait(70)
    assert (first.state, job.state) == (RUNNING, WAITING)
    lab.wait(15)
    assert (first.state, job.state) == (ERROR, RUNNING)


def test_a_job_that_depends_on_a_held_one_waits_as_long():
    lab = Lab(a=2)
    lab.submit("nodes=2", walltime=20)
    held = lab.submit(walltime=20)
    job = lab.submit(dependencies=(held.job_id,))
    lab.site.hold(held)
    lab.wait(100)
    assert job.state is WAITING
    assert job.message == ("Cannot determine scheduling time due to dependency with the job 2")
    lab.site.resume(held)
    lab.wait(30)
    assert (held.state, job.state) == (ERROR, RUNNING)
    assert job.message.startswith("R=4,")


def test_a_job_that_depends_on_nobody_never_starts():
    lab = Lab(a=1)
    job = lab.submit(dependencies=(99,))
    lab.wait(10)
    assert (job.state, job.predicted_start) == (WAITING, None)
    assert job.message.endswith("dependency with the job 99")


# --- reservations


def test_a_reservation_starts_at_its_date_on_the_nodes_promised():
    lab = Lab(a=2)
    job = lab.reserve("nodes=2", after=100, walltime=50)
    assert (job.state, job.predicted_start, job.start_date) == (WAITING, NOW + 100, NOW + 100)
    lab.wait(99)
    assert job.state is WAITING
    lab.wait(2)
    assert (job.state, job.start_date, lab.nodes(job)) == (RUNNING, NOW + 100, ["a-1", "a-2"])
    assert kinds(job) == []
    lab.wait(50)
    assert (job.state, job.stop_date) == (ERROR, NOW + 150)


def test_jobs_run_before_and_after_a_reservation_but_not_over_it():
    lab = Lab(a=1)
    lab.reserve(after=100, walltime=50)
    long = lab.submit(walltime=100)
    short = lab.submit(walltime=90)
    lab.wait()
    assert (long.predicted_start, short.state) == (NOW + 151, RUNNING)


def test_a_reservation_that_does_not_fit_is_refused_with_a_date_that_does():
    lab = Lab(a=1)
    lab.submit(walltime=200)
    lab.wait()
    job = lab.reserve(after=100, walltime=50)
    assert (job.state, job.start_date) == (ERROR, NOW + 102)
    said, _, told = job.message.partition(" at ")
    date = read_date(told)
    assert said == "This reservation could run"
    assert date is not None
    assert NOW + 201 <= date <= NOW + 203
    assert lab.reserve(after=date - lab.now, walltime=50).state is WAITING


def test_a_reservation_of_nodes_that_are_not_alive_is_refused():
    lab = Lab(a=1)
    lab.set_node("a-1", "Absent")
    job = lab.reserve(after=100)
    assert (job.state, job.message) == (ERROR, "This reservation could run at never")


def test_a_reservation_that_would_be_over_is_too_old():
    lab = Lab(a=1)
    job = lab.reserve(after=-100, walltime=100)
    assert (job.state, job.message) == (ERROR, "Reservation too old")
    assert job.stop_date == NOW - 100


def test_a_reservation_that_is_late_ends_at_its_date_all_the_same():
    lab = Lab(a=1)
    job = lab.reserve(after=-40, walltime=100)
    lab.wait()
    assert (job.state, job.walltime) == (RUNNING, 60)
    assert kinds(job) == ["REDUCE_RESERVATION_WALLTIME"]
    assert "Change walltime to 60" in job.events[0].description
    lab.wait(60)
    assert (job.state, job.stop_date) == (ERROR, NOW + 60)


def test_a_reservation_waits_for_a_job_that_lasts_longer_than_promised():
    lab = Lab(a=1)
    lab.executor.grace = 30
    job = lab.submit(walltime=90)
    reserved = lab.reserve(after=95, walltime=100)
    assert reserved.state is WAITING
    lab.wait(100)
    assert (job.state, reserved.state) == (RUNNING, WAITING)
    lab.wait(25)
    assert (job.state, reserved.state) == (ERROR, RUNNING)
    assert reserved.start_date + reserved.walltime == NOW + 195


def test_a_reservation_expires_if_the_scheduler_is_mute_for_too_long():
    lab = Lab(a=1)
    job = lab.reserve(after=50, walltime=20)
    lab.site.mute = True
    lab.wait(60)
    assert job.state is WAITING
    lab.wait(20)
    lab.site.mute = False
    lab.settle()
    assert job.state is ERROR
    assert job.message == "Reservation expired and couldn't be started."
    assert lab.executor.calls == []


def test_a_reservation_that_is_deleted_gives_its_nodes_back():
    lab = Lab(a=1)
    job = lab.reserve(after=50, walltime=ALL_DAY)
    other = lab.submit(walltime=100)
    assert other.predicted_start == NOW + 50 + ALL_DAY + 1
    lab.delete(job)
    lab.wait(1)
    assert (job.state, other.state) == (ERROR, RUNNING)


def test_two_reservations_of_the_same_nodes_exclude_each_other():
    lab = Lab(a=2)
    assert lab.reserve("nodes=1", after=100).state is WAITING
    assert lab.reserve("nodes=2", after=150).state is ERROR
    assert lab.reserve("nodes=1", after=150).state is WAITING
    assert lab.reserve("nodes=1", after=150).state is ERROR


def test_a_reservation_waits_for_its_nodes_then_does_without_those_missing():
    lab = Lab(a=2)
    job = lab.reserve("nodes=2", after=100, walltime=1000)
    lab.set_node("a-1", "Absent")
    lab.wait(399)
    assert job.state is WAITING
    lab.wait(2)
    assert (job.state, lab.nodes(job), job.walltime) == (RUNNING, ["a-2"], 700)
    assert "SCHEDULER_REDUCE_NB_RESSOURCES_FOR_RESERVATION" in kinds(job)
    assert job.message.startswith("R=4,")


def test_a_reservation_starts_late_when_its_nodes_come_back():
    lab = Lab(a=1)
    job = lab.reserve(after=100, walltime=1000)
    lab.set_node("a-1", "Absent")
    lab.wait(120)
    lab.set_node("a-1", "Alive")
    lab.wait()
    assert (job.state, job.walltime) == (RUNNING, 980)


def test_a_reservation_whose_nodes_never_come_back_expires():
    lab = Lab(a=1)
    job = lab.reserve(after=100, walltime=1000)
    lab.set_node("a-1", "Dead")
    lab.wait(1090)
    assert job.state is WAITING
    lab.wait(20)
    assert (job.state, lab.executor.calls) == (ERROR, [])


# --- besteffort


def test_a_besteffort_job_makes_room_for_any_other():
    lab = Lab(a=1)
    lab.executor.grace = 3
    weak = lab.submit(queue="besteffort", walltime=ALL_DAY)
    lab.wait()
    assert weak.state is RUNNING
    job = lab.submit()
    assert (job.state, job.predicted_start) == (WAITING, lab.now)
    lab.wait(2)
    assert (weak.state, job.state) == (RUNNING, WAITING)
    lab.wait(2)
    assert (weak.state, job.state) == (ERROR, RUNNING)
    assert kinds(weak) == [
        "BESTEFFORT_KILL", "FRAG_JOB_REQUEST", "SEND_KILL_JOB", "SWITCH_INTO_ERROR_STATE",
    ]  # fmt: skip


def test_a_besteffort_job_that_is_being_launched_makes_room_too():
    lab = Lab(a=1)
    weak = lab.submit(queue="besteffort")
    job = lab.submit()
    lab.wait()
    assert (weak.state, job.state) == (ERROR, RUNNING)
    assert lab.executor.calls == [("launch", 2)]


def test_a_besteffort_job_that_finishes_is_not_killed():
    lab = Lab(a=1)
    weak = lab.submit(queue="besteffort")
    lab.wait()
    lab.end(weak)
    job = lab.submit()
    lab.wait()
    assert (weak.state, job.state) == (TERMINATED, RUNNING)
    assert kinds(weak) == ["SWITCH_INTO_TERMINATE_STATE"]


def test_only_as_many_besteffort_jobs_go_as_must():
    lab = Lab(a=3)
    weak = [lab.submit(queue="besteffort") for _ in range(2)]
    lab.wait()
    job = lab.submit()
    lab.wait()
    assert lab.nodes(job) == ["a-3"]
    assert [other.state for other in weak] == [RUNNING, RUNNING]
    lab.submit()
    lab.wait()
    assert [other.state for other in weak] == [ERROR, RUNNING]


def test_a_besteffort_job_waits_for_all_others_and_for_its_like():
    lab = Lab(a=1)
    first = lab.submit(queue="besteffort", walltime=50)
    second = lab.submit(queue="besteffort", walltime=50)
    assert second.predicted_start == NOW + 51
    lab.wait()
    assert (first.state, second.state) == (RUNNING, WAITING)
    lab.submit(walltime=100)
    lab.wait()
    assert (first.state, second.state) == (ERROR, WAITING)
    assert second.predicted_start >= NOW + 100


def test_a_besteffort_job_does_not_start_where_a_reservation_comes_soon():
    lab = Lab(a=1)
    job = lab.reserve(after=60)
    weak = lab.submit(queue="besteffort", walltime=100)
    lab.wait(30)
    assert weak.state is WAITING
    lab.wait(32)
    assert job.state is RUNNING


def test_a_reservation_takes_the_place_of_besteffort_jobs():
    lab = Lab(a=1)
    weak = lab.submit(queue="besteffort", walltime=1000)
    lab.wait()
    job = lab.reserve(after=50)
    assert job.state is WAITING
    lab.wait(49)
    assert weak.state is RUNNING
    lab.wait(3)
    assert (weak.state, job.state) == (ERROR, RUNNING)


# --- containers


def test_inner_jobs_run_inside_their_container_only():
    lab = Lab(a=4)
    container = lab.submit("nodes=2", types=("container",), command="", walltime=1000)
    lab.wait()
    inner = [lab.submit(types=("inner=1",)) for _ in range(3)]
    outer = lab.submit()
    lab.wait()
    assert [lab.nodes(job) for job in inner[:2]] == [["a-1"], ["a-2"]]
    assert (inner[2].state, inner[2].predicted_start) == (WAITING, inner[0].start_date + 101)
    assert lab.nodes(outer) == ["a-3"]
    assert lab.nodes(container) == ["a-1", "a-2"]


def test_an_inner_job_waits_for_its_container():
    lab = Lab(a=1)
    lab.submit(walltime=50)
    lab.submit(types=("container",), command="", walltime=1000)
    inner = lab.submit(types=("inner=2",))
    assert (inner.state, inner.predicted_start) == (WAITING, None)
    assert "no_matching_slot" in inner.message
    lab.wait(60)
    assert inner.state is RUNNING


def test_an_inner_job_ends_before_its_container_or_does_not_start():
    lab = Lab(a=1)
    container = lab.submit(types=("container",), command="", walltime=100)
    lab.wait(50)
    short, long = (lab.submit("core=1", types=("inner=1",), walltime=n) for n in (40, 60))
    lab.wait()
    assert (short.state, long.state) == (RUNNING, WAITING)
    lab.wait(60)
    assert (container.state, short.state, long.state) == (ERROR, ERROR, WAITING)
    assert long.predicted_start is None


@pytest.mark.parametrize("word", ["7", "x", "2"])
def test_an_inner_job_of_what_is_no_container_never_starts(word):
    lab = Lab(a=2)
    lab.submit()
    job = lab.submit(types=(f"inner={word}",))
    lab.wait(5)
    assert job.state is WAITING


def test_an_inner_job_that_outlives_its_container_keeps_its_nodes():
    lab = Lab(a=2)
    container = lab.submit("nodes=2", types=("container",), walltime=1000)
    lab.wait()
    inner = lab.submit("nodes=1", types=("inner=1",), walltime=500)
    late = lab.submit("nodes=2", types=("inner=1",), walltime=100)
    lab.wait()
    lab.delete(container)
    both, one = lab.submit("nodes=2", walltime=50), lab.submit("nodes=1", walltime=50)
    lab.wait(10)
    assert (container.state, inner.state, late.state) == (ERROR, RUNNING, WAITING)
    assert (both.state, lab.nodes(one)) == (WAITING, ["a-2"])
    lab.end(inner)
    lab.wait(60)
    assert both.state is RUNNING


def test_a_reservation_inside_a_container_is_confined_to_it():
    lab = Lab(a=2)
    lab.submit("nodes=1", types=("container",), command="", walltime=1000)
    lab.wait()
    inner = lab.reserve(after=100, types=("inner=1",), walltime=100)
    assert lab.reserve(after=950, types=("inner=1",), walltime=100).state is ERROR
    lab.wait(110)
    assert (inner.state, lab.nodes(inner)) == (RUNNING, ["a-1"])


def test_a_reservation_inside_a_container_that_is_over_does_not_start():
    lab = Lab(a=1)
    container = lab.submit(types=("container",), command="", walltime=1000)
    lab.wait()
    inner = lab.reserve(after=100, types=("inner=1",), walltime=100)
    lab.delete(container)
    lab.wait(110)
    assert inner.state is WAITING
    lab.wait(110)
    assert inner.state is ERROR


# --- moldable jobs


def test_of_several_alternatives_the_one_that_ends_first_is_taken():
    lab = Lab(a=4)
    job = lab.submit("nodes=1,walltime=0:0:400", "nodes=4,walltime=0:0:100")
    lab.wait()
    assert (len(lab.nodes(job)), job.walltime) == (4, 100)


def test_an_alternative_that_starts_now_wins_if_it_ends_before_the_other():
    lab = Lab(a=4)
    lab.submit("nodes=1", walltime=200)
    job = lab.submit("nodes=4,walltime=0:0:100", "nodes=2,walltime=0:0:150")
    lab.wait()
    assert (job.state, len(lab.nodes(job)), job.walltime) == (RUNNING, 2, 150)


def test_a_moldable_reservation_takes_the_first_alternative_that_fits():
    lab = Lab(a=2)
    lab.submit("nodes=1", walltime=200)
    job = lab.reserve("nodes=2,walltime=0:0:50", after=100)
    assert job.state is ERROR
    either = lab.submit(
        "nodes=2,walltime=0:0:50", "nodes=1,walltime=0:0:90", reservation_date=NOW + 100
    )
    assert (either.state, either.walltime) == (WAITING, 90)


# --- nodes


@pytest.mark.parametrize("state", ["Absent", "Suspected", "Dead"])
def test_a_job_waits_for_nodes_that_are_not_alive(state):
    lab = Lab(a=2)
    first, second = lab.submit("nodes=1"), lab.submit("nodes=2")
    lab.set_node("a-2", state)
    lab.wait()
    assert lab.nodes(first) == ["a-1"]
    assert (second.state, second.predicted_start) == (WAITING, None)
    assert second.message == "No enough matching resources (no_matching_slot)"
    lab.set_node("a-2", "Alive")
    assert second.predicted_start == first.start_date + 101
    assert second.message.startswith("R=8,")


def test_more_nodes_than_are_not_dead_are_refused():
    lab = Lab(a=2)
    lab.set_node("a-1", "Suspected")
    assert lab.submit("nodes=2").state is WAITING
    lab.set_node("a-1", "Dead")
    with pytest.raises(NotEnoughResources):
        lab.submit("nodes=2")


def test_a_job_runs_on_when_its_node_is_no_longer_alive():
    lab = Lab(a=1)
    job, second = lab.submit(), lab.submit()
    lab.wait()
    lab.set_node("a-1", "Suspected")
    lab.wait(50)
    assert (job.state, second.predicted_start) == (RUNNING, None)
    assert lab.site.running_on("a-1.lyon.grid5000.fr") == [job]
    assert lab.site.running_on("a-9.lyon.grid5000.fr") == []


def test_a_job_on_a_node_that_died_in_silence_is_submitted_again():
    lab = Lab(a=2)
    lab.site.silent_nodes.add("a-1.lyon.grid5000.fr")
    job = lab.submit(name="x", walltime=77)
    after = lab.submit(dependencies=(job.job_id,))
    lab.wait(3)
    copy = lab.site.jobs[3]
    assert job.state is ERROR
    assert kinds(job) == ["CPUSET_ERROR", "RESUBMIT_JOB_AUTOMATICALLY"]
    assert "a-1.lyon.grid5000.fr" in job.events[0].description
    assert (copy.state, copy.resubmitted, copy.name, copy.walltime) == (RUNNING, 1, "x", 77)
    assert lab.nodes(copy) == ["a-2"]
    assert (after.state, after.dependencies) == (WAITING, (3,))
    assert lab.table.values(lab.table.all, "state") == ["Suspected", "Alive"]
    assert lab.executor.calls == [("launch", 3)]


def test_reservations_and_interactive_jobs_are_not_submitted_again():
    lab = Lab(a=2)
    lab.site.silent_nodes |= {"a-1.lyon.grid5000.fr", "a-2.lyon.grid5000.fr"}
    jobs = [lab.submit(interactive=True), lab.reserve(after=0)]
    lab.wait()
    assert [job.state for job in jobs] == [ERROR, ERROR]
    assert len(lab.site.jobs) == 2


def test_a_copy_starts_afresh():
    lab = Lab(a=1)
    job = lab.submit(walltime=10)
    lab.wait(5)
    lab.site.lengthen(job, 5, lab.now)
    lab.wait(15)
    copy = lab.site.copy_of(job, int(lab.now))
    lab.wait()
    assert (copy.state, copy.walltime, copy.events, copy.array_id) == (RUNNING, 10, [], 2)
    assert copy.submission_date == NOW + 20
    assert len(job.events) == 5


def test_a_copy_of_a_reservation_is_one():
    lab = Lab(a=1)
    job = lab.reserve(after=100)
    lab.delete(job)
    lab.wait()
    copy = lab.site.copy_of(job, int(lab.now))
    assert (copy.state, copy.predicted_start) == (WAITING, NOW + 100)
    lab.wait(10)
    assert copy.state is WAITING


# --- whatever is submitted

REQUESTS = [
    "nodes=1", "nodes=2", "nodes=4", "core=1", "core=3", "/nodes=2/core=1", "cpu=1",
    "/cluster=1/nodes=2", "{cluster='b'}/nodes=1", "{cluster='a'}/nodes=1+{cluster='b'}/nodes=1",
    "nodes=BEST", "nodes=ALL", "/nodes=BEST/core=2", "{cluster='a'}/cluster=1",
]  # fmt: skip
SUBMISSIONS = st.fixed_dictionaries(
    {
        "requests": st.lists(st.sampled_from(REQUESTS), min_size=1, max_size=2),
        "walltime": st.integers(1, 60),
        "duration": st.one_of(st.none(), st.integers(0, 60)),
        "queue": st.sampled_from(["default", "default", "admin", "besteffort"]),
        "types": st.sampled_from([(), (), ("container",), ("inner=1",), ("inner=2",), ("noop",)]),
        "after": st.one_of(st.none(), st.none(), st.integers(-20, 100)),
        "dependencies": st.sampled_from([(), (), (1,), (2,)]),
    }
)
ACTS = st.one_of(
    st.tuples(st.just("submit"), SUBMISSIONS),
    st.tuples(st.just("submit"), SUBMISSIONS),
    st.tuples(st.just("wait"), st.floats(0.125, 40, width=16)),
    st.tuples(st.sampled_from(["delete", "hold", "resume", "end"]), st.integers(1, 8)),
    st.tuples(st.just("lengthen"), st.tuples(st.integers(1, 8), st.integers(-50, 50))),
    st.tuples(
        st.just("node"),
        st.tuples(
            st.sampled_from(["a-1", "a-2", "b-1"]),
            st.sampled_from(["Alive", "Alive", "Absent", "Suspected", "Dead"]),
        ),
    ),
    st.tuples(st.just("silence"), st.sampled_from(["a-1", "b-2"])),
    st.tuples(st.just("grace"), st.integers(0, 20)),
)


def act_on(lab, what, how):
    job = lab.site.jobs.get(how if isinstance(how, int) else 0)
    if what == "submit":
        after = how["after"]
        options = {key: how[key] for key in ("walltime", "duration", "types", "dependencies")}
        if after is not None:
            options |= {"reservation_date": int(lab.now + after), "dependencies": ()}
        else:
            options["queue"] = how["queue"]
        try:
            lab.submit(*how["requests"], **options)
        except NotEnoughResources:
            assert "Dead" in lab.table.values(lab.table.all, "state")
    elif what == "wait":
        lab.wait(how)
    elif what == "lengthen":
        job = lab.site.jobs.get(how[0])
        if job is not None and job.state is RUNNING:
            lab.site.lengthen(job, how[1], lab.now)
    elif what == "node":
        lab.set_node(*how)
    elif what == "silence":
        lab.site.silent_nodes.add(f"{how}.lyon.grid5000.fr")
    elif what == "grace":
        lab.executor.grace = how
    elif job is not None and what == "delete":
        lab.delete(job)
    elif job is not None and what == "end":
        if job.state is RUNNING:
            lab.end(job)
    elif job is not None:
        getattr(lab.site, what)(job)
    lab.settle()


def check_sharing(lab):
    """No two jobs have a resource in common, but a container and its inner jobs."""
    taken = {}
    for job in lab.site.jobs.values():
        if not job.state.has_nodes:
            continue
        inner = job.type_value("inner")
        if inner is not None:
            container = lab.site.jobs[int(inner)]
            assert job.resources & ~container.resources == 0
        for resource in ids_of(job.resources):
            other = taken.setdefault((inner, resource), job)
            assert other is job, f"{job.job_id} and {other.job_id} share {resource}"
            if inner is not None:
                # one that is not in its container any more is alone all the same
                outer = taken.get((None, resource))
                assert outer is None or outer.job_id == int(inner)


def check_got(lab, job):
    """A job that was just started has what it asked for, on nodes that are alive."""
    assert job.resources & ~lab.table.alive == 0
    assert job.request is not None
    if job.is_reservation:
        got_less = "SCHEDULER_REDUCE_NB_RESSOURCES_FOR_RESERVATION" in kinds(job)
        assert got_less or job.resources == job.reserved
        return
    assert job.request in job.requests
    rows = [lab.table.rows[i - 1] for i in ids_of(job.resources)]
    for group in job.request.groups:
        levels = group.levels
        mine = [row for row in rows if not group.where or f"'{row['cluster']}'" in group.where]
        for depth, level in enumerate(levels):
            outer = {tuple(row[up.name] for up in levels[:depth]) for row in mine}
            for one in outer:
                inside = {
                    row[level.name]
                    for row in mine
                    if tuple(row[up.name] for up in levels[:depth]) == one
                }
                if level.count not in (ALL, BEST):
                    assert len(inside) == level.count
                assert inside
        # what the last level names is had whole, but for what is dead
        for value in {row[levels[-1].name] for row in mine}:
            whole = [r for r in lab.table.rows if r[levels[-1].name] == value]
            assert all(r in mine or r["state"] == "Dead" for r in whole)


@settings(max_examples=120, derandomize=True, database=None, deadline=None)
@given(st.lists(ACTS, min_size=2, max_size=14))
def test_whatever_happens_no_two_jobs_share_a_resource_and_each_gets_what_it_asked_for(acts):
    lab = Lab(a=2, b=2)
    started = set()

    def watch():
        check_sharing(lab)
        for job in lab.site.jobs.values():
            if job.state is State.TO_LAUNCH and job.job_id not in started:
                started.add(job.job_id)
                check_got(lab, job)

    lab.watchers.append(watch)
    for what, how in acts:
        act_on(lab, what, how)
    lab.wait(500)
    # what could end has ended
    assert not lab.in_state(State.LAUNCHING)
    assert not lab.in_state(State.FINISHING)
    for job in lab.site.jobs.values():
        if job.state is RUNNING:
            assert lab.now < job.start_date + job.walltime + 21


BATCH = st.lists(
    st.tuples(
        st.sampled_from([text for text in REQUESTS if "BEST" not in text]), st.integers(1, 99)
    ),
    min_size=2,
    max_size=8,
)


def predictions(batch):
    lab = Lab(a=2, b=2)
    jobs = [lab.submit(text, walltime=walltime) for text, walltime in batch]
    return [job.predicted_start for job in jobs]


@settings(max_examples=60, derandomize=True, database=None, deadline=None)
@given(BATCH)
def test_no_job_is_delayed_by_one_behind_it(batch):
    assert predictions(batch)[:-1] == predictions(batch[:-1])
