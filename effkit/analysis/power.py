"""An envelope over power models: a modelled saving stands only if no reasonable model would take it back.

Where there is no counter, a CPU's energy is its rated power times a function of load, and neither the rated
power nor the function is known. In machine mode the load is moreover that of the whole machine, neighbours
included. So the ratio to the reference is worked out again under every form below, fed with the worker's own
CPU time, and with the rated power halved and doubled, a guessed one a tenth and ten times as large, which shifts
the CPU's share against the memory's.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np

from effkit.analysis.interval import Floats
from effkit.analysis.statistics import paired_log_ratios
from effkit.record import COUNTED, PowerForm, Rank, Verdict


@dataclass(frozen=True)
class Component:
    """One part of the machine whose energy is known: its column, its rank and how it comes to be."""

    component: Literal["cpu", "memory", "gpu"]
    rank: Rank
    method: str
    tdp_w: float | None = None


WorkerLine = tuple[Floats, ...]
"""One worker's visits, tables of shape (generations, blocks): CPU time of the worker in seconds, length of the energy
window in seconds, calls, and joules of what no form touches, such as a GPU. NaN marks a visit that was not made."""

SHAPES: dict[str, Callable[[Floats], Floats]] = {
    "cubic in load": lambda load: 0.1 + 0.9 * load**3,
    "linear in load": lambda load: load,
    "constant": lambda load: np.ones_like(load),
}
"""Power as a share of the rated power: CodeCarbon's own form for a whole machine; its form for a process, the
classic one (Fan, Weber & Barroso 2007, "Power provisioning for a warehouse-sized computer"); its fallback."""

RATED: dict[str, float] = {"half the rated power": 0.5, "the rated power": 1.0, "twice the rated power": 2.0}
"""How far the rated power may be off."""
GUESSED: dict[str, float] = {
    "a tenth of the guessed power": 0.1, "the guessed power": 1.0, "ten times the guessed power": 10.0,
}  # fmt: skip
"""The same where nothing tells a rated power, and it is guessed by the number of threads."""


def envelope(
    candidate: WorkerLine,
    reference_a: WorkerLine,
    reference_b: WorkerLine,
    *,
    memory_w: float,
    tdp_w: float,
    cores: int,
    rated: Mapping[str, float] = RATED,
) -> dict[str, Floats]:
    """The energy ratio to the reference under every form of power model, one log ratio a generation.

    The energy of a call is `((tdp_w * rated * shape(load) + memory_w) * window_s + other_j) / calls` with
    `load = cpu_s / (window_s * cores)`, and the ratio is that of `paired_log_ratios`.

    Args:
        candidate: The candidate's visits.
        reference_a: The reference's first worker in the same blocks.
        reference_b: The reference's second worker in the same blocks.
        memory_w: Power of the memory as it was modelled, watts: the same whatever the form.
        tdp_w: Rated power of the CPU that the modelled figure is built on, watts.
        cores: Cores of the machine, over which the rated power is spread.
        rated: `RATED`, or `GUESSED` where that power is no more than a guess.

    Returns:
        (generations,) log ratios by form, one for each shape and each rated power; nothing where no block is complete.

    Raises:
        ValueError: `tdp_w` or `cores` is not positive, `memory_w` is below 0, or the tables differ in shape.
    """
    if not tdp_w > 0 or not cores > 0 or not memory_w >= 0:
        raise ValueError(
            f"tdp_w is {tdp_w}, cores {cores} and memory_w {memory_w}; the first two are above 0 and the last is "
            "not below 0: where no rated power is known there is no envelope, leave the call out"
        )
    lines = (candidate, reference_a, reference_b)
    found = {}
    for name, shape in SHAPES.items():
        for words, share in rated.items():
            logs = paired_log_ratios(*(_call_j(line, shape, tdp_w * share, memory_w, cores) for line in lines))
            if not np.isfinite(logs).any():
                return {}
            found[f"{name}, {words}"] = logs
    return found


def off_by(rank: Rank | None) -> float:
    """How many times as much joules of a rank may be, or how small a part of it: 1 where they are read off a counter.

    Ratios have an envelope of their own; this is for joules as they stand.
    """
    if rank is None or rank in COUNTED:
        return 1.0
    return max((RATED if rank == "modelled-tdp" else GUESSED).values())


def off_words(rank: Rank | None) -> str:
    """What joules of a rank are whose power may be off; empty where they are read off a counter."""
    off, kind = off_by(rank), "rated" if rank == "modelled-tdp" else "guessed"
    return "" if off == 1 else f"of a {kind} power that may be off by {off:g} times either way"


def agree(forms: Sequence[PowerForm], threshold: float, verdict: Verdict) -> Verdict:
    """The verdict on modelled energy, if every form of power model bears it out.

    Args:
        forms: Of `envelope`, each with its interval.
        threshold: From `noise_threshold`, a log ratio.
        verdict: What the modelled figure by itself would have one say.

    Returns:
        "lower" or "higher" only where every form's whole interval lies beyond the threshold on that side, and
        "within noise" where one does not or there is no form at all. Other verdicts stay as they are.
    """
    if verdict not in ("lower", "higher"):
        return verdict
    side = -1.0 if verdict == "lower" else 1.0
    nearest = [form.high if verdict == "lower" else form.low for form in forms]
    beyond = [end is not None and end > 0 and side * float(np.log(end)) > threshold for end in nearest]
    return verdict if beyond and all(beyond) else "within noise"


def _call_j(line: WorkerLine, shape: Callable[[Floats], Floats], rated_w: float, memory_w: float, cores: int) -> Floats:
    """(generations, blocks) joules of a call under one form; NaN where there was no visit or nothing was used."""
    cpu_s, window_s, calls, other_j = (np.asarray(table, dtype=np.float64) for table in line)
    with np.errstate(divide="ignore", invalid="ignore"):
        # Clocks of CPU time tick coarsely: a worker on every core may read a little over all of them.
        load = np.minimum(cpu_s / (window_s * cores), 1.0)
        energy: Floats = ((rated_w * shape(load) + memory_w) * window_s + other_j) / calls
    return np.where(np.isfinite(energy) & (energy > 0), energy, np.nan)
