"""How simple a candidate is: what a person can still follow, and what is least to keep alive."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal

from effkit import catalogue
from effkit.record import CandidateRecord

Family = Literal["linear", "tree", "trees", "network", "cascade", "unknown"]

SIMPLEST_FIRST: tuple[Family, ...] = ("linear", "tree", "trees", "network", "cascade", "unknown")
"""A linear model before one tree, one tree before many, trees before networks, one model before several (Rudin 2019,
"Stop explaining black box machine learning models"; also Hand 2006, "Classifier technology and the illusion of
progress")."""

OWN_FAMILIES: tuple[Family, ...] = ("linear", "tree", "trees", "network")
"""What a function of one's own may be said to be: what builds it is `own.linear` then, and else `own`."""

FAMILY_WORDS: Mapping[Family, str] = {
    "linear": "linear model",
    "tree": "decision tree",
    "trees": "ensemble of trees",
    "network": "network",
    "cascade": "cascade",
    "unknown": "model of your own",
}
_OF_BUILDER: Mapping[str, Family] = {
    "tabular.logreg": "linear",
    "tabular.tree": "tree",
    "tabular.forest": "trees",
    "tabular.lightgbm": "trees",
    "tabular.mlp": "network",
    "text.tfidf": "linear",
    "text.encoder": "network",
    "vision.cnn": "network",
    "vision.squeezenet": "network",
    "vision.efficientnet_lite": "network",
    **{f"own.{said}": said for said in OWN_FAMILIES},
}


def family(candidate: CandidateRecord) -> Family:
    """Return the family of a candidate, by what builds its model; `unknown` for one's own of which nothing is said."""
    if candidate.cascade is not None and not candidate.techniques:
        return "cascade"  # several models to keep alive, whatever each of them is
    if any("static" in technique for technique in candidate.techniques):
        return "linear"  # a table of word vectors and a linear head are left of the network
    builder = candidate.builder
    if builder is None and (entry := catalogue.models().get(candidate.model)):  # an older record: ask the catalogue
        builder = entry.builder
    return _OF_BUILDER.get(builder or "", "unknown")


def is_own(candidate: CandidateRecord) -> bool:
    """Whether its model is a function of one's own, whatever that was said to be; older records do not tell."""
    return (candidate.builder or "").partition(".")[0] == "own"
