"""The table of samples."""

from __future__ import annotations

from effkit.bench.energy import Window
from effkit.bench.measurements import Measurements
from effkit.bench.samples import table


def test_an_idle_window_of_which_a_counter_told_nothing_is_left_out() -> None:
    idle = [Window(5.0, cpu_j, 25.0, None) for cpu_j in (50.0, 0.0, 60.0)]
    found = table(Measurements(idle=idle))
    rows = found[found["metric"] == "idle_w"]
    assert rows["value"].tolist() == [15.0, 17.0]
    assert rows["generation"].tolist() == [0, 1]
