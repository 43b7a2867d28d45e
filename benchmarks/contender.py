"""One tool compares the copies of one case in a process of its own, as its documentation says.

Run as `python -m benchmarks.contender`: a request as JSON on standard input, the answer as the last line
of standard output. Where a tool gives no verdict, the direction of its ratio is one.
"""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import psutil

from benchmarks.cases import SECOND, Case

if TYPE_CHECKING:
    import pandas as pd

Calls = Mapping[str, Callable[[Any], Any]]
"""A call of each copy, by label, with the one input that all of them get."""

EFFKIT, DEFAULT, EQUAL = "effkit", "default", "equal"
"""effkit as a tool; and how long a tool went on: as it does by itself, or as long as effkit did."""
WARM, TIMED = 10, 100
TORCH = "torch.utils.benchmark"


def fasterbench(calls: Calls, sample: Any) -> dict[str, float]:
    """Mean latency by `fasterbench.benchmark`; on a CPU its `steps` have no effect, so there is nothing to raise."""
    import torch
    from fasterbench import benchmark

    class Module(torch.nn.Module):
        """A call as the module that fasterbench asks for."""

        def __init__(self, call: Callable[[Any], Any]) -> None:
            super().__init__()
            self.call = call

        def forward(self, tensor: Any) -> Any:
            return self.call(tensor)

    found = {name: benchmark(Module(call), sample, metrics=["speed"]) for name, call in calls.items()}
    return {name: result.speed["cpu"].mean_ms / 1e3 for name, result in found.items()}


def model_benchmark(calls: Calls, sample: Any) -> dict[str, float]:
    """Mean latency by `model_benchmark.benchmark`: 2 calls to warm up, 10 that count."""
    from model_benchmark import benchmark

    report = benchmark(dict(calls), sample)
    if report.failures:
        raise RuntimeError(f"model-benchmark: {report.failures}")
    return {name: report.results[name].latency_mean_ms / 1e3 for name in calls}


def torch_timer(calls: Calls, sample: Any) -> dict[str, Any]:
    """A `Measurement` by `torch.utils.benchmark.Timer.blocked_autorange`, whose documented summary is the median."""
    from torch.utils.benchmark import Timer

    timers = {name: Timer("call(x)", globals={"call": call, "x": sample}) for name, call in calls.items()}
    return {name: timer.blocked_autorange() for name, timer in timers.items()}


def plain_loop(calls: Calls, sample: Any, clock: Callable[[], float] = time.perf_counter) -> dict[str, float]:
    """Mean of 100 calls after 10, one copy after the other."""
    found = {}
    for name, call in calls.items():
        for _ in range(WARM):
            call(sample)
        start = clock()
        for _ in range(TIMED):
            call(sample)
        found[name] = (clock() - start) / TIMED
    return found


def cpu_loop(calls: Calls, sample: Any) -> dict[str, float]:
    """The same by the process's CPU time, which leaves out what others take of the core, and what a call waits for."""
    return plain_loop(calls, sample, time.process_time)


TOOLS: dict[str, Callable[[Calls, Any], dict[str, Any]]] = {
    "fasterbench": fasterbench,
    "model-benchmark": model_benchmark,
    TORCH: torch_timer,
    "plain loop": plain_loop,
    "plain loop, CPU time": cpu_loop,
}


def read(tool: str, rounds: list[dict[str, Any]]) -> dict[str, Any]:
    """Return the ratios of each copy to the first, and what the tool says of each.

    torch's own rule is that of its `Compare` table: medians are shown to the significant figures that both
    have, and are alike when those are. The others show any difference: "1.02x slower" is what a reader takes away.
    """
    first, *others = rounds[0]
    if tool == TORCH:
        return _of_measurements(rounds)
    latency_s = {name: float(np.mean([each[name] for each in rounds])) for name in rounds[0]}
    ratios = {name: latency_s[name] / latency_s[first] for name in others}
    return {"ratios": ratios, "claims": {name: _word(ratio - 1) for name, ratio in ratios.items()}}


def _of_measurements(rounds: list[dict[str, Any]]) -> dict[str, Any]:
    from torch.utils.benchmark.utils.common import Measurement, trim_sigfig

    merged = {name: Measurement.merge([each[name] for each in rounds])[0] for name in rounds[0]}
    reference = next(iter(merged.values()))
    claims = {}
    for name, each in list(merged.items())[1:]:
        figures = min(each.significant_figures, reference.significant_figures)
        claims[name] = _word(trim_sigfig(each.median, figures) - trim_sigfig(reference.median, figures))
    return {
        "ratios": {name: each.median / reference.median for name, each in list(merged.items())[1:]},
        "claims": claims,
        "figures": {name: each.significant_figures for name, each in merged.items()},
        "warned": [name for name, each in merged.items() if each.has_warnings],
    }


def _word(difference: float) -> str:
    return "slower" if difference > 0 else "faster" if difference < 0 else "same"


def compare(case: Case, tool: str, until_s: float | None) -> dict[str, Any]:
    """Compare once by default, then again and again, copies in turn, until as much time is spent as effkit spent."""
    import torch

    torch.set_num_threads(1)
    item = case.typical_item()
    predictors = {label: case.load(name) for label, name in case.copies.items()}
    prepared = next(iter(predictors.values())).prepare([item])
    # A network may write its outputs into the mapping it is given: each call gets its own.
    tokens = prepared.get("input_ids") if isinstance(prepared, Mapping) else None
    sample = torch.zeros(1, 1) if tokens is None else tokens

    def call_of(predictor: Any) -> Callable[[Any], Any]:
        if tokens is None:
            return lambda tensor: predictor.infer(prepared)
        return lambda tensor: predictor.infer({**prepared, "input_ids": tensor})

    calls = {label: call_of(predictor) for label, predictor in predictors.items()}
    rounds = [TOOLS[tool](calls, sample)]
    answer = {DEFAULT: {**read(tool, rounds), "rounds": 1, "seconds": age_s()}}
    if until_s is not None:
        while age_s() < until_s:
            rounds.append(TOOLS[tool](calls, sample))
        answer[EQUAL] = {**read(tool, rounds), "rounds": len(rounds), "seconds": age_s()}
    return answer


def compare_by_effkit(case: Case, protocol: Mapping[str, Any], seed: int, kept: Path) -> dict[str, Any]:
    """Measure as a study does, keep the samples and read what the record would say."""
    from effkit.bench import samples
    from effkit.bench.energy import EnergyMeter
    from effkit.spec import Protocol

    measured = case.bench(Protocol(**protocol), seed, EnergyMeter()).run()
    if measured.failures:
        raise RuntimeError(f"effkit: {measured.failures}")
    pinned = measured.cores is not None and measured.cores.pinned
    table = samples.table(measured)
    kept.parent.mkdir(parents=True, exist_ok=True)
    table.to_parquet(kept, compression="zstd")
    answer = {
        **judged(table, case.copies, pinned),
        "copies": case.copies, "pinned": pinned, "visits": len(measured.visits), "rounds": 1, "seconds": age_s(),
    }  # fmt: skip
    return {DEFAULT: answer}


def judged(table: pd.DataFrame, copies: Mapping[str, str], pinned: bool) -> dict[str, Any]:
    """Return what effkit's analysis says of a trial's samples.

    Args:
        table: the samples.
        copies: as `Case.copies`.
        pinned: whether workers kept to fixed cores.
    """
    from effkit.analysis.paired import PairedSamples

    found = PairedSamples(table, next(iter(copies.values())), pinned=pinned)
    noise = found.check("latency")
    assert noise is not None
    words = {"higher": "slower", "lower": "faster", "within noise": "same"}
    ratios = {SECOND: noise.ratio}
    claims = {SECOND: "unstable" if noise.unstable else "same"}
    intervals = {SECOND: [noise.low, noise.high]}
    for label, name in copies.items():
        ratio = found.ratio(name, "latency")
        if ratio is not None:
            ratios[label], intervals[label] = ratio.value, [ratio.low, ratio.high]
            claims[label] = words.get(ratio.verdict, ratio.verdict)
    return {
        "ratios": ratios, "claims": claims, "intervals": intervals, "threshold": noise.threshold,
        "a_a_as_seen": noise.as_seen.value if noise.as_seen else None, "generations": found.generations,
        "a_a_logs": found.a_a_log_ratios("latency").round(6).tolist(),
    }  # fmt: skip


def age_s() -> float:
    """Seconds since this process was started, imports and all."""
    return time.time() - psutil.Process().create_time()


def main() -> None:
    """Answer one request."""
    request = json.load(sys.stdin)
    case = Case.from_json(request["case"])
    if request["tool"] == EFFKIT:
        answer = compare_by_effkit(case, request["protocol"], request["seed"], Path(request["samples"]))
    else:
        sys.path.append(request["tools"])
        answer = compare(case, request["tool"], request["until_s"])
    print(json.dumps(answer))


if __name__ == "__main__":
    main()
