"""The manual is built without a warning, and has an entry for each public name."""

import inspect
import re
import subprocess
import sys
from pathlib import Path

import pytest

pytest.importorskip("sphinx", reason="the manual needs Sphinx")
pytest.importorskip("asyncssh", reason="the sandbox needs asyncssh")

import execo
import execo.aio
import execo_g5k
import execo_g5k.aio
import execo_g5k.sandbox
from execo_g5k import credentials
from execo_g5k.config import G5kSettings

DOCS = Path(__file__).parents[2] / "docs"

# the order in which users know them
CHAPTERS = (
    "OAR functions", "OARGRID functions", "kadeploy3", "Utilities", "Configuration", "OAR keys",
    "Running from another host than a frontend", "Running from outside Grid5000",
    "The perfect grid5000 connexion configuration",
)  # fmt: skip
OAR = (
    "OarSubmission", "oarsub", "oardel", "get_current_oar_jobs", "get_oar_job_info",
    "wait_oar_job_start", "get_oar_job_nodes",
)  # fmt: skip
KADEPLOY = ("Deployment", "Kadeployer", "kadeploy", "deploy")
SETTINGS = (
    "g5k_configuration", "default_frontend_connexion_params", "default_oarsh_oarcp_params",
)  # fmt: skip
# what functions take and return, where scripts find it
TAKEN_AND_RETURNED = {
    "execo.process": ("ProcessState",),
    "execo.progress": ("progress",),
    "execo_g5k.jobs": (
        "JobInfo", "JobRef", "JobState", "JobState.RUNNING", "Started", "Ended", "NotFound",
        "TimedOut",
    ),
    "execo_g5k.oar": ("LeftJob", "LeftJobs", "LeftJobs.elsewhere", "ReservedNodes"),
    "execo_g5k.kadeploy": (
        "Deployed", "Deployed.errors", "Failure", "FailureKind", "FailureKind.LOCKED",
        "KadeployProgress", "NodeState", "NodeState.DEPLOYED", "Try",
    ),
    "execo_g5k.sandbox.faults": ("Faults", "Faults.mend_all"),
    "execo_g5k.sandbox.pytest_plugin": (
        "sandbox", "sandbox_of_all_tests", "sandbox_settings", "sandbox_sites",
    ),
}  # fmt: skip
BAD_SIGNS = {
    "a docstring of int": "Convert a number or string to an integer",
    # the renderer takes "a: b" in the first line of a property for a type and its text
    "a docstring that was cut at its colon": ">Type<span",
    "a function that is a default value": "&lt;function",
    "what the engine tells a process": "child_ended",
    "a base that is not public": "CopiedAsNew",
}
PROCESS = (
    "cmd", "end_date", "ended_event", "error_reason", "exit_code", "expect_fail", "pid",
    "start_date", "started_event", "stderr", "stdout", "timeout_date", "timeouted", "write_error",
)  # fmt: skip


def public_names() -> set[str]:
    """Return the full names that need an entry."""
    modules = (execo, execo.aio, execo_g5k, execo_g5k.aio, execo_g5k.sandbox)
    names = {f"{module.__name__}.{name}" for module in modules for name in module.__all__}
    own = {
        f"{credentials.__name__}.{name}"
        for name, value in inspect.getmembers(credentials)
        if not name.startswith("_")
        and getattr(value, "__module__", "") == credentials.__name__
        and (inspect.isclass(value) or inspect.isfunction(value))
    }
    others = {f"{module}.{name}" for module, some in TAKEN_AND_RETURNED.items() for name in some}
    return names | own | others | {f"execo.Process.{name}" for name in PROCESS}


def entries(html: Path) -> set[str]:
    """Return the names that have an entry in the reference."""
    pages = "".join(page.read_text() for page in html.glob("reference/*.html"))
    return set(re.findall(r'<dt class="sig[^"]*" id="([\w.]+)"', pages))


def badly_shown(html: Path) -> set[str]:
    """Return what the reference shows, and should not."""
    pages = {page.name: page.read_text() for page in html.glob("reference/*.html")}
    return {
        f"{page}: {what}"
        for page, text in pages.items()
        for what, sign in BAD_SIGNS.items()
        if sign in text
    }


def in_order(text: str, wanted: tuple[str, ...]) -> bool:
    """Tell whether words stand in a text, one behind the other."""
    places = [text.find(word) for word in wanted]
    return -1 not in places and places == sorted(places)


@pytest.mark.slow
def test_the_manual_has_an_entry_for_each_public_name_in_the_known_order(tmp_path):
    built = subprocess.run(
        [sys.executable, "-m", "sphinx", "-b", "html", "-W", "--keep-going", "-q", DOCS, tmp_path],
        capture_output=True, text=True, timeout=110, check=False,
    )  # fmt: skip
    assert (built.returncode, built.stderr) == (0, "")
    assert public_names() - entries(tmp_path) == set()
    assert badly_shown(tmp_path) == set()
    chapter = (tmp_path / "reference" / "grid5000.html").read_text()
    assert in_order(chapter, tuple(f"<h2>{title}" for title in CHAPTERS))
    assert in_order(chapter, tuple(f'id="execo_g5k.{name}"' for name in OAR + KADEPLOY + SETTINGS))
    # a default value, which stands in the source alone
    default = f">{G5kSettings().kadeploy_lock_timeout:g}<"
    assert default in chapter[chapter.rindex("kadeploy_lock_timeout") :][:300]


def test_a_name_without_an_entry_and_a_wrong_order_are_found(tmp_path):
    page = tmp_path / "reference" / "page.html"
    page.parent.mkdir()
    page.write_text('<dt class="sig sig-object py" id="execo.Process">')
    assert entries(tmp_path) == {"execo.Process"}
    assert "execo.Host" in public_names() - entries(tmp_path)
    assert badly_shown(tmp_path) == set()
    page.write_text('<dt>Type<span class="colon">:</span></dt>')
    assert badly_shown(tmp_path) == {"page.html: a docstring that was cut at its colon"}
    assert in_order("a b c", ("a", "c"))
    assert not in_order("a b c", ("c", "a"))
    assert not in_order("a b c", ("a", "d"))
