"""The name under which scripts know some functions of `execo_g5k`."""

from execo_g5k.frontend import local_site as local_site
