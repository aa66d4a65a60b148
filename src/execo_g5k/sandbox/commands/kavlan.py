"""kavlan: the vlans of a job, and moving nodes into them.

What the first public version does and says is known from its source; that later ones print a line
for each vlan, "no vlan found", and the vlan of each node with -g, is known from scripts that read
it. Not known, and chosen here: that "no vlan found" is on standard error, that -e and -d print
nothing, that several vlans make `-l` list the nodes in the first, and the words that refuse a vlan
or a node of somebody else.
"""

from execo_g5k.sandbox.commands.call import Call, Reply, refusal
from execo_g5k.sandbox.commands.options import FLAG, VALUE, BadOption, Options
from execo_g5k.sandbox.commands.usages import usage
from execo_g5k.sandbox.model.jobs import Job, State
from execo_g5k.sandbox.model.networks import DEFAULT_VLAN, Vlan, name_in_vlan, vlans_of
from execo_g5k.sandbox.model.platform import DOMAIN
from execo_g5k.sandbox.model.table import ids_of

_SPEC = {
    "r|get-network-range": FLAG, "g|get-network-gateway": FLAG, "e|enable-dhcp": FLAG,
    "d|disable-dhcp": FLAG, "i|vlan-id": VALUE, "l|get-nodelist": FLAG, "V|get-vlan-id": FLAG,
    "j|oar-jobid": VALUE, "f|filenode": VALUE, "m|machine": VALUE, "s|set": FLAG,
    "q|quiet": FLAG, "h|help": FLAG, "v|verbose": FLAG,
}  # fmt: skip


class _Abort(ValueError):
    """The end of a call that fails; the message is kavlan's."""


def kavlan(call: Call) -> Reply:
    """Show or change the vlans of nodes."""
    if not call.arguments:
        return Reply(1, usage("kavlan"))
    try:
        options = Options(_SPEC, call.arguments)
    except BadOption as error:
        return refusal(1, f"{error}\n", usage("kavlan"))
    if options.has("help"):
        return Reply(0, usage("kavlan"))
    try:
        return Reply(0, _done(call, options))
    except _Abort as error:
        return refusal(1, "" if options.has("quiet") else f"{error}\n")


def _done(call: Call, options: Options) -> str:
    if options.has("get-vlan-id"):
        return "".join(f"{vlan_id}\n" for vlan_id in _vlans_of_job(call, _job(call, options)))
    if options.has("get-nodelist"):
        return _node_list(call, options)
    if options.has("set"):
        return _set(call, options)
    if options.has("get-network-range"):
        return f"{_network(call, options).network}\n"
    if options.has("get-network-gateway"):
        if options.has("machine") or options.has("filenode"):
            return "".join(f"{n}: {_vlan_of(call, n)}\n" for n in _named_nodes(call, options))
        return f"{_network(call, options).gateway}\n"
    if options.has("enable-dhcp") or options.has("disable-dhcp"):
        return _dhcp(call, options)
    raise _Abort("no action specified, abort")


# --- jobs


def _job(call: Call, options: Options) -> Job:
    word = options.last("oar-jobid") or call.environment.get("OAR_JOB_ID")
    if not word:
        raise _Abort("no job specified, use -j")
    if not word.isdecimal():
        raise _Abort(f"Wrong jobid given ({word}), abort!")
    job = call.site.jobs.get(int(word))
    if job is None:
        raise _Abort("no vlan found")
    return job


def _vlans_of_job(call: Call, job: Job) -> list[str]:
    rows = (call.site.table.rows[number - 1] for number in ids_of(job.resources))
    found = vlans_of(rows)
    if not found:
        raise _Abort("no vlan found")
    return found


def _running(call: Call) -> list[Job]:
    return [j for j in call.site.live() if j.user == call.user and j.state is State.RUNNING]


# --- vlans


def _vlan_id(call: Call, options: Options) -> str:
    word = options.last("vlan-id")
    if word is None:
        return _vlans_of_job(call, _job(call, options))[0]
    if word.lower() == "default":
        return DEFAULT_VLAN
    if word not in call.site.networks.vlans:
        raise _Abort(f"abort: bad VLAN id ({word})")
    return word


def _network(call: Call, options: Options) -> Vlan:
    vlan_id = _vlan_id(call, options)
    if vlan_id == DEFAULT_VLAN:
        raise _Abort(f"ERROR : Unknown network range for vlan {vlan_id}")
    return call.site.networks.vlans[vlan_id]


def _check_right(call: Call, vlan_id: str) -> None:
    held = (call.site.table.rows[n - 1] for job in _running(call) for n in ids_of(job.resources))
    if vlan_id != DEFAULT_VLAN and vlan_id not in vlans_of(held):
        raise _Abort("User does not have appropriate rights on VLAN, abort")


def _dhcp(call: Call, options: Options) -> str:
    vlan_id = _vlan_id(call, options)
    _check_right(call, vlan_id)
    if options.has("enable-dhcp"):
        call.site.networks.without_dhcp.discard(vlan_id)
    else:
        call.site.networks.without_dhcp.add(vlan_id)
    return ""


# --- nodes


def _node_list(call: Call, options: Options) -> str:
    job = _job(call, options)
    vlan_id = _vlan_id(call, options)
    if vlan_id == DEFAULT_VLAN:
        return "".join(f"{node}\n" for node in call.site.table.hosts(job.resources))
    nodes = call.site.table.hosts(job.resources)
    return "".join(f"{name_in_vlan(node, vlan_id)}\n" for node in nodes)


def _named_nodes(call: Call, options: Options) -> list[str]:
    names = options.all("machine")
    if (path := options.last("filenode")) is not None:
        try:
            names += call.files.read(path).split()
        except OSError as error:
            raise _Abort(f"can't open {path}, abort ! {error.strerror}") from None
    return [_full(call, name) for name in dict.fromkeys(names)]


def _full(call: Call, name: str) -> str:
    full = name if "." in name else f"{name}.{call.site.name}.{DOMAIN}"
    if not call.site.table.of_host(full):
        raise _Abort(f"ERROR : {name} not present in the configuration, abort")
    return full


def _vlan_of(call: Call, node: str) -> str:
    vlan_id, job_id = call.site.networks.members.get(node, (DEFAULT_VLAN, 0))
    job = call.site.jobs.get(job_id)
    # nodes go back when the job that moved them ends
    return vlan_id if job is not None and not job.state.final else DEFAULT_VLAN


def _set(call: Call, options: Options) -> str:
    told = ""
    vlan_id = _vlan_id(call, options)
    named = options.has("machine") or options.has("filenode")
    if named and options.has("oar-jobid") and not options.has("vlan-id"):
        raise _Abort("Can't specify nodes with -f or -m when jobid is given, abort!")
    if named:
        nodes = _named_nodes(call, options)
    elif options.has("oar-jobid") or call.environment.get("OAR_JOB_ID"):
        nodes = call.site.table.hosts(_job(call, options).resources)
        if not options.has("oar-jobid"):
            told = f"Take node list from OAR nodefile: {call.environment.get('OAR_NODEFILE', '')}\n"
    else:
        raise _Abort("No nodes specified: use -m, -f or -j")
    _check_right(call, vlan_id)
    for node in nodes:
        _move(call, node, vlan_id)
    told += f"all nodes are configured in the vlan {vlan_id}\n"
    return "" if options.has("quiet") else told


def _move(call: Call, node: str, vlan_id: str) -> None:
    mask = call.site.table.of_host(node)
    holders = [j for j in _running(call) if j.has_type("deploy") and j.resources & mask]
    if not holders:
        raise _Abort(f"User does not have appropriate rights on {node}, abort")
    call.site.networks.members[node] = (vlan_id, holders[0].job_id)
