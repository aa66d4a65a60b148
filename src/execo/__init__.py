"""Processes on one or on thousands of hosts; a failure is data, and the program goes on.

Where things are, from the user's side down to the operating system:

    report.py grouping.py         tables of what happened, equal outputs once
    remote.py transfer.py         the same command, or a copy, on many hosts
    taktuk.py taktuk_copy.py      the same, in one tree of connexions
    chainput.py                   a copy from host to host
    composed.py                   actions made of actions
    action.py                     processes started, waited for and killed as one
    process.py serial.py forward.py    a command here or on a host, a serial port, a forwarded port
    _lifecycle.py _record.py      the life of a process, and what is known of it
    _taktuk/ _chain/ _archive.py  what runs the tree and the chain, files as a stream
    handlers.py _outputs.py _expect.py    what becomes of output
    _engine/                      the event loop that owns the processes
    connexion.py config.py        how hosts are reached, and all settings
    host.py times.py quoting.py errors.py log.py spelling.py    words that all the others use

A module imports only from those below it. This file only gathers the public names; those that most
programs do not use are imported when they are used (_first_use.py).
"""

from typing import TYPE_CHECKING

from execo._first_use import import_at_first_use
from execo.action import (
    Action,
    Local,
    filter_bad_hosts,
    wait_all_actions,
    wait_any_actions,
)
from execo.composed import ParallelActions, SequentialActions
from execo.config import (
    CHAINPUT,
    SCP,
    SSH,
    TAKTUK,
    configuration,
    default_connexion_params,
    make_connexion_params,
)
from execo.errors import ActionsFailed, ConfigError, Error, ProcessesFailed, TimedOut
from execo.forward import PortForwarder
from execo.grouping import OutputGroup, group_outputs
from execo.handlers import (
    STDERR,
    STDOUT,
    ActionLifecycleHandler,
    ExpectOutputHandler,
    ProcessLifecycleHandler,
    ProcessOutputHandler,
)
from execo.host import (
    Host,
    fold_hosts,
    get_hosts_list,
    get_hosts_set,
    get_unique_hosts_list,
    unfold_hosts,
)
from execo.log import logger, style
from execo.process import Process, SshProcess, get_process
from execo.remote import Remote, RemoteSerial
from execo.report import Report
from execo.serial import Serial, SerialSsh
from execo.times import (
    Timer,
    format_date,
    format_duration,
    format_seconds,
    format_unixts,
    get_seconds,
    get_unixts,
    sleep,
)
from execo.transfer import Get, Put

# imported when they are used: most programs use none of them
if TYPE_CHECKING:
    from execo.chainput import ChainPut
    from execo.factory import get_fileget, get_fileput, get_remote
    from execo.taktuk import TaktukRemote
    from execo.taktuk_copy import TaktukGet, TaktukPut
else:
    __getattr__ = import_at_first_use(
        globals(),
        {
            "execo.chainput": ["ChainPut"],
            "execo.exception": [],
            "execo.factory": ["get_fileget", "get_fileput", "get_remote"],
            "execo.taktuk": ["TaktukRemote"],
            "execo.taktuk_copy": ["TaktukGet", "TaktukPut"],
            "execo.time_utils": [],
        },
    )

default_connection_params = default_connexion_params
make_connection_params = make_connexion_params

__all__ = [
    "CHAINPUT",
    "SCP",
    "SSH",
    "STDERR",
    "STDOUT",
    "TAKTUK",
    "Action",
    "ActionLifecycleHandler",
    "ActionsFailed",
    "ChainPut",
    "ConfigError",
    "Error",
    "ExpectOutputHandler",
    "Get",
    "Host",
    "Local",
    "OutputGroup",
    "ParallelActions",
    "PortForwarder",
    "Process",
    "ProcessLifecycleHandler",
    "ProcessOutputHandler",
    "ProcessesFailed",
    "Put",
    "Remote",
    "RemoteSerial",
    "Report",
    "SequentialActions",
    "Serial",
    "SerialSsh",
    "SshProcess",
    "TaktukGet",
    "TaktukPut",
    "TaktukRemote",
    "TimedOut",
    "Timer",
    "configuration",
    "default_connection_params",
    "default_connexion_params",
    "filter_bad_hosts",
    "fold_hosts",
    "format_date",
    "format_duration",
    "format_seconds",
    "format_unixts",
    "get_fileget",
    "get_fileput",
    "get_hosts_list",
    "get_hosts_set",
    "get_process",
    "get_remote",
    "get_seconds",
    "get_unique_hosts_list",
    "get_unixts",
    "group_outputs",
    "logger",
    "make_connection_params",
    "make_connexion_params",
    "sleep",
    "style",
    "unfold_hosts",
    "wait_all_actions",
    "wait_any_actions",
]


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
