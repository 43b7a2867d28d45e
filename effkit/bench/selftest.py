"""Twenty seconds of A/A: how small a difference can this host tell apart today?"""

from __future__ import annotations

import math
import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from scipy import special

from effkit.analysis.paired import PairedSamples
from effkit.bench import samples
from effkit.bench.energy import NoMeter
from effkit.bench.measure import Bench
from effkit.bench.measurements import Built
from effkit.bench.process import WorkerFailed
from effkit.bench.slot import measuring_slot
from effkit.models import Recipe
from effkit.models.own import Packed
from effkit.progress import Progress
from effkit.spec import Protocol
from effkit.tasks import Task

ITEMS = 64
NAME = "matrix"
PROTOCOL = Protocol.model_validate(
    {
        "generations": 6,
        "calls": 10,
        "visit_s": 0.1,
        "warm_up_s": 0.2,
        "warm_up_fast_s": 0.2,
        "warm_up_most_s": 1.0,
        "throughput_s": 0.05,
        "idle_s": 0.0,
    }
)
"""An even number of generations, as many as twenty seconds have room for; everything else as short as may be."""


@dataclass(frozen=True)
class SelfTest:
    """What one small model differed from itself by.

    Attributes:
        ratio: second copy's time over the first's.
        low: lower end of its 95 % interval.
        high: upper end.
        resolves: no difference below it would be claimed, as a share.
        found: a difference that four of five such measurements would claim, as a share.
        unstable: whether the copies differed in earnest.
        disturbed: visits that something else disturbed, as a share of all.
    """

    ratio: float
    low: float
    high: float
    resolves: float
    found: float
    unstable: bool
    disturbed: float


def self_test(tell: Progress = lambda share, text: None) -> SelfTest:
    """Measure one small model against itself in pairs of fresh workers, as a study does.

    Args:
        tell: told the share that is done, and what is done now.

    Raises:
        WorkerFailed: when not even this model can be run.
    """
    task = Task.from_arrays("self-test", [str(number) for number in range(ITEMS)], [0, 1] * (ITEMS // 2))
    with tempfile.TemporaryDirectory(prefix="effkit-") as folder, measuring_slot(lambda text: tell(0.0, text)):
        scratch = Path(folder)
        recipe = Recipe(
            model=NAME, builder="own", kind=task.kind, fit_items=0, seed=0,
            settings=Packed.of(_matrix()).settings(task, scratch),
        )  # fmt: skip
        test = np.sort(task.first("test", "all"))
        bench = Bench(
            built={NAME: Built(recipe, scratch, peak_bytes=0)},
            reference=NAME,
            protocol=PROTOCOL,
            task=task.saved_below(scratch),
            products=scratch,
            test=test,
            sizes=np.ones(len(test)),
            seed=0,
            meter=NoMeter(),
            progress=tell,
        )
        measured = bench.run()
    if measured.failures:
        raise WorkerFailed("; ".join(measured.failures.values()))
    paired = PairedSamples(samples.table(measured), NAME, pinned=bool(measured.cores and measured.cores.pinned))
    check, seen = paired.check("latency"), paired.contention()
    if check is None or check.low is None or check.high is None or seen is None:
        raise WorkerFailed("too few visits were made to compare")
    # A claim takes the whole interval beyond the threshold, and estimates scatter about the truth.
    half = (math.log(check.high) - math.log(check.low)) / 2
    scatter = half / float(special.stdtrit(check.n - 1, 0.975))
    return SelfTest(
        ratio=check.ratio,
        low=check.low,
        high=check.high,
        resolves=math.expm1(check.threshold),
        found=math.expm1(check.threshold + half + float(special.ndtri(0.8)) * scatter),
        unstable=check.unstable,
        disturbed=seen.disturbed / seen.visits,
    )


def _matrix() -> Callable[[list[Any]], list[int]]:
    """A model of a millisecond or two that needs NumPy only, made here so that it travels by value."""

    def matrix(items: list[Any]) -> list[int]:
        import numpy as np

        square = np.full((192, 192), 1 / 192, dtype=np.float32)
        for _ in range(8 * len(items)):
            square = square @ square
        return [int(square[0, 0] < 0)] * len(items)

    return matrix
