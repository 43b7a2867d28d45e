"""Study: a specification in, a record out. The order of things is told here and nowhere else."""

from __future__ import annotations

import logging
import shutil
import tempfile
from collections.abc import Callable, Iterable, Mapping
from datetime import UTC, datetime
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from effkit import assemble, attempts, places, resolve, store
from effkit.bench import adapt, host, samples, slot
from effkit.bench.device import device
from effkit.bench.energy import EnergyMeter
from effkit.bench.load import check_installed
from effkit.bench.measure import Bench
from effkit.findings import Findings
from effkit.identity import identity_or_none
from effkit.params import given_keys, override, parse, plain, read
from effkit.plan import Plan
from effkit.plan import plan as plan_of
from effkit.preparing import SHARE, prepare_all
from effkit.progress import Progress, log_to, progress
from effkit.record import Record
from effkit.remote.sending import delivered
from effkit.spec import SpecError, StudySpec
from effkit.tasks import Task, load
from effkit.techniques import check_runtimes
from effkit.under_load import under_load

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.figure import Figure

    from effkit.report.notebook import Comparison
    from effkit.report.values import ChartKind
    from effkit.report.widgets import WhatIfPanel

log = logging.getLogger(__name__)


class StudyFailed(RuntimeError):
    """The reference could not be made or measured, so there is nothing to compare with."""


class Study:
    """A task, its candidates, a protocol and a budget; made by `Study.from_params`."""

    def __init__(self, params: Mapping[str, Any], *, own: Mapping[str, resolve.Own], source: str) -> None:
        task = params.get("task")
        self._task = task if isinstance(task, Task) else None
        self._params = plain(params if self._task is None else {**params, "task": self._task.name})
        self._own = dict(own)
        self._source = source
        self._record: Record | None = None
        self._tables: tuple[pd.DataFrame, pd.DataFrame] | None = None
        self._log = Path()
        self.spec = self._checked(self._params, self._own)

    @classmethod
    def from_params(
        cls,
        params: str | Path | Mapping[str, Any] | None = None,
        *,
        own: Mapping[str, Callable[[list[Any]], Any]] | None = None,
        **keys: Any,
    ) -> Study:
        """Make a study from a parameter file, a mapping, or keyword arguments.

        Args:
            params: path of a YAML file, or its keys. None where all keys are given as arguments.
            own: your own models by name, as they are now, each a function from a batch of items to one
                prediction each: a class name, a class index, probabilities, or a value. Each is a candidate, listed
                among `candidates` or not.
            keys: single keys, which win over those of `params`. `task` may be a `Task` of your own.
                None takes the default.

        Raises:
            SpecError: when a key, a name or a value is wrong; nothing is loaded before this.
        """
        given = read(params) if isinstance(params, (str, Path)) else dict(params or {})
        given = given_keys(given) | given_keys(keys)
        functions = {name: resolve.Own(function, title=name) for name, function in (own or {}).items()}
        listed = given.get("candidates", ())
        if isinstance(listed, Iterable) and not isinstance(listed, (str, Mapping)):  # else the parser says what is
            listed = list(listed)
            given["candidates"] = [*listed, *(name for name in functions if name not in listed)]
        source = str(params) if isinstance(params, (str, Path)) else "the study"
        return cls(given, own=functions, source=source)

    def _checked(self, params: Mapping[str, Any], own: Mapping[str, resolve.Own]) -> StudySpec:
        spec = parse(params, self._source)
        resolve.check(spec, own, self._task)
        return spec

    def add(self, name: str, function: Callable[[list[Any]], Any], *, title: str = "", family: str = "") -> Study:
        """Add a model of your own, as it is now, and return the study.

        Args:
            name: what to call it.
            function: from a batch of items to one prediction each: a class name, a class index, a
                row of probabilities, or a value. It travels to its worker by cloudpickle.
            title: a longer name for tables.
            family: how simple it is, by which a decision goes from the simplest upward: `linear`, `tree`, `trees` or
                `network`; empty where that is not known, which comes last.

        Raises:
            SpecError: when the name is taken, also by the catalogue, the family is another, or the function cannot
                travel or is one that the study has already; the study is as it was then.
        """
        names = [candidate.name for candidate in self.spec.candidates]
        if name in names:
            raise SpecError(f"`{name}` is a candidate already; give your model another name.")
        own = {**self._own, name: resolve.Own(function, title or name, family)}
        params = {**self._params, "candidates": [*self._params["candidates"], name]}
        self.spec = self._checked(params, own)
        self._own, self._params = own, params
        return self

    def set(self, **keys: Any) -> Study:
        """Return a copy with some keys changed; dots in keys are written as `__`. The study itself stays as it was.

        Raises:
            SpecError: when a key or value is wrong.
        """
        values = {key.replace("__", "."): value for key, value in keys.items()}
        given = self._params if self._task is None else {**self._params, "task": self._task}
        return Study(override(given, values), own=self._own, source=self._source)

    def plan(self, results: Path | str | None = None) -> Plan:
        """Say what a run would download, how long it would take, and what it could show."""
        return plan_of(self.spec, self._own, self._task, store.results_dir(results))

    def run(self) -> Record:
        """Prepare and measure every candidate and return the record.

        A candidate that fails is named in the record with its reason; the others go on.

        Raises:
            StoreError: when the results could not be written; said before measuring.
            SpecError: when the study asks for a load test and there is no load generator, for a GPU
                and there is none, or for a runtime that is not installed; said before measuring.
            StudyFailed: when the reference fails, or makes no error of which the margin could be a share.
        """
        places.check_writable(store.results_dir())
        attempts.check(self.spec, self._own)
        device(self.spec.protocol.device)
        check_runtimes(part.chain for each in self.spec.candidates for part in each.parts)
        if self.spec.load is not None:
            check_installed()
        self._log = (store.run_under_way() or Path(self._scratch.name)) / store.LOG
        with log_to(self._log), progress(self.spec.name) as show:
            found = self._prepared(show)
            self._check_reference(found.failures)
            self._check_margin(found)
            self._measure(found, show)
            self._check_reference(found.measured.failures)
            table = samples.table(found.measured)
            digest = store.params_hash(self._params)
            self._record = assemble.assemble(
                found,
                table,
                asked=self._asked(found.started_at, digest),
                passed=self._params,
                params_sha256=digest,
            )
            self._tables = table, assemble.predictions_table(found)
            if self.spec.load is not None:
                self._record, table = under_load(found, self._record, table, show)
                self._tables = table, self._tables[1]
        return self._record

    def _check_reference(self, failures: Mapping[str, str]) -> None:
        if (why := failures.get(self.spec.reference)) is not None:
            raise StudyFailed(f"The reference `{self.spec.reference}` failed: {why}")

    def _check_margin(self, found: Findings) -> None:
        errors = found.scores(found.prepared[self.spec.reference].predictions[0])
        if self.spec.margin_percent is not None and not np.any(errors):
            raise StudyFailed(f"`{self.spec.reference}` makes no error, and a margin is a share of them: name another.")

    def _prepared(self, show: Progress) -> Findings:
        """Load the task, then make every candidate and predict the test items with it."""
        started_at, started_s = datetime.now(UTC), host.since_start_s()
        load_before = host.load_average()
        show(0.0, f"loading {self.spec.task}")
        task = self.load_task()
        test = np.sort(task.first("test", resolve.item_counts(self.spec).test))
        meter = EnergyMeter(self.spec.protocol.device)
        if meter.unavailable:
            log.warning("no energy: %s", meter.unavailable)
        found = Findings(self.spec, task, test, meter, started_at, started_s, load_before)
        prepare_all(found, self._own, lambda name: self._own_settings(name, task), show)
        return found

    def _measure(self, found: Findings, show: Progress) -> None:
        """Visit the candidates in randomised blocks, alone on this host."""
        with slot.measuring_slot(lambda text: show(SHARE, text)) as held:
            bench = Bench(
                built={name: each.built for name, each in found.prepared.items()},
                reference=self.spec.reference,
                protocol=self.spec.protocol,
                task=found.task_folder,
                products=found.products,
                test=found.test,
                sizes=found.sizes,
                seed=self.spec.seed,
                meter=found.meter,
                progress=lambda share, text: show(SHARE + (1 - SHARE) * share, text),
                more=lambda measured: adapt.generations_wanted(measured, self.spec.reference, self.spec.protocol),
            )
            found.measured = bench.run()
            found.windows.append(held.window())

    def load_task(self) -> Task:
        """Return the study's task, fetching its data where it is not cached yet."""
        if self._task is not None:
            return self._task
        return load(self.spec.task, seed=self.spec.seed)

    def _own_settings(self, name: str, task: Task) -> Mapping[str, Any] | None:
        """Write a user's callable where its worker finds it."""
        if name not in self._own:
            return None
        return self._own[name].packed.settings(task, Path(self._scratch.name))

    @cached_property
    def _scratch(self) -> tempfile.TemporaryDirectory[str]:
        """It goes with the study; one that is only planned needs none."""
        return tempfile.TemporaryDirectory(prefix="effkit-")

    @property
    def record(self) -> Record:
        """The record of the run.

        Raises:
            RuntimeError: when the study has not been run.
        """
        if self._record is None:
            raise RuntimeError("This study has not been run yet: call `study.run()` first.")
        return self._record

    def compare(self) -> Comparison:
        """Return the answer and the table of candidates; it shows itself in a notebook."""
        from effkit.report.notebook import Comparison

        return Comparison(self.record)

    def plot(self, kind: ChartKind = "latency") -> Figure:
        """Draw quality against `latency` or `energy`, the learning `curve`, `waterfall`, `sensitivity` or `cascade`."""
        from effkit.report import plot

        return plot(self.record, kind)

    def what_if(self) -> WhatIfPanel:
        """Return sliders that redraw front, table and decision at once; they show themselves in a notebook."""
        from effkit.decision import what_if

        return what_if(self.record)

    def save(self) -> Path:
        """Write the run to the results folder, once and whole, and return its folder.

        Raises:
            StoreError: when it cannot be written.
        """
        record = self.record
        assert self._tables is not None
        table, predictions = self._tables
        given = store.run_under_way()
        staged = given or store.stage(store.results_dir(), self.spec.name, record.run)
        try:
            if staged / store.LOG != self._log:
                shutil.copyfile(self._log, staged / store.LOG)
            store.write(staged, record, table, predictions, record.spec_passed)  # what ran, whatever was added since
            return staged if given else delivered(store.publish(staged))
        except OSError as error:
            if not given:
                store.discard(staged)
            raise store.StoreError(f"The run could not be written to {staged}: {error}") from error

    def _asked(self, started_at: datetime, digest: str) -> attempts.RunFacts:
        """Which run this is: the one that was asked for, or one by hand."""
        if (asked := attempts.asked()) is not None:
            return asked
        found = identity_or_none(self.spec) if self._task is None and not self._own else None
        return attempts.RunFacts(store.run_name(started_at, digest), interactive=True, identity=found)

    def __repr__(self) -> str:
        names = ", ".join(candidate.name for candidate in self.spec.candidates)
        return f"<Study {self.spec.name}: {names} on {self.spec.task}, reference {self.spec.reference}>"
