"""Every result draws itself: what is drawn follows from its dims, and every axis has its unit."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
import xarray as xr

pyplot = pytest.importorskip("matplotlib.pyplot", reason="matplotlib is not installed")

from panneuro.analysis.clusters import cluster_f_test  # noqa: E402
from panneuro.analysis.coherence import coherence  # noqa: E402
from panneuro.analysis.condition_spectra import power_by_condition  # noqa: E402
from panneuro.analysis.correlograms import correlograms  # noqa: E402
from panneuro.analysis.csd import current_source_density  # noqa: E402
from panneuro.analysis.expected_correlograms import jitter_expectation  # noqa: E402
from panneuro.analysis.filters import filtered  # noqa: E402
from panneuro.analysis.locking import phase_locking, spike_triggered_average  # noqa: E402
from panneuro.analysis.psth import count_windows, psth_by_condition, psth_tensor  # noqa: E402
from panneuro.analysis.rasters import raster  # noqa: E402
from panneuro.analysis.responses import fano_factor, first_spike_latency, zscore  # noqa: E402
from panneuro.analysis.selectivity import selectivity  # noqa: E402
from panneuro.analysis.spectra import spectrogram, welch  # noqa: E402
from panneuro.analysis.synchrony import excess, jitter_test  # noqa: E402
from panneuro.analysis.tuning import receptive_fields, tuning_curves  # noqa: E402
from panneuro.analysis.wavelets import morlet_spectrogram  # noqa: E402
from panneuro.core.errors import InputError  # noqa: E402
from panneuro.signals.table import Intervals  # noqa: E402
from panneuro.signals.timeseries import TimeSeries  # noqa: E402

RANDOM = np.random.default_rng(0)
UNITS = {unit: np.sort(RANDOM.uniform(0, 40, 400)) for unit in range(10)}
ONSETS = np.arange(1.0, 39.0, 0.5)
ANGLES = np.tile([0, 45], 38)
SHOWN = Intervals.from_frame(
    "shown",
    pd.DataFrame(
        {
            "start_time": ONSETS,
            "stop_time": ONSETS + 0.4,
            "orientation": ANGLES,
            "image": np.where(ANGLES, "cat", "dog"),
            "x_position": np.arange(76) % 3 * 10.0,
            "y_position": np.arange(76) // 3 % 3 * 10.0,
        }
    ),
)
LFP = TimeSeries("lfp", 1e-5 * RANDOM.standard_normal((10_000, 9)), "volts", rate_hz=250.0)
WINDOW = (-0.2, 0.4)
LAGS = {"max_lag_s": 0.02}


def by_condition():
    return psth_by_condition(UNITS, ONSETS, ANGLES, WINDOW, 0.05)


def ccg():
    return correlograms(UNITS, **LAGS).sel(unit=0, other=1)


def surprise():
    found = excess(correlograms(UNITS, **LAGS), jitter_expectation(UNITS, **LAGS))
    return found.sel(unit=0, other=1)


def locking():
    return phase_locking(UNITS, LFP, "theta")


def related():
    return coherence(LFP, ONSETS[:60], (0.0, 0.4), max_hz=60)


@pytest.fixture
def figures():
    yield
    for number in pyplot.get_fignums():
        pyplot.figure(number).draw_without_rendering()
    pyplot.close("all")


@pytest.mark.usefixtures("figures")
@pytest.mark.parametrize(
    ("result", "xlabel", "ylabel"),
    [
        (lambda: by_condition().sel(unit=0), "time from onset (s)", "rate (Hz)"),
        (lambda: by_condition().rate.sel(condition=0), "time from onset (s)", "unit"),
        (
            lambda: zscore(by_condition().rate, (-0.2, 0)).sel(unit=0),
            "time from onset (s)",
            "rate (sd of baseline)",
        ),
        (
            lambda: psth_tensor(UNITS, ONSETS, WINDOW, 0.05).sel(unit=0),
            "time from onset (s)",
            "presentation",
        ),
        (lambda: count_windows(UNITS, ONSETS, ONSETS + 0.4), "unit", "presentation"),
        (
            lambda: first_spike_latency(UNITS, ONSETS, WINDOW).sel(unit=0),
            "latency of first spike (s)",
            "presentations",
        ),
        (
            lambda: fano_factor(count_windows(UNITS, ONSETS, ONSETS + 1)),
            "Fano factor",
            "units",
        ),
        (lambda: raster(UNITS, ONSETS, WINDOW), "time from onset (s)", "presentation"),
        (
            lambda: raster(UNITS, ONSETS, WINDOW, conditions=ANGLES),
            "time from onset (s)",
            "condition",
        ),
        (lambda: raster({0: []}, ONSETS, WINDOW), "time from onset (s)", "presentation"),
        (
            lambda: tuning_curves(UNITS, SHOWN, "orientation").isel(unit=[0, 1]),
            "orientation (°)",
            "rate (Hz)",
        ),
        (lambda: tuning_curves(UNITS, SHOWN, "image").sel(unit=0), "image", "rate (Hz)"),
        (
            lambda: selectivity(tuning_curves(UNITS, SHOWN, "orientation").rate),
            "orientation selectivity",
            "units",
        ),
        (
            lambda: receptive_fields(UNITS, SHOWN).sel(unit=0),
            "x position (°)",
            "y position (°)",
        ),
        (ccg, "lag (ms)", "coincidences (spike pairs)"),
        (surprise, "lag (ms)", "coincidences (spike pairs)"),
        (
            lambda: jitter_test({0: UNITS[0], 1: UNITS[1]}, n_surrogates=9),
            "other unit",
            "unit",
        ),
        (lambda: welch(LFP).isel(channel=[0, 3]), "frequency (Hz)", "power (µV²/Hz)"),
        (lambda: welch(LFP), "frequency (Hz)", "channel"),
        (lambda: spectrogram(LFP).isel(channel=0), "time (s)", "frequency (Hz)"),
        (
            lambda: morlet_spectrogram(LFP, np.geomspace(5, 60, 9), every=10).isel(channel=0),
            "time (s)",
            "frequency (Hz)",
        ),
        (
            lambda: power_by_condition(LFP, ONSETS[:60], ANGLES[:60], (0.0, 0.4)).isel(channel=0),
            "frequency (Hz)",
            "power (µV²/Hz)",
        ),
        (lambda: related().isel(channel=0, other=1), "frequency (Hz)", "squared coherence"),
        (lambda: related().isel(frequency=3), "other channel", "channel"),
        (locking, "channel", "unit"),
        (
            lambda: spike_triggered_average(UNITS, LFP).isel(unit=0, channel=[0, 1]),
            "time from spike (ms)",
            "spike-triggered average (µV)",
        ),
        (
            lambda: filtered(LFP, "theta").to_xarray(10, 12).isel(channel=[0, 1]),
            "time (s)",
            "lfp (µV)",
        ),
        (
            lambda: current_source_density(LFP, np.arange(9) * 1e-4).to_xarray(1, 3),
            "time (s)",
            "channel",
        ),
    ],
)
def test_axes_say_what_is_drawn(result, xlabel, ylabel):
    ax = result().neuro.plot()
    assert (ax.get_xlabel(), ax.get_ylabel()) == (xlabel, ylabel)
    assert not ax.spines["top"].get_visible()
    given = pyplot.figure().add_subplot()
    assert result().neuro.plot(given) is given


@pytest.mark.usefixtures("figures")
def test_a_raster_has_every_spike_and_puts_conditions_together():
    spikes = raster(UNITS, ONSETS, WINDOW, conditions=np.where(ANGLES, "b", "a"))
    ax = spikes.isel(spike=spikes.unit == 3).neuro.plot()
    lines = [line for line in ax.lines if line.get_marker() == "|"]
    counts = count_windows({3: UNITS[3]}, ONSETS + WINDOW[0], ONSETS + WINDOW[1]).values[:, 0]
    drawn = [len(line.get_xdata()) for line in lines]
    assert drawn == [counts[ANGLES == 0].sum(), counts[ANGLES == 45].sum()]
    assert lines[0].get_ydata().max() < lines[1].get_ydata().min()
    assert [tick.get_text() for tick in ax.get_yticklabels()] == ["a", "b"]


@pytest.mark.usefixtures("figures")
def test_curves_have_the_range_of_their_error_and_a_name():
    found = by_condition().sel(unit=0)
    ax = found.neuro.plot()
    band = ax.collections[0].get_paths()[0].vertices[:, 1]
    assert band.max() == pytest.approx(float((found.rate + found.sem)[0].max()))
    np.testing.assert_allclose(ax.lines[1].get_ydata(), found.rate[1])
    legend = ax.get_legend()
    assert [text.get_text() for text in legend.get_texts()] == ["0", "45"]
    assert legend.get_title().get_text() == "condition"


@pytest.mark.usefixtures("figures")
def test_a_correlogram_has_its_counts_and_what_is_expected():
    found = surprise()
    ax = found.neuro.plot()
    np.testing.assert_array_equal(ax.patches[0].get_data().values, found.observed)
    line = next(line for line in ax.lines if line.get_label() == "expected")
    np.testing.assert_allclose(line.get_ydata(), found.expected)


def decoded(dims, shape):
    times = np.linspace(-0.2, 0.6, 9)
    accuracy = RANDOM.uniform(0.4, 0.9, shape)
    variables = {
        "accuracy": (dims, accuracy),
        "p_max": (dims, np.where(accuracy > 0.7, 0.01, 0.5)),
        "null": (("permutation", *dims), np.full((3, *shape), 0.5)),
    }
    return xr.Dataset(variables, dict.fromkeys(dims, times))


@pytest.mark.usefixtures("figures")
def test_accuracy_over_time_has_its_chance_and_where_it_is_above():
    found = decoded(("time",), (9,))
    ax = found.neuro.plot()
    assert "chance" in [text.get_text() for text in ax.texts]
    bars = [[end[0] for end in bar] for bar in ax.collections[0].get_segments()]
    times = found.time[found.p_max < 0.05]
    assert 0 < len(times) < 9
    np.testing.assert_allclose(bars, np.stack([times - 0.05, times + 0.05], axis=1))


@pytest.mark.usefixtures("figures")
def test_clusters_that_are_more_than_chance_have_a_bar():
    samples = xr.DataArray(
        RANDOM.normal(size=(40, 50)), {"time": np.arange(50) / 10}, ("trial", "time")
    )
    samples[:20, 10:20] += 2
    found = cluster_f_test(samples, np.arange(40) < 20, 4.0, n_permutations=199)
    ax = found.neuro.plot()
    assert ax.get_ylabel() == "F"
    starts = [bar[0][0] for bar in ax.collections[0].get_segments()]
    significant = found.cluster.isin(found.cluster_number[found.p < 0.05])
    assert 8 <= significant.sum() < 50
    np.testing.assert_allclose(starts, found.time[significant] - 0.05)


@pytest.mark.usefixtures("figures")
def test_what_is_drawn_over_something_is_in_its_unit():
    time = {"time": np.arange(5.0)}
    field, fast = (
        xr.DataArray(size * np.arange(5.0), time, ("time",), "lfp", {"units": "volts"})
        for size in (1e-4, 1e-8)
    )
    ax = field.neuro.plot()
    assert ax.get_ylabel() == "lfp (µV)"
    fast.neuro.plot(ax)
    assert ax.get_ylabel() == "lfp (µV)"
    np.testing.assert_allclose(ax.lines[1].get_ydata(), 1e6 * fast)


@pytest.mark.usefixtures("figures")
def test_errors_of_points_are_in_the_unit_of_the_points_and_may_be_lopsided():
    of = {"mean": 2e-4, "low": 1e-4, "high": 5e-4}
    found = xr.Dataset(
        {name: ("depth", [at, at]) for name, at in of.items()}, {"depth": [0.0, 9.0]}
    )
    found["mean"].attrs["units"] = "volts"
    ax = found.neuro.plot()
    for error in ax.collections[0].get_segments():
        np.testing.assert_allclose(error[:, 1], [100, 500])
    assert ax.get_ylabel() == "mean (µV)"


@pytest.mark.usefixtures("figures")
def test_what_units_have_in_common_is_not_outshone_by_what_each_has_with_itself():
    few = xr.DataArray([[1.0, 0.1], [0.1, 1.0]], dims=("unit", "other"), name="correlation")
    ax = few.neuro.plot()
    drawn = ax.collections[0].get_array()
    np.testing.assert_array_equal(np.ma.getmaskarray(drawn), np.eye(2))
    assert ax.collections[0].get_clim()[1] == pytest.approx(0.1)
    (2 * few).neuro.plot()


@pytest.mark.usefixtures("figures")
def test_many_units_are_numbered_in_round_steps():
    counts = xr.DataArray(np.ones((202, 30)), dims=("unit", "time"), name="rate")
    np.testing.assert_array_equal(counts.neuro.plot().get_yticks(), [0, 50, 100, 150, 200])


@pytest.mark.usefixtures("figures")
def test_p_values_over_time_show_how_small_they_are():
    found = xr.DataArray([0.5, 1e-4, 0.9], {"time": np.arange(3.0)}, ("time",), "p_max")
    assert found.neuro.plot().get_yscale() == "log"


@pytest.mark.usefixtures("figures")
def test_time_without_seconds_is_counted_in_bins():
    assert xr.DataArray([1.0, 2.0], dims="time", name="error").neuro.plot().get_xlabel() == (
        "time (bins)"
    )


@pytest.mark.usefixtures("figures")
def test_training_at_one_time_and_testing_at_another_is_a_map():
    ax = decoded(("train_time", "test_time"), (9, 9)).neuro.plot()
    assert (ax.get_xlabel(), ax.get_ylabel()) == ("test time", "train time")
    assert not ax.yaxis_inverted()


@pytest.mark.usefixtures("figures")
@pytest.mark.parametrize(("values", "least"), [([0.0, 0.9], 0.0), ([-0.2, 0.9], -0.2)])
def test_white_is_at_chance_and_the_scale_ends_at_what_can_be(values, least):
    pairs = xr.DataArray(np.resize(values, (4, 4)), dims=("channel", "other"), name="coherence")
    ax = pairs.assign_attrs(chance=0.3).neuro.plot()
    mesh, bar = ax.collections[0], ax.figure.axes[-1]
    assert mesh.norm.vmin + mesh.norm.vmax == pytest.approx(0.6)
    np.testing.assert_allclose(bar.get_ylim(), (least, 0.9))


@pytest.mark.usefixtures("figures")
def test_pairs_of_areas_by_kind_of_stimulus_are_points():
    areas = ["V1", "LM"]
    places = {"type": ["faces", "gratings"], "area": areas, "other_area": areas}
    means = xr.DataArray(np.arange(8.0).reshape(2, 2, 2), places, tuple(places), name="mean")
    ax = means.neuro.plot()
    assert [text.get_text() for text in ax.get_xticklabels()] == ["V1, V1", "V1, LM", "LM, LM"]
    assert [line.get_ydata().tolist() for line in ax.lines] == [[0, 1, 3], [4, 5, 7]]


@pytest.mark.usefixtures("figures")
def test_what_is_no_square_matrix_of_pairs_fills_the_figure():
    pairs = xr.DataArray(np.random.default_rng(0).random((3, 76)), dims=("channel", "other"))
    assert pairs.neuro.plot().get_aspect() == "auto"
    assert pairs[:, :12].neuro.plot().get_aspect() == 1.0
    lagged = xr.DataArray(np.ones((9, 21)), {"lag": np.linspace(-0.1, 0.1, 21)}, ("other", "lag"))
    assert lagged.neuro.plot().get_aspect() == "auto"


@pytest.mark.usefixtures("figures")
def test_phases_are_drawn_on_a_circle():
    found = locking().isel(channel=0)
    ax = found.neuro.plot()
    assert ax.name == "polar"
    ends = np.concatenate([line.get_xdata() for line in ax.lines if line.get_marker() == "o"])
    np.testing.assert_allclose(np.sort(ends), np.sort(found.phase))
    apart = np.angle(np.exp(1j * (found.phase.values - np.deg2rad(ax.get_rlabel_position()))))
    assert np.abs(apart).min() > 0.3
    with pytest.raises(InputError, match="polar"):
        found.neuro.plot(pyplot.figure().add_subplot())


@pytest.mark.usefixtures("figures")
def test_nothing_and_gaps_are_drawn():
    by_condition().rate.isel(condition=0).where(False).neuro.plot()
    (by_condition().isel(unit=0) * np.nan).neuro.plot()
    welch(LFP.with_data(np.zeros((10_000, 2)))).neuro.plot()


def test_what_has_too_many_dims_says_what_to_select():
    with pytest.raises(InputError, match="2 condition × 10 unit × 12 time") as refused:
        by_condition().neuro.plot()
    assert "found.isel(unit=0)" in refused.value.hint
    with pytest.raises(InputError, match="no dims"):
        xr.DataArray(1.0, name="rate").neuro.plot()
