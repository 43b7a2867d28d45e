"""Is the small model enough? Paired, interleaved comparisons that know their own noise.

Names load on first use, so that importing effkit loads neither NumPy nor torch.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from effkit.catalogue import fetch
    from effkit.decision import decide, what_if
    from effkit.record import Record
    from effkit.report import summarise
    from effkit.report import write as write_report
    from effkit.spec import Budget, Protocol, SpecError, StudySpec
    from effkit.study import Study, StudyFailed
    from effkit.tasks import Task
    from effkit.tasks import load as load_task

__version__ = "0.3.0"

__all__ = [
    "Budget",
    "Protocol",
    "Record",
    "SpecError",
    "Study",
    "StudyFailed",
    "StudySpec",
    "Task",
    "decide",
    "fetch",
    "load_task",
    "summarise",
    "what_if",
    "write_report",
]

_PLACES = {
    "Budget": "spec.Budget",
    "Protocol": "spec.Protocol",
    "Record": "record.Record",
    "SpecError": "spec.SpecError",
    "Study": "study.Study",
    "StudyFailed": "study.StudyFailed",
    "StudySpec": "spec.StudySpec",
    "Task": "tasks.Task",
    "decide": "decision.decide",
    "fetch": "catalogue.fetch",
    "load_task": "tasks.load",
    "summarise": "report.summarise",
    "what_if": "decision.what_if",
    "write_report": "report.write",
}
"""Where each public name stands: module and name in it."""


def __getattr__(name: str) -> Any:
    if name not in _PLACES:
        raise AttributeError(f"effkit has no `{name}`; it has {', '.join(__all__)}")
    module, _, original = _PLACES[name].rpartition(".")
    return getattr(import_module(f"effkit.{module}"), original)


def __dir__() -> list[str]:
    return sorted([*globals(), *__all__])
