# actions composed, run again after a reset, watched by handlers; the old spelling of connexion
from execo import *
from execo_g5k import *
from execo.log import style

params = default_connection_params.copy()
params["ssh_options"] = ("-o", "BatchMode=yes")
job = oarsub([(OarSubmission(resources="nodes=2", job_type="allow_classic_ssh"), "nancy")])[0]
hosts = get_oar_job_nodes(*job)


class Lines(ProcessOutputHandler):
    seen = []

    def read_line(self, process, stream, string):
        self.seen.append("%s: %s" % (process.host.address.split(".")[0], string))


servers = Remote("echo ready; sleep 60", hosts[:1], connection_params=params)
for process in servers.processes:
    process.ignore_exit_code = True
    process.nolog_exit_code = True
    process.stdout_handlers.append(Lines())
servers.start()
servers.expect("ready")
clients = Remote("echo hello", hosts[1:], connection_params=params)
turns = 0
while turns < 3:
    clients.run()
    turns += clients.ok
    clients.reset()
check = SequentialActions([ParallelActions([Local("true"), Local("true")]), Local("echo end")])
check.run()
servers.kill().wait()
print(turns, check.ok, Lines.seen)
logger.info(style.emph("finished") + format_date(Timer().start_date()))
info = get_oar_job_info(*job)
print(info["state"], info.get("name"), job in get_current_oar_jobs(["nancy"]))
oardel([job])
