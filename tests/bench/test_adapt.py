"""How many generations a run decides on, from the noise of its first ones."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from effkit.bench.adapt import generations_wanted
from effkit.bench.measurements import Measurements, Visit
from effkit.bench.schedule import Entry
from effkit.params import parse
from effkit.spec import Protocol, SpecError
from tests.conftest import parameters


def run(noise: float, generations: int = 10) -> Measurements:
    """A reference and a candidate whose workers' luck has this standard deviation."""
    rng = np.random.default_rng(3)
    made: list[Visit] = []
    for generation in range(generations):
        for entry in (Entry("ref", "a"), Entry("ref", "b"), Entry("mine")):
            time_s = 0.01 * float(np.exp(noise * rng.standard_normal()))
            made += [
                Visit(
                    entry=entry, generation=generation, block=block, position=0, items=[], prepare_s=[], infer_s=[],
                    mean_prepare_s=0.0, mean_infer_s=time_s, calls=1, cpu_s=time_s, wall_s=time_s, energy=None,
                    others_share=0.0, steal_share=0.0,
                )
                for block in range(2)
            ]  # fmt: skip
    return Measurements(visits=made)


def protocol(**keys: float) -> Protocol:
    return Protocol.model_validate(keys)


def test_a_fixed_protocol_stays_fixed() -> None:
    assert generations_wanted(run(0.2), "ref", protocol()) == 10


def test_a_quiet_host_is_done_and_a_noisy_one_goes_on() -> None:
    assert generations_wanted(run(0.001), "ref", protocol(interval=0.02)) == 10
    assert 10 < generations_wanted(run(0.04), "ref", protocol(interval=0.02)) <= 30
    assert generations_wanted(run(0.3), "ref", protocol(interval=0.02, most_generations=12)) == 12


def test_the_last_attempt_of_a_visit_counts() -> None:
    made = run(0.001).visits
    spoilt = [replace(visit, mean_infer_s=visit.mean_infer_s * (1 + visit.generation)) for visit in made]
    again = [replace(visit, attempt=1) for visit in made]
    both = Measurements(visits=[each for pair in zip(spoilt, again, strict=True) for each in pair])
    assert generations_wanted(both, "ref", protocol(interval=0.02)) == 10


def test_a_reference_that_failed_asks_for_nothing() -> None:
    measured = run(0.3)
    measured.failures["ref"] = "it broke"
    assert generations_wanted(measured, "ref", protocol(interval=0.02)) == 10


def test_an_interval_needs_generations_to_judge_by() -> None:
    with pytest.raises(SpecError, match="at least 5"):
        parse(parameters(protocol={"base": "smoke", "interval": 0.02}))
