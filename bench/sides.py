"""Who is measured: this project, its peers, and the least that can be done."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True)
class Side:
    """A script in `bench/peers`, and what it needs."""

    script: str
    package: str | None = None
    """What pip installs for it, in words, in an environment of its own; None: it needs none."""
    program: str | None = None
    """What it runs, which apt installs."""
    options: Mapping[str, Any] = field(default_factory=dict)
    """What is added to its jobs."""


# what it imports, and does not ask pip for
EXECO = "execo==2.8.2 requests"
_OURS = {"ours": True, "action": True, "import": "execo, execo_g5k", "starts_nothing": True}

SIDES: Mapping[str, Side] = {
    "ours": Side("execo_users", options=_OURS),
    "ours, one by one": Side("execo_users", options={**_OURS, "action": False}),
    "ours, connexion_reuse": Side("execo_users", options={**_OURS, "reuse": True}),
    "ours, asyncssh": Side("execo_users", options={**_OURS, "transport": "asyncssh"}),
    "ours, TaktukPut": Side(
        "execo_users", program="taktuk", options={**_OURS, "tool": "TaktukPut"}
    ),
    "ours, ChainPut": Side("execo_users", options={**_OURS, "tool": "ChainPut"}),
    "execo": Side("execo_users", EXECO, options={"import": "execo, execo_g5k"}),
    "execo, TaktukPut": Side("execo_users", EXECO, "taktuk", {"tool": "TaktukPut"}),
    "execo, ChainPut": Side("execo_users", EXECO, options={"tool": "ChainPut"}),
    "ClusterShell": Side("clustershell", "ClusterShell", options={"import": "ClusterShell.Task"}),
    "parallel-ssh": Side("parallel_ssh", "parallel-ssh", options={"import": "pssh.clients"}),
    "paramiko": Side("paramiko_", "paramiko", options={"import": "paramiko"}),
    "asyncssh": Side("asyncssh_", "asyncssh", options={"import": "asyncssh"}),
    "asyncio": Side("asyncio_", options={"import": "asyncio"}),
    "subprocess": Side("subprocess_", options={"import": "subprocess"}),
    "pdsh": Side("pdsh", program="pdsh"),
    "GNU parallel": Side("gnu_parallel", program="parallel"),
    "xargs": Side("xargs", program="xargs"),
    "taktuk": Side("taktuk", program="taktuk"),
    "bare loop": Side("bare"),
    "bare loop, ssh's own choice": Side("bare", options={"fast": False}),
}
"""Name -> side."""
