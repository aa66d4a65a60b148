"""The name under which scripts know some functions of `execo_g5k`."""

from execo_g5k.console import G5kAutoPortForwarder
from execo_g5k.frontend import local_site
from execo_g5k.nodes import get_kavlan_host_name

__all__ = ["G5kAutoPortForwarder", "get_kavlan_host_name", "local_site"]
