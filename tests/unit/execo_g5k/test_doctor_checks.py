"""The checks of doctor: facts in, findings out."""

from collections.abc import Iterator
from dataclasses import replace

import pytest

from execo_g5k.config import site_address
from execo_g5k.doctor import files, keys, programs, reach, sites
from execo_g5k.doctor.facts import (
    Agent,
    AgentState,
    Conf,
    ConfProblem,
    Entry,
    Facts,
    File,
    Key,
    Nodes,
    Programs,
    Route,
    Site,
    SiteKey,
    Trouble,
)
from execo_g5k.doctor.findings import CONFIGURE, Finding, State

PUBLIC = "ssh-rsa AAAAB3"
SSH = "OpenSSH_9.2p1"
TOOLS = frozenset({"scp", "ssh-keygen"})
ROUTE = Route("nancy.grid5000.fr", "alice", "access.grid5000.fr", None, (), "/h/.ssh/known_hosts")
FACTS = Facts(
    programs=Programs((3, 12, 1), SSH, TOOLS),
    ssh_directory=File("/h/.ssh", 0o700),
    ssh_files=(File("/h/.ssh/config", 0o600), File("/h/.ssh/execo-g5k.config", None)),
    conf=Conf(File("/h/.execo.conf.py", 0o644)),
    nodes=Nodes(("ssh", "scp", "ssh"), "oar", 6667, "~/.ssh/inside"),
    rewrite_origin="default",
    job_key_file="~/.ssh/inside",
    job_key_origin="/h/.execo.conf.py, line 3",
    inside_key=Key(File("/h/.ssh/inside", 0o600), PUBLIC, beside=PUBLIC),
    agent=Agent(AgentState.NONE),
    outside_keys=(Key(File("/h/.ssh/id_ed25519", 0o600), "ssh-ed25519 A", beside="ssh-ed25519 A"),),
)
SITE = Site(
    "nancy", Entry(ROUTE, 0.4), "nancy.grid5000.fr", 0.1, 0.2,
    key=SiteKey("~/.ssh/inside", 0o600, PUBLIC, True),
)  # fmt: skip


def only(findings: Iterator[Finding]) -> Finding:
    [finding] = findings
    return finding


def all_states(findings: Iterator[Finding]) -> set[State]:
    return {finding.state for finding in findings}


def test_a_set_up_that_is_right_has_nothing_to_mend() -> None:
    found = [
        *programs.check_python(FACTS.programs), *programs.check_ssh(FACTS.programs),
        *programs.check_nodes(FACTS), *programs.check_sharing(FACTS, None),
        *files.check_ssh_directory(FACTS), *files.check_ssh_files(FACTS),
        *files.check_conf(FACTS.conf), *keys.check_outside_keys(FACTS),
        *keys.check_inside_key(FACTS), *keys.check_job_key_file(FACTS),
        *keys.check_agent(FACTS.agent), *sites.check_site(SITE, FACTS),
        *reach.check_access("access", Entry(ROUTE, 0.2)),
    ]  # fmt: skip
    assert [f for f in found if f.state is not State.OK] == []
    assert [f.mend for f in found if f.mend] == []


@pytest.mark.parametrize(
    ("changed", "state", "words"),
    [
        ({"ssh_version": None}, State.WRONG, "no ssh in PATH"),
        ({"ssh_version": "OpenSSH_7.4p1"}, State.WRONG, "7.6 or newer"),
        ({"ssh_version": "Dropbear v2022"}, State.WARNING, "not OpenSSH"),
        ({"found": frozenset({"scp"})}, State.WRONG, "no ssh-keygen"),
    ],
)
def test_ssh(changed: dict[str, object], state: State, words: str) -> None:
    found = only(programs.check_ssh(replace(FACTS.programs, **changed)))  # type: ignore[arg-type]
    assert found.state is state
    assert words in found.what


def test_an_old_python_is_wrong() -> None:
    found = only(programs.check_python(replace(FACTS.programs, python=(3, 9, 2))))
    assert (found.state, found.what) == (State.WRONG, "Python 3.9.2: 3.11 or newer is needed")


@pytest.mark.parametrize(
    ("nodes", "state"),
    [
        (Nodes(("oarsh", "oarcp", "oarsh"), None, None, None), State.WRONG),
        (Nodes(("ssh", "scp", "oarsh"), "oar", 6667, "k"), State.WRONG),
        (Nodes(("ssh", "scp", "ssh"), None, None, "k"), State.WARNING),
        (Nodes(("ssh", "scp", "ssh"), "oar", 6667, None), State.WRONG),
    ],
)
def test_nodes_without_oarsh(nodes: Nodes, state: State) -> None:
    assert only(programs.check_nodes(replace(FACTS, nodes=nodes))).state is state
    there = replace(FACTS.programs, found=TOOLS | {"oarsh", "oarcp"})
    assert only(programs.check_nodes(replace(FACTS, nodes=nodes, programs=there))).state is State.OK


def test_sockets_need_short_names() -> None:
    assert only(programs.check_sharing(FACTS, "/tmp/cm-%C")).state is State.OK
    assert only(programs.check_sharing(FACTS, f"/{'x' * 90}")).state is State.WRONG
    nowhere = replace(FACTS, socket_directory=None)
    assert only(programs.check_sharing(nowhere, None)).state is State.WARNING


def test_a_clear_password_is_a_warning_and_wrong_where_others_read_it() -> None:
    conf = Conf(File("/h/.execo.conf.py", 0o600), api_password=True)
    assert only(programs.check_api(replace(FACTS, conf=conf))).state is State.WARNING
    assert only(files.check_conf(conf)).state is State.OK
    seen = replace(conf, file=File("/h/.execo.conf.py", 0o640))
    found = next(files.check_conf(seen))
    assert (found.state, found.mend) == (State.WRONG, "chmod 600 /h/.execo.conf.py")


def test_names_with_spaces_are_quoted_in_commands() -> None:
    odd = replace(FACTS, ssh_directory=File("/my home/.ssh", 0o775))
    assert only(files.check_ssh_directory(odd)).mend == "chmod 700 '/my home/.ssh'"
    key = Key(File("/my home/k", 0o600), PUBLIC, beside=None)
    found = only(keys.check_inside_key(replace(FACTS, inside_key=key)))
    assert found.mend == "ssh-keygen -y -f '/my home/k' > '/my home/k'.pub"


def test_a_configuration_of_somebody_else_is_refused_by_ssh() -> None:
    foreign = replace(FACTS, ssh_files=(File("/h/.ssh/config", 0o600, owned=False),))
    assert only(files.check_ssh_files(foreign)).mend == 'sudo chown "$(id -u)" /h/.ssh/config'
    none = replace(FACTS, ssh_files=(File("/h/.ssh/config", None),))
    assert only(files.check_ssh_files(none)).state is State.SKIPPED


@pytest.mark.parametrize(
    ("words", "mend"),
    [
        (
            "/h/.ssh/config: line 3: Bad configuration option: proxyjumps\n"
            "/h/.ssh/config: terminating, 1 bad configuration options\n",
            '"${EDITOR:-vi}" +3 /h/.ssh/config',
        ),
        ("/h/.ssh/config line 7: missing argument.\n", '"${EDITOR:-vi}" +7 /h/.ssh/config'),
        ("no such host\n", None),
    ],
)
def test_a_configuration_that_ssh_does_not_understand(words: str, mend: str | None) -> None:
    assert files.bad_configuration(words).mend == mend


def test_problems_of_the_settings_come_with_an_editor_or_the_right_word() -> None:
    problems = (ConfProblem(3, "a is wrong"), ConfProblem(None, "b"),
                ConfProblem(5, "c", "polling", "polling_interval"))  # fmt: skip
    found = [*files.check_conf(replace(FACTS.conf, problems=problems))]
    assert [f.what for f in found] == [
        "/h/.execo.conf.py, line 3: a is wrong", "/h/.execo.conf.py: b",
        "/h/.execo.conf.py, line 5: c",
    ]  # fmt: skip
    assert [f.mend for f in found] == [
        '"${EDITOR:-vi}" +3 /h/.execo.conf.py',
        '"${EDITOR:-vi}" /h/.execo.conf.py',
        r"sed -i '5s/\bpolling\b/polling_interval/' /h/.execo.conf.py",
    ]


LOCKED = Key(File("/k", 0o600), "ssh-ed25519 A", encrypted=True)


@pytest.mark.parametrize(
    ("key", "agent", "mend"),
    [
        (LOCKED, Agent(AgentState.NONE), 'eval "$(ssh-agent)"; ssh-add /k'),
        (LOCKED, Agent(AgentState.SILENT), 'eval "$(ssh-agent)"; ssh-add /k'),
        (LOCKED, Agent(AgentState.ANSWERS), "ssh-add /k"),
        (LOCKED, Agent(AgentState.ANSWERS, frozenset({"ssh-ed25519 A"})), None),
        (Key(File("/k", 0o644)), Agent(AgentState.NONE), "chmod 600 /k"),
        (Key(File("/k", None)), Agent(AgentState.ANSWERS, frozenset({"ssh-rsa B"})), None),
        (Key(File("/k_ed25519", None)), Agent(AgentState.NONE),
         "ssh-keygen -t ed25519 -f /k_ed25519"),
    ],
)  # fmt: skip
def test_outside_keys(key: Key, agent: Agent, mend: str | None) -> None:
    found = only(keys.check_outside_keys(replace(FACTS, outside_keys=(key,), agent=agent)))
    assert found.mend == mend
    assert found.state is (State.OK if mend is None else State.WRONG)


def test_a_key_that_is_not_there_is_no_fault_beside_one_that_is() -> None:
    both = (*FACTS.outside_keys, Key(File("/h/.ssh/id_rsa", None)))
    assert only(keys.check_outside_keys(replace(FACTS, outside_keys=both))).state is State.OK


def test_no_inside_key_is_needed_where_oarsh_is() -> None:
    none = replace(FACTS, inside_key=None)
    assert only(keys.check_inside_key(none)).mend == CONFIGURE
    there = replace(none, programs=replace(FACTS.programs, found=TOOLS | {"oarsh", "oarcp"}))
    assert only(keys.check_inside_key(there)).state is State.SKIPPED


@pytest.mark.parametrize(
    ("entry", "words", "mend"),
    [
        (
            Entry(ROUTE, None, Trouble.CHANGED_HOST_KEY),
            "is not the one in /h/.ssh/known_hosts",
            "ssh-keygen -f /h/.ssh/known_hosts -R nancy.grid5000.fr && ssh -o BatchMode=yes"
            " -o StrictHostKeyChecking=accept-new access true",
        ),
        (Entry(ROUTE, None, Trouble.NO_ANSWER, "timed out"), "timed out", "ssh -v access true"),
        (Entry(ROUTE, None, Trouble.DENIED, "Permission denied"), "user 'alice'", None),
    ],
)
def test_the_access_machine(entry: Entry, words: str, mend: str | None) -> None:
    found = only(reach.check_access("access", entry))
    assert (found.state, found.mend) == (State.WRONG, mend)
    assert words in found.what


def test_an_access_machine_is_slow_or_not_needed() -> None:
    assert only(reach.check_access("access", Entry(ROUTE, 9.0))).state is State.WARNING
    assert only(reach.check_access(None, None)).state is State.SKIPPED


@pytest.mark.parametrize(
    ("jump", "host"),
    [("access", "access"), ("a@access:22,b", "a@access:22"), ("ssh://a", "a"), (None, None)],
)
def test_the_first_host_of_a_jump(jump: str | None, host: str | None) -> None:
    assert reach.jump_of(jump) == host


def test_clocks_are_compared_within_the_time_that_the_answer_took() -> None:
    assert only(sites.check_clock(replace(SITE, clock=12.0, uncertain=3.0))).state is State.OK
    late = only(sites.check_clock(replace(SITE, clock=120.0)))
    assert late.state is State.WARNING
    assert "120 s behind" in late.what
    assert "60 s ahead" in only(sites.check_clock(replace(SITE, clock=-60.0))).what
    assert only(sites.check_clock(replace(SITE, clock=None))).state is State.SKIPPED


def test_a_host_without_oar_is_no_frontend() -> None:
    assert State.WRONG in all_states(sites.check_site(replace(SITE, has_oar=False), FACTS))


def test_slow_sites_are_warned_of() -> None:
    assert State.WARNING in all_states(
        sites.check_site(replace(SITE, entry=Entry(ROUTE, 8)), FACTS)
    )


@pytest.mark.parametrize(
    ("entry", "rewritten", "check", "mend"),
    [
        (Entry(Route("nancy.grid5000.fr"), None, Trouble.NAME), "nancy.grid5000.fr", "nancy",
         CONFIGURE),
        (Entry(ROUTE, None, Trouble.NO_ANSWER), "nancy.grid5000.fr", "nancy",
         "ssh -v nancy.grid5000.fr true"),
        (Entry(ROUTE, None, Trouble.DENIED), "nancy.grid5000.fr", "nancy",
         "ssh -v nancy.grid5000.fr true"),
        (Entry(Route("nancy.x"), None, Trouble.NAME), "nancy.x", "nancy: host rewriting",
         '"${EDITOR:-vi}" +9 /h/.execo.conf.py'),
        (Entry(Route("nancy"), None, None, "it fails"), "", "nancy: host rewriting",
         '"${EDITOR:-vi}" +9 /h/.execo.conf.py'),
    ],
)  # fmt: skip
def test_why_a_site_is_not_reached(
    entry: Entry, rewritten: str, check: str, mend: str | None
) -> None:
    facts = replace(FACTS, rewrite_origin="/h/.execo.conf.py, line 9")
    site = Site("nancy", entry, rewritten)
    found = only(sites.check_site(site, facts))
    assert (found.state, found.check, found.mend) == (State.WRONG, check, mend)
    closed = only(sites.check_sites([site, site], facts, closed="access"))
    assert (closed.state, closed.what) == (State.SKIPPED, "nancy, nancy: reached through access")


def test_sites_to_which_nothing_leads_are_told_together() -> None:
    lost = Entry(Route("nancy.grid5000.fr"), None, Trouble.NAME, "no address")
    unknown = [Site(name, lost, site_address(name)) for name in ("nancy", "lyon")]
    found = only(sites.check_sites(unknown, FACTS))
    assert (found.state, found.check, found.mend) == (State.WRONG, "sites", CONFIGURE)
    assert found.what.startswith("nancy, lyon: no address here")


@pytest.mark.parametrize(
    ("key", "mend"),
    [
        (SiteKey("~/.ssh/k"), CONFIGURE),
        (SiteKey("~/.ssh/k", 0o600, "ssh-rsa OTHER", True), CONFIGURE),
        (SiteKey("~/.ssh/k", 0o600, PUBLIC, False), CONFIGURE),
        (SiteKey("~/.ssh/a key", 0o644, PUBLIC, True),
         "ssh nancy.grid5000.fr chmod 600 '.ssh/a key'"),
        (SiteKey("~/.ssh/k", 0o400, PUBLIC, True), None),
    ],
)  # fmt: skip
def test_job_keys_of_sites(key: SiteKey, mend: str | None) -> None:
    found = only(sites.check_job_key(replace(SITE, key=key), FACTS))
    assert found.mend == mend
    assert found.state is (State.OK if mend is None else State.WRONG)
