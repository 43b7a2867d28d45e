"""Batch: parameter files and sweeps through papermill."""

from effkit.batch.cluster import Cluster
from effkit.batch.crew import ClusterError
from effkit.batch.local import Executor, Local, Outcome
from effkit.batch.one import RunFailed, Runner
from effkit.batch.runner import notebook_for
from effkit.batch.state import Rerun, State, states, wanted
from effkit.batch.sweep import Point, points

__all__ = [
    "Cluster",
    "ClusterError",
    "Executor",
    "Local",
    "Outcome",
    "Point",
    "Rerun",
    "RunFailed",
    "Runner",
    "State",
    "notebook_for",
    "points",
    "states",
    "wanted",
]
