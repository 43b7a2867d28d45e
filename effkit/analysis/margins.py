"""From which margin on a candidate is enough: the verdict of a study turned round.

A verdict at one margin is a yes or a no. The margin at which it would change says how near it was, and lets a
decision be made again under another margin without the items.
"""

from collections.abc import Mapping, Sequence

from scipy import optimize

from effkit.analysis.quality import FEWEST_UNITS, NonInferiority, holm
from effkit.evidence import LEVEL

Tests = Mapping[str, NonInferiority]


def enough_from(rounds: Sequence[Tests], name: str) -> float | None:
    """Return the smallest margin at which a candidate is not worse than the reference, after Holm and over seeds.

    All p-values fall as the margin grows, and so do Holm's, so that there is one such margin.

    Args:
        rounds: the tests of all candidates, once for each training seed.
        name: of the candidate.

    Returns:
        In the score's unit; 0 where it is better. None where so few items conclude nothing at any margin.
    """
    found = [_of_one_seed(tests, name) for tests in rounds]
    known = [each for each in found if each is not None]
    return max(known) if len(known) == len(found) else None


def worse_below(rounds: Sequence[Tests], name: str) -> float | None:
    """Return the largest margin at which a candidate is worse than the reference by more than that, over seeds.

    Args:
        rounds: the tests of all candidates, once for each training seed.
        name: of the candidate.

    Returns:
        In the score's unit; 0 where it is worse at no margin. None where so few items conclude nothing.
    """
    tests = [each[name] for each in rounds]
    if any(test.units < FEWEST_UNITS for test in tests):
        return None
    return min(max(0.0, -test.interval.high) for test in tests)


def _of_one_seed(tests: Tests, name: str) -> float | None:
    if tests[name].units < FEWEST_UNITS:
        return None
    names = list(tests)
    place = names.index(name)

    def above(margin: float) -> float:
        """Below zero where the candidate passes."""
        adjusted = holm([each.p_at(margin) for each in tests.values()])
        return float(adjusted[place]) - LEVEL

    # Holm only asks for more than the one test does, whose bound it shares.
    least, most = max(0.0, -tests[name].lower_bound), _widest(tests)
    if above(most) >= 0:
        return None
    if above(least) < 0:
        return least
    return float(optimize.bisect(above, least, most, xtol=1e-6 * most))


def _widest(tests: Tests) -> float:
    """A margin that no loss exceeds: twice the worst bound, and at least a scale to search on."""
    return 4 * max(abs(test.lower_bound) for test in tests.values()) + max(test.margin for test in tests.values())
