"""Synthetic records, made up for these tests only: plausible numbers that nobody measured."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import pytest

from effkit.params import parse
from effkit.record import (
    CandidateRecord,
    Code,
    ColdStart,
    CurvePoint,
    Energy,
    EnergyComponent,
    Estimate,
    Gap,
    GroupQuality,
    Host,
    KitFootprint,
    Latency,
    Load,
    LoadPoint,
    Making,
    Memory,
    NoiseCheck,
    Operations,
    PercentileRecord,
    Quality,
    Ratio,
    Record,
    TaskFacts,
    Throughput,
)

MakeRecord = Callable[[str], Record]


def estimate(value: float, spread: float = 0.02, n: int = 5, origin: str = "measured") -> Estimate:
    ends = {} if n < 2 else {"low": value * (1 - spread), "high": value * (1 + spread)}
    return Estimate(value=value, n=n, origin=origin, **ends)


def ratio(value: float, verdict: str, n: int = 5) -> Ratio:
    ends = {} if n < 2 else {"low": value * 0.96, "high": value * 1.04}
    return Ratio(value=value, n=n, verdict=verdict, threshold=0.014, **ends)


def gap(difference: float, low: float, high: float, verdict: str, **other: Any) -> Gap:
    fields: dict[str, Any] = {
        "margin": 0.01, "verdict_alone": verdict, "p_value": 0.001, "p_holm": 0.004, "mcnemar_p": 0.31,
        "discordant": 118, "n": 2000, "items_needed": None,
    }  # fmt: skip
    return Gap(difference=difference, low=low, high=high, verdict=verdict, **(fields | other))


def energy(
    request_j: float | None, n: int, against: Ratio | None, rank: str = "modelled-generic", **other: Any
) -> Energy:
    modelled = rank.startswith("modelled")
    components = () if request_j is None else (
        EnergyComponent(component="cpu", energy_j=request_j * 0.3, rank=rank, method="load" if modelled else "rapl"),
        EnergyComponent(component="memory", energy_j=request_j * 0.7, rank="modelled-generic", method="constant"),
    )  # fmt: skip
    return Energy(
        request_j=None
        if request_j is None
        else estimate(request_j, n=n, origin="modelled" if modelled else "measured"),
        net_j=None if request_j is None else request_j * 0.2,
        idle_w=21.3,
        components=components,
        rank=rank,
        window_s=41.0 if request_j else 3.2,
        ratio=None if request_j is None else against,
        **({"note": "modelled windows of 3.2 s are shorter than 15 s"} if request_j is None else {}) | other,
    )


MINILM_MEMORY = Memory(
    weight_bytes=90_900_000, tensor_bytes=90_800_000, floor_bytes=221_000_000, peak_bytes=148_000_000
)


def candidate(
    name: str, title: str, mean_s: float, accuracy: float, *, n: int = 5, model: str | None = None, **other: Any
) -> CandidateRecord:
    steady = n >= 5
    verdict = other.pop("speed", "lower" if steady else "indicative")
    reference = other.get("reference", False)
    against = None if reference else ratio(mean_s / other.pop("reference_s", 0.0412), verdict, n)
    percentiles = tuple(
        PercentileRecord(
            level=level, value_s=mean_s * k, low_s=mean_s * k * 0.97, high_s=mean_s * k * 1.05, n=700, n_effective=690
        )
        if steady or level < 90
        else PercentileRecord(
            level=level, value_s=None, n=64, n_effective=58, reason=f"n too small: p{level} needs more"
        )
        for level, k in ((50, 0.97), (90, 1.12), (95, 1.2), (99, 1.5))
    )
    fields: dict[str, Any] = {
        "quality": Quality(metric="accuracy", value=estimate(accuracy, 0.012), seed_values=()),
        "latency": Latency(
            mean_s=estimate(mean_s, n=n), prepare_s=estimate(mean_s * 0.08, n=n), infer_s=estimate(mean_s * 0.92, n=n),
            percentiles=percentiles, ratio=against, cpu_s=estimate(mean_s * 0.99, n=n), calls=700, steady=True,
        ),
        "throughput": (
            Throughput(
                batch=32,
                items_per_s=estimate(1.9 / mean_s, n=n),
                ratio=None if reference else ratio(0.0412 / mean_s, "higher" if steady else "indicative", n),
            ),
        ),
        "cold_start": ColdStart(import_s=estimate(3.1), load_s=estimate(0.8), first_call_s=estimate(0.06)),
        "memory": MINILM_MEMORY,
        "operations": Operations(flops=1.37e9),
        "energy": energy(mean_s * 24, n, against),
        "parameters": 22_700_000,
        "licence": "Apache-2.0",
        "fit_items": 8000,
        "making": (
            Making(step="embed", time_s=312.0, energy_j=7400.0, rank="modelled-generic", items=8000, reused=False),
            Making(step="train", time_s=4.1, energy_j=None, rank=None, items=8000, reused=True),
        ),
        "request_bytes": 311.0,
        "response_bytes": 24.0,
        "weights_sha256": {"model.safetensors": "53aa51172d142c89d9012cce15ae4d6cc0ca6895895114379cacb4fab128d9db"},
        "threads_read_back": {"torch": 1},
    }  # fmt: skip
    return CandidateRecord(name=name, model=model or name, title=title, **(fields | other))


def reference(n: int = 5, **other: Any) -> CandidateRecord:
    memory = Memory(weight_bytes=438_000_000, tensor_bytes=437_900_000, floor_bytes=221_000_000, peak_bytes=612_000_000)
    fields: dict[str, Any] = {
        "reference": True, "parameters": 109_000_000, "operations": Operations(flops=1.1e10), "memory": memory,
    }  # fmt: skip
    return candidate("mpnet-base", "MPNet base", 0.0412, 0.842, n=n, **(fields | other))


GROUPS = (
    GroupQuality(
        group="length=short",
        n=912,
        value=0.861,
        difference=-0.002,
        low=-0.012,
        high=0.008,
        verdict="no difference shown",
    ),
    GroupQuality(
        group="length=long", n=64, value=0.781, difference=-0.047, low=-0.102, high=0.008, verdict="number only"
    ),
    GroupQuality(
        group="department=Trend", n=12, value=None, difference=None, low=None, high=None, verdict="too few items"
    ),
)
TFIDF_MEMORY = Memory(weight_bytes=4_100_000, tensor_bytes=None, floor_bytes=118_000_000, peak_bytes=21_000_000)


def minilm(n: int = 5, **other: Any) -> CandidateRecord:
    quality = Quality(metric="accuracy", value=estimate(0.838, 0.012), seed_values=(0.838, 0.836, 0.839), groups=GROUPS)
    fields = {"quality": quality, "gap": gap(-0.004, -0.009, 0.001, "non-inferior")}
    return candidate("minilm-l6", "MiniLM L6", 0.0071, 0.838, n=n, **(fields | other))


def tfidf(n: int = 5, **other: Any) -> CandidateRecord:
    fields: dict[str, Any] = {
        "gap": gap(-0.031, -0.044, -0.018, "inferior", p_value=0.99, p_holm=1.0),
        "memory": TFIDF_MEMORY, "parameters": 90_000, "operations": None, "energy": energy(None, n, None),
        "reference_s": 0.0412,
    }  # fmt: skip
    return candidate("tfidf-logreg", "TF-IDF + logistic regression", 0.00042, 0.811, n=n, **(fields | other))


def failed() -> CandidateRecord:
    return CandidateRecord(
        name="minilm-l6+int8", model="minilm-l6", title="MiniLM L6, int8", techniques=({"int8": {}},), status="failed",
        error="the worker was killed while it quantised: out of memory at 7.8 GB",
    )  # fmt: skip


def noise(metric: str, value: float, n: int, unstable: bool = False) -> NoiseCheck:
    low, high = (value - 0.009, value + 0.009) if n >= 5 else (None, None)
    return NoiseCheck(
        metric=metric, ratio=value, low=low, high=high, n=n, threshold=0.014, unstable=unstable, assessed=n >= 5
    )  # fmt: skip


def record(*candidates: CandidateRecord, generations: int = 5, **other: Any) -> Record:
    params: dict[str, Any] = {
        "name": "text", "task": "clothing-department", "reference": "mpnet-base",
        "candidates": [
            {"model": c.model, "techniques": list(c.techniques)} | ({"fit_items": "all"} if "@" in c.name else {})
            for c in candidates
        ],
        "margin_points": 1.0,
        "margin_reason": "one review in a hundred sent to the wrong department is what a person corrects today",
        "protocol": "smoke" if generations < 5 else "standard",
        "carbon": {"region": "FRA"},
        "budget": {"latency_p99_s": 0.05, "peak_bytes": 500_000_000},
    } | other.pop("params", {})  # fmt: skip
    fields: dict[str, Any] = {
        "run": "20260301-1412-3f9ac2",
        "started_at": datetime(2026, 3, 1, 14, 12, tzinfo=UTC),
        "finished_at": datetime(2026, 3, 1, 14, 51, tzinfo=UTC),
        "interactive": False,
        "spec_passed": params,
        "spec": parse(params),
        "task": TaskFacts(
            name="clothing-department", title="Which department should read a review",
            kind="classification", modality="text",
            metric="accuracy", licence="CC0-1.0", sha256="ab" * 32,
            split_items={"fit": 8000, "calibrate": 1000, "select": 1000, "test": 2000}, fit_used=8000, test_used=2000,
        ),
        "host": Host(
            cpu="Synthetic CPU @ 2.50GHz", cores=2, sockets=1, hypervisor="KVM", cgroup_cpus=2.0, governor=None,
            memory_bytes=8_200_000_000, system="Linux 6.1", python="3.12.4", load_before=0.4, others_share=0.02,
            steal_share=0.001, pinned=True, worker_cores=(1,), coordinator_shares_core=False, resident_together=True,
        ),
        "code": Code(
            versions={"effkit": "0.1.0", "torch": "2.13.0", "scikit-learn": "1.9.0", "codecarbon": "3.3.2"},
            git_commit="0" * 40, git_dirty=False, params_sha256="cd" * 32, notebook_sha256=None,
        ),
        "candidates": candidates,
        "noise": (
            noise("latency", 1.003, generations),
            noise("energy", 1.004, generations),
        ),
        "footprint": KitFootprint(wall_s=2340.0, measuring_s=1810.0, coordinator_cpu_s=14.0, peak_bytes=310_000_000),
    }  # fmt: skip
    return Record(**(fields | other))


def curve() -> tuple[CurvePoint, ...]:
    made = {"tfidf-logreg": (0.62, 0.71, 0.775, 0.811), "minilm-l6": (0.77, 0.805, 0.825, 0.838)}
    return tuple(
        CurvePoint(model=model, fit_items=items, value=estimate(value, 0.012), making_s=items / 40)
        for model, values in made.items()
        for items, value in zip((250, 1000, 4000, 16000), values, strict=True)
    )


def load_of_rate(highest_per_s: float) -> Load:
    """A load test whose p99 was borne at its one rate."""
    p99 = PercentileRecord(level=99, value_s=0.2, low_s=0.19, high_s=0.21, n=3000, n_effective=900)
    point = LoadPoint(
        share=0.8, asked_per_s=highest_per_s, queries=3000, percentiles=(p99,), delay_p99_s=1e-4,
        generator_limited=False,
    )  # fmt: skip
    return Load(
        max_batch=1, saturation_per_s=estimate(1.25 * highest_per_s), points=(point,),
        highest_per_s=estimate(highest_per_s), bound="at least",
    )  # fmt: skip


def giant(**other: Any) -> CandidateRecord:
    """Better than the reference, slower, and larger."""
    memory = MINILM_MEMORY.model_copy(update={"peak_bytes": 9_000_000_000})
    better = gap(0.019, 0.011, 0.027, "superior")
    return candidate("giant", "Giant", 0.09, 0.861, speed="higher", gap=better, memory=memory, **other)


def _inconclusive() -> Record:
    undecided = gap(-0.011, -0.024, 0.002, "inconclusive", p_value=0.2, p_holm=0.4, items_needed=6841)
    return record(reference(), minilm(gap=undecided), tfidf())


def _superior() -> Record:
    better = candidate("e5-small", "E5 small", 0.0139, 0.861, gap=gap(0.019, 0.011, 0.027, "superior"))
    return record(reference(), minilm(), better, tfidf())


def _better() -> Record:
    return record(
        reference(), candidate("e5-small", "E5 small", 0.0139, 0.861, gap=gap(0.019, 0.011, 0.027, "superior")), tfidf()
    )


def _gpu() -> Record:
    measured = {"energy": energy(0.31, 5, ratio(0.18, "lower"), rank="counter")}
    base = {"energy": energy(1.74, 5, None, rank="counter")}
    host = record(reference(), minilm()).host.model_copy(update={"gpus": ("Synthetic GPU 24 GB",)})
    return record(reference(**base), minilm(**measured), host=host)


def _two_label_counts() -> Record:
    passes = gap(-0.006, -0.0095, -0.0005, "non-inferior")
    more = candidate(
        "tfidf-logreg@all", "TF-IDF, all labels", 0.00043, 0.836,
        model="tfidf-logreg", gap=passes, fit_items=16000, memory=TFIDF_MEMORY,
    )  # fmt: skip
    return record(reference(), tfidf(), more)


def _tiny() -> Record:
    quick = reference(latency=candidate("x", "x", 0.0008, 0.8, reference=True).latency)
    small = tfidf(
        gap=gap(-0.001, -0.003, 0.001, "non-inferior"),
        latency=candidate("x", "x", 0.0001, 0.8, reference_s=0.0008).latency,
    )
    return record(quick, small, params={"budget": {"latency_p99_s": 0.05}})


def _regression() -> Record:
    def error(value: float) -> Quality:
        return Quality(metric="absolute_error", value=estimate(value, 0.03), seed_values=())

    big = reference(quality=error(0.42))
    small = minilm(quality=error(0.424), gap=gap(-0.004, -0.007, -0.001, "non-inferior", margin=0.0084))
    made = record(big, small, params={"margin_points": None, "margin_percent": 2.0})
    return made.model_copy(
        update={"task": made.task.model_copy(update={"kind": "regression", "metric": "absolute_error"})}
    )


CASES: dict[str, Callable[[], Record]] = {
    "yes": lambda: record(reference(), tfidf(), minilm(), failed(), curve=curve()),
    "no": lambda: record(reference(), tfidf()),
    "inconclusive": _inconclusive,
    "superior": _superior,
    "better": _better,
    "failed": lambda: record(reference(), failed()),
    "reference failed": lambda: record(
        reference(status="failed", error="no weights", quality=None, latency=None, memory=None, energy=None),
        minilm(gap=None),
    ),
    "smoke": lambda: record(
        reference(1), tfidf(1), minilm(1), generations=1, params={"budget": {"peak_bytes": 1_000_000_000}}
    ),
    "smoke with a p99 limit": lambda: record(reference(1), tfidf(1), minilm(1), generations=1),
    "gpu": _gpu,
    "labels": _two_label_counts,
    "tiny": _tiny,
    "regression": _regression,
    "seeds": lambda: record(
        reference(), minilm(gap=gap(-0.004, -0.009, 0.001, "inconclusive", verdict_alone="non-inferior", p_holm=0.01))
    ),
    "holm": lambda: record(
        reference(), minilm(gap=gap(-0.004, -0.0098, 0.001, "inconclusive", verdict_alone="non-inferior", p_holm=0.06))
    ),
    "larger": lambda: record(
        reference(),
        giant(),
        params={"budget": {}},
    ),
    "seeds, worse": lambda: record(
        reference(), minilm(gap=gap(-0.004, -0.009, 0.001, "inconclusive", verdict_alone="inferior", p_holm=0.9))
    ),
    "groups": lambda: record(reference(), minilm(), params={"budget": {"group_margin_points": 1.0}}),
    "one is out and one is open": lambda: record(
        reference(),
        minilm(),
        tfidf(gap=gap(-0.011, -0.024, 0.002, "inconclusive", p_value=0.2, items_needed=6841)),
        params={"budget": {"latency_p99_s": 0.005}},
    ),
    "all are out": lambda: record(
        reference(),
        minilm(gap=gap(-0.011, -0.024, 0.002, "inconclusive", p_value=0.2, items_needed=6841)),
        params={"budget": {"latency_p99_s": 0.001}},
    ),
    "only the reference at other labels": lambda: record(
        reference(),
        candidate(
            "mpnet-base@all",
            "MPNet base, all labels",
            0.0412,
            0.85,
            model="mpnet-base",
            speed="within noise",
            fit_items=16000,
            gap=gap(0.001, -0.004, 0.006, "non-inferior"),
        ),
    ),
    "the larger one needs fewer machines": lambda: record(
        reference(load=load_of_rate(100.0)),
        minilm(load=load_of_rate(100.0)),
        giant(load=load_of_rate(500.0)),
        params={"budget": {"requests_per_s": 400.0, "latency_p99_s": 1.0}},
    ),
    "energy": lambda: record(
        reference(energy=energy(1.74, 5, None, rank="counter")),
        minilm(energy=energy(0.31, 5, ratio(0.18, "lower"), rank="counter")),
        params={"budget": {"energy_j": 1.0, "group_margin_points": 1.0}},
    ),
    "only a larger one meets": lambda: record(
        reference(energy=energy(1.74, 5, None, rank="counter")),
        giant(energy=energy(0.31, 5, ratio(0.18, "lower"), rank="counter")),
        params={"budget": {"energy_j": 1.0}},
    ),
    "slower": lambda: record(
        reference(),
        candidate("sloth", "Sloth", 0.06, 0.842, speed="higher", gap=gap(0.0, -0.004, 0.004, "non-inferior")),
        params={"budget": {}},
    ),
}


@pytest.fixture
def make_record() -> MakeRecord:
    """A synthetic record by the name of its case."""
    return lambda case: CASES[case]()


@pytest.fixture(params=sorted(CASES))
def any_record(request: pytest.FixtureRequest) -> Record:
    """Every synthetic record in turn."""
    return CASES[request.param]()
