"""Windows cut out of a recording."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from panneuro.analysis import cuts
from panneuro.core.errors import InputError
from panneuro.signals.arrays import Sliced
from panneuro.signals.timeseries import TimeSeries

RATE_HZ = 100.0


def counting(n=100_000, channels=2):
    return TimeSeries(
        "lfp", np.arange(n * channels, dtype=np.int32).reshape(n, channels), rate_hz=RATE_HZ
    )


@given(
    rows=st.lists(st.integers(0, 99_950), min_size=1, max_size=60),
    batch=st.sampled_from([1, 500, 1 << 18]),
)
@settings(max_examples=30)
def test_every_window_comes_once_and_whole(rows, batch):
    lfp = counting()
    seen = []
    at = np.array(rows)
    for run in cuts.runs(lfp, at, 50):
        for part, samples in cuts.gathered(lfp, at, 50, run, batch):
            seen.extend(run[part].tolist())
            for slot, window in enumerate(run[part]):
                expected = lfp.data[rows[window] : rows[window] + 50]
                np.testing.assert_array_equal(samples[:, slot], expected)
    assert sorted(seen) == list(range(len(rows)))


def test_close_windows_are_read_at_once_and_far_ones_alone():
    read = []

    def zeros(start, stop):
        read.append((start, stop))
        return np.zeros((stop - start, 1))

    lazy = TimeSeries("lfp", Sliced((10_000_000, 1), np.float64, zeros), rate_hz=RATE_HZ)
    rows = np.array([10, 60, 110, 9_000_000])
    for run in cuts.runs(lazy, rows, 50):
        list(cuts.gathered(lazy, rows, 50, run))
    assert read == [(10, 160), (9_000_000, 9_000_050)]


def test_rows_are_the_nearest_samples():
    lfp = TimeSeries("lfp", np.zeros(1000), rate_hz=RATE_HZ, start_s=3.0)
    np.testing.assert_array_equal(
        cuts.first_rows(lfp, [3.0, 3.014, 12.5], (0.0, 0.5), 50), [0, 1, 950]
    )
    with pytest.raises(InputError, match="1 of 2 are not wholly"):
        cuts.first_rows(lfp, [3.0, 12.51], (0.0, 0.5), 50)


def test_windows_keep_to_epochs():
    lfp = counting(1000)
    found = cuts.regular_rows(lfp, 50, 25, [(5.0, 6.0), (1.0, 1.49), (8.0, 8.6)])
    assert found.tolist() == [500, 525, 550, 800]
    assert cuts.regular_rows(lfp, 400, 300, None).tolist() == [0, 300, 600]
    with pytest.raises(InputError, match="60 samples there at once, fewer than the 70"):
        cuts.regular_rows(lfp, 70, 25, [(8.0, 8.6)])


@pytest.mark.parametrize("window", [0.5, (0.0,), (0.5, 0.5), (0.0, np.nan), ("a", "b")])
def test_a_window_has_two_ends(window):
    with pytest.raises(InputError, match=r"window"):
        cuts.length_of(window)
