"""Grid jobs, for scripts: the blocking functions. `execo_g5k.aio` has the same to await."""

from execo._engine.loop import blocking
from execo.spelling import accept_old_spellings
from execo_g5k.gridjobs import flows as _flows

__all__ = [
    "get_current_oargrid_jobs",
    "get_oargrid_job_info",
    "get_oargrid_job_key",
    "get_oargrid_job_nodes",
    "get_oargrid_job_oar_jobs",
    "oargriddel",
    "oargridsub",
    "wait_oargrid_job_start",
]

oargridsub = accept_old_spellings(blocking(_flows.oargridsub))
oargriddel = accept_old_spellings(blocking(_flows.oargriddel))
get_current_oargrid_jobs = accept_old_spellings(blocking(_flows.get_current_oargrid_jobs))
get_oargrid_job_info = accept_old_spellings(blocking(_flows.get_oargrid_job_info))
get_oargrid_job_oar_jobs = accept_old_spellings(blocking(_flows.get_oargrid_job_oar_jobs))
get_oargrid_job_key = accept_old_spellings(blocking(_flows.get_oargrid_job_key))
wait_oargrid_job_start = accept_old_spellings(blocking(_flows.wait_oargrid_job_start))
get_oargrid_job_nodes = accept_old_spellings(blocking(_flows.get_oargrid_job_nodes))
