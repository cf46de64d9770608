"""What tests of analyses share."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context

import numpy as np
import pytest

from panneuro.signals.timeseries import TimeSeries


@pytest.fixture(scope="session")
def processes() -> Iterator[ProcessPoolExecutor]:
    """Return two processes, that begin with nothing in memory."""
    with ProcessPoolExecutor(2, get_context("spawn")) as executor:
        yield executor


@pytest.fixture(scope="session")
def lfp() -> TimeSeries:
    """Return 90 s of three channels with slow drift, theta and gamma, longer than two blocks."""
    random = np.random.default_rng(3)
    n = 90_000
    t = np.arange(n) / 1000.0
    drift = np.cumsum(random.standard_normal((n, 3)), axis=0) * 0.02
    waves = np.sin(2 * np.pi * 7 * t) + 0.3 * np.sin(2 * np.pi * 50 * t)
    return TimeSeries("lfp", drift + waves[:, None] + 4.0, "volts", rate_hz=1000.0)
