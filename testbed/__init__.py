"""A miniature Grid'5000 on one Linux machine: real OAR servers, nodes, frontends.

`python3 -m testbed up` starts it; `Grid` drives it from tests.
"""

from testbed.errors import GridError
from testbed.grid import Grid
from testbed.waiting import wait_until

__all__ = ["Grid", "GridError", "wait_until"]
