"""What differs between two runs is told where it is known of both, and only there."""

from __future__ import annotations

import pytest

from effkit.analysis.circumstances import circumstances, differences, same_data, same_host, same_versions
from tests.analysis.two_runs import changed, golden


def told(**parts: dict[str, object]) -> list[tuple[str, str]]:
    return [
        (each.kind, each.what)
        for each in differences(circumstances(golden()), circumstances(changed(golden(), **parts)))
    ]


@pytest.mark.parametrize(
    ("parts", "wanted"),
    [
        ({"host": {"cores": 4}}, ("host", "cores")),
        ({"host": {"gpus": ("Synthetic GPU",)}}, ("host", "gpus")),
        ({"host": {"system": "Linux 6.2"}}, ("host", "system")),
        ({"code": {"versions": {**golden().code.versions, "torch": "3"}}}, ("version", "torch")),
        ({"code": {"git_dirty": True}}, ("version", "effkit's commit")),
        ({"task": {"sha256": "0" * 64}}, ("data", "clothing-department, by the first formula")),
        ({"spec": {"seed": 9}}, ("parameter", "seed")),
    ],
)
def test_each_kind_of_difference_is_named(parts: dict[str, dict[str, object]], wanted: tuple[str, str]) -> None:
    assert told(**parts) == [wanted]


def test_what_is_not_known_of_both_is_no_difference() -> None:
    assert told(host={"sockets": None, "hypervisor": None}) == []
    assert told(code={"git_commit": None, "notebook_sha256": "ab" * 32}) == []


def test_a_few_pages_of_memory_make_no_other_machine() -> None:
    assert told(host={"memory_bytes": golden().host.memory_bytes + 4096}) == []


def test_another_kernel_is_the_same_machine_and_another_processor_is_not() -> None:
    before = circumstances(golden())
    kernel = differences(before, circumstances(changed(golden(), host={"system": "Linux 6.2"})))
    processor = differences(before, circumstances(changed(golden(), host={"cpu": "another"})))
    assert same_host(kernel) and not same_host(processor)
    assert same_versions(processor)


def test_runs_on_two_kinds_of_gpu_of_one_machine_are_not_of_one_host() -> None:
    def apart(one: str | None, other: str | None) -> list[str]:
        found = differences(*(circumstances(changed(golden(), host={"gpu": gpu})) for gpu in (one, other)))
        assert same_host(found) == (not found)
        return [f"{each.what}: {each.before}, {each.after}" for each in found]

    first = "Some GPU (12-34), CUDA 12.8, cuDNN 9"
    assert apart(first, "Another (56-78), CUDA 12.8, cuDNN 9") == ["gpu: Some GPU, Another"]
    assert apart(first, "Some GPU (56-78), CUDA 13.0, cuDNN 10") == []
    assert apart(None, first) == []  # one of them on the CPU


def test_hashes_of_two_formulas_are_no_other_data() -> None:
    assert same_data("a" * 64, "2-" + "b" * 64) and same_data("2-a", "2-a")
    assert not same_data("2-a", "2-b") and not same_data("a", "b")
    assert not [each for each in told(task={"sha256": "2-" + "b" * 64}) if each[0] == "data"]
