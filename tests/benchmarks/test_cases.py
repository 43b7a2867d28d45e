"""Copies whose speeds differ by a known share and by nothing else."""

from __future__ import annotations

import mmap

import cloudpickle
import pytest

from benchmarks.cases import PRODUCTS, Products


@pytest.mark.parametrize(("share", "products"), [(0.0, PRODUCTS), (0.05, 1.05 * PRODUCTS)])
def test_arrays_begin_on_pages_where_a_copy_arrives(share: float, products: float) -> None:
    sent = cloudpickle.dumps(Products(share))
    several = [cloudpickle.loads(sent) for _ in range(5)]  # by chance one array in 256 begins on a page
    for there in several:
        assert there.products == products
        assert [each.ctypes.data % mmap.PAGESIZE for each in (there.left, there.right, there.out)] == [0, 0, 0]
    assert there([None, None]) == [0, 0]
    assert there.out == pytest.approx(there.left @ there.right)
