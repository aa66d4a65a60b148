"""Deployments, for scripts: the blocking functions. `execo_g5k.aio` has the same to await."""

from execo._engine.loop import blocking
from execo.spelling import accept_old_spellings
from execo_g5k import deploying as _deploying
from execo_g5k.deployment import Deployment
from execo_g5k.errors import DeploymentFailed
from execo_g5k.kadeploy_process import KadeployProgress
from execo_g5k.kadeployer import Kadeployer
from execo_g5k.nodes import get_kavlan_host_name
from execo_g5k.outcome import Failure, FailureKind
from execo_g5k.parse.kadeploy import NodeState
from execo_g5k.tries import Deployed, Try

__all__ = [
    "Deployed",
    "Deployment",
    "DeploymentFailed",
    "Failure",
    "FailureKind",
    "KadeployProgress",
    "Kadeployer",
    "NodeState",
    "Try",
    "deploy",
    "get_kavlan_host_name",
    "kadeploy",
]

kadeploy = accept_old_spellings(blocking(_deploying.kadeploy))
deploy = accept_old_spellings(blocking(_deploying.deploy))

# the package has a function of the name of this module: scripts that say execo_g5k.kadeploy.deploy
# or execo_g5k.kadeploy.Kadeployer get that function, and look there
for _name in __all__:
    setattr(kadeploy, _name, globals()[_name])
