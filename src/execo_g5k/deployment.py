"""What is to be deployed -> words of kadeploy3, for each frontend. Nothing is run here."""

import dataclasses
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from execo import quoting
from execo.host import Host, fold_hosts, get_hosts_list, get_unique_hosts_list
from execo_g5k.config import G5kSettings, g5k_settings
from execo_g5k.nodes import own_name, site_of

_NAMED_AT_MOST = 4


@dataclass
class Deployment:
    """What is to be deployed. A plain record: fields may be changed until it is used.

    - `hosts`: one or many nodes, str or Host, of any number of sites.
    - `env_file`: description of an environment, a path on the frontends or a URL.
    - `env_name`: name of a recorded environment. One of both, or none: the configured default,
      `g5k_configuration['default_env_name']` or `['default_env_file']`.
    - `user`: who recorded the environment, when it is not the caller's nor public.
    - `vlan`: number of the vlan to put the nodes in.
    - `other_options`: of kadeploy3; text split as a shell would, or a list of words.

    Raises TypeError for a field of another type, ValueError for an impossible one, and for both
    `env_file` and `env_name`.
    """

    hosts: Any = None
    env_file: str | None = None
    env_name: str | None = None
    user: str | None = None
    vlan: int | str | None = None
    other_options: str | Sequence[str] | None = None

    def __post_init__(self) -> None:
        self.hosts = get_hosts_list(self.hosts)
        _check(self)

    def __repr__(self) -> str:
        hosts = get_hosts_list(self.hosts)
        names = [str(host) for host in hosts]
        shown = [f"{len(names)} hosts: {fold_hosts(hosts)}" if names[_NAMED_AT_MOST:] else names]
        others = [f for f in dataclasses.fields(self) if f.name != "hosts"]
        given = [
            f"{field.name}={getattr(self, field.name)!r}"
            for field in others
            if getattr(self, field.name) is not None
        ]
        return f"Deployment({', '.join([f'hosts={shown[0]}', *given])})"


def checked_deployment(deployment: object) -> Deployment:
    """Return a Deployment; raise TypeError for anything else."""
    if not isinstance(deployment, Deployment):
        raise TypeError(f"deployment: {deployment!r}: expected a Deployment")
    return deployment


def environment_argv(
    deployment: Deployment, settings: G5kSettings | None = None, home: str = ""
) -> list[str]:
    """Return the words that say which environment; `home`: what "~/" stands for.

    Raises:
        ValueError: two environments are given, or none and there is no configured one.
    """
    settings = settings or g5k_settings()
    _check(deployment)
    name, file = deployment.env_name, deployment.env_file
    if name is None and file is None:
        name, file = settings.default_env_name, settings.default_env_file
        if name is not None and file is not None:
            raise ValueError(
                f"default_env_name ({name!r}) and default_env_file ({file!r}) are both in"
                " g5k_configuration: set one, or give env_name or env_file"
            )
    if name is not None:
        return ["-e", name]
    if file is None:
        raise ValueError(
            "no environment to deploy: give env_name or env_file, or set"
            " g5k_configuration['default_env_name']"
        )
    # the words are quoted: no shell expands it
    return ["-a", home + file.removeprefix("~/") if file.startswith("~/") else file]


def kadeploy_argv(
    deployment: Deployment,
    hosts: Iterable[Host | str],
    settings: G5kSettings | None = None,
    home: str = "",
) -> list[str]:
    """Return the words of kadeploy3 for `hosts`, which belong to one frontend.

    `home`: what "~/" stands for at the begin of `env_file`.

    Raises:
        TypeError, ValueError: a field can't be used.
    """
    settings = settings or g5k_settings()
    nodes = dict.fromkeys(own_name(host) for host in get_unique_hosts_list(list(hosts)))
    # the value of -k is optional: an option follows it, never a name
    return [
        *quoting.split(settings.kadeploy3),
        *quoting.split(settings.kadeploy3_options),
        *environment_argv(deployment, settings, home),
        *([] if deployment.user is None else ["-u", deployment.user]),
        *([] if deployment.vlan is None else ["--vlan", str(deployment.vlan)]),
        *_other_options(deployment.other_options),
        *[word for node in nodes for word in ("-m", node)],
    ]


def by_frontend(hosts: Iterable[Host | str]) -> Mapping[str | None, list[Host]]:
    """Return the hosts of each site, in order and once; None: the default frontend.

    Raises:
        ValueError: a host is an address, or of no known site; all of them are named.
    """
    groups: dict[str | None, list[Host]] = {}
    wrong = []
    for host in get_unique_hosts_list(list(hosts)):
        try:
            groups.setdefault(site_of(host), []).append(host)
        except ValueError as error:
            wrong.append(str(error))
    if wrong:
        raise ValueError("hosts: " + "; ".join(wrong[:_NAMED_AT_MOST]))
    return groups


def _check(deployment: Deployment) -> None:
    for name in ("env_file", "env_name", "user"):
        value = getattr(deployment, name)
        if value is not None:
            _check_text(name, value)
    if deployment.env_file is not None and deployment.env_name is not None:
        raise ValueError(
            f"env_file ({deployment.env_file!r}) and env_name ({deployment.env_name!r}) are both"
            " given: an environment is one or the other"
        )
    vlan = deployment.vlan
    if vlan is not None and (isinstance(vlan, bool) or not isinstance(vlan, int | str)):
        raise TypeError(f"vlan: {vlan!r}: expected the number of a vlan")
    if vlan is not None and not str(vlan).isdecimal():
        raise ValueError(f"vlan: {vlan!r}: expected the number of a vlan")
    _other_options(deployment.other_options)


def _check_text(field: str, value: object) -> None:
    if not isinstance(value, str):
        raise TypeError(f"{field}: {value!r}: expected text")
    if not value.strip() or value.startswith("-") or "\0" in value:
        raise ValueError(f"{field}: {value!r}: expected a name; None leaves it out")


def _other_options(options: object) -> list[str]:
    if options is None:
        return []
    if isinstance(options, str):
        try:
            return quoting.split(options)
        except ValueError as error:
            raise ValueError(f"other_options: {error}") from error
    if not isinstance(options, Sequence) or not all(isinstance(word, str) for word in options):
        raise TypeError(f"other_options: {options!r}: expected text, or a list of texts")
    return list(options)
