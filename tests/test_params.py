"""Every parameter file is a sound and whole study."""

import json
from pathlib import Path

import numpy as np
import pytest
import yaml

from effkit.params import plain
from effkit.spec import CandidateSpec, Protocol, SpecError, StudySpec
from effkit.study import Study

ROOT = Path(__file__).parent.parent
FILES = sorted(each for each in (ROOT / "params").rglob("*.yaml") if each.parent.name != "sweeps")
FULL = [path for path in FILES if path.parent.name == "params"]
SMOKE = [path for path in FILES if path.parent.name == "smoke"]


def _name(path: Path) -> str:
    return str(path.relative_to(ROOT / "params"))


@pytest.mark.parametrize("path", FILES, ids=_name)
def test_it_is_valid_and_says_every_key(path: Path) -> None:
    """A key that a file leaves out would come from the notebook's defaults."""
    Study.from_params(path)
    assert list(yaml.safe_load(path.read_text(encoding="utf-8"))) == list(StudySpec.model_fields)


@pytest.mark.parametrize("path", FILES, ids=_name)
def test_its_study_is_named_after_it(path: Path) -> None:
    prefix = "smoke-" if path in SMOKE else ""
    assert Study.from_params(path).spec.name == prefix + path.stem


@pytest.mark.parametrize("path", SMOKE, ids=_name)
def test_a_rehearsal_is_of_a_real_study(path: Path) -> None:
    rehearsal, real = Study.from_params(path).spec, Study.from_params(ROOT / "params" / path.name).spec
    assert rehearsal.protocol.base == "smoke"
    assert rehearsal.task == real.task
    rehearsed, known = ({part.model for each in spec.candidates for part in each.parts} for spec in (rehearsal, real))
    assert rehearsed <= known
    assert len(rehearsal.candidates) < len(real.candidates)


def test_parameters_are_plain_enough_for_papermill() -> None:
    for path in FILES:
        params = yaml.safe_load(path.read_text(encoding="utf-8"))
        assert json.loads(json.dumps(params)) == params, _name(path)


def test_what_python_and_numpy_hold_is_written_as_a_file_holds_it() -> None:
    given = {
        "margin_points": np.float64(2.5), "items": {"test": np.int64(300)}, "traffic": (1, 2.5),
        "protocol": Protocol(generations=3), "candidates": [CandidateSpec(model="logreg")], "seed": np.array([1, 2]),
        "name": "mine", "cost": None,
    }  # fmt: skip
    told = plain(given)
    assert yaml.safe_load(yaml.safe_dump(told)) == told
    assert told == {
        "margin_points": 2.5, "items": {"test": 300}, "traffic": [1, 2.5], "seed": [1, 2],
        "protocol": {"base": "standard", "generations": 3}, "candidates": [{"model": "logreg"}],
        "name": "mine", "cost": None,
    }  # fmt: skip
    with pytest.raises(SpecError, match=r"`budget.latency_p99_s` got .*give a number, a text, a list or a mapping"):
        plain({"budget": {"latency_p99_s": object()}})
