"""Epochs are taken in any order, and refused where they would count what lies in them twice."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from panneuro.analysis.epochs import epoch_ticks, within
from panneuro.core.errors import InputError
from panneuro.signals.table import Intervals


def test_intervals_and_pairs_are_the_same():
    pairs = [(2.0, 3.0), (0.0, 1.5), (1.5, 2.0)]
    frame = pd.DataFrame(pairs, columns=["start_time", "stop_time"])
    for found in (epoch_ticks(pairs), epoch_ticks(Intervals.from_frame("rest", frame))):
        assert found[0].tolist() == [0, 1_500_000_000, 2_000_000_000]
        assert found[1].tolist() == [1_500_000_000, 2_000_000_000, 3_000_000_000]


def test_a_time_is_in_the_epoch_that_holds_it():
    starts, stops = epoch_ticks([(1e-9, 3e-9), (5e-9, 6e-9)])
    epoch, inside = within(np.arange(8), starts, stops)
    assert inside.tolist() == [False, True, True, False, False, True, False, False]
    assert epoch[inside].tolist() == [0, 0, 1]


@pytest.mark.parametrize(
    ("epochs", "said"),
    [
        ([], "hold no starts and stops"),
        ([1.0, 2.0], "shape"),
        ([(0.0, 2.0), (1.0, 3.0)], r"overlap at 1\.0 s"),
        ([(0.0, 1.0), (2.0, 2.0)], r"lasts no time, at 2\.0 s"),
        ([(0.0, np.nan)], "not finite"),
        ([("a", "b")], "no real numbers"),
    ],
)
def test_what_cannot_be_kept_to_is_told(epochs, said):
    with pytest.raises(InputError, match=said):
        epoch_ticks(epochs)
