"""Simulated runs on a core that is not one's own: do the intervals of ratios hold the truth as a run computes them?

Not one log ratio a generation, as in `coverage_time`, but what stands before it: stretches of calls with the
yardstick's readings, CPU time and waits, the slopes that are fitted to them, and the jackknife.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING

import numpy as np

from benchmarks.rows import Row, rng_for
from effkit.analysis.interval import Floats
from effkit.analysis.sequential import generations_needed
from effkit.spec import Protocol

if TYPE_CHECKING:
    import pandas as pd

EFFECT = float(np.log(0.9))
"""The candidate is truly 10 % faster."""
GENERATIONS, MOST = Protocol().generations, Protocol().most_generations
ASKED = 0.003
"""Half-width at which a run stops: most go on after the first generations, and not all to the most."""
STRETCHES, STRETCH_S = 8, 0.25
"""Of a visit, and how long each is."""
LUCK, NOISE, YARD_NOISE = 0.005, 0.01, 0.003
"""Standard deviations of logs: of a process for life, of a stretch, of the yardstick's mean in one."""
REFERENCE_S, YARD_S = 0.003, 20e-6
LINES = (("large", "a"), ("large", "b"), ("small", ""))
COLUMNS = ("candidate", "twin", "generation", "block", "position", "attempt", "item", "metric", "value")


@dataclass(frozen=True)
class Core:
    """What others do to the core.

    Attributes:
        name: in words.
        speed: standard deviation of the log of its speed, from visit to visit.
        follows: how strongly the reference and the candidate follow it: 1 as the yardstick does.
        taken: the largest share of a visit's time that others take; what they take is anything below, evenly.
    """

    name: str
    speed: float = 0.0
    follows: tuple[float, float] = (1.0, 1.0)
    taken: float = 0.0


CORES = (
    Core("a core of one's own"),
    Core("neighbours change its speed, sd 10 %, which both follow as the yardstick does", 0.1),
    Core("the same, and the candidate follows by half", 0.1, (1.0, 0.5)),
    Core("others take up to half of the time", taken=0.5),
    Core("all of it", 0.1, (1.0, 0.5), 0.5),
)


def ratios(core: Core, trials: int) -> Iterator[Row]:
    """Coverage of a candidate's ratio and of the reference's to itself."""
    from effkit.analysis.paired import PairedSamples

    section = (
        f"Latency ratios as a run computes them, {GENERATIONS} generations; the truth is at the run's own mean speed"
    )
    rng = rng_for(section, core.name)
    ours = itself = unstable = 0
    for _ in range(trials):
        samples, truth = simulated(core, rng)
        found = PairedSamples(samples, "large", pinned=True)
        ratio, noise = found.ratio("small", "latency"), found.check("latency")
        assert ratio is not None and noise is not None
        assert ratio.low is not None and ratio.high is not None and noise.low is not None and noise.high is not None
        ours += ratio.low <= truth <= ratio.high
        itself += noise.low <= 1 <= noise.high
        unstable += noise.unstable
    note = f"called unstable in {unstable / trials:.1%}" if unstable else ""
    yield Row(section, f"candidate to reference, {core.name}", "95 %", ours, trials, note=note)
    yield Row(section, f"reference to itself, {core.name}", "95 %", itself, trials)


def stopping(core: Core, trials: int) -> Row:
    """Coverage of a candidate's ratio where a run decides after its first generations how many there are in all."""
    import pandas as pd

    from effkit.analysis.paired import PairedSamples

    section = f"Latency ratios as a run computes them, stopping at ±{ASKED:.1%}, at most {MOST} generations"
    rng, hits, counts = rng_for(section, core.name), 0, []
    for _ in range(trials):
        samples, truth = simulated(core, rng)
        first = PairedSamples(samples, "large", pinned=True)
        ratios = {"small": first.log_ratios("small", "latency"), "large": first.a_a_log_ratios("latency")}
        more = generations_needed(ratios, ASKED, most=MOST) - GENERATIONS
        if more:
            rest, of_rest = simulated(core, rng, more)
            rest["generation"] += GENERATIONS
            samples = pd.concat([samples, rest], ignore_index=True)
            truth = float(np.exp(np.average(np.log([truth, of_rest]), weights=[GENERATIONS, more])))
        found = PairedSamples(samples, "large", pinned=True, first=GENERATIONS).ratio("small", "latency")
        assert found is not None and found.low is not None and found.high is not None
        hits += found.low <= truth <= found.high
        counts.append(GENERATIONS + more)
    note = f"{np.median(counts):.0f} generations (median)"
    return Row(section, f"candidate to reference, {core.name}", "95 %", hits, trials, note=note)


def simulated(core: Core, rng: np.random.Generator, generations: int = GENERATIONS) -> tuple[pd.DataFrame, float]:
    """Draw a run's samples, and the ratio at its mean speed, which is what a run tells."""
    import pandas as pd

    shape = (generations, len(LINES), STRETCHES)
    log_speed = core.speed * (rng.normal(size=shape[:2])[..., None] + 0.3 * rng.normal(size=shape))
    taken = core.taken * rng.random(shape[:2])[..., None] * np.clip(1 + 0.3 * rng.normal(size=shape), 0, 1.9)
    follows = np.array([core.follows[0], core.follows[0], core.follows[1]])[:, None]
    own = np.array([0.0, 0.0, EFFECT])[:, None] + LUCK * rng.normal(size=(*shape[:2], 1))
    cpu_s = REFERENCE_S * np.exp(own + follows * log_speed + NOISE * rng.normal(size=shape))
    call_s = cpu_s / (1 - taken)
    yard_s = YARD_S * np.exp(log_speed + YARD_NOISE * rng.normal(size=shape))
    truth = float(np.exp(EFFECT + (core.follows[1] - core.follows[0]) * log_speed.mean()))
    calls = STRETCH_S / call_s
    mean_s = (calls * call_s).sum(axis=2) / calls.sum(axis=2)
    of_stretch = {
        "stretch_calls": calls, "stretch_call_s": call_s, "stretch_cpu_s": cpu_s, "stretch_wait_s": call_s - cpu_s,
        "stretch_yard_s": yard_s,
    }  # fmt: skip
    of_visit = {
        "visit_calls": calls.sum(axis=2), "visit_prepare_s": 0.1 * mean_s, "visit_infer_s": 0.9 * mean_s,
        "visit_others_share": np.zeros(shape[:2]), "visit_steal_share": np.zeros(shape[:2]),
    }  # fmt: skip
    parts = [_table(metric, values) for metric, values in (*of_stretch.items(), *of_visit.items())]
    return pd.concat(parts, ignore_index=True), truth


def _table(metric: str, values: Floats) -> pd.DataFrame:
    """The rows of one metric, (generations, lines) or (generations, lines, stretches)."""
    import pandas as pd

    generation, line, *_ = (axis.ravel() for axis in np.indices(values.shape))
    names, twins = (np.array([each[place] for each in LINES]) for place in (0, 1))
    columns = (names[line], twins[line], generation, 0, line, 0, -1, metric, values.ravel())
    return pd.DataFrame(dict(zip(COLUMNS, columns, strict=True)))


def _ratios(place: int, scale: float) -> Iterator[Row]:
    return ratios(CORES[place], max(2, round(800 * scale)))


def _stopping(place: int, scale: float) -> Iterator[Row]:
    yield stopping(CORES[place], max(2, round(800 * scale)))


PARTS: tuple[Callable[[float], Iterator[Row]], ...] = (
    *(partial(_ratios, place) for place in range(len(CORES))),
    *(partial(_stopping, place) for place in (0, -1)),
)
"""All rows in parts, which may be made side by side; each is told by how much to scale the number of trials."""
