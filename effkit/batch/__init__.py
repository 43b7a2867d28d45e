"""Batch: parameter files and sweeps through papermill.

Names load on first use: the process of a run reads no parameter file.
"""

from typing import TYPE_CHECKING, Any

from effkit.names import on_first_use

if TYPE_CHECKING:
    from effkit.batch.cluster import Cluster
    from effkit.batch.crew import ClusterError
    from effkit.batch.local import Executor, Local, Outcome
    from effkit.batch.notebooks import notebook_for
    from effkit.batch.state import Rerun, State, other_hosts, other_versions, states, wanted
    from effkit.batch.sweep import Point, points

__all__ = [
    "Cluster",
    "ClusterError",
    "Executor",
    "Local",
    "Outcome",
    "Point",
    "Rerun",
    "State",
    "notebook_for",
    "other_hosts",
    "other_versions",
    "points",
    "states",
    "wanted",
]

_MODULES = {
    "Cluster": "cluster",
    "ClusterError": "crew",
    "Executor": "local",
    "Local": "local",
    "Outcome": "local",
    "Point": "sweep",
    "Rerun": "state",
    "State": "state",
    "notebook_for": "notebooks",
    "other_hosts": "state",
    "other_versions": "state",
    "points": "sweep",
    "states": "state",
    "wanted": "state",
}


def __getattr__(name: str) -> Any:
    return on_first_use(__name__, name, _MODULES)
