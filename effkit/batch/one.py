"""One study at a time, for callers that want its run or an exception."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from effkit import attempts, places, store
from effkit.batch.local import Local
from effkit.batch.sweep import point


class RunFailed(RuntimeError):
    """The notebook did not finish; the message says where and why, and what was kept."""


@dataclass(frozen=True)
class Runner:
    """Runs studies' notebooks, each in a process of its own.

    Attributes:
        results: where runs are kept.
        watch: told what a run is doing.
    """

    results: Path
    watch: Callable[[str], None] = lambda line: None

    def run(self, params: Mapping[str, Any], source: Path, replicate: int = 1) -> store.Loaded:
        """Validate, execute the study's notebook, and put the run in its place, whatever was run before.

        Args:
            params: the keys of a parameter file, overrides applied.
            source: the file, beside whose folder the notebooks are.
            replicate: which of a point's repetitions it is.

        Returns:
            The run. Candidates may have failed: `record.failed` names them.

        Raises:
            SpecError: before anything is loaded.
            StoreError: when the results cannot be written.
            RunFailed: when the notebook raises, or the store is gone. A run that had measured everything is kept all
                the same.
        """
        asked = point(params, source, replicate)
        places.check_writable(self.results)
        with closing(Local(self.results).run([asked], again=True, watch=lambda _, line: self.watch(line))) as outcomes:
            outcome = next(outcomes)
        if outcome.folder is None or not (outcome.folder / store.RECORD).exists():
            raise RunFailed(outcome.sentence)
        if outcome.status == "waiting" or attempts.failure(outcome.folder) is not None:
            raise RunFailed(outcome.sentence)
        return store.load(outcome.folder)
