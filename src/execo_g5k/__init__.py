"""Grid'5000, and any testbed that runs OAR.

    config.py      the settings                    dates.py       OAR's dates and durations
    submission.py  OarSubmission and its command line             jobs.py  what is known of jobs
    parse/         what OAR's commands print, read
    frontend.py    where OAR's commands run: by ssh, or here
    query.py       oarstat                         watch.py       the only poller of a frontend
    ledger/        jobs are recorded until they end; with_reservation.py: jobs of a block
    credentials.py  the password of the API, never shown
    state.py       files that stay                 recorded.py    what they hold, read
    reserve.py     oarsub, oardel, oarsubgrid      stray.py       jobs of submissions cut short
    follow.py      information, waits, nodes       network.py     subnets and vlans
    deployment.py  Deployment and its command line               nodes.py       names of nodes
    kadeployer.py  Kadeployer, on kadeploy_process.py, outcome.py and typed_end.py
    deploying.py   kadeploy and deploy, on rounds.py and tries.py    kadeploy.py    them for scripts
    console.py     consoles of nodes, ports inside of Grid'5000
    oarsh.py       how to connect to nodes         specs.py       arguments, checked
    grid.py        frontends, clock and watchers, together: what tests replace
    gridjobs/      jobs on several sites, as one: with OARGrid or without
    oar.py, oargrid.py  all of it for scripts      aio.py         the same, to await

This file only gathers the public names.
"""

from typing import TYPE_CHECKING

from execo._first_use import import_at_first_use
from execo_g5k.config import (
    default_frontend_connection_params,
    default_frontend_connexion_params,
    default_oarsh_oarcp_params,
    g5k_configuration,
)
from execo_g5k.console import G5kAutoPortForwarder, KaconsoleProcess
from execo_g5k.errors import (
    CommandFailed,
    CredentialsMissing,
    DeploymentFailed,
    FrontendUnreachable,
    G5kError,
    GridJobNotFound,
    GridJobNotRecorded,
    JobEnded,
    JobNotFound,
    KeyStoreUnavailable,
    LedgerUnreadable,
    ReservationHeld,
    SubmissionRefused,
    UnparsableOutput,
)
from execo_g5k.kadeploy import (
    Deployment,
    Kadeployer,
    deploy,
    get_kavlan_host_name,
    kadeploy,
)
from execo_g5k.oar import (
    NotAllSubmitted,
    OarSubmission,
    format_oar_date,
    format_oar_duration,
    get_current_oar_jobs,
    get_oar_job_info,
    get_oar_job_kavlan,
    get_oar_job_nodes,
    get_oar_job_subnets,
    get_oarsub_commandline,
    jobs_left,
    node_connection_params,
    node_connexion_params,
    oar_date_to_unixts,
    oar_duration_to_seconds,
    oardel,
    oarsub,
    oarsubgrid,
    reservation,
    take_over,
    wait_oar_job_start,
)

# imported when they are used: most programs use none of them
if TYPE_CHECKING:
    from execo_g5k.oargrid import (
        get_current_oargrid_jobs,
        get_oargrid_job_info,
        get_oargrid_job_key,
        get_oargrid_job_nodes,
        get_oargrid_job_oar_jobs,
        oargriddel,
        oargridsub,
        wait_oargrid_job_start,
    )
else:
    __getattr__ = import_at_first_use(
        globals(),
        {
            "execo_g5k.oargrid": [
                "get_current_oargrid_jobs",
                "get_oargrid_job_info",
                "get_oargrid_job_key",
                "get_oargrid_job_nodes",
                "get_oargrid_job_oar_jobs",
                "oargriddel",
                "oargridsub",
                "wait_oargrid_job_start",
            ],
            "execo_g5k.utils": [],
        },
    )

__all__ = [
    "CommandFailed",
    "CredentialsMissing",
    "Deployment",
    "DeploymentFailed",
    "FrontendUnreachable",
    "G5kAutoPortForwarder",
    "G5kError",
    "GridJobNotFound",
    "GridJobNotRecorded",
    "JobEnded",
    "JobNotFound",
    "KaconsoleProcess",
    "Kadeployer",
    "KeyStoreUnavailable",
    "LedgerUnreadable",
    "NotAllSubmitted",
    "OarSubmission",
    "ReservationHeld",
    "SubmissionRefused",
    "UnparsableOutput",
    "default_frontend_connection_params",
    "default_frontend_connexion_params",
    "default_oarsh_oarcp_params",
    "deploy",
    "format_oar_date",
    "format_oar_duration",
    "g5k_configuration",
    "get_current_oar_jobs",
    "get_current_oargrid_jobs",
    "get_kavlan_host_name",
    "get_oar_job_info",
    "get_oar_job_kavlan",
    "get_oar_job_nodes",
    "get_oar_job_subnets",
    "get_oargrid_job_info",
    "get_oargrid_job_key",
    "get_oargrid_job_nodes",
    "get_oargrid_job_oar_jobs",
    "get_oarsub_commandline",
    "jobs_left",
    "kadeploy",
    "node_connection_params",
    "node_connexion_params",
    "oar_date_to_unixts",
    "oar_duration_to_seconds",
    "oardel",
    "oargriddel",
    "oargridsub",
    "oarsub",
    "oarsubgrid",
    "reservation",
    "take_over",
    "wait_oar_job_start",
    "wait_oargrid_job_start",
]


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
