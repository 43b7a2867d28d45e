"""What a technique is: a function from one recipe to another, what it needs, and what it refuses."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

from effkit.models.base import CPU, Recipe
from effkit.spec import Frozen

if TYPE_CHECKING:
    from torch import nn

Form = Literal[
    "32-bit PyTorch module",
    "changed PyTorch module",
    "16-bit PyTorch module",
    "ONNX graph",
    "OpenVINO graph",
    "quantised model",
    "table of word vectors",
    "boosted trees",
    "forest",
    "network with exits",
    "other",
]
"""What stands at one place of a chain. A technique takes some forms and gives one, which orders a chain."""

MODULE: Form = "32-bit PyTorch module"
CHANGED: Form = "changed PyTorch module"
"""What a transform of one's own leaves: it runs whenever the model is loaded, so nothing can be rewritten after it."""
HALF: Form = "16-bit PyTorch module"
GRAPHS: tuple[Form, ...] = ("ONNX graph", "OpenVINO graph")
QUANTISED: Form = "quantised model"
WITH_EXITS: Form = "network with exits"
FORMS: Mapping[str, Form] = {
    "text.encoder": MODULE,
    "vision.squeezenet": MODULE,
    "vision.efficientnet_lite": MODULE,
    "vision.cnn": MODULE,
    "tabular.mlp": MODULE,
    "tabular.lightgbm": "boosted trees",
    "tabular.forest": "forest",
}
"""What each builder gives; `other` where it is not named."""
TABULAR = ("tabular.logreg", "tabular.tree", "tabular.forest", "tabular.lightgbm", "tabular.mlp")
"""The builders of models of rows."""


def with_article(form: Form) -> str:
    """Say a form in a sentence: "an ONNX graph"."""
    articles: dict[Form, str] = {
        "boosted trees": "",
        "other": "something ",
        "ONNX graph": "an ",
        "OpenVINO graph": "an ",
    }
    return f"{articles.get(form, 'a ')}{'else' if form == 'other' else form}"


class NoParameters(Frozen):
    """For a technique that takes none."""


@dataclass(frozen=True)
class Target:
    """What a technique would act on, as far as it is known before anything is loaded.

    Attributes:
        modality: of the task.
        builder: of the model.
        settings: of its recipe, the techniques before this one applied.
        device: where PyTorch runs it, "cpu" or "cuda".
    """

    modality: str
    builder: str
    settings: Mapping[str, Any]
    device: str = CPU


def accept(target: Target, parameters: Any) -> str | None:
    """Refuse nothing."""
    return None


def without_embeddings(parameters: Any) -> float:
    """Look at no item."""
    return 0


def without_runtime(parameters: Any) -> tuple[str, ...]:
    """Run on what every installation of effkit has."""
    return ()


def without_teacher(parameters: Any) -> str | None:
    """Learn from no other model."""
    return None


@dataclass(frozen=True)
class Technique:
    """One optimisation of a candidate.

    What it does is either `apply`, which changes the recipe that a builder follows, or `transform`, which changes
    the loaded PyTorch module; one of the two is enough. A transform runs whenever the model is loaded.

    Attributes:
        name: as parameter files call it.
        needs: what it needs, in one sentence.
        words: its checked parameters to what follows a model's title, as in "at 128 px".
        parameters: what it may be given.
        takes: the forms that it can act on.
        gives: the form that it leaves; None where it is the one it took (`CHANGED` after a transform).
        teacher: the checked parameters to the name of the catalogue's model that it learns from, if it does.
        builders: the builders that it can act on; empty for all that give a form it takes.
        embeddings: the checked parameters to how many items are embedded while it is made, for planning; learning
            from an item counts as three.
        start_s: nominal seconds on one core that the start of a worker takes longer, for planning: the first start,
            and every later one, which finds what the first has kept.
        runtime: the checked parameters to packages that must be importable, by the names that `import` takes.
        refuse: the target and the checked parameters to why not, or to None.
        apply: the recipe and the checked parameters to the optimised recipe.
        transform: the module, its weights loaded, and the checked parameters to the module that is used.
    """

    name: str
    needs: str
    words: Callable[[Any], str]
    parameters: type[Frozen] = NoParameters
    takes: tuple[Form, ...] = (MODULE,)
    gives: Form | None = None
    builders: tuple[str, ...] = ()
    runtime: Callable[[Any], tuple[str, ...]] = without_runtime
    refuse: Callable[[Target, Any], str | None] = accept
    apply: Callable[[Recipe, Any], Recipe] | None = None
    transform: Callable[[nn.Module, Any], nn.Module] | None = None
    teacher: Callable[[Any], str | None] = without_teacher
    embeddings: Callable[[Any], float] = without_embeddings
    start_s: tuple[float, float] = (0.0, 0.0)
