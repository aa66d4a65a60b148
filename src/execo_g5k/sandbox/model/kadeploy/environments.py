"""The systems that can be deployed: their descriptions, owners and versions."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

PUBLIC_OWNER = "deploy"
"""User who owns the environments that everybody has."""

_WHERE = "server:///grid5000/images"


@dataclass(frozen=True, kw_only=True)
class Environment:
    """A system that can be deployed."""

    name: str
    user: str
    version: int = 1
    description: str = ""
    author: str = ""
    visibility: str = "shared"
    destructive: bool = False
    os: str = "linux"
    image: Mapping[str, str] = field(default_factory=dict)
    """file, kind, compression."""
    boot: Mapping[str, str] = field(default_factory=dict)
    filesystem: str = "ext4"
    partition_type: int = 131
    multipart: bool = False

    def seen_by(self, user: str) -> bool:
        """Tell whether a user may look at it."""
        return self.user == user or self.visibility != "private"


def public_environment(name: str, description: str) -> Environment:
    """Return an environment that everybody has."""
    return Environment(
        name=name,
        user=PUBLIC_OWNER,
        description=description,
        author="support-staff@lists.grid5000.fr",
        visibility="public",
        image={"file": f"{_WHERE}/{name}.tgz", "kind": "tar", "compression": "gzip"},
        boot={"kernel": "/vmlinuz", "initrd": "/initrd.img"},
    )


def public_environments() -> Iterator[Environment]:
    """Yield some of the environments that Grid'5000 has had."""
    codenames = {"debian10": "buster", "debian11": "bullseye", "debian12": "bookworm"}
    for name, codename in codenames.items():
        number = name.removeprefix("debian")
        for variant in ("min", "base", "nfs", "big"):
            text = f"debian {number} ({codename}) - {variant}"
            yield public_environment(f"{name}-{variant}", text)
    yield public_environment("ubuntu2204-min", "ubuntu 22.04 (jammy) - min")
    yield public_environment("ubuntu2204-nfs", "ubuntu 22.04 (jammy) - nfs")


class Catalogue:
    """The recorded environments of a site."""

    def __init__(self, environments: Iterator[Environment] | list[Environment]) -> None:
        self._all = list(environments)
        self._images = {environment.image["file"] for environment in self._all}

    def find(
        self, name: str, user: str, owner: str | None = None, version: int | None = None
    ) -> Environment | None:
        """Return an environment by its name: the user's own, else a public one.

        With an owner: of that user, if it is no secret. The last version unless one is given.
        """
        of_name = [e for e in self._all if e.name == name and version in (None, e.version)]
        if owner is not None:
            found = [e for e in of_name if e.user == owner and e.seen_by(user)]
        else:
            found = [e for e in of_name if e.user == user] or [
                e for e in of_name if e.visibility == "public"
            ]
        return max(found, key=lambda environment: environment.version, default=None)

    def seen_by(self, user: str, owner: str | None = None) -> list[Environment]:
        """Return the last version of what a user lists: what is public, and the user's own."""
        last: dict[tuple[str, str], Environment] = {}
        for environment in self._all:
            mine = environment.user == user or environment.visibility == "public"
            if owner is not None:
                mine = environment.user == owner and environment.seen_by(user)
            key = environment.name, environment.user
            if mine and (key not in last or last[key].version < environment.version):
                last[key] = environment
        return [last[key] for key in sorted(last)]

    def add(self, environment: Environment) -> bool:
        """Record an environment; tell whether it is new."""
        for other in self._all:
            if (other.name, other.user, other.version) == (
                environment.name, environment.user, environment.version,
            ):  # fmt: skip
                return False
        self._all.append(environment)
        return True

    def remove(self, environment: Environment) -> None:
        """Forget an environment."""
        self._all.remove(environment)

    def has_image(self, file: str) -> bool:
        """Tell whether the server has a file, by its address server:///path."""
        return file in self._images
