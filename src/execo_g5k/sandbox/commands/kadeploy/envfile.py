"""Descriptions of environments: read from files, and printed."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import yaml

from execo_g5k.sandbox.model.kadeploy.environments import Environment

_KNOWN = frozenset(
    {
        "name", "alias", "arch", "version", "description", "author", "visibility", "destructive",
        "os", "image", "preinstall", "postinstalls", "boot", "filesystem", "partition_type",
        "multipart", "options", "custom_variables",
    }
)  # fmt: skip
# that of libyaml, whose words Ruby prints
_LOADER = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
_TEXTS = ("name", "os")
_IMAGE = ("file", "kind", "compression")


class BadDescription(ValueError):
    """A file that describes no environment; the message is Kadeploy's."""


@dataclass(frozen=True)
class Description:
    """What a file says."""

    environment: Environment
    unused: tuple[str, ...]
    """Fields that mean nothing."""


def read_description(text: str, file: str, user: str) -> Description:
    """Read the description of an environment that a user has in a file.

    Raises:
        BadDescription: it is none.
    """
    try:
        fields = yaml.load(text, _LOADER)
    except yaml.MarkedYAMLError as error:
        why = f"{error.problem} {error.context or ''}".rstrip()
        where = error.context_mark or error.problem_mark
        place = f" at line {where.line + 1} column {where.column + 1}" if where else ""
        raise BadDescription(f"Invalid YAML file '{file}'\n({file}): {why}{place}") from None
    except yaml.YAMLError:
        raise BadDescription(f"Invalid YAML file '{file}'") from None
    if not isinstance(fields, Mapping):
        raise BadDescription(f"Invalid YAML file '{file}'")
    _require(fields, _TEXTS, "environment description", "")
    image = fields.get("image")
    if not isinstance(image, Mapping):
        raise _missing("environment description", "image")
    _require(image, _IMAGE, "environment description", "image/")
    boot = fields.get("boot")
    environment = Environment(
        name=str(fields["name"]),
        user=user,
        version=_version(fields.get("version", 1)),
        description=str(fields.get("description") or ""),
        author=str(fields.get("author") or ""),
        visibility=str(fields.get("visibility") or "private"),
        destructive=bool(fields.get("destructive")),
        os=str(fields["os"]),
        image={name: str(image[name]) for name in _IMAGE},
        boot=_texts(boot) if isinstance(boot, Mapping) else {},
        filesystem=str(fields.get("filesystem") or "ext4"),
        partition_type=_version(fields.get("partition_type", 131)),
        multipart=bool(fields.get("multipart")),
    )
    return Description(environment, tuple(name for name in fields if name not in _KNOWN))


def _require(fields: Mapping[str, Any], names: tuple[str, ...], where: str, path: str) -> None:
    for name in names:
        if fields.get(name) is None:
            raise _missing(where, f"{path}{name}")


def _missing(where: str, field: str) -> BadDescription:
    text = f"Error[{where}] The field is mandatory [field: {field}]"
    return BadDescription(f"Invalid environment specification (error #7)\n{text}")


def _version(value: object) -> int:
    if isinstance(value, int) and not isinstance(value, bool):
        return value
    text = "Error[environment description] The field must be of the type Integer [field: version]"
    raise BadDescription(f"Invalid environment specification (error #7)\n{text}")


def _texts(fields: Mapping[str, Any]) -> dict[str, str]:
    return {name: str(value) for name, value in fields.items() if value is not None}


def told_description(environment: Environment) -> str:
    """Return the description of an environment, as `kaenv3 -p` prints it."""
    lines = [
        "---",
        f"name: {environment.name}",
        f"version: {environment.version}",
        f"description: {environment.description}",
        f"author: {environment.author}",
        f"visibility: {environment.visibility}",
        f"destructive: {str(environment.destructive).lower()}",
        f"os: {environment.os}",
        "image:",
        *(f"  {name}: {value}" for name, value in environment.image.items()),
    ]
    if environment.boot:
        lines += ["boot:", *(f'  {name}: "{text}"' for name, text in environment.boot.items())]
    lines += [
        f"filesystem: {environment.filesystem}",
        f"partition_type: {environment.partition_type}",
        f"multipart: {str(environment.multipart).lower()}",
    ]
    return "\n".join(lines) + "\n"
