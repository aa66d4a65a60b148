"""Checks of ssh keys: the one that opens the access machine, the one that is inside."""

import shlex
from collections.abc import Iterator

from execo_g5k.doctor.facts import Agent, AgentState, Facts, Key
from execo_g5k.doctor.findings import CONFIGURE, Finding, ok, skipped, warning, wrong

# OAR 2.5: "The public key must begin with either `ssh-rsa' or `ssh-dss'"
_OF_OAR = ("ssh-rsa ", "ssh-dss ")


def _others_can_read(check: str, key: Key) -> Finding | None:
    if not key.file.open_to_others:
        return None
    return wrong(
        check,
        f"{key.file.path} is open to others (mode {key.file.mode:04o}): ssh refuses it",
        f"chmod 600 {shlex.quote(key.file.path)}",
    )


def _public_differs(check: str, key: Key) -> Finding | None:
    if key.encrypted or key.public is None or key.public == key.beside:
        return None
    path = shlex.quote(key.file.path)
    how = "has no public key beside it" if key.beside is None else "does not match its .pub"
    return wrong(check, f"{key.file.path} {how}", f"ssh-keygen -y -f {path} > {path}.pub")


def check_outside_keys(facts: Facts) -> Iterator[Finding]:
    """Check the keys that open the access machine, or the frontends: at least one has to work."""
    check = "outside key"
    there = [key for key in facts.outside_keys if key.file.exists]
    if not there and facts.agent.keys:
        yield ok(check, f"{len(facts.agent.keys)} in the ssh agent")
        return
    if not there:
        tried = ", ".join(key.file.path for key in facts.outside_keys) or "none"
        yield wrong(
            check,
            f"there is no key: ssh tries {tried}. Make one, and register its .pub with your account"
            " at https://api.grid5000.fr/stable/users/",
            f"ssh-keygen -t ed25519 -f {shlex.quote(_first(facts))}",
        )
        return
    for key in there:
        yield _outside_key(check, key, facts.agent)


def _first(facts: Facts) -> str:
    names = [key.file.path for key in facts.outside_keys]
    return next((name for name in names if name.endswith("ed25519")), "~/.ssh/id_ed25519")


def _outside_key(check: str, key: Key, agent: Agent) -> Finding:
    found = _others_can_read(check, key)
    if found is not None:
        return found
    if key.problem:
        return wrong(check, f"{key.file.path} can't be used: {key.problem}")
    if not key.encrypted or key.public in agent.keys:
        return _public_differs(check, key) or ok(check, key.file.path)
    path = shlex.quote(key.file.path)
    if agent.state is AgentState.ANSWERS:
        return wrong(check, f"{key.file.path} has a passphrase, and the ssh agent has not got it",
                     f"ssh-add {path}")  # fmt: skip
    why = "no ssh agent runs"
    if agent.state is AgentState.SILENT:
        why = "the ssh agent that SSH_AUTH_SOCK names does not answer"
    return wrong(check, f"{key.file.path} has a passphrase, and {why}",
                 f'eval "$(ssh-agent)"; ssh-add {path}')  # fmt: skip


def check_inside_key(facts: Facts) -> Iterator[Finding]:
    """Check this machine's copy of the key that jobs import."""
    check, key = "inside key", facts.inside_key
    if key is None:
        yield _no_inside_key(facts)
        return
    path = shlex.quote(key.file.path)
    anew = f"mv {path} {path}.unusable; rm -f {path}.pub; {CONFIGURE}"
    if not key.file.exists:
        yield wrong(check, f"{key.file.path} does not exist", CONFIGURE)
        return
    found = _others_can_read(check, key)
    if found is not None:
        yield found
    elif key.encrypted:
        what = f"{key.file.path} has a passphrase: OAR can't read it, nor can scripts"
        yield wrong(check, what, f"ssh-keygen -p -N '' -f {path}")
    elif key.public is None:
        yield wrong(check, f"{key.file.path} can't be read: {key.problem}", anew)
    elif not key.public.startswith(_OF_OAR):
        kind = key.public.partition(" ")[0]
        yield wrong(check, f"{key.file.path} is of kind {kind}: OAR takes ssh-rsa", anew)
    else:
        yield _public_differs(check, key) or ok(check, f"{key.file.path}, RSA, no passphrase")


def _no_inside_key(facts: Facts) -> Finding:
    if {"oarsh", "oarcp"} <= facts.programs.found:
        return skipped("inside key", "none is configured; oarsh is here")
    return wrong("inside key", "none is configured: it opens the nodes of jobs", CONFIGURE)


def check_job_key_file(facts: Facts) -> Iterator[Finding]:
    """Check that jobs are told to import a key."""
    check = "OAR_JOB_KEY_FILE"
    if facts.job_key_file is None:
        yield wrong(
            check,
            "no key for jobs is set, neither by OAR_JOB_KEY_FILE nor by"
            " g5k_configuration['oar_job_key_file']: each job gets a key of its own, which opens"
            " nodes from its own site only",
            CONFIGURE,
        )
    else:
        yield ok(check, f"{facts.job_key_file}, set by {facts.job_key_origin}")


def check_agent(agent: Agent) -> Iterator[Finding]:
    """Check the ssh agent."""
    if agent.state is AgentState.SILENT:
        yield warning("ssh agent", "SSH_AUTH_SOCK names an ssh agent that does not answer",
                      "unset SSH_AUTH_SOCK")  # fmt: skip
    elif agent.state is AgentState.ANSWERS:
        yield ok("ssh agent", f"it has {len(agent.keys)} keys")
