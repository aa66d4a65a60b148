"""The functions that wait, to be awaited in any asyncio loop.

Same names, arguments, results and errors as the blocking ones of `execo_g5k`.
"""

from execo._engine.loop import bridged
from execo.spelling import accept_old_spellings
from execo_g5k import deploying as _deploying
from execo_g5k import follow as _follow
from execo_g5k import network as _network
from execo_g5k import reserve as _reserve
from execo_g5k import with_reservation as _with_reservation
from execo_g5k.gridjobs import flows as _flows
from execo_g5k.ledger import left as _left

__all__ = [
    "deploy",
    "get_current_oar_jobs",
    "get_current_oargrid_jobs",
    "get_oar_job_info",
    "get_oar_job_kavlan",
    "get_oar_job_nodes",
    "get_oar_job_subnets",
    "get_oargrid_job_info",
    "get_oargrid_job_key",
    "get_oargrid_job_nodes",
    "get_oargrid_job_oar_jobs",
    "jobs_left",
    "kadeploy",
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

oarsub = accept_old_spellings(bridged(_reserve.oarsub))
oardel = accept_old_spellings(bridged(_reserve.oardel))
oarsubgrid = accept_old_spellings(bridged(_reserve.oarsubgrid))
reservation = accept_old_spellings(_with_reservation.reservation)
jobs_left = accept_old_spellings(bridged(_left.jobs_left))
take_over = accept_old_spellings(bridged(_left.take_over))
get_current_oar_jobs = accept_old_spellings(bridged(_follow.get_current_oar_jobs))
get_oar_job_info = accept_old_spellings(bridged(_follow.get_oar_job_info))
wait_oar_job_start = accept_old_spellings(bridged(_follow.wait_oar_job_start))
get_oar_job_nodes = accept_old_spellings(bridged(_follow.get_oar_job_nodes))
get_oar_job_subnets = accept_old_spellings(bridged(_network.get_oar_job_subnets))
get_oar_job_kavlan = accept_old_spellings(bridged(_network.get_oar_job_kavlan))
oargridsub = accept_old_spellings(bridged(_flows.oargridsub))
oargriddel = accept_old_spellings(bridged(_flows.oargriddel))
get_current_oargrid_jobs = accept_old_spellings(bridged(_flows.get_current_oargrid_jobs))
get_oargrid_job_info = accept_old_spellings(bridged(_flows.get_oargrid_job_info))
get_oargrid_job_oar_jobs = accept_old_spellings(bridged(_flows.get_oargrid_job_oar_jobs))
get_oargrid_job_key = accept_old_spellings(bridged(_flows.get_oargrid_job_key))
wait_oargrid_job_start = accept_old_spellings(bridged(_flows.wait_oargrid_job_start))
get_oargrid_job_nodes = accept_old_spellings(bridged(_flows.get_oargrid_job_nodes))
kadeploy = accept_old_spellings(bridged(_deploying.kadeploy))
deploy = accept_old_spellings(bridged(_deploying.deploy))
