"""What memory there is: the machine's, or less where a container or a job has a limit."""

from __future__ import annotations

from pathlib import Path

import psutil
import pytest

from effkit.bench.memory import Room, room

GB = 1_000_000_000
MACHINE = Room(64 * GB, 50 * GB)


@pytest.fixture(autouse=True)
def _a_machine_of_64_gb(monkeypatch: pytest.MonkeyPatch) -> None:
    seen = psutil.virtual_memory()._replace(total=MACHINE.total_bytes, available=MACHINE.free_bytes)
    monkeypatch.setattr("psutil.virtual_memory", lambda: seen)


def groups(folder: Path, own: str, files: dict[str, object]) -> tuple[Path, Path]:
    """The control groups of a process, and those there are."""
    (folder / "own").write_text(own)
    for name, content in files.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(f"{content}\n")
    return folder / "own", folder


def second(where: str, limit: object, usage: int) -> dict[str, object]:
    return {
        f"{where}memory.max": limit, f"{where}memory.current": usage,
        f"{where}memory.stat": f"anon {usage}\ninactive_file {GB}",
    }  # fmt: skip


def first(where: str, limit: int, usage: int) -> dict[str, object]:
    return {
        f"{where}memory.limit_in_bytes": limit, f"{where}memory.usage_in_bytes": usage,
        f"{where}memory.stat": f"inactive_file 5\ntotal_inactive_file {GB}",
    }  # fmt: skip


@pytest.mark.parametrize(
    ("own", "files", "wanted"),
    [
        ("0::/", second("", 8 * GB, 6 * GB), Room(8 * GB, 3 * GB)),
        ("0::/", second("", "max", 6 * GB), MACHINE),
        ("0::/", second("", 60 * GB, 2 * GB), Room(60 * GB, 50 * GB)),
        ("0::/job/step", second("job/", 8 * GB, 6 * GB) | second("job/step/", "max", 0), Room(8 * GB, 3 * GB)),
        ("4:memory:/job\n3:cpu:/\n0::/", first("memory/job/", 4 * GB, 3 * GB), Room(4 * GB, 2 * GB)),
        ("4:memory:/docker/0\n", first("memory/", 4 * GB, 3 * GB), Room(4 * GB, 2 * GB)),
        ("4:memory:/\n0::/", first("memory/", 2**63 - 4096, 3 * GB), MACHINE),
        ("0::/elsewhere", second("another/", 8 * GB, 6 * GB), MACHINE),
    ],
    ids=["limit", "none", "looser", "above", "first version", "seen at the top", "first, none", "another's"],
)
def test_a_limit_of_a_container_or_a_job_counts(
    own: str, files: dict[str, object], wanted: Room, tmp_path: Path
) -> None:
    assert room(*groups(tmp_path, own, files)) == wanted


def test_without_control_groups_the_machine_counts(tmp_path: Path) -> None:
    assert room(tmp_path / "none", tmp_path) == MACHINE
