"""Splits are disjoint, cover everything, and keep clusters together."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from effkit.tasks import SPLITS, split


@given(count=st.integers(10, 5000), seed=st.integers(0, 1000), share=st.floats(0.1, 0.9))
def test_splits_are_disjoint_and_cover_everything(count: int, seed: int, share: float) -> None:
    found = split(count, test_share=share, seed=seed)
    assert list(found) == list(SPLITS)
    assert sorted(np.concatenate(list(found.values()))) == list(range(count))
    assert len(found["test"]) == round(share * count)
    assert max(len(found["calibrate"]), len(found["select"])) <= 1000


@given(count=st.integers(30, 400), clusters=st.integers(5, 25), seed=st.integers(0, 1000))
def test_a_cluster_is_never_torn_apart(count: int, clusters: int, seed: int) -> None:
    ids = np.random.default_rng(seed).integers(0, clusters, count)
    found = split(count, clusters=ids, seed=seed)
    assert sorted(np.concatenate(list(found.values()))) == list(range(count))
    owners = [set(ids[found[name]].tolist()) for name in SPLITS]
    assert sum(map(len, owners)) == len(set.union(*owners))


def test_a_cluster_is_as_likely_tested_whatever_its_size() -> None:
    sizes = [1] * 80 + [4] * 20 + [40]
    ids = np.repeat(np.arange(len(sizes)), sizes)
    draws = [set(ids[split(len(ids), clusters=ids, seed=seed)["test"]].tolist()) for seed in range(600)]
    tested = np.array([[cluster in drawn for cluster in range(len(sizes))] for drawn in draws]).mean(axis=0)
    assert 0.27 < tested[:80].mean() < 0.37
    assert 0.27 < tested[80:100].mean() < 0.37
    assert 0.3 < tested[100] < 0.45  # a fifth of all items: where the cut falls into it, it moves on


def test_without_clusters_the_order_is_the_one_it_always_was() -> None:
    found = split(10, test_share=0.3, seed=1)
    assert [found[name].tolist() for name in SPLITS] == [[2, 5, 9, 6, 3], [0], [1], [8, 4, 7]]


def test_the_data_sets_own_test_split_is_kept() -> None:
    mask = np.arange(100) % 4 == 0
    found = split(100, test_mask=mask)
    assert set(found["test"]) == set(np.flatnonzero(mask))


def test_fewer_labels_are_a_prefix_whose_order_the_seed_fixes() -> None:
    assert (split(200, seed=3)["fit"] == split(200, seed=3)["fit"]).all()
    assert (split(200, seed=3)["fit"] != split(200, seed=4)["fit"]).any()
