"""Notebooks, as Jupyter runs them."""

import importlib.util
from pathlib import Path

import pytest

pytest.importorskip("asyncssh", reason="the sandbox needs asyncssh")
pytest.importorskip("nbclient", reason="notebooks need nbclient and ipykernel")
pytest.importorskip("ipykernel", reason="notebooks need nbclient and ipykernel")

import nbformat
from jupyter_client.manager import start_new_kernel

from execo_g5k import get_current_oar_jobs
from tests.system.helpers import until

NOTEBOOKS = Path(__file__).parents[2] / "docs" / "notebooks"
ALL_NODES = "grisou-[1-2].nancy.grid5000.fr, nova-2.lyon.grid5000.fr (3)"


def module(name):
    spec = importlib.util.spec_from_file_location(name, NOTEBOOKS / f"{name}.py")
    made = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(made)
    return made


def shown(notebook):
    """Return what the cells of code show: the HTML where there is some, else the text."""
    return [
        "".join(
            output["text"] if output.output_type == "stream"
            else output["data"].get("text/html", output["data"]["text/plain"])
            for output in cell.outputs
        )
        for cell in notebook.cells if cell.cell_type == "code"
    ]  # fmt: skip


@pytest.mark.filterwarnings("default")
def test_the_notebook_of_the_docs_runs_and_its_outputs_are_kept():
    execute = module("execute")
    kept = nbformat.read(NOTEBOOKS / "first-experiment.ipynb", 4)
    assert [cell.source for cell in kept.cells] == [
        cell.source for cell in execute.notebook().cells
    ]
    for outputs in (shown(kept), shown(execute.executed())):
        _, job, work, groups, report, deployed, end = outputs
        assert ">Running<" in job
        assert "4 of 4" in work
        assert ">exit 3<" in work
        assert ALL_NODES in groups
        assert "what happened" in report
        assert "4 deployed" in deployed
        assert end == ""


@pytest.fixture
def kernel(sandbox):
    """A kernel in the sandbox, asked by `cell(source)`."""
    manager, client = start_new_kernel(kernel_name="python3")

    def cell(source, **expressions):
        asked = client.execute(source, user_expressions=expressions)
        while True:
            answer = client.get_shell_msg(timeout=60)
            if answer["parent_header"]["msg_id"] == asked:
                return answer["content"]

    cell.interrupt = manager.interrupt_kernel
    cell.start = client.execute
    cell.answer = lambda: client.get_shell_msg(timeout=60)["content"]
    yield cell
    client.stop_channels()
    manager.shutdown_kernel(now=True)


def value(content, name):
    return content["user_expressions"][name]["data"]["text/plain"]


@pytest.mark.filterwarnings("default")
def test_calls_block_and_are_awaited(kernel):
    begin = kernel("from execo import *; from execo_g5k import *; from execo_g5k import aio")
    assert begin["status"] == "ok"
    done = kernel(
        "async with reservation((OarSubmission('nodes=1'), 'nancy')) as nodes:\n"
        "    said = await Remote('hostname', nodes, node_connexion_params()).start()\n"
        "running = await aio.get_current_oar_jobs('nancy')\n"
        "here = Process('echo here').run()",
        said="said.processes[0].stdout", here="here.stdout", running="running",
    )  # fmt: skip
    assert done["status"] == "ok", done
    assert value(done, "said") == r"'grisou-1\n'"
    assert value(done, "here") == r"'here\n'"


@pytest.mark.filterwarnings("default")
def test_an_interrupt_ends_what_blocks_and_leaves_nothing(kernel, tmp_path):
    kernel("from execo import *; from execo_g5k import *")
    mark = tmp_path / "runs"
    kernel.start(f"action = Local('touch {mark}; sleep 1000', {{'shell': True}}).run()")
    until(mark.exists)
    kernel.interrupt()
    assert kernel.answer()["ename"] == "KeyboardInterrupt"
    # a job that can't start is waited for in a block
    kernel.start(
        "full = OarSubmission('nodes=4', '1:0:0')\n"
        "[first] = oarsub([(full, 'nancy')])\n"
        "with reservation((full, 'nancy')) as nodes: pass"
    )
    until(lambda: len(get_current_oar_jobs("nancy")) == 2)
    kernel.interrupt()
    assert kernel.answer()["ename"] == "KeyboardInterrupt"
    until(lambda: len(get_current_oar_jobs("nancy")) == 1)
    again = kernel("oardel([first])\nleft = jobs_left()", left="list(left)")
    assert value(again, "left") == "[]"
