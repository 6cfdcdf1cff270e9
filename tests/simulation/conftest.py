"""A world is a few thousand short-lived objects: looking for cycles among them so often finds few."""

from __future__ import annotations

import gc
from collections.abc import Iterator

import pytest


@pytest.fixture(scope="package", autouse=True)
def _cycles_are_looked_for_rarely() -> Iterator[None]:
    before = gc.get_threshold()
    gc.set_threshold(100_000, 50, 50)
    yield
    gc.set_threshold(*before)
