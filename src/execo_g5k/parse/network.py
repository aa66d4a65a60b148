"""What `g5k-subnets` and `kavlan` print. Pure."""

import re

SUBNET_KEYS = (
    "ip_prefix",
    "broadcast",
    "netmask",
    "gateway",
    "network",
    "dns_hostname",
    "dns_ip",
)
"""The fields of a line of `g5k-subnets -a`, in order."""

_ADDRESS = re.compile(r"^\s*(\d+(?:\.\d+){3})\s+([0-9a-fA-F]{2}(?::[0-9a-fA-F]{2}){5})\s*$")
_PREFIX = re.compile(r"^\d+(\.\d+){3}/\d+$")
_NO_VLAN = re.compile(r"no vlan found|can't find vlan", re.IGNORECASE)
_NO_SUBNET = re.compile(r"no subnet|can't find subnet", re.IGNORECASE)


def parse_subnet_addresses(text: str) -> list[tuple[str, str]]:
    """Return the (ip, mac) of `g5k-subnets -im`, in its order; other lines are skipped."""
    matches = map(_ADDRESS.match, text.splitlines())
    return [(match[1], match[2]) for match in matches if match]


def parse_subnets(text: str) -> list[dict[str, str]]:
    """Return one dict a subnet, of `g5k-subnets -a`; its keys are SUBNET_KEYS."""
    rows = (line.split() for line in text.splitlines())
    return [
        dict(zip(SUBNET_KEYS, row, strict=True))
        for row in rows
        if len(row) == len(SUBNET_KEYS) and _PREFIX.match(row[0])
    ]


def parse_kavlan(text: str) -> list[int]:
    """Return the vlan ids of `kavlan -V`, in its order; other lines are skipped."""
    return [int(line) for line in text.split("\n") if re.fullmatch(r"\s*\d+\s*", line)]


def no_vlan_answered(stdout: str, stderr: str) -> bool:
    """Tell whether `kavlan` says that the job has no vlan."""
    return bool(_NO_VLAN.search(stdout) or _NO_VLAN.search(stderr))


def no_subnet_answered(stdout: str, stderr: str) -> bool:
    """Tell whether `g5k-subnets` says that the job has no subnet."""
    return bool(_NO_SUBNET.search(stdout) or _NO_SUBNET.search(stderr))
