"""Cascades: stages that are asked in turn, each only about the items of which the one before was not sure.

The stages are models of their own, or the parts of one network that has exits (`models/exits.py`). What each says of
`calibrate` fits its confidence, what each says of `select` chooses the thresholds, and `test` is for the verdict alone.
Viola & Jones (2001), Rapid object detection using a boosted cascade of simple features, CVPR; Chen, Zaharia & Zou
(2023), FrugalGPT.
"""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from effkit.models import builder, exits, gates
from effkit.models.base import Facts, Predictor, Recipe
from effkit.models.confidence import Confidence, calibrated, expected_calibration_error, refuse_unsure
from effkit.models.gates import Gate
from effkit.models.networks import device_key
from effkit.models.products import Products, link
from effkit.spec import SpecError
from effkit.tasks.base import Task
from effkit.tasks.metrics import METRICS, Score

LAYOUT = 1
"""Raised whenever a product's files change, so that older ones are made anew."""
SETUP, STAGE, EXITS = "cascade.json", "stage-{}", "exits"
HELD_OUT = ("calibrate", "select")

Indices = NDArray[np.int64]


class Part(Protocol):
    """A stage as a cascade asks it."""

    def begin(self, items: list[Any]) -> Any:
        """Make raw items ready, where this is the first stage."""
        ...

    def take(self, left: Any, places: Indices) -> Any:
        """Make the items ready that stand at `places` in what the stage before left."""
        ...

    def answer(self, ready: Any) -> tuple[NDArray[Any], Any]:
        """Return (n, classes) probabilities, and what is left for the stage behind."""
        ...

    def facts(self, item: Any) -> Facts:
        """Count what this stage adds; `item` is the request whose operations are counted."""
        ...


@dataclass(frozen=True)
class ModelPart:
    """A model of its own: it starts from the raw items, whatever was done before it."""

    predictor: Predictor
    classes: int
    count: Callable[[Any], Facts]

    @classmethod
    def of(cls, stage: Recipe, folder: Path, classes: int) -> ModelPart:
        """Load a stage that `make` left in `folder`."""
        module = builder(stage.builder)
        predictor = module.load(stage, folder)
        return cls(predictor, classes, lambda item: module.facts(predictor, item, folder))

    def begin(self, items: list[Any]) -> Any:
        """Prepare them."""
        return items, self.predictor.prepare(items)

    def take(self, left: list[Any], places: Indices) -> Any:
        """Prepare those at `places`."""
        return self.begin([left[place] for place in places])

    def answer(self, ready: Any) -> tuple[NDArray[Any], Any]:
        """Infer; the raw items are left."""
        items, prepared = ready
        return as_shares(self.predictor.infer(prepared), self.classes), items

    def facts(self, item: Any) -> Facts:
        """Count the model."""
        return self.count(item)


class CascadePredictor:
    """Asks its stages in turn.

    Args:
        parts: the stages.
        gates: one behind each but the last.
    """

    def __init__(self, parts: Sequence[Part], gates: Sequence[Gate]) -> None:
        self.parts, self.gates = tuple(parts), tuple(gates)

    def prepare(self, items: list[Any]) -> Any:
        """Prepare items for the first stage; whatever a later one needs is prepared when it is asked."""
        return len(items), self.parts[0].begin(items)

    def infer(self, prepared: Any) -> NDArray[Any]:
        """Return (n, classes) probabilities."""
        return self.routed(prepared)[0]

    def routed(self, prepared: Any) -> tuple[NDArray[Any], Indices]:
        """Return (n, classes) probabilities, and the (n,) stage that gave each."""
        count, ready = prepared
        held, left = np.arange(count), ready

        def ask(stage: int, rows: Indices) -> NDArray[Any]:
            nonlocal held, left
            if stage:
                left = self.parts[stage].take(left, np.searchsorted(held, rows))
            held = rows
            answers, left = self.parts[stage].answer(left)
            return answers

        return gates.run(self.gates, ask, count)


def as_shares(answers: NDArray[Any], classes: int) -> NDArray[Any]:
    """Return (n, classes) probabilities; of a model that names a class and no more, 1 for that class."""
    return answers if answers.ndim == 2 else np.eye(classes)[answers.astype(np.int64)]


def libraries(recipe: Recipe) -> tuple[str, ...]:
    """Name what a fresh worker must import before it can load this cascade."""
    return tuple(dict.fromkeys(name for stage in recipe.stages for name in builder(stage.builder).libraries(stage)))


def make(recipe: Recipe, task: Task, products: Products) -> Path:
    """Make every stage, calibrate it, and choose when an item goes on.

    Raises:
        SpecError: when the task is no classification, when it holds nothing out, when the splits touch, or when a
            stage that others follow gives no probabilities.
    """
    if recipe.kind != "classification":
        raise SpecError(f"{recipe.model} asks how sure a class is, and cannot do {recipe.kind}.")
    held_out = _held_out(recipe, task)
    stages = _seeded(recipe)
    folders = [builder(stage.builder).make(stage, task, products) for stage in stages]
    heads = None
    if "exits" in recipe.settings:
        heads = exits.make(stages[0], folders[0], recipe.settings["exits"], task, products)
    answers = {
        split: _answers(recipe, stages, folders, heads, task, indices, products) for split, indices in held_out.items()
    }

    def write(folder: Path) -> None:
        for number, (stage, made) in enumerate(zip(stages, folders, strict=True)):
            _keep(stage, made, folder / STAGE.format(number))
        if heads is not None:
            link(heads, folder / EXITS)
        labels = {split: task.labels[indices] for split, indices in held_out.items()}
        setup = {
            "classes": len(task.classes),
            **_set_up(recipe.settings, answers, labels, METRICS[task.metric].score),
        }
        (folder / SETUP).write_text(json.dumps(setup, indent=1), encoding="utf-8")

    count = sum(map(len, held_out.values()))
    key = recipe.key(LAYOUT, task.sha256, [made.name for made in folders], *device_key())
    return products.make(key, "calibrate, and choose when to go on", count, write)


def load(recipe: Recipe, folder: Path) -> CascadePredictor:
    """Load every stage that `make` left in `folder`."""
    setup = read_setup(folder)
    stages = _seeded(recipe)
    if "exits" in recipe.settings:
        parts: Sequence[Part] = exits.load(stages[0], folder / STAGE.format(0), folder / EXITS)
    else:
        places = [folder / STAGE.format(number) for number in range(len(stages))]
        parts = [ModelPart.of(stage, place, setup["classes"]) for stage, place in zip(stages, places, strict=True)]
    return CascadePredictor(parts, _gates(setup))


def facts(predictor: CascadePredictor, item: Any, folder: Path) -> Facts:
    """Count all stages together; a stage's operations as often as it is reached on `select`."""
    counted = counts(predictor, item)
    reached = read_setup(folder)["reached"]
    flops = [each.flops for each in counted]
    return Facts(
        parameters=_sum([each.parameters for each in counted]),
        tensor_bytes=_sum([each.tensor_bytes for each in counted]),
        weight_bytes=_sum([each.weight_bytes for each in counted]),
        flops=None if None in flops else float(np.dot(reached, np.array(flops, dtype=np.float64))),
    )


def counts(predictor: CascadePredictor, item: Any) -> list[Facts]:
    """Count each stage alone: of a part, what it adds to the parts before it."""
    return [part.facts(item) for part in predictor.parts]


def predict(recipe: Recipe, folder: Path, task: Task, indices: Indices, products: Products) -> NDArray[Any]:
    """Return what the cascade answers, from what each of its stages says of every item."""
    return gates.combined(_gates(read_setup(folder)), stage_answers(recipe, folder, task, indices, products))[0]


def stage_answers(recipe: Recipe, folder: Path, task: Task, indices: Indices, products: Products) -> NDArray[Any]:
    """Return the (stages, n, classes) probabilities that each stage gives to every item, whoever would be asked."""
    stages = _seeded(recipe)
    folders = [builder(stage.builder).make(stage, task, products) for stage in stages]
    return _answers(recipe, stages, folders, folder / EXITS, task, indices, products)


def read_setup(folder: Path) -> dict[str, Any]:
    """Read what `make` wrote of calibration and thresholds."""
    found: dict[str, Any] = json.loads((folder / SETUP).read_text(encoding="utf-8"))
    return found


def refuse_touching(name: str, splits: Mapping[str, Indices]) -> None:
    """Refuse splits that share items: what was tuned on a test item cannot be tested on it.

    Raises:
        SpecError: naming the two, and how many items they share.
    """
    for split in ("fit", *HELD_OUT):
        shared = np.intersect1d(splits[split], splits["test"])
        if len(shared):
            raise SpecError(
                f"{name}: {len(shared)} of the {len(splits[split])} `{split}` items are `test` items too. A cascade "
                f"is fitted and set up on `fit`, `calibrate` and `select` and tested once on `test`: take the "
                f"shared items out of `{split}`."
            )


def _held_out(recipe: Recipe, task: Task) -> dict[str, Indices]:
    """The items by which a cascade is set up, each split as long as the recipe has it."""
    refuse_touching(task.name, task.splits)
    found = {split: task.splits[split][: recipe.settings["held_out"]] for split in HELD_OUT}
    for split, indices in found.items():
        if not len(indices):
            raise SpecError(
                f"{task.name} has no `{split}` items, and a cascade needs some that its stages have not learnt from: "
                "give the task more items."
            )
    return found


def _seeded(recipe: Recipe) -> list[Recipe]:
    """The stages, each with the cascade's seed where its training depends on one."""
    pairs = zip(recipe.stages, recipe.settings["seeded"], strict=True)
    return [replace(stage, seed=recipe.seed) if seeded else stage for stage, seeded in pairs]


def _answers(
    recipe: Recipe,
    stages: Sequence[Recipe],
    folders: Sequence[Path],
    heads: Path | None,
    task: Task,
    indices: Indices,
    products: Products,
) -> NDArray[Any]:
    """Return (stages, n, classes) probabilities of items."""
    asked = [
        builder(stage.builder).predict(stage, made, task, indices, products)
        for stage, made in zip(stages, folders, strict=True)
    ]
    if heads is not None and "exits" in recipe.settings:
        asked = [*exits.predict(stages[0], folders[0], heads, task, indices, products), *asked]
    for number, given in enumerate(asked):
        refuse_unsure(stages[min(number, len(stages) - 1)].model, given, last=number == len(asked) - 1)
    return np.stack([as_shares(given, len(task.classes)).astype(np.float64) for given in asked])


def _set_up(
    settings: Mapping[str, Any],
    answers: Mapping[str, NDArray[Any]],
    labels: Mapping[str, NDArray[Any]],
    score: Score,
) -> dict[str, Any]:
    """Fit confidences on `calibrate` and choose thresholds on `select`; return both, and how far to trust them."""
    held, chosen = answers["calibrate"], answers["select"]
    fitted = [calibrated(settings["score"], settings["calibration"], each, labels["calibrate"]) for each in held]
    confidences = [each.of(shares) for each, shares in zip(fitted[:-1], chosen[:-1], strict=True)]
    correct = chosen.argmax(axis=2) == labels["select"]
    scored = np.stack([score(each, labels["select"]) for each in chosen])
    if settings["escalate"] is None:
        places = gates.thresholds(confidences, scored, settings["accept_points"] / 100)
    else:
        places = gates.at_shares(confidences, settings["escalate"])
    made = [Gate(*each) for each in zip(fitted, places, strict=False)]
    said, by = gates.combined(made, chosen)
    raw = [Confidence(settings["score"])] * len(fitted)
    return {
        "stages": [
            {
                "confidence": each.to_json(),
                "ece_before": expected_calibration_error(before.right(shares), right),
                "ece_after": expected_calibration_error(each.right(shares), right),
            }
            for each, before, shares, right in zip(fitted, raw, chosen, correct, strict=True)
        ],
        "thresholds": list(places),
        "reached": [float(np.mean(by >= stage)) for stage in range(len(chosen))],
        "calibrate_items": held.shape[1],
        "select_items": chosen.shape[1],
        "select_gap": float(score(said, labels["select"]).mean() - scored[-1].mean()),
    }


def _gates(setup: Mapping[str, Any]) -> list[Gate]:
    confidences = [Confidence.from_json(stage["confidence"]) for stage in setup["stages"]]
    return [Gate(*each) for each in zip(confidences, setup["thresholds"], strict=False)]


def _keep(stage: Recipe, made: Path, place: Path) -> None:
    """Give the cascade's product the files of a stage; of a user's function, which lies among others, its own."""
    if stage.builder != "own":
        link(made, place)
        return
    place.mkdir()
    shutil.copy(made / Path(stage.settings["function"]).name, place)


def _sum(numbers: Sequence[int | None]) -> int | None:
    return None if None in numbers else sum(filter(None, numbers))
