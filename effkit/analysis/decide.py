"""The decision: budgets first, then from the simplest upward, to the first that is good enough.

What cannot meet a limit is out, each with its reason. Of the rest the first that is not worse than the reference is
chosen, and nothing after it is looked at. A limit or a margin that the data cannot judge is `open`, which is neither.
Where at the traffic asked for nothing is saved, the best is taken instead of the first.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Literal

from effkit.analysis.asked import Asked
from effkit.analysis.contenders import Contender, Known
from effkit.analysis.family import SIMPLEST_FIRST
from effkit.analysis.luck import Ends
from effkit.analysis.power import off_words
from effkit.analysis.serving import Serving, needs_fewer, saves_nothing, serving

What = Literal[
    "latency", "preparing", "inferring", "memory", "weights", "starting", "throughput", "energy", "carbon", "money",
    "quality", "groups",
]  # fmt: skip
Outcome = Literal["meets", "fails", "open"]
Kind = Literal["smaller", "reference", "larger", "indifferent", "open", "none"]
"""What is chosen: something smaller, the reference, something larger since the reference fails, the best because
nothing is saved by less, nothing because something is open, or nothing because all fail."""

AT_EVERY_RATE = "unloaded it keeps within the limit, but at no rate of the load test"
NOT_SHOWN = "unloaded it keeps within the limit; the load test shows it at no rate"
NO_LOAD_TEST = "no load test bears its p99"
AT_LEAST: tuple[What, ...] = ("throughput",)
"""Limits that are to be reached; all others are not to be exceeded."""


@dataclass(frozen=True)
class Check:
    """One limit against one candidate.

    Attributes:
        what: the limit.
        outcome: whether it is met.
        limit: in SI units; of quality the margin, in the metric's.
        known: the number that is held against it; of quality the margin from which it is enough.
        currency: of a price.
    """

    what: What
    outcome: Outcome
    limit: float
    known: Known
    currency: str = ""

    @property
    def at_least(self) -> bool:
        """Whether the limit is to be reached, and not one that is not to be exceeded."""
        return self.what in AT_LEAST

    @property
    def of_quality(self) -> bool:
        """Whether it asks of the answers, groups included, and not of what they take."""
        return self.what in ("quality", "groups")


@dataclass(frozen=True)
class Weighed:
    """A candidate and every limit held against it.

    Attributes:
        contender: what is known of it.
        checks: budgets first, then quality.
        serving: at the traffic asked for; None without one, or where no rate is known.
    """

    contender: Contender
    checks: tuple[Check, ...]
    serving: Serving | None

    @property
    def outcome(self) -> Outcome:
        """Of all limits."""
        return together(self.checks)

    @property
    def good_enough(self) -> Outcome:
        """Of quality alone, groups included."""
        return together(check for check in self.checks if check.of_quality)

    @property
    def affordable(self) -> Outcome:
        """Of the budgets alone."""
        return together(check for check in self.checks if not check.of_quality)


@dataclass(frozen=True)
class Decision:
    """What was chosen and how.

    Attributes:
        kind: of the choice.
        chosen: its name; None where nothing is.
        order: the candidates as they were looked at: what is smaller than the reference, the simplest family first and
            in each the fastest, then the reference, then what is larger.
        twins: candidates left out because the same system does better with other labels: name to the better's.
        asked: under what.
        enough: the first that meets everything, where `indifferent` chose something better than it.
    """

    kind: Kind
    chosen: str | None
    order: tuple[Weighed, ...]
    twins: dict[str, str]
    asked: Asked
    enough: str | None = None

    def weighed(self, name: str) -> Weighed:
        """One candidate of `order`.

        Raises:
            KeyError: naming those there are.
        """
        for each in self.order:
            if each.contender.name == name:
                return each
        raise KeyError(f"`{name}` was not weighed; these were: {', '.join(w.contender.name for w in self.order)}")

    @property
    def before(self) -> tuple[Weighed, ...]:
        """What was looked at before the one that was chosen."""
        names = [each.contender.name for each in self.order]
        stop = self.enough or self.chosen
        return self.order[: names.index(stop)] if stop else self.order


def together(checks: Iterable[Check]) -> Outcome:
    """Several limits as one: it fails where one is failed, else is open where one is open."""
    found = {check.outcome for check in checks}
    return "fails" if "fails" in found else "open" if "open" in found else "meets"


def decide(known: Sequence[Contender], asked: Asked) -> Decision:
    """Choose.

    Args:
        known: the candidates that worked, the reference among them.
        asked: margin, limits, traffic and prices.
    """
    single, twins = _one_per_system(known)
    order = tuple(weigh(each, asked) for each in in_order(single, asked.noise))
    place = next(number for number, each in enumerate(order) if each.contender.reference)
    passing = [each for each in order if each.outcome == "meets"]
    if not passing:
        some_open = any(each.outcome == "open" for each in order)
        return Decision("open" if some_open else "none", None, order, twins, asked)
    first = _cheapest(passing, asked.noise)
    best = _best(passing)
    if best not in (None, first) and saves_nothing(first.contender, best.contender, asked):
        return Decision("indifferent", best.contender.name, order, twins, asked, enough=first.contender.name)
    number = order.index(first)
    kind: Kind = "smaller" if number < place else "reference" if number == place else "larger"
    return Decision(kind, first.contender.name, order, twins, asked)


def in_order(known: Sequence[Contender], noise: float) -> list[Contender]:
    """What is smaller than the reference first, of these the simplest family, of that the fastest.

    Smaller is what is shown to take less time, or takes less memory by 5 % at least. Those within the noise of the
    fastest are tied, and the one with less memory goes first.

    Args:
        known: in any order, the reference among them.
        noise: share of a latency ratio inside which nothing is claimed.
    """
    reference = next(each for each in known if each.reference)

    def size(each: Contender) -> tuple[int, int]:
        return (1 if each.reference else 0 if each.smaller_than(reference) else 2), SIMPLEST_FIRST.index(each.family)

    found: list[Contender] = []
    for key in sorted({size(each) for each in known}):
        left = sorted((each for each in known if size(each) == key), key=lambda each: (each.time, each.name))
        while left:
            tied = [each for each in left if each.time <= left[0].time * (1 + noise)]
            found.append(min(tied, key=lambda each: (_bytes(each), each.time, each.name)))
            left.remove(found[-1])
    return found


def weigh(contender: Contender, asked: Asked) -> Weighed:
    """Hold every limit against one candidate."""
    served = serving(contender, asked)
    return Weighed(contender, (*_budgets(contender, asked, served), *_quality(contender, asked)), served)


def _budgets(contender: Contender, asked: Asked, served: Serving | None) -> Iterator[Check]:
    budget = asked.budget
    if budget.latency_p99_s is not None:
        limit_s, away_s = budget.latency_p99_s, budget.away_s(contender.moved_bytes)
        found = _held("latency", _plus(contender.p99_s, away_s), limit_s)
        yield found if budget.requests_per_s is None else _under_load(found, contender, served, limit_s - away_s)
    if budget.prepare_p99_s is not None:
        yield _held("preparing", contender.prepare_p99_s, budget.prepare_p99_s)
    if budget.infer_p99_s is not None:
        yield _held("inferring", contender.infer_p99_s, budget.infer_p99_s)
    if budget.peak_bytes is not None:
        yield _held("memory", contender.peak_bytes, float(budget.peak_bytes))
    if budget.weight_bytes is not None:
        yield _held("weights", contender.weight_bytes, float(budget.weight_bytes))
    if budget.cold_start_s is not None:
        yield _held("starting", contender.cold_start_s, budget.cold_start_s)
    if budget.items_per_s is not None:
        yield _held("throughput", contender.items_per_s, budget.items_per_s)
    if budget.energy_j is not None:
        yield _held("energy", contender.energy_j, budget.energy_j)
    no_rate = "no rate is known at which it serves"
    if budget.carbon_g_per_thousand is not None:
        missing = no_rate if served is None else "its energy, the idle machine's or the grid is not known"
        known = Known(None, why=missing)
        if served is not None and served.carbon_g_per_thousand is not None:
            words = off_words(contender.rank)
            known = _modelled(served.carbon_g_per_thousand, served.carbon_ends_g, contender, words)
        yield _held("carbon", known, budget.carbon_g_per_thousand)
    if budget.money_per_thousand is not None:
        known = Known(None, why=no_rate if served is None else "no price")
        if served is not None and served.money_per_thousand is not None:
            known = _modelled(served.money_per_thousand, served.money_ends, contender)
        held = _held("money", known, budget.money_per_thousand)
        yield replace(held, currency=asked.cost.currency if asked.cost else "")


def _under_load(found: Check, contender: Contender, served: Serving | None, left_s: float) -> Check:
    """A p99 that meets its limit unloaded, at a traffic: what the load tests leave of that; nothing, without one.

    More machines would each be less busy, so no rate shows that the limit is missed; the lowest may show that it is
    kept, by the whole interval of its p99.
    """
    if found.outcome != "meets" or not (contender.untested or contender.tails or contender.bounded):
        return found
    if contender.untested:
        why = NO_LOAD_TEST
    elif served is None and contender.tails:
        why = AT_EVERY_RATE
    elif served is not None and contender.shown_within(left_s):
        return found
    else:
        why = NOT_SHOWN
    return replace(found, outcome="open", known=Known(None, why=why))


def _quality(contender: Contender, asked: Asked) -> Iterator[Check]:
    margin = asked.margin
    if contender.reference:
        yield Check("quality", "meets", margin, Known(0.0))
        return
    enough, worse = contender.enough_from, contender.worse_below
    outcome: Outcome
    if enough is not None and worse is not None:
        outcome = "meets" if margin > enough else "fails" if margin < worse else "open"
        yield Check("quality", outcome, margin, Known(enough))
    elif abs(margin - contender.margin) <= 1e-9 * contender.margin:
        outcome = {"inferior": "fails", "inconclusive": "open"}.get(contender.verdict, "meets")  # type: ignore[assignment]
        yield Check("quality", outcome, margin, Known(None))
    else:
        yield Check("quality", "open", margin, Known(None, why="this record tells no other margin than its own"))
    if asked.budget.group_margin_points is not None:
        yield _groups(contender, asked.budget.group_margin_points / 100)


def _groups(contender: Contender, margin: float) -> Check:
    """The worst group against its margin: it meets where every group does."""
    if not contender.groups:
        return Check("groups", "open", margin, Known(None, why="no group has enough items"))
    worst = min(contender.groups, key=lambda each: each.low)
    outcome: Outcome = "meets" if worst.low > -margin else "open"
    if any(each.high < -margin for each in contender.groups):
        worst, outcome = min(contender.groups, key=lambda each: each.high), "fails"
    return Check("groups", outcome, margin, Known(-worst.high, -worst.high, -worst.low, worst.group))


def _held(what: What, known: Known, limit: float) -> Check:
    low, high = known.low, known.high
    if what in AT_LEAST:
        meets, fails = low is not None and low >= limit, high is not None and high < limit
    else:
        meets, fails = high is not None and high <= limit, low is not None and low > limit
    return Check(what, "meets" if meets else "fails" if fails else "open", limit, known)


def _plus(known: Known, more: float) -> Known:
    value, low, high = (None if each is None else each + more for each in (known.value, known.low, known.high))
    return replace(known, value=value, low=low, high=high)


def _modelled(value: float, ends: Ends, contender: Contender, why: str = "") -> Known:
    """What a rate comes to: a limit is held against its ends, but not where the rate is of one generation."""
    low, high = ends if contender.repeated else (None, None)
    return Known(value, low, high, why)


def _cheapest(passing: Sequence[Weighed], noise: float) -> Weighed:
    """The first in order that at the traffic asked for no other is shown to need fewer machines than.

    Each is held against all, so that who is beaten itself decides nothing between two others.
    """
    return next(
        each for each in passing if not any(needs_fewer(other.serving, each.serving, noise) for other in passing)
    )


def _best(passing: Sequence[Weighed]) -> Weighed | None:
    """The best that is shown to be better than the reference, else the reference; None where neither passes."""
    preferred = [each for each in passing if each.contender.preferred]
    return max(preferred, key=lambda each: each.contender.difference, default=None)


def _one_per_system(known: Sequence[Contender]) -> tuple[list[Contender], dict[str, str]]:
    """One candidate for each model and chain, with the labels that do best; the reference stays what it is."""
    kept: list[Contender] = []
    twins: dict[str, str] = {}
    for each in sorted(known, key=lambda one: (not one.reference, -one.difference)):
        twin = next((one for one in kept if one.system == each.system), None)
        if twin is None or (twin.reference and each.verdict == "superior"):
            kept.append(each)
        else:
            twins[each.name] = twin.name
    return [each for each in known if each in kept], twins


def _bytes(each: Contender) -> float:
    return float("inf") if each.peak_bytes.value is None else each.peak_bytes.value
