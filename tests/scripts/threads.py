# one thread for each job, each with its own reservation and its own ssh
import threading

from execo import Process, SshProcess
from execo_g5k import OarSubmission, get_oar_job_nodes, oardel, oarsub
from execo_g5k.oar import wait_oar_job_start

lines = []


def work(number):
    site = ["nancy", "lyon"][number % 2]
    submission = OarSubmission(resources="nodes=1", walltime=600, name="work%i" % number)
    submission.job_type = ["allow_classic_ssh"]
    result = oarsub([(submission, site)])
    job_id, frontend = result[0]
    if wait_oar_job_start(job_id, frontend):
        host = get_oar_job_nodes(job_id, frontend)[0]
        fragments = ("hostname", "&&", "echo", "done", str(number))
        process = SshProcess(fragments, host)
        process.run()
        lines.append(process.stdout.split())
    oardel([(job_id, frontend)])


threads = [threading.Thread(target=work, args=(number,)) for number in range(6)]
for thread in threads:
    thread.start()
for thread in threads:
    thread.join()
print(sorted(int(line[-1]) for line in lines))
print(Process("echo all | tr a-z A-Z", shell=True).run().stdout.strip())
