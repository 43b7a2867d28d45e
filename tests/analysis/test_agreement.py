"""Two runs: what must be the same, what may differ by chance, and what may not be compared."""

from __future__ import annotations

from collections.abc import Callable

import pandas as pd
import pytest

from effkit.analysis.agreement import NotComparable, compare
from effkit.analysis.readings import GAP
from effkit.record import Estimate, Record
from tests.analysis.two_runs import changed, golden, predictions, with_candidate


def test_a_run_agrees_with_itself_in_everything() -> None:
    found = compare(golden(), golden(), predictions(), predictions())
    assert not found.broken and not found.differences
    assert all(each.due and not each.differing for each in found.items)
    assert found.exact and all(each.due and each.same for each in found.exact)
    assert found.tested and {each.verdict for each in found.tested} == {"agrees"}
    assert found.by_chance == pytest.approx(0.05 * len(found.tested))
    assert [each.candidate for each in found.refused] == ["minilm-l6+int8"] * 2


def test_one_answer_that_differs_is_named_and_breaks_it() -> None:
    other = predictions()
    place = other.index[(other["candidate"] == "minilm-l6") & (other["item"] == 12)]
    other.loc[place, "prediction"] = "Bottoms"
    found = compare(golden(), golden(), predictions(), other)
    assert {each.candidate: each.differing for each in found.items} == {
        "mpnet-base": (), "tfidf-logreg": (), "minilm-l6": (12,),
    }  # fmt: skip
    assert found.broken


def test_a_confidence_that_differs_is_told_and_breaks_nothing() -> None:
    other = predictions()
    other.loc[5, "confidence"] += 1e-7
    (one, *_) = compare(golden(), golden(), predictions(), other).items
    assert (one.confidences, one.differing) == (1, ())
    assert one.furthest == pytest.approx(1e-7)


def test_scores_that_are_missing_in_both_are_the_same() -> None:
    one, other = predictions(), predictions()
    one["confidence"] = other["confidence"] = float("nan")
    found = compare(golden(), golden(), one, other)
    assert all(each.confidences == 0 and each.furthest == 0 for each in found.items)


@pytest.mark.parametrize(
    "other",
    [
        changed(golden(), code={"versions": {**golden().code.versions, "torch": "2.14.0"}}),
        changed(golden(), code={"git_commit": "1" * 40}),
        changed(golden(), host={"cpu": "another"}),
        changed(golden(), spec={"seed": 2}),
    ],
)
def test_with_other_versions_host_or_seed_answers_may_differ(other: Record) -> None:
    differing = predictions()
    differing["prediction"] = "Bottoms"
    found = compare(golden(), with_candidate(other, "minilm-l6", parameters=5), predictions(), differing)
    assert all(each.differing and not each.due for each in found.items)
    assert not all(each.same for each in found.exact)
    assert found.differences and not found.broken


def test_other_weights_concern_their_candidate_alone() -> None:
    other = with_candidate(golden(), "minilm-l6", weights_sha256={"model.safetensors": "f" * 64})
    found = compare(golden(), other, predictions(), predictions())
    assert {each.candidate: each.due for each in found.items} == {
        "mpnet-base": True, "tfidf-logreg": True, "minilm-l6": False,
    }  # fmt: skip


def test_a_counted_number_that_differs_breaks_it() -> None:
    found = compare(golden(), with_candidate(golden(), "minilm-l6", parameters=5), predictions(), predictions())
    assert [(each.candidate, each.name) for each in found.exact if not each.same] == [("minilm-l6", "parameters")]
    assert found.broken


def test_a_latency_far_apart_differs_and_one_close_to_the_edge_may_be_chance() -> None:
    def slower(factor: float) -> Record:
        latency = golden().candidate("minilm-l6").latency
        assert latency is not None
        mean = latency.mean_s
        moved = Estimate(value=mean.value * factor, low=mean.low * factor, high=mean.high * factor, n=mean.n)
        return with_candidate(
            golden(), "minilm-l6", latency=latency.model_copy(update={"mean_s": moved, "percentiles": ()})
        )

    for factor, verdict in ((1.5, "differs"), (1.03, "may be chance"), (1.005, "agrees")):
        found = compare(golden(), slower(factor), predictions(), predictions())
        (mean,) = [n for n in found.numbers if (n.candidate, n.first.name) == ("minilm-l6", "mean latency")]
        assert mean.verdict == verdict
        assert mean.test is not None and mean.test.ratio == pytest.approx(factor)
        assert [each.first.name for each in found.slower] == (["mean latency"] if verdict == "differs" else [])
    assert compare(slower(1.5), golden()).slower == (), "what is faster is not slower"


def timed(mean_s: float, threshold: float, *, unstable: bool = False) -> Record:
    """The golden record with one latency known to a thousandth, in a run of such noise."""
    latency = golden().candidate("minilm-l6").latency
    assert latency is not None
    mean = Estimate(value=mean_s, low=0.999 * mean_s, high=1.001 * mean_s, n=10)
    record = with_candidate(golden(), "minilm-l6", latency=latency.model_copy(update={"mean_s": mean}))
    noise = tuple(
        each.model_copy(update={"threshold": threshold, "unstable": unstable}) if each.metric == "latency" else each
        for each in record.noise
    )
    return record.model_copy(update={"noise": noise})


@pytest.mark.parametrize(
    ("longer_s", "noise", "verdict"),
    [(1.006, (0.0, 0.0), "within noise"), (1.02, (0.0, 0.0), "differs"), (1.06, (0.08, 0.01), "within noise"),
     (1.06, (0.01, 0.08), "within noise"), (1.1, (0.01, 0.08), "differs")],
    ids=str,
)  # fmt: skip
def test_what_lies_within_the_noise_of_a_run_or_one_per_cent_does_not_differ(
    longer_s: float, noise: tuple[float, float], verdict: str
) -> None:
    for first, second in (((1.0, noise[0]), (longer_s, noise[1])), ((longer_s, noise[0]), (1.0, noise[1]))):
        found = compare(timed(*first), timed(*second))
        (mean,) = [n for n in found.latencies if (n.candidate, n.first.name) == ("minilm-l6", "mean latency")]
        assert mean.verdict == verdict
        assert bool(found.slower) is (verdict == "differs" and second[0] > first[0])


@pytest.mark.parametrize("unstable", [(True, True), (True, False), (False, True)], ids=str)
def test_of_an_unstable_run_no_latency_is_judged(unstable: tuple[bool, bool]) -> None:
    found = compare(timed(1.0, 0.01, unstable=unstable[0]), timed(1.5, 0.01, unstable=unstable[1]))
    assert found.slower == found.latencies == () and found.unstable == ("latency",)
    judged = {each.first.name: each.verdict for each in found.numbers if each.candidate == "minilm-l6"}
    assert judged["mean latency"] == judged["mean latency to the reference"] == "unstable"
    assert judged["energy of a request"] == "agrees", "of another metric nothing is known against it"


def test_energy_of_another_rank_is_refused_and_the_rest_is_not() -> None:
    energy = golden().candidate("minilm-l6").energy
    assert energy is not None
    other = with_candidate(golden(), "minilm-l6", energy=energy.model_copy(update={"rank": "counter"}))
    found = compare(golden(), other, predictions(), predictions())
    said = {each.what: each.reason for each in found.refused if each.candidate == "minilm-l6"}
    assert said["energy of a request"] == "energy of different ranks: modelled-generic in A and counter in B"
    names = {each.first.name for each in found.numbers if each.candidate == "minilm-l6"}
    assert "mean latency" in names and not any("energy" in name for name in names)


def test_a_ratio_of_energies_is_refused_where_the_references_energy_is_of_another_rank() -> None:
    energy = golden().reference.energy
    assert energy is not None
    other = with_candidate(golden(), "mpnet-base", energy=energy.model_copy(update={"rank": "counter"}))
    found = compare(golden(), other, predictions(), predictions())
    said = {each.what: each.reason for each in found.refused if each.candidate == "minilm-l6"}
    assert said == {
        "energy to the reference": "of the reference, energy of different ranks: modelled-generic in A and counter in B"
    }
    assert "energy of a request" in {each.first.name for each in found.numbers if each.candidate == "minilm-l6"}


def test_energy_with_the_gpus_and_without_is_refused() -> None:
    energy = golden().candidate("minilm-l6").energy
    assert energy is not None
    gpu = energy.components[0].model_copy(update={"component": "gpu"})
    more = energy.model_copy(update={"components": (*energy.components, gpu)})
    found = compare(golden(), with_candidate(golden(), "minilm-l6", energy=more), predictions(), predictions())
    said = {each.what: each.reason for each in found.refused if each.candidate == "minilm-l6"}
    parts = "energy of different parts of the machine: cpu, memory in A and cpu, memory, gpu in B"
    assert said == {"energy of a request": parts, "energy to the reference": parts}


def test_energy_of_another_host_is_refused_and_latency_is_not() -> None:
    found = compare(golden(), changed(golden(), host={"cores": 64}), predictions(), predictions())
    assert any(each.reason == "energy of different hosts" for each in found.refused)
    names = {each.first.name for each in found.numbers}
    assert "mean latency" in names and not any("energy" in name for name in names)


def test_other_threads_or_another_reference_are_refused() -> None:
    threads = golden().spec.protocol.model_copy(update={"threads": 2})
    found = compare(golden(), changed(golden(), spec={"protocol": threads}), predictions(), predictions())
    assert {each.first.unit for each in found.numbers} == {"bytes"}
    found = compare(golden(), changed(golden(), spec={"reference": "minilm-l6"}), predictions(), predictions())
    assert not any(each.first.to_reference for each in found.numbers)


def moved_gap() -> Record:
    """The golden record with another gap of one candidate."""
    gap = golden().candidate("minilm-l6").gap
    assert gap is not None
    return with_candidate(golden(), "minilm-l6", gap=gap.model_copy(update={"difference": gap.difference - 0.01}))


def test_a_gap_to_another_reference_is_not_compared() -> None:
    assert compare(golden(), moved_gap(), predictions(), predictions()).broken
    found = compare(golden(), changed(moved_gap(), spec={"reference": "tfidf-logreg"}), predictions(), predictions())
    assert not found.broken and GAP not in {each.name for each in found.exact}
    assert [each.candidate for each in found.refused if each.what == GAP] == ["tfidf-logreg", "minilm-l6"]


def test_a_gap_to_a_reference_that_may_differ_may_differ() -> None:
    other = with_candidate(moved_gap(), "mpnet-base", weights_sha256={"model.safetensors": "f" * 64})
    found = compare(golden(), other, predictions(), predictions())
    (gap,) = (each for each in found.exact if each.candidate == "minilm-l6" and not each.same)
    assert gap.name == GAP and "weights" in gap.excuse and not found.broken


def test_numbers_under_load_far_apart_are_no_verdict() -> None:
    load = golden().candidate("tfidf-logreg").load
    assert load is not None
    served = load.saturation_per_s
    slower = served.model_copy(
        update={"value": served.value / 2, "low": served.value / 2.1, "high": served.value / 1.9}
    )
    other = with_candidate(golden(), "tfidf-logreg", load=load.model_copy(update={"saturation_per_s": slower}))
    found = compare(golden(), other, predictions(), predictions())
    under_load = [each for each in found.numbers if each.first.one_worker]
    assert {each.first.name for each in under_load} > {"saturation"}
    assert all(each.test is None and each.verdict == "one worker" for each in under_load)


@pytest.mark.parametrize(
    ("task", "words"),
    [
        ({"name": "adult-income"}, "different tasks"),
        ({"metric": "recall_at_1"}, "different metrics"),
        ({"sha256": "0" * 64}, "different data"),
        ({"test_used": 200}, "numbers of test items"),
    ],
)
def test_what_was_asked_of_other_items_is_refused(task: dict[str, object], words: str) -> None:
    with pytest.raises(NotComparable, match=words):
        compare(golden(), changed(golden(), task=task), predictions(), predictions())


@pytest.mark.parametrize(
    "spoil",
    [lambda frame: frame[frame["item"] != 6], lambda frame: frame.assign(label="Trend")],
    ids=["other items", "other labels"],
)
def test_other_test_items_are_refused(spoil: Callable[[pd.DataFrame], pd.DataFrame]) -> None:
    with pytest.raises(NotComparable, match="different test items"):
        compare(golden(), golden(), predictions(), spoil(predictions()))


def test_predictions_that_are_gone_are_said() -> None:
    found = compare(golden(), golden(), None, predictions())
    assert not found.items
    assert any(each.what == "predictions" for each in found.refused)


def test_runs_without_a_common_candidate_are_refused() -> None:
    other = golden().model_copy(update={"candidates": (golden().candidate("minilm-l6"),)})
    one = golden().model_copy(update={"candidates": (golden().candidate("mpnet-base"),)})
    with pytest.raises(NotComparable, match="no candidate in common"):
        compare(one, other)
