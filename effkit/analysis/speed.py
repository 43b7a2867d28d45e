"""The core's speed in one run: from the yardstick's readings in the samples to a factor for each visit."""

from __future__ import annotations

from dataclasses import replace
from functools import cache
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from effkit.analysis.contention import VISIT
from effkit.analysis.interval import Floats
from effkit.analysis.yardstick import Stretches, asking, factors, merged, slopes, without

if TYPE_CHECKING:
    import pandas as pd

FIT_S = 0.25
"""Neighbouring stretches are put together to this length before slopes are fitted: some 25 readings each."""


class Speed:
    """Puts the times of visits, or of batches, to the run's mean speed.

    Args:
        places: (n,) rows of candidate, twin, generation and block: where each stretch belongs.
        calls: (n,) calls of each stretch.
        call_s: (n,) their mean time, seconds.
        cpu_s: (n,) their mean CPU time, seconds.
        wait_s: (n,) the mean time that they waited for a core, seconds.
        yard_s: (n,) the yardstick's reading, seconds.
    """

    def __init__(
        self, places: pd.DataFrame, calls: Floats, call_s: Floats, cpu_s: Floats, wait_s: Floats, yard_s: Floats
    ) -> None:
        def codes(columns: list[str]) -> NDArray[np.intp]:
            return np.asarray(places.groupby(columns, sort=True, observed=True).ngroup(), dtype=np.intp)

        self._seen = Stretches(
            candidate=codes(["candidate"]),
            visit=codes(VISIT),
            block=codes(["generation", "block"]),
            generation=places["generation"].to_numpy(np.intp),
            calls=calls,
            call_s=call_s,
            cpu_s=cpu_s,
            wait_s=wait_s,
            yard_s=yard_s,
        )
        first = np.unique(self._seen.visit, return_index=True)[1]
        self._visits = list(places.iloc[first].itertuples(index=False, name=None))
        # The run's mean speed, every visit counting alike: where the least has to be adjusted.
        by_visit = np.bincount(self._seen.visit, weights=np.log(yard_s)) / np.bincount(self._seen.visit)
        self._mean_s = float(np.exp(by_visit.mean()))
        self.slowdown = float(np.quantile(yard_s, 0.95) / np.quantile(yard_s, 0.05))
        # A single stretch's readings are noisy, and noise in what one regresses on flattens the slope.
        together = merged(self._seen, FIT_S)
        self._seen, self._merged = (replace(each, asking=asking(together)) for each in (self._seen, together))
        self._by_visit = cache(self._factors)

    @classmethod
    def of_visits(cls, values: pd.DataFrame) -> Speed | None:
        """From the stretches of visits; None where the samples have none."""
        return cls._from(
            values,
            "stretch_call_s",
            calls="stretch_calls",
            cpu_s="stretch_cpu_s",
            wait_s="stretch_wait_s",
            yard_s="stretch_yard_s",
        )

    @classmethod
    def of_batches(cls, values: pd.DataFrame) -> Speed | None:
        """From the batches of throughput windows; None where the samples have none."""
        return cls._from(values, "batch_s", cpu_s="batch_s", yard_s="batch_yard_s")

    @classmethod
    def _from(cls, values: pd.DataFrame, call_s: str, **metrics: str) -> Speed | None:
        rows = values[values["metric"] == call_s]
        if rows.empty:
            return None
        # A stretch is one call unless it is told, and runs older than the kernel's word on waiting have none.
        columns = {"calls": np.ones(len(rows)), "wait_s": np.zeros(len(rows))}
        for name, metric in {"call_s": call_s, **metrics}.items():
            found = values.loc[values["metric"] == metric, "value"].to_numpy(np.float64)
            if found.size:
                columns[name] = found
        return cls(rows[VISIT], **columns)

    def factors(self, candidate: str, twin: str, shape: tuple[int, ...], left_out: int | None = None) -> Floats:
        """Return (generations, blocks) factors by which times become those of the mean speed.

        Args:
            candidate: its name.
            twin: of the reference.
            shape: generations and blocks; a single block is the throughput's.
            left_out: a generation that the slopes are estimated without, for the jackknife.
        """
        table = np.ones(shape)
        for place, factor in zip(self._visits, self._by_visit(left_out), strict=True):
            if place[:2] == (candidate, twin):
                table[int(place[2]), max(0, int(place[3]))] = factor
        return table

    def _factors(self, left_out: int | None) -> Floats:
        seen = self._merged if left_out is None else without(self._merged, left_out)
        found = np.zeros((2, int(self._seen.candidate.max()) + 1))
        if seen.candidate.size:
            fitted = slopes(seen, self._mean_s)
            found[:, : fitted.shape[1]] = fitted
        return factors(self._seen, found, self._mean_s)
