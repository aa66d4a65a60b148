# a machine file with each host as often as it has slots, sent to all, results brought back
import os
import tempfile

from execo import *
from execo_g5k import *

logger.setLevel("WARNING")
[(job, site)] = oarsub([(OarSubmission("nodes=2", 600), "nancy")])
nodes = get_oar_job_nodes(job, site)
slots = [node for node in nodes for _ in range(2)]
directory = tempfile.mkdtemp()
machines = os.path.join(directory, "machines")
with open(machines, "w") as file:
    file.write("\n".join(node.address for node in slots) + "\n")

put = Put(nodes, machines, "/tmp", default_oarsh_oarcp_params).run()
run = Remote("wc -l < /tmp/machines; echo {{range(4)}}", slots, default_oarsh_oarcp_params).run()
save = Remote("hostname > /tmp/result", nodes, default_oarsh_oarcp_params).run()
for node in nodes:
    os.makedirs(os.path.join(directory, node.address))
get = Get(nodes, ["/tmp/result"], directory + "/{{{host}}}", default_oarsh_oarcp_params).run()
print(put.ok, run.ok, save.ok, get.ok)
print([process.stdout.split() for process in run.processes])
print([open(os.path.join(directory, node.address, "result")).read().strip() for node in nodes])
oardel([(job, site)])
