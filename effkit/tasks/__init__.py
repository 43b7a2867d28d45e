"""Tasks: data, split and metric."""

from effkit.tasks.base import SPLITS, Items, Kind, Task, split
from effkit.tasks.catalogued import load
from effkit.tasks.metrics import METRICS, SECONDARY, MetricSpec, default_metric

__all__ = ["METRICS", "SECONDARY", "SPLITS", "Items", "Kind", "MetricSpec", "Task", "default_metric", "load", "split"]
