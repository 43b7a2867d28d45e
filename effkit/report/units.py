"""How numbers are shown: three significant digits, the fitting unit, a real minus sign.

`None` is shown as a dash and never as 0.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Literal

from effkit.record import Ratio

Unit = Literal["s", "bytes", "j", "w", "g", "items/s", "count", "flop"]
"""The SI units of a record, and what a report shows them in."""

DASH = "–"
MINUS = "−"
NBSP = "\u00a0"
"""A space that does not break: a number stays with its unit, an interval in one piece."""

SCALES: dict[Unit, tuple[tuple[float, str], ...]] = {
    "s": ((3600.0, "h"), (60.0, "min"), (1.0, "s"), (1e-3, "ms"), (1e-6, "µs")),
    "bytes": ((1e9, "GB"), (1e6, "MB"), (1e3, "kB"), (1.0, "B")),
    "j": ((1e6, "MJ"), (1e3, "kJ"), (1.0, "J"), (1e-3, "mJ"), (1e-6, "µJ")),
    "w": ((1.0, "W"),),
    "g": ((1e6, "t"), (1e3, "kg"), (1.0, "g"), (1e-3, "mg"), (1e-6, "µg")),
    "items/s": ((1e6, "M/s"), (1e3, "k/s"), (1.0, "/s")),
    "count": ((1e9, "billion"), (1e6, "million"), (1e3, "thousand"), (1.0, "")),
    "flop": ((1e12, "TFLOP"), (1e9, "GFLOP"), (1e6, "MFLOP"), (1e3, "kFLOP"), (1.0, "FLOP")),
}
_LONGEST_IN_SECONDS = 120.0


def show(value: float | None, unit: Unit, like: float | None = None) -> str:
    """A number with its unit: `show(0.0123, "s")` is "12.3 ms".

    Args:
        value: in the SI unit; None is shown as a dash.
        unit: the SI unit.
        like: a number whose unit is taken, so that a column has one unit; None takes what fits.
    """
    if value is None:
        return DASH
    divisor, suffix = _scale(value if like is None else like, unit)
    scaled = _carried(value / divisor) if like is not None else value / divisor
    return f"{fixed(scaled, _decimals(scaled))}{NBSP}{suffix}".rstrip()


def interval(low: float | None, high: float | None, unit: Unit, value: float, like: float | None = None) -> str:
    """The interval of a number as `show` shows that, without the unit; an empty string where there is none."""
    if low is None or high is None:
        return ""
    divisor, _ = _scale(value if like is None else like, unit)
    scaled = [end / divisor if like is None else _carried(end / divisor) for end in (low, high)]
    return brackets(scaled[0], scaled[1], _decimals(value / divisor))


def brackets(low: float, high: float, decimals: int) -> str:
    """An interval: "[0.45, 0.52]"; with a decimal or two more where both ends would else read alike."""
    return _apart(low, high, decimals, fixed)


def fixed(value: float, decimals: int) -> str:
    """A number with so many decimals and a real minus sign, which a zero never has: "−0.31", "0.00", "12,000"."""
    text = f"{abs(value):,.{decimals}f}"
    return f"{MINUS}{text}" if value < 0 and float(text.replace(",", "")) else text


def capital(text: str) -> str:
    """A sentence's beginning; what follows the first letter stays as it is."""
    return text[:1].upper() + text[1:]


def signed(value: float, decimals: int = 1) -> str:
    """A difference with its sign: "+0.3", "−1.1", and "0.0" without one."""
    text = f"{abs(value):.{decimals}f}"
    if float(text) == 0:
        return text
    return f"{MINUS if value < 0 else '+'}{text}"


def signed_interval(low: float, high: float, decimals: int = 1) -> str:
    """The interval of a difference: "[−2.4, +0.2]"."""
    return _apart(low, high, decimals, signed)


def times(ratio: float) -> str:
    """A factor: "1.08×", "8.2×", "41×", "0.0031×"."""
    return f"{ratio:,.{_decimals_of_factor(ratio)}f}×"


def factor(ratio: Ratio, *, inverted: bool) -> tuple[str, str]:
    """A ratio as a factor, and its interval: "8.2×", "[7.9, 8.5]"; `inverted` shows reference / candidate."""
    value = 1 / ratio.value if inverted else ratio.value
    if ratio.low is None or ratio.high is None:
        return times(value), ""
    low, high = (1 / ratio.high, 1 / ratio.low) if inverted else (ratio.low, ratio.high)
    return times(value), brackets(low, high, _decimals_of_factor(value))


def share(ratio: float) -> str:
    """A part of a whole in words: "1/12", "44 %", "1.40×"."""
    if ratio <= 0.2:
        return f"1/{1 / ratio:.0f}"
    return f"{100 * ratio:.0f}{NBSP}%" if ratio < 1 else times(ratio)


def percent(part: float) -> str:
    """A small part of a whole: "0.31 %", "12 %", "0 %"."""
    return f"{100 * part:{'.2g' if part < 0.1 else '.0f'}}{NBSP}%"


def rate(requests_per_s: float) -> str:
    """A traffic in words: "1 request a second", "17.2 requests a second"."""
    text = rate_number(requests_per_s)
    return f"{text} {'request' if text == '1' else 'requests'} a second"


def rate_number(value: float) -> str:
    """A rate in at most three digits, and in full from a hundred on: "0.5", "17.2", "10,000"."""
    return f"{value:,.0f}" if value >= 100 else f"{value:.3g}"


def whole(number: int) -> str:
    """A count in full: "12,000"."""
    return f"{number:,}"


def many(number: int, word: str) -> str:
    """A count of something: "1 machine", "12,000 machines"."""
    return f"{whole(number)} {word}{'' if number == 1 else 's'}"


def about(number: int) -> str:
    """A count that rests on an estimate, rounded up to two figures: "about 40,000" for 39,607."""
    step = 10 ** max(0, len(str(number)) - 2)
    return f"about {whole(-(-number // step) * step)}"


def _scale(value: float, unit: Unit) -> tuple[float, str]:
    scales = SCALES[unit]
    if unit == "s" and 1 <= abs(value) < _LONGEST_IN_SECONDS:
        return 1.0, "s"
    if value == 0:
        return next(each for each in scales if each[0] == 1.0)
    return next((each for each in scales if abs(value) >= each[0] * 0.9995), scales[-1])


def _decimals(value: float) -> int:
    if value == 0 or (float(f"{value:.3g}").is_integer() and abs(value) < 100 and float(value).is_integer()):
        return 0
    return max(0, 2 - math.floor(math.log10(abs(value))))


def _decimals_of_factor(ratio: float) -> int:
    if 0 < ratio < 0.1:
        return 1 - math.floor(math.log10(ratio))
    return 2 if ratio < 2 else 1 if ratio < 10 else 0


def _carried(value: float) -> float:
    """Three digits of what a column's unit makes large: 430,000 of 429,871."""
    return float(f"{value:.3g}") if abs(value) >= 1000 else value


def _apart(low: float, high: float, decimals: int, tell: Callable[[float, int], str]) -> str:
    pairs = [(tell(low, decimals + more), tell(high, decimals + more)) for more in range(3)]
    first, last = next((pair for pair in pairs if pair[0] != pair[1]), pairs[0])
    return f"[{first},{NBSP}{last}]"
