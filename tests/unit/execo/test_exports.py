"""The public names: exactly those that are promised, each documented, each where scripts look."""

import ast
import importlib
import inspect
import pkgutil
import subprocess
import sys
from pathlib import Path

import pytest

import execo
import execo.aio
import execo_g5k
import execo_g5k.aio


def words(text):
    return text.split()


EXECO = words(
    """
    Host get_hosts_list get_hosts_set get_unique_hosts_list
    Process SshProcess get_process Serial SerialSsh PortForwarder STDOUT STDERR
    ProcessOutputHandler ProcessLifecycleHandler ActionLifecycleHandler ExpectOutputHandler
    TaktukRemote TaktukPut TaktukGet ChainPut
    Action Remote Local Put Get RemoteSerial ParallelActions SequentialActions
    wait_any_actions wait_all_actions filter_bad_hosts get_remote get_fileput get_fileget
    SSH SCP TAKTUK CHAINPUT
    Report group_outputs OutputGroup fold_hosts unfold_hosts
    Error ProcessesFailed ActionsFailed ConfigError TimedOut
    sleep Timer format_date format_duration format_seconds format_unixts get_seconds get_unixts
    logger style configuration
    default_connexion_params default_connection_params
    make_connexion_params make_connection_params
"""
)

EXECO_G5K = words(
    """
    OarSubmission get_oarsub_commandline oarsub oardel oarsubgrid
    reservation jobs_left take_over ReservationHeld LedgerUnreadable
    CredentialsMissing KeyStoreUnavailable
    get_current_oar_jobs get_oar_job_info wait_oar_job_start get_oar_job_nodes
    get_oar_job_subnets get_oar_job_kavlan
    oargridsub oargriddel get_current_oargrid_jobs get_oargrid_job_info wait_oargrid_job_start
    get_oargrid_job_nodes get_oargrid_job_oar_jobs get_oargrid_job_key
    format_oar_date format_oar_duration oar_date_to_unixts oar_duration_to_seconds
    g5k_configuration default_oarsh_oarcp_params
    default_frontend_connexion_params default_frontend_connection_params
    node_connexion_params node_connection_params
    G5kError FrontendUnreachable SubmissionRefused NotAllSubmitted JobNotFound JobEnded
    UnparsableOutput CommandFailed GridJobNotFound GridJobNotRecorded
    Deployment Kadeployer kadeploy deploy DeploymentFailed
    KaconsoleProcess G5kAutoPortForwarder get_kavlan_host_name
"""
)

DOORS = {
    "execo.process": [
        "Process", "SshProcess", "get_process", "PortForwarder", "Serial", "SerialSsh",
        "ProcessOutputHandler", "ProcessLifecycleHandler", "ExpectOutputHandler",
        "STDOUT", "STDERR",
    ],
    "execo.action": [
        "Action", "Local", "Remote", "Put", "Get", "TaktukRemote", "TaktukPut", "TaktukGet",
        "ChainPut", "RemoteSerial", "ParallelActions", "SequentialActions",
        "ActionLifecycleHandler", "wait_any_actions", "wait_all_actions", "filter_bad_hosts",
        "get_remote", "get_fileput", "get_fileget",
    ],
    "execo.host": ["Host", "get_hosts_list", "get_hosts_set", "get_unique_hosts_list"],
    "execo.config": ["configuration", "default_connexion_params", "SSH", "SCP", "TAKTUK"],
    "execo.log": ["logger", "style"],
    "execo.time_utils": ["sleep", "Timer", "format_date", "format_duration", "get_seconds"],
    "execo.report": ["Report"],
    "execo.exception": ["ProcessesFailed", "ActionsFailed"],
    "execo_g5k.oar": ["OarSubmission", "oarsub", "oardel", "get_oar_job_nodes", "oarsubgrid"],
    "execo_g5k.oargrid": ["oargridsub", "oargriddel", "get_oargrid_job_nodes"],
    "execo_g5k.config": ["g5k_configuration", "default_frontend_connexion_params"],
    "execo_g5k.kadeploy": ["Deployment", "Kadeployer", "deploy", "kadeploy"],
    "execo_g5k.utils": ["G5kAutoPortForwarder", "get_kavlan_host_name"],
}  # fmt: skip

MODULES = sorted(
    module.name
    for package in (execo, execo_g5k)
    for module in pkgutil.walk_packages(package.__path__, f"{package.__name__}.")
)


def star(package):
    names: dict[str, object] = {}
    exec(f"from {package} import *", names)
    return names.keys() - {"__builtins__"}


@pytest.mark.parametrize(("package", "names"), [(execo, EXECO), (execo_g5k, EXECO_G5K)])
def test_a_package_exports_exactly_what_is_promised(package, names):
    assert sorted(package.__all__) == sorted(names)
    assert star(package.__name__) == set(names)


@pytest.mark.parametrize("module", [execo, execo_g5k, execo.aio, execo_g5k.aio])
def test_all_is_sorted_and_without_duplicates(module):
    kinds = sorted(module.__all__, key=lambda n: (not n.isupper(), n[0].islower(), n))
    assert module.__all__ == kinds
    assert len(set(module.__all__)) == len(module.__all__)


def test_both_packages_can_be_imported_by_a_star_together():
    assert not set(execo.__all__) & set(execo_g5k.__all__)


def test_names_to_await_are_names_that_block():
    assert set(execo.aio.__all__) <= set(execo.__all__)
    assert set(execo_g5k.aio.__all__) <= set(execo_g5k.__all__)


def documented(package):
    for name in package.__all__:
        value = getattr(package, name)
        if not (inspect.isclass(value) or inspect.isfunction(value)):
            continue
        yield f"{package.__name__}.{name}", value
        if inspect.isclass(value):
            for method, member in inspect.getmembers(value):
                ours = getattr(member, "__module__", "") or ""
                if not method.startswith("_") and ours.startswith("execo"):
                    yield f"{package.__name__}.{name}.{method}", member


@pytest.mark.parametrize(
    "public",
    [pair for package in (execo, execo_g5k, execo_g5k.aio) for pair in documented(package)],
    ids=lambda pair: pair[0],
)
def test_every_public_name_is_documented(public):
    name, value = public
    text = inspect.getdoc(value)
    assert text, name
    assert text.splitlines()[0].endswith((".", ":", ";")), f"{name}: the first line is a sentence"


@pytest.mark.parametrize("module", sorted(DOORS))
def test_modules_that_scripts_reach_into_have_the_same_objects(module):
    found = importlib.import_module(module)
    package = execo if module.startswith("execo.") else execo_g5k
    for name in DOORS[module]:
        assert getattr(found, name) is getattr(package, name), name
    if hasattr(found, "__all__"):
        assert set(DOORS[module]) <= star(module)


# the package has a function of this name
@pytest.mark.parametrize("module", sorted(DOORS.keys() - {"execo_g5k.kadeploy"}))
def test_modules_that_scripts_reach_into_come_with_their_package(module):
    package = module.partition(".")[0]
    assert in_a_new_interpreter(f"import {package}; print({module}.__name__)") == [module]


@pytest.mark.parametrize("module", MODULES)
def test_every_module_imports_and_says_what_it_is(module):
    if not module.endswith(("_config", "__main__")):
        assert importlib.import_module(module).__doc__


@pytest.mark.parametrize("module", MODULES)
def test_no_module_relies_on_assertions(module):
    # python -O takes them away
    path = importlib.import_module(module).__file__
    tree = ast.parse(Path(path).read_text())
    assert [node.lineno for node in ast.walk(tree) if isinstance(node, ast.Assert)] == []


def test_packages_say_that_they_are_typed():
    for package in (execo, execo_g5k):
        assert Path(package.__file__).with_name("py.typed").exists()


@pytest.mark.parametrize("module", ["execo", "execo_g5k", "execo.aio", "execo_g5k.aio"])
def test_importing_works_from_a_thread_and_needs_nothing_installed(module):
    script = (
        "import importlib, sys, threading\n"
        f"t = threading.Thread(target=importlib.import_module, args=({module!r},))\n"
        "t.start(); t.join()\n"
        f"assert {module!r} in sys.modules\n"
        "mine = {n.partition('.')[0] for n in sys.modules} - sys.stdlib_module_names\n"
        "assert all(n.startswith(('execo', '_', 'sitecustomize')) for n in mine), mine\n"
    )
    # -S: nothing of site-packages, so that whatever is imported is the standard library's or ours
    source = str(Path(execo.__file__).parents[1])
    subprocess.run(
        [sys.executable, "-S", "-W", "error", "-c", script],
        check=True,
        env={"PYTHONPATH": source},
    )


def in_a_new_interpreter(script):
    run = subprocess.run([sys.executable, "-c", script], check=True, capture_output=True, text=True)
    return run.stdout.splitlines()


def test_what_most_programs_do_not_use_is_imported_when_it_is_used():
    script = (
        "import sys, execo, execo_g5k\n"
        "late = ['execo.taktuk', 'execo.chainput', 'execo_g5k.oargrid', 'execo._asyncssh']\n"
        "print(*[name for name in late if name in sys.modules])\n"
        "execo.TaktukRemote, execo.ChainPut, execo_g5k.oargridsub\n"
        "print(*[name for name in late if name in sys.modules])\n"
    )
    assert in_a_new_interpreter(script) == [
        "",
        "execo.taktuk execo.chainput execo_g5k.oargrid",
    ]


def test_a_module_is_found_in_its_package_before_its_names_were_used():
    script = (
        "import execo, execo_g5k\n"
        "print(execo.taktuk.TaktukRemote is execo.TaktukRemote)\n"
        "print(execo_g5k.oargrid.oargridsub is execo_g5k.oargridsub)\n"
    )
    assert in_a_new_interpreter(script) == ["True", "True"]


@pytest.mark.parametrize("package", [execo, execo_g5k])
def test_a_package_lists_its_names_and_knows_no_other(package):
    assert set(package.__all__) <= set(dir(package))
    with pytest.raises(AttributeError, match=f"'{package.__name__}' has no attribute 'oarsubb'"):
        package.oarsubb  # noqa: B018
