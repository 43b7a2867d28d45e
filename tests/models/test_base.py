"""The keys that products are kept by: another key for the same facts would make everything anew."""

from __future__ import annotations

from effkit.models.base import BUILDER_VERSION, Recipe, product_key


def test_a_products_key_is_the_hash_of_its_facts() -> None:
    """By hand: `printf '[1, "a", {"a": null, "b": 1}, 2.5]' | sha256sum`."""
    assert BUILDER_VERSION == 1
    assert product_key("a", {"b": 1, "a": None}, 2.5) == "979ab0427e3cbc27a04ee9516e4aedd2"


def test_a_recipes_key_is_the_hash_of_what_determines_it() -> None:
    """By hand: the text is [1, {"builder": …, "fit_items": 10, …}, ["x", 2]], keys in the order of the alphabet."""
    settings = {"steps": [], "C": 1.0}
    recipe = Recipe("m", "text.encoder", "classification", 10, seed=3, settings=settings, weights_sha256={"w": "00"})
    assert recipe.key("x", 2) == "3442502b174d689afb84e73e531d0ffa"


def test_other_settings_are_another_recipes() -> None:
    recipe = Recipe("m", "text.encoder", "classification", 10, seed=3, settings={"steps": [], "C": 1.0})
    changed = recipe.with_settings(C=0.1, max_tokens=64)
    assert changed.settings == {"steps": [], "C": 0.1, "max_tokens": 64}
    assert (changed.model, recipe.settings) == ("m", {"steps": [], "C": 1.0})
