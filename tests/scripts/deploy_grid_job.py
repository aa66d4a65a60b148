# as scripts of the time of oargridsub and kadeploy: a grid job, its nodes deployed, TakTuk on them
from execo import *
from execo_g5k import *

logger.setLevel("ERROR")
(gridjob, sshkey) = oargridsub(
    [
        (OarSubmission("/nodes=2", job_type=["deploy"]), "nancy"),
        (OarSubmission("/nodes=1", job_type=["deploy"]), "lyon"),
    ],
    walltime="1:00:00",
)
if gridjob:
    try:
        wait_oargrid_job_start(gridjob)
        nodes = get_oargrid_job_nodes(gridjob)
        (deployed, undeployed) = deploy(
            Deployment(nodes, env_name="debian12-min"),
            num_deploy_tries=2,
            node_connection_params={"user": "root"},
        )
        print(len(deployed), len(undeployed))
        nodes = sorted(deployed, key=lambda host: host.address)
        conn = {"user": "root", "taktuk_options": ("-s", "-d", "-1")}
        hostnames = TaktukRemote("hostname", nodes, connection_params=conn).run()
        print(hostnames.ok, [p.stdout.strip() for p in hostnames.processes])
        configuration["remote_tool"] = TAKTUK
        names = get_remote("echo {{{host}}}", nodes, connection_params=conn).run()
        print([p.stdout.strip() for p in names.processes])
    finally:
        oargriddel([gridjob])
