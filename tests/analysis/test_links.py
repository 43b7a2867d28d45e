"""Links of a chain: known truths come back, and a verdict says no more than gap and speed carry."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from effkit.analysis.energy import energy
from effkit.analysis.links import link_energy, link_gaps, link_latency
from effkit.analysis.paired import PairedSamples
from effkit.analysis.payback import link_payback
from effkit.analysis.power import Component
from effkit.analysis.verdict import worth
from effkit.record import CandidateRecord, Estimate, Gap, Link, Ratio
from tests.analysis.runs import CPU, RAPL, paired, samples
from tests.analysis.test_comparison import TEST, scores


def rows(*slower: float, generations: int = 5) -> pd.DataFrame:
    """Samples of a reference and of one candidate a factor, named 0, 1, …"""
    frames = [samples(generations=generations)[lambda frame: frame["candidate"] != "mine"]]
    for number, factor in enumerate(slower):
        run = samples(generations=generations, slower=factor, luck=0.001 * (number + 1))
        frames.append(run[run["candidate"] == "mine"].assign(candidate=str(number)))
    return pd.concat(frames, ignore_index=True)


def chain(*slower: float, generations: int = 10, components: tuple[Component, ...] = (CPU,)) -> PairedSamples:
    """A run of them."""
    return paired(rows(*slower, generations=generations), components=components)


def gap(verdict: str) -> Gap:
    return Gap(
        difference=-0.002, low=-0.008, high=0.004, margin=0.01, verdict=verdict, verdict_alone=verdict,
        p_value=0.001, p_holm=0.002, mcnemar_p=None, discordant=None, n=2000, items_needed=None,
    )  # fmt: skip


def ratio(value: float, verdict: str, spread: float = 0.01) -> Ratio:
    return Ratio(value=value, low=value - spread, high=value + spread, n=5, verdict=verdict, threshold=0.01)


def link(**changes: object) -> Link:
    plain = Link(
        technique={"bf16": {}}, words="in bf16", name="m+bf16", before="m", gap=gap("non-inferior"),
        latency=ratio(0.5, "lower"),
    )  # fmt: skip
    return plain.model_copy(update=changes)


def test_items_needed_grows_with_the_links() -> None:
    few = {"a": scores(800)[:500].copy(), "b": np.ones(500)}
    few["a"][25:], few["b"][-25:] = 1, 0
    few["c"] = few["a"].copy()
    once = {name: [each] for name, each in few.items()}
    alone = link_gaps(once, [("b", "a")], few["a"], TEST)["b", "a"].items_needed
    among = link_gaps(once, [("b", "a"), ("c", "b"), ("b", "c")], few["a"], TEST)["b", "a"].items_needed
    assert alone is not None and among is not None
    assert among / alone == pytest.approx(10470 / 7849, rel=0.01)


def test_gaps_are_to_the_link_before_and_holm_runs_over_all() -> None:
    known = {"a": [scores(800)], "a+b": [scores(800, start=4)], "a+b+c": [scores(1200)]}
    pairs = [("a+b", "a"), ("a+b+c", "a+b"), ("a+b", "a"), ("lost", "a")]
    found = link_gaps(known, pairs, scores(790), TEST)
    assert {pair: each.verdict for pair, each in found.items()} == {
        ("a+b", "a"): "non-inferior",
        ("a+b+c", "a+b"): "inferior",
    }
    assert found["a+b+c", "a+b"].difference == pytest.approx(-0.1)
    assert found["a+b", "a"].p_holm == pytest.approx(2 * found["a+b", "a"].p_value)
    assert link_gaps(known, [], scores(790), TEST) == {}


def test_a_link_is_judged_with_every_training_seed_that_both_ends_have() -> None:
    """With the second seed the technique loses ten points; a beginning that was trained once is held against one."""
    chain = [scores(800, start=4), scores(1200)]
    both = {"a": [scores(800), scores(800)], "a+b": chain}
    (found,) = link_gaps(both, [("a+b", "a")], scores(800), TEST).values()
    assert (found.verdict_alone, found.verdict) == ("non-inferior", "inconclusive")
    assert found.enough_from is not None and found.enough_from > 0.1
    (found,) = link_gaps({**both, "a": [scores(800)]}, [("a+b", "a")], scores(800), TEST).values()
    assert (found.verdict_alone, found.verdict) == ("non-inferior", "non-inferior")


def test_a_margin_in_per_cent_is_of_the_studys_reference() -> None:
    rng = np.random.default_rng(1)
    errors = rng.uniform(0.5, 1.5, 400)
    test = replace(TEST, binary=False, higher_is_better=False, margin_points=None, margin_percent=2.0)
    (found,) = link_gaps({"a": [errors], "b": [errors]}, [("b", "a")], 10 * errors, test).values()
    assert found.margin == pytest.approx(0.2 * errors.mean())


def test_a_true_ratio_of_two_candidates_comes_back() -> None:
    found = link_latency(chain(2.0, 0.5), "1", "0")
    assert found is not None and found.low is not None and found.high is not None
    assert found.low < 0.25 < found.high
    assert found.verdict == "lower"
    back = link_latency(chain(2.0, 0.5), "0", "1")
    assert back is not None and back.value == pytest.approx(1 / found.value)
    assert back.verdict == "higher"


def test_against_the_reference_it_is_the_ratio_of_the_record() -> None:
    run = chain(0.5)
    found, known = link_latency(run, "0", "ref"), run.ratio("0", "latency")
    assert found is not None and known is not None
    assert (found.value, found.low, found.high, found.verdict) == (known.value, known.low, known.high, known.verdict)


def measured(run: PairedSamples, name: str) -> CandidateRecord:
    return CandidateRecord(name=name, model=name, title=name, energy=energy(run, name, cores=2))


def test_a_counted_energy_ratio_of_two_candidates_comes_back() -> None:
    run = chain(2.0, 0.5, components=(RAPL,))
    for name, base, truth, verdict in (
        ("1", "0", 0.25, "lower"),
        ("0", "ref", 2.0, "higher"),
        ("ref", "0", 0.5, "lower"),
    ):
        found = link_energy(run, measured(run, name), measured(run, base), cores=2)
        assert found is not None
        assert found.value == pytest.approx(truth, rel=0.01)
        assert found.verdict == verdict


def test_a_modelled_energy_is_claimed_only_where_every_form_agrees() -> None:
    frame = rows(2.0, 0.5)
    frame.loc[frame["metric"].isin(["visit_calls", "visit_cpu_s", "visit_cpu_j"]), "value"] *= 10
    busy = frame["metric"] == "visit_cpu_s"
    frame.loc[frame["metric"] == "visit_window_s", "value"] = frame.loc[busy, "value"].to_numpy()
    rated = Component("cpu", "modelled-tdp", "a model", tdp_w=100.0)
    for component, verdict in ((rated, "lower"), (CPU, "within noise")):
        run = paired(frame, components=(component,))
        found = link_energy(run, measured(run, "1"), measured(run, "0"), cores=2)
        assert found is not None and found.verdict == verdict


def test_a_link_is_held_to_the_ranks_of_its_own_two_rows() -> None:
    frame = rows(2.0, 0.45, 0.55, generations=10)
    calls = frame[frame["metric"] == "visit_calls"]
    joules = {"ref": 0.01, "0": 0.01, "1": 0.26, "2": 0.01}
    memory = calls.assign(metric="visit_memory_j", value=calls["candidate"].map(joules))
    guess = Component("memory", "modelled-generic", "a fixed power")
    run = paired(pd.concat([frame, memory]), components=(RAPL, guess))
    known = {name: measured(run, name) for name in "012"}
    ranks = [each.energy.rank for each in known.values() if each.energy]
    assert ranks == ["counter", "modelled-generic", "counter"]
    modelled = link_energy(run, known["1"], known["2"], cores=2)
    assert modelled is not None and modelled.high is not None and modelled.high < 0.95
    assert modelled.verdict == "within noise", "at double its power the memory takes all that was saved"
    counted = link_energy(run, known["2"], known["0"], cores=2)
    assert counted is not None and counted.verdict == "lower"


def test_energy_that_is_not_resolved_has_no_ratio() -> None:
    run = chain(2.0, components=(RAPL,))
    without = CandidateRecord(name="0", model="0", title="0")
    assert link_energy(run, without, measured(run, "ref"), cores=2) is None


def test_payback_is_what_making_took_over_what_a_request_saves() -> None:
    base = Estimate(value=0.01, low=0.009, high=0.011, n=5)
    found = link_payback(30.0, base, ratio(0.5, "lower", 0.1), origin="measured")
    assert found.outcome == "after" and found.requests is not None
    assert found.requests.value == pytest.approx(6000)
    assert found.requests.low == pytest.approx(30 / (0.011 * 0.6))
    assert found.requests.high == pytest.approx(30 / (0.009 * 0.4))


@pytest.mark.parametrize(
    ("made", "given", "outcome"),
    [
        (30.0, ratio(2.0, "higher"), "never"),
        (30.0, ratio(0.99, "within noise"), "not resolvable"),
        (30.0, ratio(0.5, "indicative"), "not resolvable"),
        (30.0, ratio(0.5, "unstable"), "not resolvable"),
        (30.0, None, "not resolvable"),
        (None, ratio(0.5, "lower"), "not resolvable"),
        (0.0, ratio(0.5, "lower"), "at once"),
    ],
)
def test_payback_without_a_number_says_why(made: float | None, given: Ratio | None, outcome: str) -> None:
    found = link_payback(made, Estimate(value=0.01, n=5), given, origin="measured")
    assert found.outcome == outcome
    assert found.requests is None and found.reason


def test_equal_candidates_are_within_the_noise_and_few_generations_only_indicate() -> None:
    same, few = link_latency(chain(0.5, 0.5), "1", "0"), link_latency(chain(0.5, 0.3, generations=2), "1", "0")
    assert same is not None and same.verdict == "within noise"
    assert few is not None and few.verdict == "indicative"
    assert link_latency(chain(0.5), "0", "0") is None


@pytest.mark.parametrize(
    ("changes", "word", "reason"),
    [
        ({}, "worth it", "faster and not worse"),
        ({"gap": gap("superior")}, "worth it", "faster"),
        ({"gap": gap("inferior")}, "not worth it", "worse by more than the margin"),
        ({"latency": ratio(3.0, "higher")}, "not worth it", "slower"),
        ({"latency": ratio(1.0, "within noise")}, "not worth it", "less than 5 %"),
        ({"latency": ratio(1.0, "within noise", 0.2)}, "not resolvable", "within the noise"),
        ({"gap": gap("inconclusive")}, "not resolvable", "these items cannot tell"),
        ({"gap": gap("inconclusive"), "latency": ratio(3.0, "higher")}, "not worth it", "slower"),
        ({"latency": None}, "not resolvable", "its speed is not known: only candidates are timed"),
        ({"latency": ratio(0.5, "indicative")}, "not resolvable", "fewer than five generations"),
        ({"latency": ratio(0.5, "unstable")}, "not resolvable", "unstable"),
        ({"latency": ratio(0.5, "not resolvable")}, "not resolvable", "disturbed"),
        ({"gap": None}, "not resolvable", "the chain before it failed"),
        ({"gap": gap("superior"), "latency": ratio(1.0, "within noise")}, "worth it", "as fast, and better"),
        ({"gap": gap("superior"), "latency": ratio(1.0, "within noise", 0.2)}, "not resolvable", "within the noise"),
        ({"gap": gap("superior"), "latency": ratio(3.0, "higher")}, "not worth it", "slower, though it is better"),
        ({"size": 0.5, "latency": ratio(3.0, "higher")}, "not worth it", "is smaller (50 % of the weights)"),
        ({"size": 0.5, "latency": ratio(1.0, "within noise")}, "worth it", "as fast, smaller"),
        ({"size": 0.5, "peak": 0.6, "latency": ratio(1.0, "within noise")}, "worth it", "smaller"),
        ({"size": 0.5, "peak": 1.0, "latency": ratio(1.0, "within noise")}, "not worth it", "less than 5 %"),
        ({"size": 0.5, "latency": ratio(1.0, "within noise", 0.2)}, "not resolvable", "within the noise"),
        ({"size": 0.5, "gap": gap("inconclusive"), "latency": ratio(1.0, "within noise")}, "not resolvable", "items"),
        ({"energy": ratio(0.8, "lower"), "latency": ratio(1.0, "within noise")}, "worth it", "takes less energy"),
        ({"peak": 1.5}, "worth it", "though it takes 1.5 times the memory"),
        ({"energy": ratio(1.2, "higher")}, "worth it", "though it takes more energy"),
        ({"gap": None, "error": "it broke"}, "not worth it", "it failed"),
    ],
)
def test_worth(changes: dict[str, object], word: str, reason: str) -> None:
    found = worth(link(**changes))
    assert found[0] == word
    assert reason in found[1]
