"""The deployment on two sites in a sandbox, where it fails at first on one of the nodes."""

import deploy_on_two_sites

from execo_g5k.sandbox import Sandbox

with Sandbox(deploy_time=5) as grid:
    grid.faults.fail_deployment("grisou-2")
    deploy_on_two_sites.main()
