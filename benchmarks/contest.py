"""Every tool measures the same case in the same minutes, each in a fresh process; rows are kept as they come."""

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

from benchmarks.cases import Case
from benchmarks.contender import ASKED, DEFAULT, EFFKIT, EQUAL
from benchmarks.neighbour import bursting
from benchmarks.summary import Row, append, read
from effkit.bench.process import THREAD_VARIABLES
from effkit.bench.slot import measuring_slot

EXTERNAL = ("fasterbench", "model-benchmark", "torch.utils.benchmark", "plain loop")


def parser(description: str | None, *, count: str, default: int, visit_s: float) -> argparse.ArgumentParser:
    """Return the options that A/A and A/B share.

    Args:
        description: of the benchmark.
        count: how repetitions are called: `pairs`, `trials`.
        default: how many.
        visit_s: shortest visit of effkit.
    """
    options = argparse.ArgumentParser(description=description, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("--out", type=Path, required=True, help="JSON lines; what is there already is not redone")
    options.add_argument(f"--{count}", dest="count", type=int, default=default, help="0 only prints the summary")
    options.add_argument("--neighbour", action="store_true", help="beside a neighbour that bursts on every core")
    options.add_argument("--equal-time", action="store_true", help="let the other tools go on for as long as effkit")
    options.add_argument("--generations", type=int, default=5, help="effkit's generations")
    options.add_argument("--visit-s", type=float, default=visit_s, help="effkit's shortest visit, seconds")
    options.add_argument("--interval", type=float, help="let effkit go on until ratios are known to this: 0.02 is ±2 %")
    options.add_argument(
        "--tools", type=Path, default=Path(".venv/bench-tools"), help="where other tools are installed"
    )
    return options


def protocol(given: argparse.Namespace) -> dict[str, Any]:
    """Return effkit's protocol: `standard`, without what is not compared here (throughput, the idle machine)."""
    return {
        "generations": given.generations, "interval": given.interval, "visit_s": given.visit_s,
        "idle_s": 0.0, "batch": 1, "throughput_s": 0.01,
    }  # fmt: skip


def run(case: Case, given: argparse.Namespace) -> None:
    """Measure what is not in the file yet: effkit first, then the others in random order.

    A row holds `noise`, `number`, `tool`, `time` (default, equal, or asked of effkit), `ratios`, `claims`, `seconds`,
    `rounds`.
    """
    noise = "noisy" if given.neighbour else "quiet"
    modes = (DEFAULT, EQUAL) if given.equal_time else (DEFAULT,)
    ours = (EFFKIT, ASKED if given.interval else DEFAULT)
    with measuring_slot(tell):
        for number in range(given.count):
            done = {
                (row["tool"], row["time"]): row
                for row in read(given.out)
                if row["noise"] == noise and row["number"] == number
            }
            missing = [
                tool
                for tool in random.Random(number).sample(EXTERNAL, len(EXTERNAL))
                if any((tool, mode) not in done for mode in modes)
            ]
            if ours in done and not missing:
                continue
            with bursting(number) if given.neighbour else nullcontext():
                for tool in [*([] if ours in done else [EFFKIT]), *missing]:
                    until_s = done[ours]["seconds"] if given.equal_time and tool != EFFKIT else None
                    for mode, found in _ask(case, tool, given, number, until_s).items():
                        if (tool, mode) in done:
                            continue
                        row = {"noise": noise, "number": number, "tool": tool, "time": mode, **found}
                        if tool == EFFKIT:
                            row["protocol"] = protocol(given)
                        append(given.out, row)
                        done[tool, mode] = row
                        ratios = ", ".join(f"{value:.4f}" for value in found["ratios"].values())
                        tell(
                            f"{noise} {number + 1}/{given.count} {tool} ({mode}): {ratios} in {found['seconds']:.0f} s"
                        )


def _ask(
    case: Case, tool: str, given: argparse.Namespace, seed: int, until_s: float | None
) -> dict[str, dict[str, Any]]:
    request = {
        "tool": tool, "case": case.to_json(), "protocol": protocol(given), "seed": seed, "until_s": until_s,
        "tools": str(given.tools.resolve()),
    }  # fmt: skip
    environment = {**os.environ, **dict.fromkeys(THREAD_VARIABLES, "1"), "TOKENIZERS_PARALLELISM": "false"}
    done = subprocess.run(
        [sys.executable, "-m", "benchmarks.contender"],
        input=json.dumps(request), capture_output=True, text=True, env=environment, check=False,
    )  # fmt: skip
    if done.returncode:
        last = "\n".join(done.stderr.strip().splitlines()[-5:])
        raise SystemExit(f"{tool} failed; `make bench-tools` installs the other tools.\n{last}")
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
    texts = dict.fromkeys(
        f"{each['generations']} generations{_going_on(each)}, visits of {each['visit_s']:g} s" for each in used
    )
    return (
        f"effkit: its standard protocol with {' or '.join(texts)}, no idle windows, no throughput; workers pinned. "
        "The others: one thread, not pinned, one fixed request, copies one after the other in one fresh process; "
        "at equal time they repeat that, copies in turn, for as long as effkit took. Seconds count from the start "
        "of the process to its end."
    )


def _going_on(protocol: Mapping[str, Any]) -> str:
    asked = protocol.get("interval")
    return f" and, asked, as many more as make every ratio known to ±{100 * asked:g} %" if asked else ""


def tell(text: str) -> None:
    """Say how far it is, beside the Markdown on standard output."""
    print(text, file=sys.stderr, flush=True)
