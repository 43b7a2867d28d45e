"""Why a candidate's answers may differ between two runs: what they follow from is not the same, or not known to be."""

from __future__ import annotations

from effkit import catalogue
from effkit.analysis.circumstances import Difference, same_host, same_versions
from effkit.record import CandidateRecord, Record
from effkit.spec import CandidateSpec


def excuse(first: Record, second: Record, name: str, found: tuple[Difference, ...]) -> str:
    """Say why a candidate's answers may differ, as in "the seeds differ"; empty where they must be the same.

    Args:
        first: a run that has the candidate.
        second: another one that has it.
        name: of the candidate.
        found: in what the circumstances of the two runs differ.
    """
    return _of_runs(first, second, found) or _of_candidates(first, second, name)


def _of_runs(first: Record, second: Record, found: tuple[Difference, ...]) -> str:
    if not same_host(found):
        return "the hosts differ"
    if not same_versions(found):
        return "the versions differ"
    if first.code.git_dirty or second.code.git_dirty:
        return "effkit had uncommitted changes, which nobody can compare"
    if first.spec.seed != second.spec.seed:
        return "the seeds differ"
    if first.spec.protocol.device != second.spec.protocol.device:
        return "the devices differ"
    return ""


def _of_candidates(first: Record, second: Record, name: str) -> str:
    one, other = first.candidate(name), second.candidate(name)
    if reason := _of_functions(one, other, _own(first, name) | _own(second, name)):
        return reason
    if changed := _changed_entries(first, second, name):
        return f"the catalogue's entry of {' and '.join(changed)} differs"
    if one.fit_items != other.fit_items:
        return "the numbers of training items differ"
    if one.weights_sha256 != other.weights_sha256:
        return "the weights differ"
    if _thresholds(one) != _thresholds(other):
        return "the thresholds were chosen at another bound, or on other items"
    if (_on_gpu(one) and _on_gpu(other)) or _was_changed_on_gpu(first, name):
        return "a GPU adds up in no fixed order, and what it trains comes out a little different each time"
    return ""


def _of_functions(one: CandidateRecord, other: CandidateRecord, own: set[str]) -> str:
    ours, theirs = one.functions_sha256, other.functions_sha256
    if (own | ours.keys() | theirs.keys()) - (ours.keys() & theirs.keys()):
        return "a model of your own may be another behind the same name, since a run has no hash of its function"
    if ours != theirs:
        return (
            "a model of your own has another hash: another function, or the same one packed otherwise, as another "
            "version of Python would"
        )
    return ""


def _changed_entries(first: Record, second: Record, name: str) -> list[str]:
    """Entries of one's own that decide a candidate's answers, and that two records hold otherwise."""
    parts = _parts(first, name)
    said = {value for part in parts for _, given in part.chain for value in given.values() if isinstance(value, str)}
    names = {first.spec.task, *(part.model for part in parts), *said}  # a technique may name a teacher
    both = names & first.own_entries.keys() & second.own_entries.keys()
    deciding = catalogue.deciding
    return sorted(each for each in both if deciding(first.own_entries[each]) != deciding(second.own_entries[each]))


def _on_gpu(candidate: CandidateRecord) -> bool:
    return candidate.memory is not None and bool(candidate.memory.device_allocated_bytes)


def _was_changed_on_gpu(record: Record, name: str) -> bool:
    """Whether its techniques may have trained it on a GPU, be it that the CPU serves what came of that."""
    return record.spec.protocol.device != "cpu" and any(part.chain for part in _parts(record, name))


def _own(record: Record, name: str) -> set[str]:
    """The models that a candidate or its stages are, and that no catalogue had."""
    return {part.model for part in _parts(record, name)} - catalogue.models().keys() - record.own_entries.keys()


def _parts(record: Record, name: str) -> list[CandidateSpec]:
    """A candidate as the study asked for it, or its stages."""
    return [part for each in record.spec.candidates if each.name == name for part in each.parts]


def _thresholds(candidate: CandidateRecord) -> tuple[float | None, ...]:
    """What a cascade's thresholds were chosen by, in which half of the margin stands where the study says nothing."""
    if (cascade := candidate.cascade) is None:
        return ()
    return cascade.accept_points, cascade.calibrate_items, cascade.select_items
