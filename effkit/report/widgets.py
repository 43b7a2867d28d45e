"""Sliders in a notebook: they move what a decision is made under, and Python makes it again."""

from __future__ import annotations

from typing import Any

import ipywidgets

from effkit.record import Record
from effkit.report.render import environment
from effkit.report.sliders import Knob, Knobs, Slider
from effkit.report.view import View
from effkit.report.what_if import Shown, WhatIf, shown, what_if
from effkit.spec import SpecError

_NEED_TRAFFIC = ("price", "grid")


class WhatIfPanel(ipywidgets.VBox):  # type: ignore[misc]
    """Sliders over a run, and what is decided where they stand.

    Attributes:
        shown: what there is to see at the moment: the kind of decision, what is chosen, and every line of the table.
    """

    shown: Shown

    def __init__(self, view: View, found: WhatIf) -> None:
        self._view, self._found = view, found
        self._sliders = {each.knob: _slider(each) for each in found.sliders}
        self._on = {each.knob: _switch(each) for each in found.sliders}
        self._drawn = ipywidgets.HTML()
        self._sentence = ipywidgets.HTML()
        self._table = ipywidgets.HTML()
        back = ipywidgets.Button(description="Back to what the study asks", layout={"width": "auto"})
        back.on_click(lambda _: self.reset())
        rows = [_row(each, self._sliders[each.knob], self._on[each.knob]) for each in found.sliders]
        knobs = ipywidgets.VBox([*rows, back], layout={"width": "27rem", "max_width": "100%", "flex": "0 0 auto"})
        self._drawn.layout = {"width": "34rem", "max_width": "100%"}
        moving = ipywidgets.HBox([knobs, self._drawn], layout={"flex_flow": "row wrap", "grid_gap": "0 1.5rem"})
        super().__init__([ipywidgets.HTML(_html("style")), self._sentence, moving, self._table])
        for each in (*self._sliders.values(), *self._on.values()):
            each.observe(self._moved, names="value")
        self._quiet = False
        self._redraw()

    def move(self, **knobs: float | None) -> None:
        """Move sliders by name, each to the value nearest to the one given; None switches one off.

        Args:
            knobs: `margin` in the metric's unit, `latency` in seconds, `traffic` in requests a second, `price` in the
                study's currency, `grid` in g CO2e per kWh.

        Raises:
            KeyError: for a name that is no slider here.
        """
        self._quiet = True
        for name, value in knobs.items():
            slider = next((each for each in self._found.sliders if each.knob == name), None)
            if slider is None:
                raise KeyError(f"`{name}` is no slider here; there are {', '.join(self._sliders)}")
            self._on[slider.knob].value = value is not None or not slider.can_be_off
            if value is not None:
                places = range(len(slider.values))
                self._sliders[slider.knob].index = min(places, key=lambda at: abs(slider.values[at] - value))
        self._quiet = False
        self._redraw()

    @property
    def values(self) -> dict[str, tuple[float, ...]]:
        """The values that each slider can take, by its name."""
        return {each.knob: each.values for each in self._found.sliders}

    def reset(self) -> None:
        """Put every slider back to where the study itself has it."""
        self._quiet = True
        for each in self._found.sliders:
            self._sliders[each.knob].index = each.start
            self._on[each.knob].value = each.on
        self._quiet = False
        self._redraw()

    def _moved(self, _: Any) -> None:
        if not self._quiet:
            self._redraw()

    def _redraw(self) -> None:
        knobs = self._knobs()
        for name, slider in self._sliders.items():
            idle = name in _NEED_TRAFFIC and knobs.requests_per_s is None
            slider.disabled = idle or not self._on[name].value
            self._on[name].disabled = idle
        self.shown = shown(self._view, self._found, knobs)
        self._sentence.value = _html("sentence", found=self._found, shown=self.shown)
        if self._found.front is not None:
            self._drawn.value = _html("front", found=self._found, shown=self.shown)
        self._table.value = _html("table", found=self._found, shown=self.shown)

    def _knobs(self) -> Knobs:
        def value(knob: Knob, otherwise: float | None) -> float | None:
            slider = next((each for each in self._found.sliders if each.knob == knob), None)
            if slider is None:
                return otherwise
            return slider.values[self._sliders[knob].index] if self._on[knob].value else None

        begin = self._found.begin
        margin = value("margin", begin.margin)
        assert margin is not None
        return Knobs(
            margin=margin,
            latency_p99_s=value("latency", begin.latency_p99_s),
            requests_per_s=value("traffic", begin.requests_per_s),
            price=value("price", begin.price),
            grid_g_per_kwh=value("grid", begin.grid_g_per_kwh),
        )


def panel(record: Record) -> WhatIfPanel:
    """Sliders over one run.

    Args:
        record: of the run; its reference and one candidate more must have worked.

    Raises:
        SpecError: where the run has no margin that could be moved.
    """
    view = View(record)
    found = what_if(view)
    if found is None:
        raise SpecError("This run has no margin above 0, so there is nothing to move: give `margin_points` and run it.")
    return WhatIfPanel(view, found)


def _slider(each: Slider) -> Any:
    return ipywidgets.SelectionSlider(
        options=list(zip(each.words, range(len(each.words)), strict=True)),
        index=each.start,
        layout={"width": "100%"},
        continuous_update=True,
        tooltip=each.title,
    )


def _switch(each: Slider) -> Any:
    """Whether it is asked for; hidden where it always is."""
    hidden = {} if each.can_be_off else {"display": "none"}
    return ipywidgets.Checkbox(
        value=each.on, description="on", indent=False, layout={"width": "4rem", "flex": "0 0 auto", **hidden},
        tooltip=f"{each.title}: on",
    )  # fmt: skip


def _row(each: Slider, slider: Any, switch: Any) -> Any:
    hint = f" · {each.hint}" if each.hint else ""
    title = ipywidgets.HTML(_html("title", title=each.title, hint=hint))
    return ipywidgets.VBox([title, ipywidgets.HBox([slider, switch])])


def _html(part: str, **values: Any) -> str:
    return environment().get_template("what_if_parts.html.j2").render(part=part, **values)
