"""Configuration of the manual: `make docs` builds it."""

import sys
from importlib.metadata import version as version_of
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent / "_ext"))

project = "execo-g5k"
author = "the execo-g5k developers"
version = release = version_of("execo-g5k")

extensions = [
    "myst_parser",
    "sphinx.ext.autodoc",
    "sphinx.ext.napoleon",
    "ancestors",
    "settings_table",
]
exclude_patterns = ["_build", "_ext", "notebooks"]

html_theme = "furo"
html_title = f"execo-g5k {version}"
html_show_sphinx = False

# the text of docstrings is plain: `name` in it is a name
default_role = "code"
# quotes and dashes in it belong to code
smartquotes = False
# what arguments mean stands in the docstring of __init__
autoclass_content = "both"
autodoc_member_order = "bysource"
# signatures are short: the text below tells what is taken and returned
autodoc_typehints = "none"
# what the engine tells a process is no business of users
autodoc_default_options = {
    "exclude-members": "child_started,child_printed,child_write_failed,child_timed_out,child_ended"
}
python_maximum_signature_line_length = 90

myst_heading_anchors = 3
