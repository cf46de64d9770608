"""Windows hold exactly the extremes and the counts of what they cover."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import panneuro
from panneuro.core.errors import InputError
from panneuro.portal import windows
from panneuro.portal.shelves import Shelf
from panneuro.portal.windows import Window

BIG = 1 << 26
SAID = {
    "subject": {"id": "m1", "species": "mouse"},
    "acquisition": {"session_start": "2024-05-01T09:30:00+02:00"},
    "description": {
        "title": "With a gap",
        "institution": "None",
        "lab": "None",
        "licence": "CC0-1.0",
        "modalities": ["ecephys"],
    },
}


@pytest.fixture
def asset(lake, name):
    return lake[name]


def shelf():
    return Shelf(BIG, lambda value: value.nbytes)


@settings(max_examples=40)
@given(
    t0=st.floats(-1, 7),
    span=st.floats(0.0005, 8),
    bins=st.integers(1, 500),
    channels=st.lists(st.integers(0, 15), unique=True, min_size=1),
)
def test_extremes_are_those_of_the_samples(lake, name, truth, t0, span, bins, channels):
    asset, start, stop = lake[name], t0, t0 + span
    found = windows.extremes(asset, "ap", (start, stop), bins, channels, shelf())
    assert found.values.shape == (bins, len(channels), 2)
    signal = asset["ap"]
    rows = signal.rows(start, stop)
    if rows.start == rows.stop:
        assert np.isnan(found.values).all()
        return
    factor = 64 if (rows.stop - rows.start) / bins >= 64 else 1
    factor = (
        4096 if (rows.stop - rows.start) / bins >= 4096 and len(asset.pyramid("ap")) > 1 else factor
    )
    first, last = rows.start // factor * factor, -(-rows.stop // factor) * factor
    samples = truth.samples[first:last, channels] * 2.34375e-6
    np.testing.assert_allclose(
        np.nanmin(found.values[..., 0], axis=0), samples.min(axis=0), rtol=1e-5
    )
    np.testing.assert_allclose(
        np.nanmax(found.values[..., 1], axis=0), samples.max(axis=0), rtol=1e-5
    )
    assert (found.values[..., 0] <= found.values[..., 1])[np.isfinite(found.values[..., 0])].all()


def test_a_bin_of_one_sample_is_that_sample(asset, truth):
    found = windows.extremes(asset, "ap", (1.0, 1.0 + 30 / 30_000), 30, [3], shelf())
    expected = truth.samples[30_000:30_030, 3] * 2.34375e-6
    np.testing.assert_allclose(found.values[:, 0, 0], expected, rtol=1e-6)
    np.testing.assert_allclose(found.values[:, 0, 1], expected, rtol=1e-6)


def test_what_was_not_recorded_is_no_number(asset):
    found = windows.extremes(asset, "ap", (-1.0, 1.0), 200, [0], shelf())
    known = np.isfinite(found.values[:, 0, 0])
    assert not known[:100].any()
    assert known[100:].all()


def test_stamped_values_fall_into_the_bin_of_their_time(asset):
    signal = asset["pupil"]
    found = windows.extremes(asset, "pupil", (0.0, 6.0), 60, None, shelf())
    times, values = signal.times(), signal.read()
    for at in range(60):
        inside = values[(times >= at * 0.1) & (times < (at + 1) * 0.1)]
        if len(inside):
            assert found.values[at, 0].tolist() == pytest.approx([inside.min(), inside.max()])
        else:
            assert np.isnan(found.values[at]).all()


@settings(max_examples=30)
@given(t0=st.floats(-1, 7), span=st.floats(0.001, 8), bins=st.integers(1, 300))
def test_every_event_is_counted_once(lake, name, truth, t0, span, bins):
    found = windows.counts(lake[name], "units", (t0, t0 + span), bins, shelf())
    counted = found.values.sum(axis=0)
    for row, train in enumerate(truth.trains.values()):
        assert counted[row] == np.sum((train >= t0) & (train < t0 + span))


def test_signals_of_another_kind_are_refused(asset):
    with pytest.raises(InputError, match="no time series"):
        windows.extremes(asset, "units", (0, 1), 10, None, shelf())
    with pytest.raises(InputError, match="no events"):
        windows.counts(asset, "ap", (0, 1), 10, shelf())
    with pytest.raises(InputError, match="no channel 99"):
        windows.extremes(asset, "ap", (0, 1), 10, [99], shelf())


def test_a_gap_hides_nothing_beside_it(tmp_path):
    values = np.full(30_000, np.nan, dtype="float32")
    values[10] = 7.0
    np.save(tmp_path / "gappy.npy", values)
    (tmp_path / "gappy.yaml").write_text("rate_hz: 1000\n")
    lake = panneuro.open("memory://gappy", create=True)
    added = lake.add(tmp_path / "gappy.npy", said=SAID)
    asset = lake[added.manifest.name]
    for bins in (30, 30_000 // 50):
        found = windows.extremes(asset, asset.signals[0], (0.0, 30.0), bins, None, shelf())
        assert found.values[0, 0].tolist() == [7.0, 7.0]
        assert np.isnan(found.values[1:]).all()


def test_sixteen_bits_keep_values_and_gaps():
    values = np.array([[[-3.0, 0.5]], [[np.nan, np.nan]]], dtype="float32")
    numbers, worth = windows.narrowed(Window(0, 1, values))
    assert numbers[1].tolist() == [[-32768, -32768]]
    np.testing.assert_allclose(numbers[0] * worth, values[0], atol=worth)
    silent, worth = windows.narrowed(Window(0, 1, np.zeros((2, 1, 2), "float32")))
    assert not silent.any()
    assert worth == 1.0


def test_peaks_are_measured_from_where_a_channel_rests(asset):
    held = shelf()
    middle = windows.middles(asset, "ap", (0.0, 6.0), held)
    assert middle.shape == (16,)
    whole = windows.extremes(asset, "ap", (0.0, 6.0), 100, None, held)
    found = windows.peaks(whole, middle).values
    low, high = whole.values[..., 0] - middle, whole.values[..., 1] - middle
    assert np.array_equal(np.abs(found), np.maximum(np.abs(low), np.abs(high)))
    assert windows.middles(asset, "ap", (0.0, 6.0), held) is middle
