"""Tasks: data, split and metric."""

from effkit.tasks.base import Kind, Task
from effkit.tasks.catalogued import load
from effkit.tasks.items import Items
from effkit.tasks.metrics import METRICS, SECONDARY, MetricSpec, default_metric
from effkit.tasks.splits import SPLITS, split

__all__ = ["METRICS", "SECONDARY", "SPLITS", "Items", "Kind", "MetricSpec", "Task", "default_metric", "load", "split"]
