"""One healthy purchases API for the whole session, on a free loopback port."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
import urllib3

from coleta.demo_api.serving import serve_in_background
from coleta.demo_api.settings import Settings


@pytest.fixture(scope="session")
def shop() -> Iterator[str]:
    with serve_in_background(Settings(seed=7, delay_s=0.2, retry_after_s=3)) as url:
        yield url


@pytest.fixture(scope="session")
def http() -> Iterator[urllib3.PoolManager]:
    with urllib3.PoolManager(retries=False, timeout=10) as pool:
        yield pool
