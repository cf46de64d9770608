"""Every figure says what is drawn in which unit, and refuses arrays that do not go together."""

from __future__ import annotations

import io

import numpy as np
import pytest

figures = pytest.importorskip("matplotlib.figure", reason="matplotlib is not installed")

from panneuro.analysis import plots  # noqa: E402
from panneuro.core.errors import InputError  # noqa: E402

TIMES = np.linspace(-0.5, 1, 40)
CURVES = np.random.default_rng(0).uniform(1, 2, (3, 40))
MAP = np.random.default_rng(0).uniform(0, 9, (4, 6))


@pytest.fixture
def ax():
    figure = figures.Figure()
    ax = figure.add_subplot()
    yield ax
    figure.savefig(io.BytesIO())


@pytest.mark.parametrize(
    ("draw", "xlabel", "ylabel"),
    [
        (lambda ax: plots.raster(ax, [0.1, 0.2], [0, 3]), "time from onset (s)", "presentation"),
        (
            lambda ax: plots.raster(ax, [0.1], [1], groups=[0, 90, 0, 90], n_rows=4),
            "time from onset (s)",
            "presentation",
        ),
        (lambda ax: plots.raster(ax, [], []), "time from onset (s)", "presentation"),
        (
            lambda ax: plots.psth(ax, TIMES, CURVES, CURVES / 9, labels=["a", "b", "c"]),
            "time from onset (s)",
            "rate (Hz)",
        ),
        (
            lambda ax: plots.tuning_curve(ax, [0, 45], [2, 3], [1, 1], spontaneous_hz=1.5),
            "orientation (°)",
            "rate (Hz)",
        ),
        (
            lambda ax: plots.receptive_field(ax, range(6), range(4), MAP),
            "azimuth (°)",
            "elevation (°)",
        ),
        (
            lambda ax: plots.spectrum(ax, np.arange(1, 41), CURVES, CURVES / 2, CURVES * 2),
            "frequency (Hz)",
            "power (V²/Hz)",
        ),
        (
            lambda ax: plots.spectrum(ax, np.arange(1, 41), CURVES[0], log_frequency=True),
            "frequency (Hz)",
            "power (V²/Hz)",
        ),
        (
            lambda ax: plots.spectrogram(ax, range(6), range(4), MAP, centre=0),
            "time (s)",
            "frequency (Hz)",
        ),
        (
            lambda ax: plots.ccg(ax, TIMES, CURVES[0], CURVES[1], (CURVES[1] - 1, CURVES[1] + 1)),
            "lag (ms)",
            "coincidences",
        ),
        (
            lambda ax: plots.decoding(
                ax, TIMES, CURVES, CURVES - 1, CURVES + 1, chance=0.5, significant=CURVES > 1.5
            ),
            "time from onset (s)",
            "accuracy",
        ),
    ],
)
def test_axes_say_what_is_drawn(ax, draw, xlabel, ylabel):
    assert draw(ax) is ax
    assert (ax.get_xlabel(), ax.get_ylabel()) == (xlabel, ylabel)
    assert not ax.spines["top"].get_visible()


def test_raster_keeps_every_spike_and_puts_groups_together(ax):
    rows = np.repeat(np.arange(6), 3)
    plots.raster(ax, np.arange(18.0), rows, groups=["b", "a"] * 3)
    lines = [line for line in ax.lines if line.get_marker() == "|"]
    assert sum(len(line.get_xdata()) for line in lines) == 18
    assert [set(line.get_ydata()) for line in lines] == [{0, 1, 2}, {3, 4, 5}]
    assert [tick.get_text() for tick in ax.get_yticklabels()] == ["a", "b"]


def test_curves_have_colours_and_names_of_their_own(ax):
    plots.psth(ax, TIMES, CURVES, labels=[0, 45, 90])
    colours = [line.get_color() for line in ax.lines[:3]]
    assert colours == list(plots.COLOURS[:3])
    assert [text.get_text() for text in ax.get_legend().get_texts()] == ["0", "45", "90"]


def test_what_does_not_go_together_is_refused(ax):
    with pytest.raises(InputError, match="40 places"):
        plots.psth(ax, TIMES, [1.0])
    with pytest.raises(InputError, match="3 curves have 1 labels"):
        plots.psth(ax, TIMES, CURVES, labels=["a"])
    with pytest.raises(InputError, match="4 rows and 5 columns"):
        plots.receptive_field(ax, range(5), range(4), MAP)
    with pytest.raises(InputError, match="one row of numbers"):
        plots.ccg(ax, [[0.0]], [1.0])
    with pytest.raises(InputError, match="rows"):
        plots.raster(ax, [0.0], [0, 1])
    with pytest.raises(InputError, match="groups of shape"):
        plots.raster(ax, [0.0], [0], groups=["a", "b"])
