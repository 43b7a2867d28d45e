"""Every tool measures the same copies of a model in the same minutes, each in a fresh process; rows are kept.

A trial has two copies of a model, loaded separately, and copies that are truly slower by the shares asked for.
`--model matrix` (two to four milliseconds of NumPy) repeats a known share of its own work: 4, 10 or 20 of 200 equal
matrix products again. `--model minilm` spins after each call for a share of that very call's CPU time; without
slower copies it is the catalogue's own. All hold by construction and need no calibration; see `benchmarks.cases`.

By default effkit stops after the generations of its standard protocol. Who wants ratios known to a given width asks
for it (`protocol.interval`, here `--interval 0.01`), and it goes on until they are; those rows are "asked".

`benchmarks.aa` and `benchmarks.ab` read the rows. effkit's samples are kept too, on this machine, so that another
analysis can be read over what was measured: `--again`.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import nullcontext
from pathlib import Path
from typing import Any

from benchmarks import cases
from benchmarks.cases import Case
from benchmarks.contender import ASKED, DEFAULT, EFFKIT, EQUAL, judged
from benchmarks.neighbour import bursting
from benchmarks.summary import Row, append, read, write
from effkit.bench.process import THREAD_VARIABLES
from effkit.bench.slot import measuring_slot
from effkit.spec import Protocol

HERE = Path(__file__).parent
ROWS, SAMPLES = HERE / "measured" / "contest.jsonl", HERE / "results" / "samples"
MODELS = {"matrix": cases.matrix, "minilm": cases.minilm}
EXTERNAL = ("fasterbench", "model-benchmark", "torch.utils.benchmark", "plain loop")


def options() -> argparse.ArgumentParser:
    """Return what a contest may be asked."""
    found = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    found.add_argument("--model", choices=tuple(MODELS), default="matrix")
    found.add_argument("--shares", type=float, nargs="*", default=(), help="slower copies: 0.05 is 5 %% slower")
    found.add_argument("--trials", type=int, default=0, help="those that are there already are not made again")
    found.add_argument("--neighbour", action="store_true", help="beside a neighbour that bursts on every core")
    found.add_argument("--equal-time", action="store_true", help="let the other tools go on for as long as effkit")
    found.add_argument("--interval", type=float, help="let effkit go on until ratios are known to this: 0.02 is ±2 %%")
    found.add_argument("--again", action="store_true", help="judge effkit's kept samples anew, measuring nothing")
    found.add_argument("--tools", type=Path, default=Path(".venv/bench-tools"), help="where other tools are installed")
    return found


def protocol(interval: float | None) -> dict[str, Any]:
    """Return effkit's protocol: `standard`, without what is not compared here (throughput, the idle machine)."""
    return {"interval": interval, "idle_s": 0.0, "batch": 1, "throughput_s": 0.01}


def run(given: argparse.Namespace) -> None:
    """Measure what is not there yet.

    A row holds `model`, `shares`, `noise`, `number`, `tool`, `time` (default, equal, or asked of effkit), `ratios`,
    `claims`, `seconds`, `rounds`, and of effkit `intervals`, `threshold`, `protocol` and more.
    """
    case = MODELS[given.model](given.shares)
    noise = "noisy" if given.neighbour else "quiet"
    with measuring_slot(tell):
        for number in range(given.trials):
            trial = {"model": given.model, "shares": list(given.shares), "noise": noise, "number": number}
            if missing := _missing(trial, given):
                with bursting(number) if given.neighbour else nullcontext():
                    for tool in missing:
                        _measure(case, tool, trial, given)


def _missing(trial: Row, given: argparse.Namespace) -> list[str]:
    """The tools that a trial lacks rows of: effkit first, then the others in random order."""
    there = {(row["tool"], row["time"]) for row in _rows(trial)}
    modes = (DEFAULT, EQUAL) if given.equal_time else (DEFAULT,)
    others = random.Random(trial["number"]).sample(EXTERNAL, len(EXTERNAL))
    wanted = {EFFKIT: (_ours(given),), **dict.fromkeys(others, modes)}
    return [tool for tool, of_tool in wanted.items() if any((tool, mode) not in there for mode in of_tool)]


def _measure(case: Case, tool: str, trial: Row, given: argparse.Namespace) -> None:
    """Let one tool measure, and keep the rows that are not there yet."""
    there = {(row["tool"], row["time"]): row for row in _rows(trial)}
    equal = given.equal_time and tool != EFFKIT
    request = {
        "tool": tool, "case": case.to_json(), "protocol": protocol(given.interval), "seed": trial["number"],
        "until_s": there[EFFKIT, _ours(given)]["seconds"] if equal else None, "tools": str(given.tools.resolve()),
        "samples": str(samples_of({**trial, "time": _ours(given)})),
    }  # fmt: skip
    for mode, found in _ask(request).items():
        if (tool, mode) not in there:
            append(ROWS, {**trial, "tool": tool, "time": mode, **found})
            ratios = ", ".join(f"{value:.4f}" for value in found["ratios"].values())
            which = f"{trial['model']} {trial['noise']} {trial['number'] + 1}/{given.trials}"
            tell(f"{which} {tool} ({mode}): {ratios} in {found['seconds']:.0f} s")


def _ours(given: argparse.Namespace) -> str:
    return ASKED if given.interval else DEFAULT


def _rows(trial: Row) -> list[Row]:
    return [row for row in read(ROWS) if trial.items() <= row.items()]


def samples_of(row: Row) -> Path:
    """Where the samples of one of effkit's rows are kept."""
    slower = [f"{1000 * share:03.0f}" for share in row["shares"]]
    return SAMPLES / ("-".join([row["model"], *slower, row["noise"], row["time"], f"{row['number']:02}"]) + ".parquet")


def again(rows: list[Row]) -> list[Row]:
    """Return the rows with effkit's judged anew from their samples, by the analysis of now; others as they were."""
    import pandas as pd

    found = []
    for row in rows:
        if row["tool"] == EFFKIT and samples_of(row).exists():
            row = {**row, **judged(pd.read_parquet(samples_of(row)), row["copies"], row["protocol"], row["pinned"])}
        found.append(row)
    return found


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


def groups(rows: list[Row]) -> Iterator[tuple[str, str, str, list[Row]]]:
    """Yield (noise, tool, time, rows) of those there are, effkit first."""
    for noise in ("quiet", "noisy"):
        for tool in (EFFKIT, *EXTERNAL):
            for mode in (DEFAULT, ASKED, EQUAL):
                found = [row for row in rows if (row["noise"], row["tool"], row["time"]) == (noise, tool, mode)]
                if found:
                    yield noise, tool, mode, found


def settings_line(rows: list[Row]) -> str:
    """Say with which protocol effkit measured."""
    used = [row["protocol"] for row in rows if "protocol" in row]
    texts = dict.fromkeys(f"{Protocol(**each).generations} generations{_going_on(each)}" for each in used)
    return (
        f"effkit: its standard protocol with {' or '.join(texts)}, no idle windows, no throughput; workers pinned. "
        "The others: one thread, not pinned, one fixed request, copies one after the other in one fresh process; "
        "at equal time they repeat that, copies in turn, for as long as effkit took. Seconds count from the start "
        "of the process to its end, and hold all copies of a trial."
    )


def _going_on(protocol: Mapping[str, Any]) -> str:
    asked = protocol.get("interval")
    return f" and, asked, as many more as make every ratio known to ±{100 * asked:g} %" if asked else ""


def tell(text: str) -> None:
    """Say how far it is, beside the Markdown on standard output."""
    print(text, file=sys.stderr, flush=True)


def main() -> None:
    """Measure the trials that are missing, or judge anew."""
    given = options().parse_args()
    if given.again:
        write(ROWS, again(read(ROWS)))
    run(given)


if __name__ == "__main__":
    main()
