"""OAR, for scripts: the blocking functions. `execo_g5k.aio` has the same to await."""

from execo._engine.loop import blocking
from execo.spelling import accept_old_spellings
from execo_g5k import follow as _follow
from execo_g5k import network as _network
from execo_g5k import reserve as _reserve
from execo_g5k import with_reservation as _with_reservation
from execo_g5k.dates import (
    format_oar_date,
    format_oar_duration,
    oar_date_to_unixts,
    oar_duration_to_seconds,
)
from execo_g5k.ledger import left as _left
from execo_g5k.ledger.left import LeftJob, LeftJobs
from execo_g5k.oarsh import node_connexion_params, oarsh_problem
from execo_g5k.reservation import ReservedNodes
from execo_g5k.reserve import NotAllSubmitted
from execo_g5k.submission import OarSubmission, get_oarsub_commandline

__all__ = [
    "LeftJob",
    "LeftJobs",
    "NotAllSubmitted",
    "OarSubmission",
    "ReservedNodes",
    "format_oar_date",
    "format_oar_duration",
    "get_current_oar_jobs",
    "get_oar_job_info",
    "get_oar_job_kavlan",
    "get_oar_job_nodes",
    "get_oar_job_subnets",
    "get_oarsub_commandline",
    "jobs_left",
    "node_connection_params",
    "node_connexion_params",
    "oar_date_to_unixts",
    "oar_duration_to_seconds",
    "oardel",
    "oarsh_problem",
    "oarsub",
    "oarsubgrid",
    "reservation",
    "take_over",
    "wait_oar_job_start",
]

oarsub = accept_old_spellings(blocking(_reserve.oarsub))
oardel = accept_old_spellings(blocking(_reserve.oardel))
oarsubgrid = accept_old_spellings(blocking(_reserve.oarsubgrid))
reservation = accept_old_spellings(_with_reservation.reservation)
jobs_left = accept_old_spellings(blocking(_left.jobs_left))
take_over = accept_old_spellings(blocking(_left.take_over))
get_current_oar_jobs = accept_old_spellings(blocking(_follow.get_current_oar_jobs))
get_oar_job_info = accept_old_spellings(blocking(_follow.get_oar_job_info))
wait_oar_job_start = accept_old_spellings(blocking(_follow.wait_oar_job_start))
get_oar_job_nodes = accept_old_spellings(blocking(_follow.get_oar_job_nodes))
get_oar_job_subnets = accept_old_spellings(blocking(_network.get_oar_job_subnets))
get_oar_job_kavlan = accept_old_spellings(blocking(_network.get_oar_job_kavlan))
node_connection_params = node_connexion_params
