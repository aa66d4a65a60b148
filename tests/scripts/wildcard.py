# as in the first pages of many a tutorial: wildcard imports, positional arguments, nested try
from execo import *
from execo_g5k import *
import itertools

jobs = oarsub([(OarSubmission(resources="/cluster=1/nodes=2", walltime="0:10:0"), "lyon")])
if jobs[0][0]:
    try:
        wait_oar_job_start(jobs[0][0], jobs[0][1])
        nodes = get_oar_job_nodes(jobs[0][0], jobs[0][1])
        params = default_oarsh_oarcp_params
        pairs = list(itertools.permutations(nodes, 2))
        sources = [pair[0] for pair in pairs]
        targets = [pair[1] for pair in pairs]
        talk = Remote("echo from $(hostname) to {{[t.address for t in targets]}}", sources, params)
        talk.run()
        for process in talk.processes:
            print(process.host.address, process.stdout.strip())
        print(Report([talk]).stats()["num_ok"])
    finally:
        oardel([(jobs[0][0], jobs[0][1])])
