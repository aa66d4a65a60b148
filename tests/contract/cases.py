"""What users type on a frontend, each as a text for its shell.

Functions that the texts may use:

    sub ARGUMENTS...      submit, silently; the id is in $id
    start ARGUMENTS...    the same, and wait until the job runs
    until_is ID STATE     wait for a state

$C is the name of a cluster of the site.
"""

PRELUDE = """
unset OAR_JOB_KEY_FILE
sub() { id=$(oarsub "$@" 2>/dev/null | sed -n 's/^OAR_JOB_ID=//p' | head -1); }
until_is() {
    for turn in $(seq 300); do
        case $(oarstat -sj $1) in *"$2"*) return;; esac
        sleep 0.1
    done
    echo "job $1 never got $2: $(oarstat -sj $1)"
}
start() { sub "$@"; until_is $id Running; }
node_of() { oarstat -pj $1 | oarprint host -f - | sort | head -1; }
"""

_ONE = "-l nodes=1,walltime=0:10:0 'sleep 300'"

CASES: dict[str, str] = {
    # --- oarsub: what is accepted
    "nodes": "oarsub -l nodes=2,walltime=0:10:00 'sleep 300'",
    "default walltime": "oarsub -l nodes=1 'sleep 300'",
    "no resources": "oarsub 'sleep 300'",
    "walltime alone": "oarsub -l walltime=0:5:0 'sleep 300'",
    "walltime of two numbers": "oarsub -l nodes=1,walltime=0:05 'sleep 300'",
    "walltime of one number": "oarsub -l nodes=1,walltime=1 'sleep 300'",
    "slashes": "oarsub -l /nodes=1,walltime=0:5:0 'sleep 300'",
    "hierarchy": "oarsub -l /cluster=1/nodes=2,walltime=0:5:0 'sleep 300'",
    "cores": "oarsub -l /nodes=1/core=2,walltime=0:5:0 'sleep 300'",
    "cpu and core": "oarsub -l /host=2/cpu=1/core=1,walltime=0:5:0 'sleep 300'",
    "braces": "oarsub -l \"{cluster='$C'}/nodes=1,walltime=0:5:0\" 'sleep 300'",
    "two groups": "oarsub -l \"nodes=1+{core_count=4}/nodes=1,walltime=0:5:0\" 'sleep 300'",
    "moldable": "oarsub -l nodes=1,walltime=0:9:0 -l nodes=2,walltime=0:4:0 'sleep 300'",
    "all nodes": "oarsub -l nodes=ALL,walltime=0:5:0 'sleep 300'",
    "best nodes": "oarsub -l nodes=BEST,walltime=0:5:0 'sleep 300'",
    "property": "oarsub -l nodes=1,walltime=0:5:0 -p \"cluster='$C'\" 'sleep 300'",
    "property with in": "oarsub -l nodes=1,walltime=0:5:0 -p \"core_count in (4, 8)\" 'sleep 300'",
    "property with like": "oarsub -l nodes=1,walltime=0:5:0 -p \"host like '$C-1%'\" 'sleep 300'",
    "property with numbers": "oarsub -l nodes=1,walltime=0:5:0 -p 'memnode >= 1024' 'sleep 300'",
    "name": f"oarsub -n myname {_ONE}",
    "project": f"oarsub --project myproj {_ONE}",
    "queue": f"oarsub -q production {_ONE}",
    "testing queue": f"oarsub -q testing {_ONE}",
    "besteffort": f"oarsub -t besteffort {_ONE}",
    "deploy": f"oarsub -t deploy {_ONE}",
    "classic ssh": f"oarsub -t allow_classic_ssh {_ONE}",
    "classic ssh besteffort": f"oarsub -t allow_classic_ssh -t besteffort {_ONE}",
    "noop": f"oarsub -t noop {_ONE}",
    "container": f"oarsub -t container {_ONE}",
    "exotic and night": f"oarsub -t exotic -t night {_ONE}",
    "array": "oarsub --array 3 -l nodes=1,walltime=0:1:0 'sleep 300'",
    "array of one": "oarsub --array 1 -l nodes=1,walltime=0:1:0 'sleep 300'",
    "array of params": (
        "printf 'a b\\nc\\n' > params; oarsub --array-param-file params"
        " -l nodes=1,walltime=0:1:0 'echo'"
    ),
    "hold": f"oarsub --hold {_ONE}",
    "json": f"oarsub -J {_ONE}",
    "anterior unknown": f"oarsub -a 99999 {_ONE}",
    "directory unknown": f"oarsub -d /no/such/dir {_ONE}",
    "command unknown": "oarsub -l nodes=1,walltime=0:5:0 /no/such/command",
    "stdout and stderr": f"oarsub -O out.%jobid% -E err.%jobid% {_ONE}",
    "checkpoint": f"oarsub --checkpoint 30 --signal 10 {_ONE}",
    "notify": f"oarsub --notify mail:nobody@localhost {_ONE}",
    "long options": "oarsub --resource=nodes=1,walltime=0:5:0 --name=a --type=besteffort 'sleep 9'",
    "command of words": "oarsub -l nodes=1,walltime=0:5:0 sleep 300",
    "options behind the command": "oarsub 'sleep 300' -l nodes=1,walltime=0:5:0",
    "after two dashes": "oarsub -l nodes=1,walltime=0:5:0 -- sleep 300",
    "job key": f"oarsub -k -i $HOME/.ssh/oar_job_key {_ONE}",
    "key of the environment": f"export OAR_JOB_KEY_FILE=$HOME/.ssh/oar_job_key; oarsub {_ONE}",
    "key of the environment and an array": (
        "export OAR_JOB_KEY_FILE=$HOME/.ssh/oar_job_key; oarsub --array 2 -l nodes=1 'sleep 9'"
    ),
    "wrong key of the environment": f"export OAR_JOB_KEY_FILE=nosuch; oarsub {_ONE}",
    "new job key": f"oarsub -k {_ONE}",
    "exported job key": f"oarsub -k -e exported {_ONE}; head -1 exported",
    "script": (
        "printf '#!/bin/sh\\n#OAR -n scanned\\n#OAR -l nodes=1,walltime=0:5\\nsleep 300\\n' > s.sh;"
        " chmod +x s.sh; oarsub -S ./s.sh"
    ),
    "version": "oarsub -V",
    "resubmit": (
        "sub -l nodes=1,walltime=0:1:0 true; until_is $id Terminated; oarsub --resubmit $id"
    ),
    # --- oarsub: what is refused
    "no command": "oarsub -l nodes=1",
    "nothing": "oarsub",
    "unknown option": "oarsub --nosuch 'sleep 300'",
    "unknown letter": "oarsub -w 'sleep 300'",
    "too many nodes": "oarsub -l nodes=100 'sleep 300'",
    "no such cluster": "oarsub -l nodes=1 -p \"cluster='nosuch'\" 'sleep 300'",
    "no such property": "oarsub -l nodes=1 -p \"nosuch='x'\" 'sleep 300'",
    "no such level": "oarsub -l nosuch=1 'sleep 300'",
    "bad sql": "oarsub -l nodes=1 -p \"cluster='$C\" 'sleep 300'",
    "zero nodes": "oarsub -l nodes=0 'sleep 300'",
    "minus one node": "oarsub -l nodes=-1 'sleep 300'",
    "nodes of letters": "oarsub -l nodes=abc 'sleep 300'",
    "nodes without a number": "oarsub -l nodes 'sleep 300'",
    "walltime of letters": "oarsub -l nodes=1,walltime=abc 'sleep 300'",
    "negative walltime": "oarsub -l nodes=1,walltime=-1:0:0 'sleep 300'",
    "cpuset": "oarsub -l cpuset=1 'sleep 300'",
    "admin queue": f"oarsub -q admin {_ONE}",
    "no such queue": f"oarsub -q nosuch {_ONE}",
    "no such type": f"oarsub -t nosuch {_ONE}",
    "deploy of a core": "oarsub -t deploy -l core=1 'sleep 5'",
    "inner of none": "oarsub -t inner=99999 -l nodes=1 'sleep 5'",
    "date of a word": "oarsub -r tomorrow -l nodes=1 'sleep 5'",
    "date without seconds": "oarsub -r '2030-01-01 10:00' -l nodes=1 'sleep 5'",
    "date long ago": "oarsub -r '2020-01-01 10:00:00' -l nodes=1 'sleep 5'",
    "interactive reservation": "oarsub -I -r '2030-01-01 10:00:00' -l nodes=1",
    "besteffort reservation": "oarsub -r '2030-01-01 10:00:00' -t besteffort -l nodes=1 'sleep 5'",
    "reservation of too many": "oarsub -r '2030-01-01 10:00:00' -l nodes=100 'sleep 5'",
    "key without its option": f"oarsub -i $HOME/.ssh/oar_job_key {_ONE}",
    "key that is not there": f"oarsub -k -i nosuch {_ONE}",
    "key that is none": f"echo text > nokey; oarsub -k -i nokey {_ONE}",
    "connect to none": "oarsub -C 99999",
    "connect to a waiting one": f"sub --hold {_ONE}; oarsub -C $id",
    # --- reservations
    "reservation": "oarsub -r '2030-01-01 10:00:00' -l nodes=1,walltime=1:0:0 'sleep 5'",
    "reservation without command": "oarsub -r '2030-01-02 10:00:00' -l nodes=1,walltime=1:0:0",
    "reservation on a day too much": "oarsub -r '2030-02-31 10:00:00' -l nodes=1 'sleep 5'",
    "reservation beside another": (
        "oarsub -r '2030-03-01 10:00:00' -l nodes=2,walltime=1:0:0 'sleep 5';"
        " oarsub -r '2030-03-01 10:00:00' -l nodes=4,walltime=1:0:0 'sleep 5'"
    ),
    "three reservations": (
        "for day in 1 2 3; do"
        " oarsub -r \"2030-04-0$day 10:00:00\" -l nodes=1,walltime=1:0:0 'sleep 5'; done"
    ),
    "full of a reservation": (
        "sub -r '2030-05-01 10:00:00' -l nodes=2,walltime=1:0:0 'sleep 5'; oarstat -fj $id;"
        " oarstat -sj $id; oarstat -j $id; oarstat -pj $id"
    ),
    "json of a reservation": (
        "sub -r '2030-05-01 10:00:00' -l nodes=1,walltime=1:0:0 'sleep 5'; oarstat -J -fj $id"
    ),
    "deleted reservation": (
        "sub -r '2030-05-01 10:00:00' -l nodes=2,walltime=1:0:0 'sleep 5'; oardel $id;"
        " until_is $id Error; oarstat -fj $id | grep -v ' walltime ='"
    ),
    # --- oarstat
    "no job": "oarstat; oarstat -u; oarstat -J; oarstat -f",
    "version of oarstat": "oarstat -V",
    "unknown job": (
        "for options in -j -fj -sj -pj -ej '-J -j' '-J -fj' '-J -sj' '-Y -j'; do"
        ' oarstat $options 99999; echo "$options $?"; done'
    ),
    "job of letters": "oarstat -j abc",
    "no job id": "oarstat -fj",
    "unknown option of oarstat": "oarstat --nosuch",
    "known and unknown job": f"sub --hold {_ONE}; oarstat -s -j $id -j 99999",
    "plain": f"start {_ONE}; oarstat; oarstat -u; oarstat -u alice; oarstat -u bob; oarstat -j $id",
    "format 1": f"start -n some {_ONE}; oarstat --format 1",
    "state": f"start {_ONE}; oarstat -sj $id; oarstat -sj $id -J; oarstat -sj $id -Y",
    "full of a running job": f"start {_ONE}; oarstat -fj $id",
    "full of all": f"start {_ONE}; sub --hold {_ONE}; oarstat -f",
    "json of a running job": f"start {_ONE}; oarstat -J -j $id",
    "full json of a running job": f"start -n some --project p {_ONE}; oarstat -J -fj $id",
    "json of all": f"start {_ONE}; oarstat -J",
    "yaml of a running job": f"start {_ONE}; oarstat -Y -j $id",
    "resources of a job": (
        f"start {_ONE}; oarstat -pj $id | oarprint host -f - | sort;"
        " oarstat -pj $id | oarprint core -f - | wc -l"
    ),
    "full of two groups": (
        "start -l \"nodes=1+{core_count=4}/nodes=1,walltime=0:5:0\" 'sleep 300'; oarstat -fj $id"
    ),
    "full of cores": "start -l /nodes=1/core=2,walltime=0:5:0 'sleep 300'; oarstat -fj $id",
    "full of a moldable job": (
        "start -l nodes=1,walltime=0:9:0 -l nodes=2,walltime=0:4:0 'sleep 300'; oarstat -fj $id"
    ),
    "full of a job with properties": (
        "start -l nodes=1,walltime=0:5:0 -p \"cluster='$C'\" 'sleep 300'; oarstat -fj $id"
    ),
    "full of a deploy job": f"start -t deploy {_ONE}; oarstat -fj $id",
    "full of a job of a type": f"start -t allow_classic_ssh {_ONE}; oarstat -fj $id",
    "full of a held job": f"sub --hold {_ONE}; oarstat -fj $id; oarstat",
    "waiting job": (
        "start -l nodes=4,walltime=0:10:0 'sleep 300'; sub -l nodes=1,walltime=0:5:0 'sleep 5';"
        " sleep 2; oarstat -fj $id; oarstat -sj $id; oarstat -pj $id; oarstat -J -fj $id"
    ),
    "job after another": (
        f"start {_ONE}; before=$id; sub -a $before {_ONE}; sleep 2; oarstat -fj $id; oarstat"
    ),
    "job after none": f"sub -a 99999 {_ONE}; sleep 2; oarstat -fj $id; oarstat",
    "jobs by sql": f"start -n sought {_ONE}; oarstat --sql \"job_name='sought'\"",
    "jobs by sql of state": f"start {_ONE}; oarstat --sql \"job_user='alice' AND state='Running'\"",
    "jobs of an array": (
        "oarsub --array 2 -l nodes=1,walltime=0:1:0 'sleep 300' > out 2> /dev/null; id=$(sed -n"
        " 's/OAR_ARRAY_ID=//p' out); until_is $id Running; until_is $((id + 1)) Running;"
        " oarstat --array $id"
    ),
    # --- how jobs end
    "command that ends": (
        "sub -l nodes=1,walltime=0:5:0 'echo out; echo err >&2; pwd'; until_is $id Terminated;"
        " cat OAR.$id.stdout OAR.$id.stderr; oarstat -fj $id; oarstat -J -fj $id"
    ),
    "command that fails": (
        "sub -l nodes=1,walltime=0:5:0 'exit 3'; until_is $id Terminated; oarstat -fj $id"
    ),
    "command that is not there": (
        "sub -l nodes=1,walltime=0:5:0 /no/such/script; until_is $id Terminated;"
        " cat OAR.$id.stderr; oarstat -fj $id | grep exit_code"
    ),
    "command killed by a signal": (
        "sub -l nodes=1,walltime=0:5:0 'kill -9 $$'; until_is $id Te; oarstat -fj $id | grep -E"
        " 'state|exit_code'"
    ),
    "directory that is not there": (
        f"sub -d /no/such/dir {_ONE}; until_is $id Error; oarstat -fj $id"
    ),
    "named files": (
        "sub -n some -l nodes=1,walltime=0:5:0 'echo hi'; until_is $id Terminated;"
        " cat OAR.some.$id.stdout"
    ),
    "own files": (
        "sub -O o.%jobid% -E e.%jobid% -l nodes=1,walltime=0:5:0 'echo o; echo e >&2';"
        " until_is $id Terminated; cat o.$id e.$id"
    ),
    "variables of a job": (
        "sub -l nodes=2,walltime=0:5:0 'echo $OAR_JOB_ID $OAR_JOB_NAME $OAR_JOB_WALLTIME"
        " $OAR_JOB_WALLTIME_SECONDS $OAR_PROJECT_NAME $OAR_USER $OAR_ARRAY_INDEX; sort -u"
        " $OAR_NODE_FILE; wc -l < $OAR_NODEFILE; hostname'; until_is $id Terminated;"
        " cat OAR.$id.stdout"
    ),
    "deploy job runs on the frontend": (
        "sub -t deploy -l nodes=1,walltime=0:5:0 'hostname; sort -u $OAR_NODE_FILE';"
        " until_is $id Terminated; cat OAR.$id.stdout"
    ),
    # --- oardel
    "no job to delete": "oardel",
    "unknown job to delete": "oardel 99999",
    "letters to delete": "oardel abc",
    "version of oardel": "oardel -V",
    "running job deleted": f"start {_ONE}; oardel $id; until_is $id Error; oarstat -fj $id",
    "deleted twice": f"sub --hold {_ONE}; oardel $id; oardel $id",
    "ended job deleted": (
        "sub -l nodes=1,walltime=0:5:0 true; until_is $id Terminated; oardel $id"
    ),
    "waiting job deleted": f"sub --hold {_ONE}; oardel $id; until_is $id Error; oarstat -fj $id",
    "two jobs deleted": f"sub --hold {_ONE}; one=$id; sub --hold {_ONE}; oardel $one $id",
    "array deleted": (
        "oarsub --hold --array 2 -l nodes=1,walltime=0:1:0 'sleep 300' > out 2> /dev/null;"
        " oardel --array $(sed -n 's/OAR_ARRAY_ID=//p' out)"
    ),
    "what a killed job reads": (
        f"start {_ONE}; oardel $id; until_is $id Error; cat OAR.$id.stderr"
    ),
    # --- oarhold, oarresume, oarwalltime
    "resume": f"sub --hold {_ONE}; oarresume $id; until_is $id Running; oarstat -sj $id",
    "hold a running job": f"start {_ONE}; oarhold $id",
    "walltime": f"start {_ONE}; oarwalltime $id",
    "walltime of none": "oarwalltime 99999",
    "version of oarwalltime": "oarwalltime -V",
    "longer walltime": (
        f"start {_ONE}; oarwalltime $id +1:00; sleep 3; oarwalltime $id; oarstat -fj $id"
    ),
    "longer walltime of a waiting job": f"sub --hold {_ONE}; oarwalltime $id +1:00",
    # --- oarnodes, oarprint
    "states of nodes": "oarnodes -s",
    "list of nodes": "oarnodes -l",
    "unknown node": "oarnodes nosuch",
    "states by sql": "oarnodes -s --sql \"cpuset='0'\" | sort",
    "version of oarnodes": "oarnodes -V",
    "nodes in json": "oarnodes -J | grep -c network_address",
    "oarprint without input": "oarprint host",
    "oarprint of nothing": "oarprint host -f - < /dev/null",
    "oarprint of an unknown property": f"start {_ONE}; oarstat -pj $id | oarprint nosuch -f -",
    "oarprint with a format": (
        "start -l nodes=2,walltime=0:5:0 'sleep 300'; oarstat -pj $id |"
        " oarprint host -P host,cluster -F '% (%)' -f - | sort"
    ),
    # --- oarsh, oarcp
    "oarsh": f"start {_ONE}; OAR_JOB_ID=$id oarsh $(node_of $id) 'hostname; pwd; echo $OAR_JOB_ID'",
    "exit code through oarsh": (
        f"start {_ONE}; OAR_JOB_ID=$id oarsh $(node_of $id) 'echo o; echo e >&2; exit 7'"
    ),
    "signal through oarsh": f"start {_ONE}; OAR_JOB_ID=$id oarsh $(node_of $id) 'kill -9 $$'",
    "input through oarsh": (
        f"start {_ONE}; echo hello | OAR_JOB_ID=$id oarsh $(node_of $id) 'wc -c'"
    ),
    "oarsh of no job": "oarsh $C-1 hostname",
    "oarsh of a job of letters": "OAR_JOB_ID=abc oarsh $C-1 hostname",
    "oarsh of an unknown job": "OAR_JOB_ID=99999 oarsh $C-1 hostname",
    "oarsh of a waiting job": f"sub --hold {_ONE}; OAR_JOB_ID=$id oarsh $C-1 hostname",
    "oarsh into another node": (
        f"start {_ONE}; node=$(node_of $id); for other in 1 2; do case $node in $C-$other.*) ;;"
        " *) OAR_JOB_ID=$id oarsh $C-$other hostname; echo $?; break;; esac; done"
    ),
    "oarsh into a deploy job": (
        f"start -t deploy {_ONE}; OAR_JOB_ID=$id oarsh $(node_of $id) hostname"
    ),
    "oarsh with a key": (
        f"start -k -i $HOME/.ssh/oar_job_key {_ONE}; OAR_JOB_KEY_FILE=$HOME/.ssh/oar_job_key oarsh"
        " $(node_of $id) 'hostname; echo $OAR_JOB_ID'"
    ),
    "oarsh with a key that is not there": "OAR_JOB_KEY_FILE=nosuch oarsh $C-1 hostname",
    "oarsh from node to node": (
        "start -l nodes=2,walltime=0:5:0 'sleep 300'; set -- $(oarstat -pj $id | oarprint host -f -"
        ' | sort); OAR_JOB_ID=$id oarsh $1 "oarsh $2 hostname"'
    ),
    "oarcp": (
        f"start {_ONE}; node=$(node_of $id); export OAR_JOB_ID=$id; echo payload > f; oarcp f"
        " $node:/tmp/contract; echo $?; oarcp $node:/tmp/contract back; echo $?; cat back;"
        " oarcp $node:/tmp/nosuch back; echo $?"
    ),
    # --- other
    "command that the frontend lacks": "nosuchcommand",
    "name of the frontend": "hostname",
    "zone of the caller": f"start {_ONE}; TZ=UTC oarstat -fj $id | grep -c Time",
    "besteffort job gives way": (
        "start -t besteffort -l nodes=4,walltime=0:5:0 'sleep 300'; best=$id;"
        " start -l nodes=1,walltime=0:5:0 'sleep 300'; until_is $best Error;"
        " oarstat -fj $best | grep -vE 'SCHEDULER_PRIORITY'"
    ),
    "inner job": (
        "start -t container -l nodes=2,walltime=0:5:0 'sleep 300'; outer=$id;"
        " start -t inner=$outer -l nodes=1,walltime=0:1:0 'sleep 30'; oarstat"
    ),
}
"""Name -> text for the shell of a frontend."""
