"""Energy to carbon: grid factors by region, which is named and never looked up (SCI, ISO/IEC 21031:2024)."""

import difflib
from dataclasses import dataclass
from functools import cache
from importlib import resources
from typing import Any

import yaml

from effkit.production import CarbonSpec
from effkit.spec import SpecError

J_PER_KWH = 3.6e6
HOURS_PER_YEAR = 8766.0


@dataclass(frozen=True)
class GridFactor:
    """Carbon intensity of a region's electricity in `year`, g CO2e per kWh; `kind` is average, marginal or as given."""

    region: str
    g_per_kwh: float
    year: int | None
    kind: str
    source: str
    name: str


def regions() -> tuple[str, ...]:
    """Every region that `factor` knows: ISO 3166-1 alpha-3 codes and WORLD."""
    return tuple(_grid())


def factor(region: str) -> GridFactor:
    """The grid factor of a region.

    Args:
        region: A code from `regions()`; case does not matter.

    Raises:
        KeyError: No such region; the message names the nearest ones.
    """
    grid = _grid()
    found = grid.get(region.upper())
    if found is None:
        names = {f.name.upper(): f.region for f in grid.values()}
        # A country's name or two-letter code is the likelier slip than a mistyped code.
        near = [names[n] for n in difflib.get_close_matches(region.upper(), names, n=2)]
        near += [code for code in difflib.get_close_matches(region.upper(), grid, n=3) if code not in near]
        hint = ", ".join(f"{code} ({grid[code].name})" for code in near) or "such as FRA, WORLD, IND"
        raise KeyError(
            f"region {region!r} has no grid factor; regions are ISO 3166-1 alpha-3 codes or WORLD, the "
            f"nearest: {hint}. Choose the nearest country, or WORLD"
        )
    return found


def check_regions(carbon: CarbonSpec) -> None:
    """Refuse a region, or one of the scenarios, that has no grid factor.

    Raises:
        SpecError: as `factor`.
    """
    for region in (carbon.region, *carbon.scenarios):
        try:
            factor(region)
        except KeyError as error:
            raise SpecError(f"`carbon`: {error.args[0]}") from None


def grid(carbon: CarbonSpec, place: str | None = None) -> GridFactor | None:
    """The grid of a place: the factor that a study gives itself, or a region's.

    Args:
        carbon: the study's.
        place: a region, or `CarbonSpec.place`; None takes the latter.

    Returns:
        None for a region without a factor, as an older record may name one.
    """
    wanted = place or carbon.place
    if carbon.grid_g_per_kwh is None or wanted != carbon.place:
        return _grid().get(wanted.upper())
    return GridFactor(wanted, carbon.grid_g_per_kwh, None, "as given", "carbon.grid_g_per_kwh", "your own grid")


def thousand_requests_g(energy_j_per_request: float, carbon: CarbonSpec, place: str | None = None) -> float | None:
    """Grams of CO2e of 1,000 requests in a place, without an embodied share; None where it has no grid factor.

    Args:
        energy_j_per_request: gross, joules.
        carbon: the study's, for its own grid factor and its PUE.
        place: as `grid`.
    """
    power = grid(carbon, place)
    return None if power is None else grams_per_thousand(energy_j_per_request, power, pue=carbon.pue)


def grams_per_thousand(
    energy_j_per_request: float,
    power: GridFactor,
    *,
    pue: float = 1.0,
    embodied_g_per_request: float = 0.0,
) -> float:
    """Grams of CO2e for 1,000 requests: SCI = (E * I) + M per functional unit.

    Args:
        energy_j_per_request: Gross energy of one request, joules.
        power: The grid where it runs.
        pue: The data centre's total energy over that of its machines, at least 1.
        embodied_g_per_request: The machine's making, shared out (SCI's M), g CO2e; 0 leaves it out.

    Raises:
        ValueError: Energy or embodied carbon below 0, or a PUE below 1.
    """
    if not energy_j_per_request >= 0 or not embodied_g_per_request >= 0:
        raise ValueError(
            f"energy_j_per_request is {energy_j_per_request} and embodied_g_per_request "
            f"{embodied_g_per_request}; neither is below 0; an energy that is not "
            "resolvable has no carbon: leave the call out"
        )
    if not pue >= 1:
        raise ValueError(f"pue is {pue}; it is at least 1.0, the machines' own energy")
    return 1000 * (grams(energy_j_per_request, power.g_per_kwh, pue) + embodied_g_per_request)


def grams(energy_j: float, g_per_kwh: float, pue: float) -> float:
    """Grams of CO2e of the machines' own energy, the data centre's overhead included: SCI's E * I."""
    return energy_j / J_PER_KWH * g_per_kwh * pue


def embodied_g_per_hour(embodied_kg: float, lifetime_years: float) -> float:
    """Grams of CO2e of making one machine that fall on an hour of its life: `kg * 1000 / (years * 8766)`.

    SCI's M = TE * TS * RS with TE = `embodied_kg`, one hour of the lifetime as TS, and the whole machine
    reserved, RS = 1 (ISO/IEC 21031:2024).

    Args:
        embodied_kg: CO2e of making the machine, kg.
        lifetime_years: Over which it is shared out, idle hours included.

    Raises:
        ValueError: `embodied_kg` below 0, or a lifetime that is not positive.
    """
    if not embodied_kg >= 0 or not lifetime_years > 0:
        raise ValueError(
            f"embodied_kg is {embodied_kg} and lifetime_years {lifetime_years}; give at least 0 kg and above 0 years"
        )
    return embodied_kg * 1000 / (lifetime_years * HOURS_PER_YEAR)


def embodied_g_per_request(g_per_hour: float, *, machines: float, requests_per_s: float) -> float:
    """Grams of CO2e of making the machines that fall on one request: an hour's share over that hour's requests.

    Args:
        g_per_hour: `embodied_g_per_hour` of one machine.
        machines: How many serve the traffic.
        requests_per_s: The traffic.

    Raises:
        ValueError: A traffic that is not positive.
    """
    if not requests_per_s > 0:
        raise ValueError(
            f"requests_per_s is {requests_per_s}; machines that serve nobody have no request to carry them"
        )
    return machines * g_per_hour / (3600 * requests_per_s)


@cache
def _grid() -> dict[str, GridFactor]:
    text = resources.files("effkit.analysis").joinpath("grid.yaml").read_text(encoding="utf-8")
    table: dict[str, Any] = yaml.safe_load(text)
    sources = table["sources"]
    return {
        code: GridFactor(code, float(g), int(year), table["kind"], sources[source], name)
        for code, (name, g, year, source) in table["regions"].items()
    }
