"""What tests of the cluster are given."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.batch.clusters import Site, site


@pytest.fixture
def dask(tmp_path: Path) -> Iterator[Site]:
    """A scheduler without workers."""
    with site(tmp_path / "dask") as here:
        yield here
