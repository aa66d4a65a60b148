"""What a deployment, a reboot and a change of power consist of: macro-steps of micro-steps."""

import enum
from collections.abc import Iterable
from dataclasses import dataclass, replace


class Does(enum.Enum):
    """What a micro-step does to nodes."""

    STOP = "stop"
    MINI = "mini"
    """Wait until they are in the system of Kadeploy."""
    SYSTEM = "system"
    """Wait until they are in the system that is wanted."""


@dataclass(frozen=True, kw_only=True)
class Micro:
    """A micro-step."""

    name: str
    seconds: float = 1.0
    does: Does | None = None
    detail: str = ""
    """Line printed below its name; {level} and {nodes} stand for how hard and what."""
    command: str = ""
    """What -d shows that it runs; {node} stands for the short name."""
    needs: str = ""
    """The option without which it is left out: key, vlan, tmp."""


@dataclass(frozen=True, kw_only=True)
class Macro:
    """A macro-step, tried again for the nodes on which it fails."""

    name: str
    micros: tuple[Micro, ...]
    retries: int = 1
    timeout: float | None = None
    """Seconds after which it is given up for all its nodes."""

    @property
    def seconds(self) -> float:
        """How long it lasts at the most when nothing fails."""
        return sum(micro.seconds for micro in self.micros)


@dataclass(frozen=True, kw_only=True)
class Kind:
    """A kind of operation, in the words of Kadeploy."""

    letter: str
    """First letter of the ids."""
    title: str
    operation: str
    noun: str
    step: str
    doing: str
    """State of the nodes meanwhile."""
    done: str
    failed: str
    tells_all: bool = False
    """Whether the failure of all nodes at once is told before the end."""


DEPLOYMENT = Kind(
    letter="D", title="Deployment", operation="deployment", noun="deployment", step="Deploy",
    doing="deploying", done="deployed", failed="deploy_failed",
)  # fmt: skip
REBOOT = Kind(
    letter="R", title="Reboot operation", operation="reboot operation", noun="reboot",
    step="Reboot", doing="rebooting", done="rebooted", failed="reboot_failed",
)  # fmt: skip
POWER = Kind(
    letter="P", title="Power operation", operation="power operation", noun="power operation",
    step="Power", doing="powering", done="powered", failed="power_failed", tells_all=True,
)  # fmt: skip

_LEVEL = "   * Performing a {level} reboot on {nodes}"
_LANPOWER = '["/usr/sbin/lanpower -c cycle -m {node}"]'


def _by_taktuk(command: str) -> str:
    return f"taktuk --connector ssh --dynamic 0 -s broadcast exec [ {command} ]"


_SET_UP = (
    Micro(name="switch_pxe", seconds=1),
    Micro(name="reboot", seconds=1, does=Does.STOP, detail=_LEVEL, command=_LANPOWER),
    Micro(name="wait_reboot", seconds=6, does=Does.MINI),
    Micro(name="send_key_in_deploy_env", needs="key",
          command=_by_taktuk("cat - >> /root/.ssh/authorized_keys")),
    Micro(name="create_partition_table", command=_by_taktuk("parted -s /dev/sda")),
    Micro(name="format_deploy_part", command=_by_taktuk("mkfs -t ext4 -O ^64bit /dev/sda3")),
    Micro(name="mount_deploy_part", command=_by_taktuk("mount /dev/sda3 /mnt/dest")),
    Micro(name="format_tmp_part", needs="tmp", command=_by_taktuk("mkfs -t ext4 /dev/sda5")),
    Micro(name="format_swap_part", command=_by_taktuk("mkswap /dev/sda1")),
)  # fmt: skip
_BROADCAST = (
    Micro(name="send_environment", seconds=4, command=_by_taktuk("tar xz -C /mnt/dest")),
    Micro(name="manage_admin_post_install", command=_by_taktuk("/rambin/traitement.ash /rambin")),
    Micro(name="send_key", needs="key",
          command=_by_taktuk("cat - >> /mnt/dest/root/.ssh/authorized_keys")),
    Micro(name="install_bootloader", command=_by_taktuk("grub-install /dev/sda")),
)  # fmt: skip
_BOOT = (
    Micro(name="switch_pxe"),
    Micro(name="set_vlan", needs="vlan"),
    Micro(name="umount_deploy_part", command=_by_taktuk("umount /mnt/dest")),
    Micro(name="mount_deploy_part", command=_by_taktuk("mount /dev/sda3 /mnt/dest")),
    Micro(name="kexec", does=Does.STOP, command=_by_taktuk("/sbin/kexec -l /vmlinuz")),
    Micro(name="wait_reboot", seconds=5, does=Does.SYSTEM),
)

STEPS = (
    Macro(name="SetDeploymentEnvUntrusted", micros=_SET_UP),
    Macro(name="BroadcastEnvKascade", micros=_BROADCAST),
    Macro(name="BootNewEnvKexec", micros=_BOOT),
)
"""What a deployment consists of, in seconds that mean proportions."""

_REBOOT = (
    Micro(name="reboot", does=Does.STOP, detail=_LEVEL, command=_LANPOWER),
    Micro(name="wait_reboot", seconds=6, does=Does.SYSTEM),
)
_TO_MINI = (*_REBOOT[:1], Micro(name="wait_reboot", seconds=6, does=Does.MINI))
_SWITCH = Micro(name="switch_pxe")

REBOOTS = {
    "simple": Macro(name="Simple", micros=_REBOOT, retries=0),
    "set_pxe": Macro(name="SetPXE", micros=(_SWITCH, *_REBOOT), retries=0),
    "deploy_env": Macro(name="DeployEnv", micros=(_SWITCH, *_TO_MINI), retries=0),
    "recorded_env": Macro(name="RecordedEnv", micros=(_SWITCH, *_REBOOT), retries=0),
}
"""Kind of a reboot -> its macro-step."""

POWERS = {
    "on": Macro(name="On", retries=0, micros=(
        Micro(name="power", seconds=0.5, does=Does.SYSTEM,
              detail="   * Performing a {level} power_on on {nodes}"),)),
    "off": Macro(name="Off", retries=0, micros=(
        Micro(name="power", seconds=0.5, does=Does.STOP,
              detail="   * Performing a {level} power_off on {nodes}"),)),
    "status": Macro(name="Status", retries=0, micros=(
        Micro(name="power", seconds=0.5, detail="   * A power status will be performed"),)),
}  # fmt: skip
"""Change of power -> its macro-step."""


def scaled(macros: Iterable[Macro], factor: float) -> tuple[Macro, ...]:
    """Return steps that last `factor` times as long."""
    return tuple(
        replace(
            macro,
            micros=tuple(replace(m, seconds=m.seconds * factor) for m in macro.micros),
            timeout=None if macro.timeout is None else macro.timeout * factor,
        )
        for macro in macros
    )


def total(macros: Iterable[Macro]) -> float:
    """Return how many seconds steps last when nothing fails."""
    return sum(macro.seconds for macro in macros)
