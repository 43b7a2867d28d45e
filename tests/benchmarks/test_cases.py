"""Copies whose speeds differ by a known share and by nothing else."""

from __future__ import annotations

import mmap

import cloudpickle
import pytest

from benchmarks.cases import PRODUCTS, Products


@pytest.mark.parametrize(("share", "products"), [(0.0, PRODUCTS), (0.05, 1.05 * PRODUCTS)])
def test_arrays_begin_on_pages_where_a_copy_arrives(share: float, products: float) -> None:
    sent = cloudpickle.dumps(Products(share))
    kept = [bytearray(5_000 + 16 * index) for index in range(20)]  # so that the heap is not as it was
    there = cloudpickle.loads(sent)
    assert len(kept) == 20 and there.products == products
    for array in (there.left, there.right, there.out):
        assert array.ctypes.data % mmap.PAGESIZE == 0
    assert there([None, None]) == [0, 0]
    assert there.out == pytest.approx(there.left @ there.right)
