# several sites at once, one of them wrong, predictions, bad hosts filtered, everything given back
from execo import *
from execo_g5k import *

sites = ["nancy", "lyon", "nosuchsite"]
jobs = oarsub([(OarSubmission(resources="nodes=1", walltime="0:10:0"), s) for s in sites])
jobs = [(job_id, site) for job_id, site in jobs if job_id]
print("%i jobs" % len(jobs))
predictions = []
for job_id, site in jobs:
    wait_oar_job_start(job_id, site, prediction_callback=lambda ts: predictions.append(ts))
nodes = []
for job in jobs:
    nodes += get_oar_job_nodes(*job)
wrong = Host("nosuchnode.nancy.grid5000.fr")
ping = Remote(
    "true",
    nodes + [wrong],
    connection_params=default_oarsh_oarcp_params,
    process_args={"nolog_exit_code": True, "timeout": 20},
).run()
good = filter_bad_hosts(ping, nodes + [wrong])
print(good == nodes, ping.ok, ping.finished_ok)
oardel(jobs)
for job_id, site in jobs:
    while get_oar_job_info(job_id, site)["state"] not in ("Error", "Terminated"):
        sleep(0.2)
print(get_current_oar_jobs(["nancy", "lyon"]))
