"""g5k-subnets: the subnets of a job, and what to configure with them.

Known from pages and scripts that show or read its output: the columns of -im and of -a, that
columns are separated by tabs and keep their order however the options are written, that masks,
broadcast addresses and gateways are those of the block of the whole site, and that each address
has its MAC. Not known, and chosen here: the words and the exit code for a job without a subnet,
that no option shows addresses of subnets, and what -N prints for several of them (one line).
"""

from collections.abc import Iterator
from ipaddress import IPv4Network, collapse_addresses

from execo_g5k.sandbox.commands.call import Call, Reply, refusal
from execo_g5k.sandbox.commands.options import FLAG, VALUE, BadOption, Options
from execo_g5k.sandbox.commands.usages import usage
from execo_g5k.sandbox.model.networks import mac_of, subnets_of
from execo_g5k.sandbox.model.table import ids_of

_SPEC = {
    "p": FLAG, "i": FLAG, "m": FLAG, "b": FLAG, "n": FLAG, "g": FLAG, "G": FLAG, "d": FLAG,
    "a": FLAG, "N": FLAG, "s": FLAG, "j": VALUE, "o": VALUE, "h|help": FLAG,
}  # fmt: skip
_ALL = "pbngGd"


def g5k_subnets(call: Call) -> Reply:
    """Show the subnets of a job."""
    try:
        options = Options(_SPEC, call.arguments)
    except BadOption as error:
        return refusal(1, f"{error}\n", usage("g5k-subnets"))
    if options.has("help"):
        return Reply(0, usage("g5k-subnets"))
    word = options.last("j") or call.environment.get("OAR_JOB_ID", "")
    if not word:
        return refusal(1, "no job specified, use -j\n")
    job = call.site.jobs.get(int(word)) if word.isdecimal() else None
    rows = call.site.table.rows
    subnets = subnets_of(rows[n - 1] for n in ids_of(job.resources)) if job else []
    if not subnets:
        return refusal(1, f"no subnet found for job {word}\n")
    text = "".join(f"{line}\n" for line in _lines(call, options, subnets))
    if (path := options.last("o")) is None:
        return Reply(0, text)
    try:
        call.files.write(path, text)
    except OSError as error:
        return refusal(1, f"{path}: {error.strerror}\n")
    return Reply()


def _lines(call: Call, options: Options, subnets: list[IPv4Network]) -> Iterator[str]:
    shown = [letter for letter in _ALL if options.has("a") or options.has(letter)]
    common = _of_site(call, shown)
    if options.has("N"):
        yield "\t".join(common)
        return
    if options.has("s"):
        subnets = list(collapse_addresses(subnets))
    for subnet in subnets:
        if options.has("i") or options.has("m"):
            yield from _addresses(options, subnet, common)
        else:
            first = str(subnet) if "p" in shown else str(subnet.network_address)
            yield "\t".join([first, *common])


def _addresses(options: Options, subnet: IPv4Network, common: list[str]) -> Iterator[str]:
    for address in subnet.hosts():
        first = [str(address)] if options.has("i") else []
        last = [mac_of(address)] if options.has("m") else []
        yield "\t".join([*first, *common, *last])


def _of_site(call: Call, shown: list[str]) -> list[str]:
    networks = call.site.networks
    values = {
        "b": [str(networks.block.broadcast_address)],
        "n": [str(networks.block.netmask)],
        "g": [str(networks.gateway)],
        "G": [str(networks.block.network_address)],
        "d": [*networks.name_server],
    }
    return [value for letter in shown for value in values.get(letter, [])]
