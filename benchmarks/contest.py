"""Every tool measures the same copies of a model in the same minutes, each in a fresh process; rows are kept.

A trial has two copies of a model, loaded separately, and copies that are truly slower by the shares asked for.
`--model products` (a millisecond or more of NumPy) repeats a known share of its own work, 200 equal matrix products.
`--model minilm` spins after each call for a share of that very call's CPU time; without slower copies it is the
catalogue's own. All hold by construction and need no calibration; see `benchmarks.cases`.

`benchmarks.aa` and `benchmarks.ab` read the rows. A row belongs to its host and its protocol: another one starts anew.
effkit's samples are kept too, on this machine only, so that another analysis can be read over what was measured:
`--again`.
"""

from __future__ import annotations

import argparse
import itertools
import json
import os
import random
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import nullcontext
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.cases import MODELS, Case
from benchmarks.contender import DEFAULT, EFFKIT, EQUAL, judged
from benchmarks.neighbour import bursting
from benchmarks.summary import Row, append, commit, host_text, read, write
from effkit.bench.process import THREAD_VARIABLES
from effkit.bench.slot import measuring_slot
from effkit.report.units import many
from effkit.spec import Protocol

HERE = Path(__file__).parent
ROWS, SAMPLES = HERE / "measured" / "contest.jsonl", HERE / "results" / "samples"
TITLES = {
    "products": "200 small matrix products in NumPy",
    "matrix": "200 small matrix products in NumPy, arrays where it puts them",
    "minilm": "MiniLM",
}
"""Models of rows, `matrix` those of until 30 November 2026: its copies had luck of their own (`benchmarks.cases`)."""
CLOSED_AFTER = timedelta(hours=2)
"""A trial that began longer ago is closed: what came to it now would not be of the same minutes."""
EXTERNAL = ("fasterbench", "model-benchmark", "torch.utils.benchmark", "plain loop", "plain loop, CPU time")


def options() -> argparse.ArgumentParser:
    """Return what a contest may be asked."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--model", choices=tuple(MODELS), default="products")
    parser.add_argument("--shares", type=_slower, nargs="*", default=(), help="slower copies: 0.05 is 5 %% slower")
    parser.add_argument("--trials", type=int, default=0, help="those that are there already are not made again")
    parser.add_argument("--first", type=int, default=0, help="the trial to begin with; those before it stay")
    parser.add_argument("--neighbour", action="store_true", help="beside a neighbour that bursts on every core")
    parser.add_argument("--equal-time", action="store_true", help="let the other tools go on for as long as effkit")
    parser.add_argument("--again", action="store_true", help="only judge effkit's kept samples anew")
    parser.add_argument("--tools", type=Path, default=Path(".venv/bench-tools"), help="where other tools are installed")
    return parser


def _slower(text: str) -> float:
    share = float(text)
    if share <= 0:
        raise argparse.ArgumentTypeError(f"{text} is not slower: a second copy of the reference is always there")
    return share


def protocol() -> dict[str, Any]:
    """Return effkit's protocol: `standard` as it is now, without what is not compared here (throughput, idle machine).

    The first rows are of 80 items and 670 calls, as `standard` had them on 28 November 2026.
    """
    return Protocol(idle_s=0.0, batch=1, throughput_s=0.01).model_dump(mode="json")


def run(given: argparse.Namespace) -> None:
    """Measure what is not there yet.

    A row holds `host`, `protocol`, `model`, `shares`, `noise`, `number`, `tool`, `time` (default or equal), `ratios`,
    `claims`, `seconds`, `rounds`, and of effkit `intervals`, `threshold` and more.
    """
    case = MODELS[given.model](given.shares)
    of_all = {
        "host": host_text(), "protocol": protocol(), "model": given.model, "shares": list(given.shares),
        "noise": "noisy" if given.neighbour else "quiet",
    }  # fmt: skip
    with measuring_slot(tell):
        for number in _numbers(of_all, given):
            trial = {**of_all, "number": number}
            if missing := _missing(trial, given):
                with bursting(number) if given.neighbour else nullcontext():
                    for tool in missing:
                        _measure(case, tool, trial, given)


def _numbers(of_all: Row, given: argparse.Namespace) -> Iterator[int]:
    """The trials to look at; at equal time new ones until so many have it, since those of other days are closed."""
    if not given.equal_time:
        return iter(range(given.first, given.trials))
    there = {row["number"] for row in read(ROWS) if of_all.items() <= row.items() and row["time"] == EQUAL}
    done = [number for number in there if not _missing({**of_all, "number": number}, given)]
    lacking = (number for number in itertools.count(given.first) if _missing({**of_all, "number": number}, given))
    return itertools.islice(lacking, max(0, given.trials - len(done)))


def _missing(trial: Row, given: argparse.Namespace) -> list[str]:
    """The tools that a trial lacks rows of, effkit first, then the others in random order; none of one long begun."""
    there = _rows(trial)
    begun = there.get((EFFKIT, DEFAULT))
    if begun and datetime.now(UTC) - datetime.fromisoformat(begun["at"]) > CLOSED_AFTER:
        return []
    modes = (DEFAULT, EQUAL) if given.equal_time else (DEFAULT,)
    others = random.Random(trial["number"]).sample(EXTERNAL, len(EXTERNAL))
    wanted = {EFFKIT: (DEFAULT,), **dict.fromkeys(others, modes)}
    return [tool for tool, of_tool in wanted.items() if any((tool, mode) not in there for mode in of_tool)]


def _measure(case: Case, tool: str, trial: Row, given: argparse.Namespace) -> None:
    """Let one tool measure, and keep the rows that are not there yet."""
    there = _rows(trial)
    request = {
        "tool": tool, "case": case.to_json(), "protocol": trial["protocol"], "seed": trial["number"],
        "until_s": there[EFFKIT, DEFAULT]["seconds"] if given.equal_time and tool != EFFKIT else None,
        "tools": str(given.tools.resolve()), "samples": str(samples_of(trial)),
    }  # fmt: skip
    for mode, found in _ask(request).items():
        if (tool, mode) not in there:
            append(ROWS, {**trial, "tool": tool, "time": mode, **found})
            ratios = ", ".join(f"{value:.4f}" for value in found["ratios"].values())
            place = f"{trial['model']} {trial['noise']}, number {trial['number']}"
            tell(f"{place}, {tool} ({mode}): {ratios} in {found['seconds']:.0f} s")


def _rows(trial: Row) -> dict[tuple[str, str], Row]:
    """The rows of a trial, by tool and time."""
    return {(row["tool"], row["time"]): row for row in read(ROWS) if trial.items() <= row.items()}


def samples_of(row: Row) -> Path:
    """Where the samples of one of effkit's rows are kept."""
    slower = [f"{1000 * share:03.0f}" for share in row["shares"]]
    return SAMPLES / ("-".join([row["model"], *slower, row["noise"], f"{row['number']:02}"]) + ".parquet")


def again(rows: list[Row]) -> list[Row]:
    """Return the rows with effkit's judged anew from their samples, by the analysis of now; others as they were."""
    import pandas as pd

    found, ours = [], [row for row in rows if row["tool"] == EFFKIT]
    tell(f"{sum(map(_kept_here, ours))} of {len(ours)} rows of effkit have their samples here")
    for row in rows:
        if row["tool"] == EFFKIT and _kept_here(row):
            found_now = judged(pd.read_parquet(samples_of(row)), row["copies"], row["pinned"])
            row = {**row, **found_now, "judged": commit()}
        found.append(row)
    return found


def _kept_here(row: Row) -> bool:
    """Whether its samples are here; those of another host or protocol have the same name."""
    return (row["host"], row["protocol"]) == (host_text(), protocol()) and samples_of(row).exists()


def _ask(request: dict[str, Any]) -> dict[str, dict[str, Any]]:
    environment = {**os.environ, **dict.fromkeys(THREAD_VARIABLES, "1"), "TOKENIZERS_PARALLELISM": "false"}
    done = subprocess.run(
        [sys.executable, "-m", "benchmarks.contender"],
        input=json.dumps(request), capture_output=True, text=True, env=environment, check=False,
    )  # fmt: skip
    if done.returncode:
        last = "\n".join(done.stderr.strip().splitlines()[-5:])
        raise SystemExit(f"{request['tool']} failed; `make bench-tools` installs the other tools.\n{last}")
    answer: dict[str, dict[str, Any]] = json.loads(done.stdout.strip().splitlines()[-1])
    return answer


def by_model(rows: list[Row], summary: Callable[[list[Row], str], str], *below: str) -> str:
    """Return what is said of the rows, a section a model, host and protocol.

    Rows of one protocol are put together whatever commit measured them: each section names the commits. Of one model
    those of today's protocol come first.
    What is to be known of all of them stands below, and how it was measured.
    """
    found: dict[tuple[str, str, str], list[Row]] = {}
    now = json.dumps(protocol())
    in_order = sorted(rows, key=lambda row: (list(TITLES).index(row["model"]), json.dumps(row["protocol"]) != now))
    for row in in_order:
        found.setdefault((row["model"], row["host"], json.dumps(row["protocol"])), []).append(row)
    said = [
        summary(alike, f"{TITLES[model]}, on {host.partition(',')[0]}{'' if by == now else ', by an earlier protocol'}")
        for (model, host, by), alike in found.items()
    ]
    return "\n\n".join([*said, *below, settings_line(rows)])


def groups(rows: list[Row]) -> Iterator[tuple[str, str, str, list[Row]]]:
    """Yield (noise, tool, time, rows) of those there are, effkit first."""
    for noise in ("quiet", "noisy"):
        for tool in (EFFKIT, *EXTERNAL):
            for mode in (DEFAULT, EQUAL):
                found = [row for row in rows if (row["noise"], row["tool"], row["time"]) == (noise, tool, mode)]
                if found:
                    yield noise, tool, mode, found


def protocol_line(rows: list[Row]) -> str:
    """Say with which protocol effkit measured these rows, all of which have one."""
    measured = [(Protocol(**row["protocol"]), row["pinned"]) for row in rows if row["tool"] == EFFKIT]
    texts = dict.fromkeys(
        f"{each.generations} generations with {many(each.blocks, 'visit')} of {each.visit_s:g} s and at least "
        f"{each.calls:,} calls in all over "
        f"{each.block_items} items a block, workers {'' if pinned else 'not '}pinned"
        for each, pinned in measured
    )
    whose = "the standard protocol" if rows[0]["protocol"] == protocol() else "the standard protocol of its day"
    return f"effkit: {whose}, {' or '.join(texts)}; no idle windows, no throughput."


def settings_line(rows: list[Row]) -> str:
    """Say how every tool was asked, and what it took."""
    longer = [float(np.median(times)) for times in _times_longer(rows)]
    equal = any(row["time"] == EQUAL for row in rows)
    return (
        "effkit measures first, the others after it in random order: one thread, not pinned, one fixed request, copies "
        "one after the other in one fresh process. "
        + (
            f"So measured effkit takes {_from_to(longer)} times as long as another tool by default (the median of each "
            "section). "
            if longer
            else ""
        )
        + ("At equal time the others repeat all that, copies in turn, for as long as effkit took. " if equal else "")
        + "Seconds count from the start of the process to its end, and hold all copies of a trial."
    )


def _times_longer(rows: list[Row]) -> list[list[float]]:
    """How many times as long as each other tool, at its default, effkit took in the same trial, by section."""
    by_trial: dict[tuple[str, str], dict[str, float]] = {}
    for row in rows:
        if row["time"] == DEFAULT:
            section, trial = (
                json.dumps([row[key] for key in keys])
                for keys in (("host", "protocol", "model"), ("shares", "noise", "number"))
            )
            by_trial.setdefault((section, trial), {})[row["tool"]] = row["seconds"]
    found: dict[str, list[float]] = {}
    for (section, _), each in by_trial.items():
        times = [each[EFFKIT] / seconds for tool, seconds in each.items() if tool != EFFKIT] if EFFKIT in each else []
        found.setdefault(section, []).extend(times)
    return [times for times in found.values() if times]


def _from_to(values: list[float]) -> str:
    low, high = f"{min(values):.0f}", f"{max(values):.0f}"
    return low if low == high else f"{low} to {high}"


def tell(text: str) -> None:
    """Say how far it is, beside the Markdown on standard output."""
    print(text, file=sys.stderr, flush=True)


def main() -> None:
    """Measure the trials that are missing, or judge anew."""
    given = options().parse_args()
    if not given.again:
        run(given)
        return
    with measuring_slot(tell):  # a contest that goes on adds rows
        write(ROWS, again(read(ROWS)))


if __name__ == "__main__":
    main()
