"""What two runs agree in, said in lines that a tired person can read."""

from __future__ import annotations

from effkit.analysis.agreement import compare
from effkit.analysis.circumstances import Difference
from effkit.report.agreement import agreement_lines, difference_lines
from tests.analysis.two_runs import changed, golden, lost, predictions, with_candidate


def test_a_run_beside_itself_is_reproduced() -> None:
    lines = list(agreement_lines(compare(golden(), golden(), predictions(), predictions())))
    said = "\n".join(lines)
    assert lines[0].startswith("Nothing differs between A and B")
    assert "the same for all 40 test items, item by item (mpnet-base, tfidf-logreg, minilm-l6)" in said
    assert "0 lie apart at the 5 % level" in said
    assert lines[-1] == "Reproduced: everything that must be the same is."


def test_the_number_of_answers_that_differ_is_said_and_some_are_named() -> None:
    other = predictions()
    other.loc[other["candidate"] == "tfidf-logreg", "prediction"] = "Bottoms"
    lines = list(agreement_lines(compare(golden(), golden(), predictions(), other)))
    (named,) = [line for line in lines if "tfidf-logreg (seed 1)" in line]
    assert "differs in 40 of 40 test items: 0, 3, 6, 9, 12, 15, 18, 21, 24, 27, …" in named
    assert named.endswith("On the same host and versions they must not differ.")
    assert lines[-1].startswith("NOT REPRODUCED")


def test_on_another_host_answers_that_differ_are_no_failure() -> None:
    other = predictions()
    other.loc[3, "prediction"] = "Bottoms"
    lines = list(agreement_lines(compare(golden(), changed(golden(), host={"cpu": "x"}), predictions(), other)))
    assert "host: cpu is Synthetic CPU @ 2.50GHz in A and x in B" in lines
    assert any(line.startswith("Not compared, for energy of different hosts") for line in lines)
    assert lines[-1].startswith("Nothing came out differently that had to be the same")


def test_every_number_stands_in_the_table_with_both_intervals() -> None:
    lines = [" ".join(line.split()) for line in agreement_lines(compare(golden(), golden()))]
    assert (
        "mean latency to the reference 0.172× [0.165, 0.179] 0.172× [0.165, 0.179] 1.00× [0.95, 1.05] agrees" in lines
    )


def test_that_a_run_is_unstable_and_whose_chance_is_meant_is_said() -> None:
    restless = golden().model_copy(
        update={
            "noise": tuple(each.model_copy(update={"unstable": each.metric == "latency"}) for each in golden().noise)
        }
    )
    assert "chance within the runs alone gives" in "\n".join(agreement_lines(compare(golden(), golden())))
    lines = list(agreement_lines(compare(golden(), restless)))
    said = "In one of the runs the reference differs from itself in latency: no such number is held against the other"
    assert any(line.startswith(said) for line in lines)
    assert any(line.split()[:2] == ["mean", "latency"] and line.endswith("unstable") for line in lines)


def test_why_an_answer_may_differ_is_told_beside_it() -> None:
    other = predictions()
    other.loc[3, "prediction"] = "Bottoms"
    lines = list(agreement_lines(compare(golden(), changed(golden(), spec={"seed": 2}), predictions(), other)))
    (named,) = [line for line in lines if line.startswith("Answers: mpnet-base")]
    assert named.endswith("They may: the seeds differ.")


def test_numbers_under_load_are_shown_and_not_held_against_each_other() -> None:
    lines = list(agreement_lines(compare(golden(), golden(), predictions(), predictions())))
    (saturation,) = [line for line in lines if line.strip().startswith("saturation")]
    assert saturation.endswith("one worker")
    assert any(line.startswith("Behind each number under load stands one worker a run") for line in lines)


def test_without_intervals_nothing_is_told_apart() -> None:
    bare = (
        golden()
        .candidate("minilm-l6")
        .model_copy(update={"latency": None, "energy": None, "throughput": (), "cold_start": None})
    )
    one = with_candidate(golden().model_copy(update={"candidates": (bare,)}), "minilm-l6")
    lines = list(agreement_lines(compare(one, one, predictions(), predictions())))
    assert any(line.startswith("No number has an interval in both runs") for line in lines)


def test_hashes_are_told_short_and_the_present_is_called_here() -> None:
    found = [Difference("notebook", "its source", "a" * 64, "b" * 64), Difference("version", "torch", "1", "2")]
    assert list(difference_lines(found, "the run", "here")) == [
        "notebook: its source is aaaaaaaaaaaa in the run and bbbbbbbbbbbb here",
        "version: torch is 1 in the run and 2 here",
    ]


def test_the_gap_from_run_to_run_stands_with_its_interval_and_a_loss_is_named() -> None:
    lines = [" ".join(line.split()) for line in agreement_lines(compare(golden(), golden(), predictions(), lost(15)))]
    heading = lines.index("Quality, how much better B is than A on the same items; "
                          "the intervals hold for all 3 at once:")  # fmt: skip
    gaps = lines[heading + 1 : heading + 4]
    assert [line.split(" [")[0] for line in gaps] == [
        "mpnet-base 0.00 points", "tfidf-logreg 0.00 points", "minilm-l6 −37.50 points",
    ]  # fmt: skip
    assert [line.endswith("] worse in B") for line in gaps] == [False, False, True]


def test_a_gap_of_errors_is_told_in_their_own_unit() -> None:
    record = changed(golden(), task={"kind": "regression", "metric": "absolute_error"})
    larger = predictions()
    larger.loc[larger["candidate"] == "minilm-l6", "score"] += 0.5
    lines = [" ".join(line.split()) for line in agreement_lines(compare(record, record, predictions(), larger))]
    assert "minilm-l6 −0.500 [−0.500, −0.500] worse in B" in lines
