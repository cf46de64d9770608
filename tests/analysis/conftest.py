"""What tests of analyses share."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context

import pytest


@pytest.fixture(scope="session")
def processes() -> Iterator[ProcessPoolExecutor]:
    """Return two processes, that begin with nothing in memory."""
    with ProcessPoolExecutor(2, get_context("spawn")) as executor:
        yield executor
