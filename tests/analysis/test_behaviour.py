"""Running, pose and pupil: known movements come out as they went in."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from panneuro.analysis.behaviour import align, confident, running_speed, without_blinks
from panneuro.core.errors import InputError
from panneuro.signals.timeseries import TimeSeries


def test_speed_of_a_wheel_that_turns_over():
    times = np.arange(0, 10, 0.01)
    angle = 3 * times + np.sin(times)
    wheel = TimeSeries("wheel", angle % (2 * np.pi), rate_hz=100.0)
    speed = running_speed(wheel, radius_m=0.1, turn=2 * np.pi, smooth_sd_s=0.0)
    assert speed.read() == pytest.approx(0.1 * (3 + np.cos(times)), abs=1e-3)
    assert (speed.unit, speed.name, speed.rate_hz) == ("m/s", "running_speed", 100.0)


def test_speed_knows_uneven_times_and_gains():
    times = np.array([0.0, 0.1, 0.3, 0.4, 1.0])
    belt = TimeSeries("belt", (times * 2000).astype("i4"), gain=1e-3, timestamps=times)
    assert running_speed(belt, smooth_sd_s=0.0).read() == pytest.approx(np.full(5, 2.0))


def test_smoothing_keeps_the_mean():
    belt = TimeSeries("belt", np.cumsum(np.random.default_rng(0).random(500)), rate_hz=50.0)
    rough, smooth = (running_speed(belt, smooth_sd_s=sd).read() for sd in (0.0, 0.2))
    assert smooth.std() < rough.std() / 2
    assert smooth.mean() == pytest.approx(rough.mean(), rel=0.02)


@pytest.mark.parametrize(
    "values", [np.zeros((5, 2)), np.array([1.0]), np.array([0.0, np.nan, 1.0])]
)
def test_what_has_no_speed_is_refused(values):
    with pytest.raises(InputError):
        running_speed(TimeSeries("wheel", values, rate_hz=10.0))


def test_blinks_are_bridged_and_the_rest_is_left_as_it_was():
    times = np.arange(0, 20, 0.01)
    diameter = 3 + 0.3 * np.sin(times) + np.random.default_rng(0).normal(0, 0.002, len(times))
    seen = diameter.copy()
    seen[500:520] = [*np.linspace(3, 0, 10), *np.linspace(0, 3, 10)]
    seen[1000:1010] = np.nan
    seen[1500:1700] = 0.0
    clean = without_blinks(TimeSeries("pupil", seen, rate_hz=100.0)).read()
    assert clean[490:530] == pytest.approx(diameter[490:530], abs=0.05)
    assert np.isfinite(clean[990:1020]).all()
    assert np.isnan(clean[1510:1690]).all()
    assert (clean[100:400] == seen[100:400]).all()


def test_only_sure_frames_of_a_pose_count():
    nose = TimeSeries("nose", np.arange(20.0).reshape(10, 2), rate_hz=10.0)
    sure = np.ones(10)
    sure[3], sure[6:9] = 0.2, np.nan
    clean = confident(nose, sure, longest_s=0.21).read()
    assert clean[:6].tolist() == nose.read()[:6].tolist()
    assert np.isnan(clean[6:9]).all()
    with pytest.raises(InputError, match="10 frames"):
        confident(nose, [1.0])


@given(st.floats(1, 8), st.floats(-2, 2), st.integers(1, 50))
def test_a_line_stays_a_line_wherever_it_is_cut(onset, slope, rate):
    signal = TimeSeries("line", slope * np.arange(11 * rate) / rate, rate_hz=float(rate))
    found = align(signal, [onset], (-0.5, 0.5), 0.1)
    assert found.values[0] == pytest.approx(slope * (onset + found.time.values), abs=1e-8)


def test_shifting_time_shifts_nothing():
    rng = np.random.default_rng(1)
    values, onsets = rng.normal(size=(400, 3)), np.array([1.0, 2.5, 3.3])
    here = align(TimeSeries("x", values, rate_hz=100.0), onsets, (-0.2, 0.4), 0.05)
    there = align(
        TimeSeries("x", values, rate_hz=100.0, start_s=64.0), onsets + 64, (-0.2, 0.4), 0.05
    )
    assert here.dims == ("presentation", "time", "channel")
    assert there.values == pytest.approx(here.values, abs=1e-9)


def test_nothing_is_made_up_where_nothing_was_recorded():
    times = np.concatenate([np.arange(0, 2, 0.01), np.arange(5, 7, 0.01)])
    signal = TimeSeries("x", times, timestamps=times)
    found = align(signal, [1.0, 4.0, 6.0, 100.0], (0.0, 1.5), 0.5)
    assert np.isnan(found.values).tolist() == [
        [False, False, True],
        [True, True, False],
        [False, False, True],
        [True, True, True],
    ]


def test_a_baseline_is_taken_off_each():
    signal = TimeSeries("x", np.arange(100.0), rate_hz=10.0)
    found = align(signal, [2.0, 5.0], (-0.2, 0.2), 0.1, baseline_s=(-0.2, 0.0))
    assert found.sel(time=slice(None, 0)).mean("time").values == pytest.approx([0, 0], abs=1e-12)
    with pytest.raises(InputError, match="baseline"):
        align(signal, [2.0], (-0.2, 0.2), 0.1, baseline_s=(5, 6))


def test_what_would_not_fit_is_refused():
    signal = TimeSeries("x", np.arange(100.0), rate_hz=10.0)
    with pytest.raises(InputError, match="max_bytes"):
        align(signal, np.zeros(1000), (0.0, 1.0), 0.001, max_bytes=10_000)
    with pytest.raises(InputError):
        align(signal, [np.nan], (0.0, 1.0), 0.1)


def test_coordinates_keep_their_names():
    pose = TimeSeries("nose", np.ones((50, 2)), "px", rate_hz=25.0, channels=("x", "y"))
    found = align(pose, [1.0], (-0.2, 0.2), 0.1)
    assert found.channel.values.tolist() == ["x", "y"]


def test_it_is_drawn():
    signal = TimeSeries("pupil", np.sin(np.arange(1000) / 50), unit="mm", rate_hz=50.0)
    ax = (
        align(signal, [5.0, 10.0], (-1.0, 1.0), 0.1)
        .mean("presentation", keep_attrs=True)
        .neuro.plot()
    )
    assert ax.get_xlabel() == "time from onset (s)"
    assert ax.get_ylabel() == "pupil (mm)"
