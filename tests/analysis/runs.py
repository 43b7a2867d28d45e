"""A run of which the truth is known, as a table of samples."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd

from effkit.analysis.paired import PairedSamples
from effkit.analysis.power import Component

COLUMNS = ["candidate", "twin", "generation", "block", "position", "attempt", "item", "metric", "value"]
CPU = Component("cpu", "modelled-tdp", "a model")
RAPL = Component("cpu", "counter", "RAPL")


def samples(
    *,
    generations: int = 10,
    blocks: int = 1,
    slower: float = 2.0,
    luck: float = 0.001,
    twin_b: float = 1.0,
    window_s: float = 2.0,
) -> pd.DataFrame:
    """A run of a reference at 10 ms, entered twice, and of a candidate `slower` times as slow."""
    rng = np.random.default_rng(1)
    rows: list[list[Any]] = []
    for generation in range(generations):
        for name, twin, factor in (("ref", "a", 1.0), ("ref", "b", twin_b), ("mine", "", slower)):
            call_s = 0.01 * factor * np.exp(luck * rng.standard_normal())
            start = [name, twin, generation, -1, -1, -1, -1]
            rows += [[*start, metric, value] for metric, value in (
                ("import_s", 1.0), ("load_s", 0.5), ("first_call_s", 0.1), ("steady", 1.0),
                ("floor_bytes", 1e8), ("peak_bytes", 1e8 + 1e7 * factor), ("items_per_s", 1 / call_s),
            )]  # fmt: skip
            for block in range(blocks):
                place = [name, twin, generation, block, 0, 0]
                times = call_s * rng.uniform(0.9, 1.1, 80)
                for item, value in enumerate(times):
                    rows += [[*place, item % 16, "prepare_s", 0.2 * value], [*place, item % 16, "infer_s", 0.8 * value]]
                rows += [[*place, -1, metric, value] for metric, value in (
                    ("visit_prepare_s", 0.2 * call_s), ("visit_infer_s", 0.8 * call_s), ("visit_calls", 96.0),
                    ("visit_cpu_s", 96 * call_s), ("visit_window_s", window_s), ("visit_cpu_j", 5.0 * 96 * call_s),
                    ("visit_others_share", 0.01), ("visit_steal_share", 0.0),
                )]  # fmt: skip
        rows.append(["", "", generation, -1, -1, -1, -1, "idle_w", 1.0])
    return pd.DataFrame(rows, columns=COLUMNS)


def in_places(frame: pd.DataFrame, worth: float) -> pd.DataFrame:
    """The same run, of workers started in one order and backwards in turn, each place slower by `worth`."""
    frame = frame.copy()
    lines = frame["candidate"] + frame["twin"]
    place_of = {line: place for place, line in enumerate(dict.fromkeys(lines[lines != ""]))}
    places = lines.map(place_of)
    places = places.where(frame["generation"] % 2 == 0, len(place_of) - 1 - places)
    times = frame["metric"].str.startswith("visit_") & frame["metric"].str.endswith("_s")
    frame.loc[times, "value"] *= np.exp(worth * places[times])
    starts = frame["metric"] == "load_s"
    frame.loc[starts, "position"] = places[starts].astype(int)
    return frame


def paired(
    frame: pd.DataFrame, *, pinned: bool = True, components: tuple[Component, ...] = (CPU,), first: int | None = None
) -> PairedSamples:
    return PairedSamples(frame, "ref", pinned=pinned, components=components, first=first)
