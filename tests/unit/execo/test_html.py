"""What notebooks show."""

from execo import Local, Process, Report, group_outputs
from execo import _html as html
from execo.progress import progress
from execo_g5k.jobs import JobInfo
from execo_g5k.tries import Deployed

HOSTILE = "<script>alert('x')</script>&"


def texts():
    process = Process(["printf", "%s", HOSTILE], nolog_exit_code=True).run()
    yield "a table", html.table([HOSTILE], [[HOSTILE]], title=HOSTILE)
    yield "an output", html.output(HOSTILE, HOSTILE, failed=True)
    yield "a bar", html.bar(HOSTILE, 1, 1, 2, 3.0)
    yield "a process", process._repr_html_()
    yield "groups", group_outputs([process])._repr_html_()
    yield "a job", JobInfo(job_id=1, state="Running", name=HOSTILE)._repr_html_()
    yield "a report", Report([process], name=HOSTILE)._repr_html_()
    yield "a deployment", Deployed([], ["a"], (), {"a": HOSTILE})._repr_html_()


def test_text_is_text():
    for what, shown in texts():
        assert "<script" not in shown, what
        assert "&lt;script&gt;" in shown, what


def test_much_is_cut():
    shown = html.output("x", "line\n" * 1000, failed=False)
    assert shown.count("line") == html.LINES + 1
    assert f"{1000 - html.LINES} more lines" in shown
    rows = html.table(["n"], [[str(number)] for number in range(1000)])
    assert rows.count("<tr>") == html.ROWS + 2
    assert f"and {1000 - html.ROWS} more" in rows


def test_an_action_shows_how_each_of_its_processes_is():
    new = Local("true")
    assert ">new<" in new._repr_html_()
    failed = Local("echo one; echo two; exit 3", {"shell": True, "nolog_exit_code": True}).run()
    shown = failed._repr_html_()
    assert ">exit 3<" in shown
    assert ">two<" in shown
    assert ">one<" not in shown


def test_a_job_is_told_in_words():
    job = JobInfo(
        job_id=7, state="Running", walltime=5400, hosts=["a-1", "a-2"], types=[], start_date=0,
        resources=[1, 2], command="a\nb",
    )  # fmt: skip
    assert job.in_words() == {
        "state": "Running", "walltime": "1h30m", "hosts": "a-[1-2]", "command": "a?b",
        "start_date": job.in_words()["start_date"],
    }  # fmt: skip


def test_progress_shows_nothing_where_nobody_looks(capfd):
    action = Local("true")
    with progress(action):
        action.run()
    assert action.processes[0].lifecycle_handlers == []
    assert capfd.readouterr() == ("", "")
