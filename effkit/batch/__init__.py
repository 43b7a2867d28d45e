"""Batch: parameter files through papermill."""

from effkit.batch.runner import RunFailed, Runner, notebook_for

__all__ = ["RunFailed", "Runner", "notebook_for"]
