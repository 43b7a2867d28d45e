import subprocess
import sys

import pytest

import effkit.analysis


@pytest.mark.parametrize("name", effkit.analysis.__all__)
def test_every_public_name_is_there_and_documented(name: str) -> None:
    assert getattr(effkit.analysis, name).__doc__


def test_an_unknown_name_lists_the_known() -> None:
    with pytest.raises(AttributeError, match="read_claims"):
        effkit.analysis.nonsense  # noqa: B018


def test_statistics_stays_light() -> None:
    code = (
        "import sys, effkit.analysis.statistics, effkit.analysis.tails as t; t.calls_needed(99); "
        "heavy = {'statsmodels', 'pandas', 'codecarbon', 'torch', 'scipy.stats', 'effkit.bench'}; "
        "sys.exit(bool(heavy & set(sys.modules)))"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
