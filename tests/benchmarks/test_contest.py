"""What is said of a contest's rows, and that effkit's can be judged anew from their samples."""

from __future__ import annotations

from contextlib import nullcontext
from pathlib import Path
from typing import Any

import pytest

from benchmarks import aa, ab, contest
from benchmarks.cases import SECOND, products
from benchmarks.contender import EFFKIT, TORCH, judged, read
from tests.analysis.runs import samples

COPIES = {"first": "ref", SECOND: "ref", "+100 %": "mine"}


def row(number: int, ratio: float, claim: str, tool: str = EFFKIT, noise: str = "noisy") -> dict[str, Any]:
    ours = {
        "intervals": {SECOND: [0.99, 1.01], "+5 %": [1.03, 1.04]}, "a_a_as_seen": 1.02, "pinned": True,
        "threshold": 0.01 * (1 + number),
    }  # fmt: skip
    return {
        "at": "2026-11-28T00:00:00+00:00", "host": "AMD EPYC", "effkit": "0.3.0", "protocol": contest.protocol(),
        "model": "products", "shares": [0.05], "noise": noise, "number": number, "tool": tool, "time": "default",
        "ratios": {SECOND: 1.001, "+5 %": ratio}, "claims": {SECOND: "same", "+5 %": claim}, "seconds": 60.0,
        **(ours if tool == EFFKIT else {}),
    }  # fmt: skip


def cells(page: str, *starts: str) -> list[str]:
    (line,) = (line for line in page.splitlines() if line.startswith("| " + " | ".join(starts) + " |"))
    return [cell.strip() for cell in line.strip("|").split("|")]


def test_verdicts_are_counted() -> None:
    rows = [row(0, 1.05, "slower"), row(1, 1.04, "same"), row(2, 0.97, "faster"), row(3, 1.05, "unstable")]
    noise, slower, _, _, trials, right, wrong, none, beyond, _, held, _ = cells(
        ab.summary(rows, "matrix"), "noisy", "+5 %"
    )
    assert (noise, slower, trials, wrong, none, beyond, held) == ("noisy", "+5 %", "4", "1", "2", "75 %", "0 of 4")
    assert right.startswith("25 %")
    assert "+0 %" not in ab.summary(rows, "matrix")  # that is A/A
    short = (
        "noisy: found +5 % in 1 of 4 trials; wrong direction 1; aim for +5 % at least 95 %, shown 1 % to 81 %: missed."
    )
    assert f"**In short:** {short}" in ab.summary(rows, "matrix")


def test_the_aim_of_slow_downs_is_judged_by_its_interval() -> None:
    def judged_of(trials: int) -> str:
        return ab.summary([row(number, 1.05, "slower") for number in range(trials)], "matrix")

    assert "shown 83 % to 100 %: not decided." in judged_of(20)
    assert "shown 95 % to 100 %: met." in judged_of(80)


def test_rows_of_torch_without_figures_are_read_by_their_ratio() -> None:
    old = row(0, 1.04, "faster", tool=TORCH)
    page = ab.summary([old, old | {"number": 1, "claims": {SECOND: "same", "+5 %": "same"}, "figures": {}}], "matrix")
    *_, right, wrong, none, _, _, _, _ = cells(page, "noisy", "+5 %", TORCH)
    assert right.startswith("50 %") and (wrong, none) == ("0", "1")


def test_medians_are_compared_by_the_figures_that_both_have() -> None:
    common = pytest.importorskip("torch.utils.benchmark.utils.common")

    def measurement(*times_s: float) -> Any:
        return common.Measurement(1, list(times_s), common.TaskSpec("call(x)", "pass"))

    steady, rough = measurement(*[3.2] * 50), measurement(*[2.0, 2.4, 2.8, 3.3, 3.9, 4.3, 4.9])
    assert steady.significant_figures > rough.significant_figures
    found = read(TORCH, [{"first": steady, SECOND: rough, "+50 %": measurement(*[4.8] * 50)}])
    assert found["claims"] == {SECOND: "same", "+50 %": "slower"}
    assert found["ratios"][SECOND] == pytest.approx(3.3 / 3.2) and found["warned"] == [SECOND]


def test_the_aim_of_copies_is_judged_by_its_interval() -> None:
    page = aa.summary([row(number, 1.05, "slower") for number in range(3)], "matrix")
    assert "≤ 0.6 %: met" in cells(page, "noisy", EFFKIT)
    short = "noisy beside 1 slower copies 0.10 % apart (RMS, 3 pairs; 95 %: 0.06 % to 0.37 %), aim ≤ 0.6 %: met."
    assert short in page
    assert cells(page, "noisy", EFFKIT)[8:13] == [
        "+0.10 [+0.10, +0.10] %", "0.10 %", "0.10 %", "3 of 3", "2.00 % (3.00 %)",
    ]  # fmt: skip
    assert "≤ 0.3 %: not decided" in cells(
        aa.summary([row(0, 1.05, "slower", noise="quiet")], "matrix"), "quiet", EFFKIT
    )


def test_samples_are_judged_anew(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(contest, "SAMPLES", tmp_path)
    kept = {**row(0, 9.0, "faster"), "copies": COPIES, "pinned": True, "host": contest.host_text()}
    samples(slower=2.0).to_parquet(contest.samples_of(kept))
    elsewhere = [{**kept, "host": "Another"}, {**kept, "protocol": kept["protocol"] | {"calls": 1}}]
    others = [row(0, 1.2, "slower", tool="plain loop"), {**kept, "number": 1}, *elsewhere]
    found, *same = contest.again([kept, *others])
    assert found["ratios"]["+100 %"] == pytest.approx(2.0, rel=0.01) and found["claims"]["+100 %"] == "slower"
    assert found["number"] == 0 and same == others
    assert len(found["a_a_logs"]) == found["generations"]


def test_every_trial_keeps_samples_of_its_own() -> None:
    trials = [
        {"model": model, "shares": shares, "noise": noise, "number": number}
        for model in ("products", "minilm")
        for shares in ([], [0.05], [0.02, 0.05])
        for noise in ("quiet", "noisy")
        for number in range(2)
    ]
    assert len({contest.samples_of(each) for each in trials}) == len(trials)


def test_every_copy_is_compared() -> None:
    case = products((0.02, 0.1))
    assert case.copies == {"first": "reference", SECOND: "reference", "+2 %": "+2 %", "+10 %": "+10 %"}
    found = judged(samples(slower=2.0), COPIES, pinned=True)
    assert set(found["ratios"]) == set(found["claims"]) == set(found["intervals"]) == {SECOND, "+100 %"}


def test_what_is_no_slower_is_refused(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        contest.options().parse_args(["--shares", "0"])
    assert "a second copy of the reference is always there" in capsys.readouterr().err


@pytest.fixture
def answered(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A contest whose tools answer at once, with rows of its own."""
    monkeypatch.setattr(contest, "ROWS", tmp_path / "rows.jsonl")
    monkeypatch.setattr(contest, "measuring_slot", lambda tell: nullcontext())
    found = {"ratios": {SECOND: 1.0}, "claims": {SECOND: "same"}, "seconds": 60.0, "rounds": 1}
    monkeypatch.setattr(contest, "_ask", lambda request: {"default": found})


@pytest.mark.usefixtures("answered")
def test_another_protocol_starts_anew(monkeypatch: pytest.MonkeyPatch) -> None:
    contest.run(contest.options().parse_args(["--trials", "1"]))
    monkeypatch.setattr(contest, "protocol", lambda: {"generations": 3})
    contest.run(contest.options().parse_args(["--trials", "1"]))
    assert len(contest.read(contest.ROWS)) == 2 * (1 + len(contest.EXTERNAL))


@pytest.mark.usefixtures("answered")
def test_equal_time_begins_anew_where_the_trials_that_are_there_are_closed() -> None:
    contest.run(contest.options().parse_args(["--trials", "2"]))
    contest.write(contest.ROWS, [{**row, "at": "2026-11-28T00:00:00+00:00"} for row in contest.read(contest.ROWS)])
    contest.run(contest.options().parse_args(["--trials", "1", "--equal-time"]))
    assert {row["number"] for row in contest.read(contest.ROWS)} == {0, 1, 2}


@pytest.mark.usefixtures("answered")
def test_a_trial_that_was_begun_long_ago_is_closed() -> None:
    contest.run(contest.options().parse_args(["--trials", "1"]))
    of_effkit = next(row for row in contest.read(contest.ROWS) if row["tool"] == contest.EFFKIT)
    contest.write(contest.ROWS, [{**of_effkit, "at": "2026-11-28T00:00:00+00:00"}])
    contest.run(contest.options().parse_args(["--trials", "2"]))
    assert [row["number"] for row in contest.read(contest.ROWS)] == [0, *[1] * (1 + len(contest.EXTERNAL))]


def test_only_what_is_missing_is_measured(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(contest, "ROWS", tmp_path / "rows.jsonl")
    asked: list[tuple[str, float | None]] = []

    def answer(request: dict[str, Any]) -> dict[str, dict[str, Any]]:
        asked.append((request["tool"], request["until_s"]))
        found = {"ratios": {SECOND: 1.0}, "claims": {SECOND: "same"}, "seconds": 60.0, "rounds": 1}
        return {"default": found} if request["until_s"] is None else {"default": found, "equal": found}

    monkeypatch.setattr(contest, "_ask", answer)
    monkeypatch.setattr(contest, "measuring_slot", lambda tell: nullcontext())
    contest.run(contest.options().parse_args(["--trials", "1"]))
    each = 1 + len(contest.EXTERNAL)
    assert asked[0] == (EFFKIT, None) and len(asked) == each
    contest.run(contest.options().parse_args(["--trials", "1"]))
    assert len(asked) == each
    contest.run(contest.options().parse_args(["--trials", "2", "--equal-time"]))
    others = 2 * each - 1
    assert asked[each:others] == [(tool, 60.0) for tool, _ in asked[1:each]] and asked[others] == (EFFKIT, None)
    assert len(asked) == 3 * each - 1 and len(contest.read(contest.ROWS)) == 2 * (2 * each - 1)
    contest.run(contest.options().parse_args(["--first", "3", "--trials", "4"]))
    assert {row["number"] for row in contest.read(contest.ROWS)} == {0, 1, 3}


def test_rows_of_unlike_protocols_are_never_put_together() -> None:
    now, first = row(0, 1.05, "slower"), row(1, 1.05, "slower")
    first["protocol"] = first["protocol"] | {"block_items": 80, "calls": 670}
    page = contest.by_model([now, first], aa.summary)
    assert page.count("## A/A") == 2
    assert page.count(", by an earlier protocol\n") == 1
    assert "effkit: the standard protocol, 10 generations with 4 visits of 0.5 s and at least 1,200 calls" in page
    assert (
        "effkit: the standard protocol of its day, 10 generations with 4 visits of 0.5 s and at least 670 calls" in page
    )


def test_rows_of_unlike_hosts_are_never_put_together() -> None:
    here = row(0, 1.05, "slower")
    page = contest.by_model([here, here | {"number": 1}, here | {"host": "Another"}], aa.summary)
    assert page.count("## A/A") == 2 and "in NumPy, on Another\n" in page and "Host: Another;" in page
    assert page.count("effkit measures first") == 1 and "At equal time" not in page
    assert "effkit takes 30 times as long" in contest.settings_line([here, row(0, 1.0, "same", "x") | {"seconds": 2.0}])
