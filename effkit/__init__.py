"""Is the small model enough? Paired, interleaved comparisons that know their own noise.

Names load on first use, so that importing effkit loads neither NumPy nor torch.
"""

from typing import TYPE_CHECKING, Any

from effkit.names import on_first_use

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
    "Budget": "spec",
    "Protocol": "spec",
    "Record": "record",
    "SpecError": "spec",
    "Study": "study",
    "StudyFailed": "study",
    "StudySpec": "spec",
    "Task": "tasks",
    "decide": "decision",
    "fetch": "catalogue",
    "load_task": "tasks:load",
    "summarise": "report",
    "what_if": "decision",
    "write_report": "report:write",
}
"""Where each public name stands."""


def __getattr__(name: str) -> Any:
    return on_first_use(__name__, name, _PLACES)


def __dir__() -> list[str]:
    return sorted([*globals(), *__all__])
