# as scripts of the time of oargridsub: one grid job, its key, old spelling of the arguments
from execo import *
from execo_g5k import *
import datetime

(gridjob, key) = oargridsub(
    [
        (OarSubmission(resources="{cluster=\\'grisou\\'}/nodes=2"), "nancy"),
        (OarSubmission("/nodes=1"), "lyon"),
    ],
    walltime=datetime.timedelta(minutes=30),
    additional_options="-t allow_classic_ssh",
)
if gridjob:
    try:
        wait_oargrid_job_start(gridjob)
        nodes = get_oargrid_job_nodes(gridjob, frontend_connection_params=None)
        params = default_oarsh_oarcp_params.copy()
        params["keyfile"] = key
        hostnames = Remote("hostname", nodes, connection_params=params).run()
        print([p.stdout.strip() for p in hostnames.processes])
        print([site for (job_id, site) in get_oargrid_job_oar_jobs(gridjob)])
        info = get_oargrid_job_info(gridjob)
        print(info["walltime"], "start_date" in info, gridjob in get_current_oargrid_jobs())
    finally:
        oargriddel([gridjob])
