"""From samples to the energy of a request: its rank, whether it resolves, and whether every power model agrees."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache

import numpy as np

from effkit.analysis.interval import Floats
from effkit.analysis.paired import PairedSamples
from effkit.analysis.power import GUESSED, RATED, Component, agree, envelope
from effkit.analysis.statistics import FEWEST_GENERATIONS, paired_log_ratios
from effkit.record import COUNTED, Energy, EnergyComponent, PowerForm, Rank, Ratio, origin_of, weakest_rank

COUNTER_FORMS = {"half": 0.5, "as modelled": 1.0, "double": 2.0}
UNRESOLVED = "not resolvable: "
TOLD_NOTHING = "told nothing"
"""How a note begins that says why there is no figure, and how it ends where no longer window would help."""


COUNTED_S, MODELLED_S = 10.0, 15.0
"""What all windows of a candidate must reach together."""
RAPL_S, NVML_S = 0.5, 2.0
"""What every single one must reach where such a counter is read, whatever else is modelled beside it."""


def energy(samples: PairedSamples, candidate: str, *, cores: int) -> Energy | None:
    """Return the energy of a request, or why it cannot be told; None when nothing was read.

    Args:
        samples: of the run.
        candidate: its name.
        cores: of the machine, over which a power model spreads its load.
    """
    windows_s = samples.column(candidate, "visit_window_s")
    window_s = float(windows_s.sum())
    if not samples.components or not window_s:
        return None
    calls = samples.summed(candidate, "visit_calls")
    by_part = _by_part(samples, candidate)
    per_call: Floats = np.sum(list(by_part.values()), axis=0) / calls
    total_j = float(np.nansum(list(by_part.values())))
    rank = _rank(samples, candidate)
    indicative = samples.generations < FEWEST_GENERATIONS
    unresolved = _unresolved(samples, candidate)
    idle_w = _idle_w(samples)
    all_calls = float(np.nansum(calls))
    modelled = rests_on_model(samples, candidate, samples.reference)
    forms = envelope_to(samples, candidate, samples.reference, cores=cores) if modelled else ()
    return Energy(
        request_j=samples.estimate(per_call, origin_of(rank)) if not unresolved and total_j > 0 else None,
        net_j=(total_j - idle_w * window_s) / all_calls if not unresolved and idle_w is not None else None,
        idle_w=idle_w,
        components=tuple(
            EnergyComponent(
                component=part.component,
                energy_j=float(np.nansum(by_part[part.component])) / all_calls,
                rank=part.rank,
                method=part.method,
                tdp_w=part.tdp_w,
            )
            for part in samples.components
        ),
        rank=rank,
        window_s=window_s,
        note=unresolved or ("indicative: fewer than five generations" if indicative else None),
        ratio=None
        if unresolved or _unresolved(samples, samples.reference)
        else claimed(samples.ratio(candidate, "energy"), forms, modelled=modelled),
        envelope=forms,
    )


def rests_on_model(samples: PairedSamples, *candidates: str) -> bool:
    """Whether a power model made the energy of any of these candidates, by the rank of its own row."""
    return any(_rank(samples, each) not in COUNTED for each in candidates)


def claimed(ratio: Ratio | None, forms: Sequence[PowerForm], *, modelled: bool) -> Ratio | None:
    """A ratio of energies with the direction that may be claimed: of a modelled one, only where every form agrees.

    Args:
        ratio: by the samples alone.
        forms: from `envelope_to`, of the same two candidates.
        modelled: from `rests_on_model`, of the same two.
    """
    if ratio is None or not modelled:
        return ratio
    return ratio.model_copy(update={"verdict": agree(forms, ratio.threshold, ratio.verdict)})


def _by_part(samples: PairedSamples, candidate: str) -> dict[str, Floats]:
    """(generations,) joules of each component."""
    return {part.component: samples.summed(candidate, f"visit_{part.component}_j") for part in samples.components}


def _rank(samples: PairedSamples, candidate: str) -> Rank | None:
    """The weakest rank among the components that carry more than a tenth of a candidate's energy."""
    by_part = _by_part(samples, candidate)
    by_rank: dict[Rank, float] = {}
    for part in samples.components:
        by_rank[part.rank] = by_rank.get(part.rank, 0.0) + float(np.nansum(by_part[part.component]))
    return weakest_rank(by_rank)


def _silent(samples: PairedSamples, candidate: str) -> str:
    """Which counter told nothing of a whole window: CodeCarbon leaves out a sample that it cannot trust, as 0 J."""
    for part in samples.components:
        if part.rank in COUNTED and (samples.column(candidate, f"visit_{part.component}_j") == 0).any():
            return f"{UNRESOLVED}in some window the counter of the {part.component} {TOLD_NOTHING}"
    return ""


def _unresolved(samples: PairedSamples, candidate: str) -> str:
    """Why a candidate's windows tell no energy; empty where they do."""
    if samples.lacks_gpu:
        return f"{UNRESOLVED}the GPU's energy is missing"
    if silent := _silent(samples, candidate):
        return silent
    if samples.generations < FEWEST_GENERATIONS:
        return ""
    windows_s = samples.column(candidate, "visit_window_s")
    total_s = COUNTED_S if _rank(samples, candidate) in COUNTED else MODELLED_S
    if windows_s.sum() < total_s:
        return f"{UNRESOLVED}{windows_s.sum():.1f} s of windows, and {total_s:.0f} s are needed"
    if windows_s.min() < (window_s := _window_s(samples)):
        return f"{UNRESOLVED}a window of {windows_s.min():.1f} s, and each needs {window_s:g} s"
    return ""


def _window_s(samples: PairedSamples) -> float:
    """Shortest window that what is read can tell of."""
    if any("NVML" in part.method for part in samples.components):
        return NVML_S
    return RAPL_S if any(part.rank in COUNTED for part in samples.components) else 0.0


def envelope_to(samples: PairedSamples, candidate: str, base: str, *, cores: int) -> tuple[PowerForm, ...]:
    """Return the ratio of one candidate's energy to another's under every form of power model.

    It is fed with the workers' own CPU time. Its intervals carry the doubt about the yardstick's slopes, as the ratio's
    own does.

    Args:
        samples: of the run.
        candidate: the one.
        base: the other, such as the reference.
        cores: of the machine, over which a power model spreads its load.

    Returns:
        Nothing for a candidate against itself, where no rated power is known, or for a slice of a GPU.
    """
    parts = {part.component: part for part in samples.components}
    cpu, gpu = parts.get("cpu"), parts.get("gpu")
    # What a whole GPU took, of which others may use the other slices, tells of no slice what it took.
    of_a_slice = gpu is not None and gpu.rank == "modelled-generic"
    if candidate == base or cpu is None or of_a_slice:
        return ()
    first, second = "ab" if base == samples.reference else ("", "")
    workers = ((candidate, "a" if candidate == samples.reference else ""), (base, first), (base, second))
    if cpu.rank not in COUNTED and not cpu.tdp_w:
        return ()

    @cache
    def found(left_out: int | None) -> dict[str, Floats]:
        if cpu.rank not in COUNTED:
            return _modelled(samples, workers, cpu, cores, left_out)
        return {
            f"processor counted, memory {words}": _with_memory(samples, workers, factor, left_out)
            for words, factor in COUNTER_FORMS.items()
        }

    def form(words: str) -> PowerForm:
        return _form(
            samples, words, samples.jackknifed("energy", lambda left_out: found(left_out)[words]), candidate, base
        )

    return tuple(form(words) for words in found(None))


def _form(samples: PairedSamples, words: str, logs: Floats, candidate: str, base: str) -> PowerForm:
    logs = samples.at_one_place(logs, candidate, base)
    interval = samples.interval(logs)
    return PowerForm(
        form=words,
        value=float(np.exp(np.nanmean(logs))),
        low=interval.low if interval else None,
        high=interval.high if interval else None,
    )


def _modelled(
    samples: PairedSamples, workers: Sequence[tuple[str, str]], cpu: Component, cores: int, left_out: int | None
) -> dict[str, Floats]:
    """The ratio where the processor's power is a rated one, or guessed, times a function of load."""
    assert cpu.tdp_w is not None
    rated = RATED if cpu.rank == "modelled-tdp" else GUESSED
    lines = [
        (
            samples.even_pivot(name, twin, "visit_cpu_s", left_out),
            samples.even_pivot(name, twin, "visit_window_s", left_out),
            samples.pivot(name, twin, "visit_calls"),
            _gpu_j(samples, name, twin, left_out),
        )
        for name, twin in workers
    ]
    return envelope(*lines, memory_w=_memory_w(samples), tdp_w=cpu.tdp_w, cores=cores, rated=rated)


def _with_memory(
    samples: PairedSamples, workers: Sequence[tuple[str, str]], factor: float, left_out: int | None
) -> Floats:
    """(generations,) log ratios where the processor is counted and the memory's modelled power is off by a factor."""

    def per_call(name: str, twin: str) -> Floats:
        cpu_j, calls = (samples.pivot(name, twin, f"visit_{what}") for what in ("cpu_j", "calls"))
        memory_j = samples.even_pivot(name, twin, "visit_memory_j", left_out)  # modelled: a power times a time
        return (cpu_j + factor * memory_j + _gpu_j(samples, name, twin, left_out)) / calls

    return paired_log_ratios(*(per_call(name, twin) for name, twin in workers))


def _gpu_j(samples: PairedSamples, name: str, twin: str, left_out: int | None) -> Floats:
    """Joules of the GPU in each visit, which no form of power model touches; 0 where none was read."""
    gpu = next((part for part in samples.components if part.component == "gpu"), None)
    if gpu is None:
        return np.zeros_like(samples.pivot(name, twin, "visit_calls"))
    if gpu.rank in COUNTED:
        return samples.pivot(name, twin, "visit_gpu_j")
    return samples.even_pivot(name, twin, "visit_gpu_j", left_out)


def _memory_w(samples: PairedSamples) -> float:
    rows = samples.values
    joules, seconds = (
        float(rows.loc[rows["metric"] == f"visit_{what}", "value"].sum()) for what in ("memory_j", "window_s")
    )
    return joules / seconds if seconds else 0.0


def _idle_w(samples: PairedSamples) -> float | None:
    rows = samples.values
    power = rows.loc[rows["metric"] == "idle_w", "value"]
    return float(power.mean()) if len(power) else None
