"""The page's script, called from Python."""

from __future__ import annotations

import json
from functools import cache
from importlib import resources
from typing import Any

import quickjs

from effkit.report.sliders import Knobs

SCRIPT = resources.files("effkit.report").joinpath("templates/what_if.js").read_text(encoding="utf-8")


@cache
def _engine() -> Any:
    context = quickjs.Context()
    context.eval(SCRIPT)
    return context


def script(function: str, *arguments: Any) -> Any:
    """Call a function of the page's script."""
    told = ", ".join(json.dumps(each, allow_nan=False) for each in arguments)
    return json.loads(_engine().eval(f"JSON.stringify(whatIf.{function}({told}))"))


def for_knobs(knobs: Knobs) -> dict[str, float | None]:
    return {
        "margin": knobs.margin, "latency": knobs.latency_p99_s, "traffic": knobs.requests_per_s,
        "price": knobs.price, "grid": knobs.grid_g_per_kwh,
    }  # fmt: skip
