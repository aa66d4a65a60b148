"""Write the notebook of the docs, run it, and keep its outputs; and a picture of it.

    python3 docs/notebooks/execute.py                    first-experiment.ipynb
    python3 docs/notebooks/execute.py --picture          and first-experiment.png, with Chromium

The picture needs nbconvert and the program chromium.
"""

import subprocess
import sys
import tempfile
from pathlib import Path

import nbformat
from nbclient import NotebookClient

NOTEBOOK = Path(__file__).with_name("first-experiment.ipynb")
SOURCE = Path(__file__).with_name("first-experiment.md")
_WIDTH, _HEIGHT = 1200, 2300


def notebook() -> nbformat.NotebookNode:
    """Return the notebook, made of the page: its fenced blocks are the cells of code."""
    made = nbformat.v4.new_notebook()
    for number, part in enumerate(SOURCE.read_text().split("```")):
        if number % 2 and part.startswith("python"):
            cell = nbformat.v4.new_code_cell(part.removeprefix("python").strip())
        else:
            cell = nbformat.v4.new_markdown_cell(part.strip())
        cell.id = f"cell-{number}"
        if cell.source:
            made.cells.append(cell)
    return made


def executed() -> nbformat.NotebookNode:
    """Return the notebook with its outputs."""
    made = notebook()
    NotebookClient(made, timeout=100, kernel_name="python3").execute()
    for cell in made.cells:
        cell.metadata.pop("execution", None)
    return made


def picture() -> None:
    """Have a browser show the notebook, and keep what is seen."""
    with tempfile.TemporaryDirectory(dir=Path.home()) as folder:
        page = Path(folder) / "page.html"
        subprocess.run(
            [sys.executable, "-m", "nbconvert", "--to", "html", "--output", page, NOTEBOOK],
            check=True,
        )
        subprocess.run(
            [
                "chromium", "--headless", "--no-sandbox", "--disable-gpu", "--hide-scrollbars",
                f"--window-size={_WIDTH},{_HEIGHT}", "--virtual-time-budget=5000",
                f"--screenshot={NOTEBOOK.with_suffix('.png')}", page.as_uri(),
            ],
            check=True,
        )  # fmt: skip


if __name__ == "__main__":
    nbformat.write(executed(), NOTEBOOK)
    if "--picture" in sys.argv:
        picture()
