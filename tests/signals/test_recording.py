from __future__ import annotations

import numpy as np
import pytest

from panneuro.core.errors import FormatError
from panneuro.signals.recording import Recording
from panneuro.signals.timeseries import TimeSeries


def trace(name):
    return TimeSeries(name, np.zeros(3), rate_hz=1.0)


def test_signals_by_name():
    recording = Recording("test", (trace("a"), trace("b")), ())
    assert recording["b"].name == "b"
    with pytest.raises(FormatError, match="it has: a, b"):
        recording["c"]


def test_names_are_unique():
    with pytest.raises(FormatError, match="2 signals are named 'a'"):
        Recording("test", (trace("a"), trace("b"), trace("a")), ())


def test_thousands_of_signals_are_no_matter():
    assert len(Recording("test", tuple(trace(str(i)) for i in range(20_000)), ()).signals) == 20_000
