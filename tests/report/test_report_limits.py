"""What cannot be concluded: the words fit how the numbers came to be."""

from __future__ import annotations

from effkit.record import EnergyComponent, PowerForm, Record
from effkit.report.summary import section
from tests.report.conftest import MakeRecord, energy, ratio


def partly_counted(record: Record) -> Record:
    """The same record from a host whose processor has a counter, beside a memory whose power is assumed."""
    counted = EnergyComponent(component="cpu", energy_j=0.9, rank="counter", method="RAPL energy counter")
    memory = EnergyComponent(component="memory", energy_j=0.4, rank="modelled-generic", method="a fixed power")
    parts = {"components": (counted, memory)}
    return record.model_copy(
        update={
            "candidates": tuple(
                each.model_copy(update={"energy": each.energy.model_copy(update=parts)}) if each.energy else each
                for each in record.candidates
            )
        }
    )


def test_energy_of_which_a_part_was_counted_is_not_called_a_constant_times_time(make_record: MakeRecord) -> None:
    said = {}
    for modelled, record in (("all", make_record("yes")), ("part", partly_counted(make_record("yes")))):
        study = section(record)
        (note,) = (each.note for each in study.charts if each.kind == "energy")
        said[modelled] = " ".join((*study.limits, note))
    assert "energy ≈ constant × time" in said["all"] and "about a constant × time" in said["all"]
    assert "constant × time" not in said["part"]
    assert "Energy is modelled in part (from generic power)" in said["part"]


def test_what_a_counted_processors_saving_hangs_on_is_the_memory(make_record: MakeRecord) -> None:
    form = PowerForm(form="processor counted, memory double", value=0.99)
    split = energy(0.1, 5, ratio(0.8, "within noise"), envelope=(form,))
    record = make_record("yes")
    candidates = (record.reference, record.candidate("minilm-l6").model_copy(update={"energy": split}))
    said = section(partly_counted(record.model_copy(update={"candidates": candidates}))).limits
    (told,) = (limit for limit in said if "saves energy depends on" in limit)
    assert "the power that the memory is taken to draw" in told and "cubic" not in told


def test_a_board_whose_power_is_read_has_no_power_model_and_no_constant_times_time(make_record: MakeRecord) -> None:
    part = EnergyComponent(component="cpu", energy_j=0.1, rank="modelled-tdp", method="the board's power, sampled")
    record = make_record("yes")
    candidates = []
    for name, against in (("mpnet-base", None), ("minilm-l6", ratio(0.8, "within noise"))):
        read = energy(0.1, 5, against, rank="modelled-tdp").model_copy(update={"components": (part,)})
        candidates.append(record.candidate(name).model_copy(update={"energy": read}))
    study = section(record.model_copy(update={"candidates": tuple(candidates)}))
    (note,) = (each.note for each in study.charts if each.kind == "energy")
    said = " ".join((*study.limits, note))
    assert "constant × time" not in said and "form of the power model" not in said and "modelled in part" not in said
    assert "Energy is a power that was read once a second × time, not counted" in said
    assert "Whether MiniLM L6 saves energy is not claimed" in said
    assert "not claimed: modelled power" in [cell.claim for row in study.comparison.rows for cell in row.cells]
