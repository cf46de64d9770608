"""Numbers on axes are easily read, and no figure changes another's style."""

from __future__ import annotations

import numpy as np
import pytest
import xarray as xr
from hypothesis import given
from hypothesis import strategies as st

pyplot = pytest.importorskip("matplotlib.pyplot", reason="matplotlib is not installed")

from panneuro.signals.plot_style import COLOURS, STYLE, axis_of, readable, styled  # noqa: E402


@given(st.floats(1e-9, 1e3), st.sampled_from(["volts", "(volts)²", "(volts)²/Hz"]))
def test_volts_become_numbers_of_one_or_more(size, unit):
    factor, read = readable([-size, size / 2], unit)
    power = 2 if "²" in unit else 1
    assert "V" in read
    assert size * factor >= 1 or factor == 1e6**power or factor == 1e9**power
    assert factor in {1.0, 1e3**power, 1e6**power, 1e9**power}


def test_short_times_are_milliseconds_and_others_keep_their_unit():
    lags = xr.DataArray([-0.05, 0.05], name="lag", attrs={"units": "s", "long_name": "lag"})
    values, label = axis_of(lags)
    np.testing.assert_allclose(values, [-50, 50])
    assert label == "lag (ms)"
    assert readable([0.0, 2.0], "s") == (1.0, "s")
    assert readable([], "Hz") == (1.0, "Hz")
    assert readable([np.nan], "volts")[1] == "V"


def test_an_axis_keeps_the_unit_that_it_has():
    assert readable([2e-9], "volts", "lfp (µV)") == (1e6, "µV")
    assert readable([0.1], "s", "lag (s)") == (1.0, "s")
    assert readable([2e-9], "volts", "rate (Hz)") == (1e9, "nV")


def test_the_style_ends_with_the_figure():
    before = dict(pyplot.rcParams)
    with styled(None) as ax:
        assert pyplot.rcParams["font.size"] == STYLE["font.size"]
        assert ax.figure.get_size_inches()[0] == 3.4
    assert dict(pyplot.rcParams) == before
    pyplot.close(ax.figure)


def _luminance(colour):
    parts = np.array([int(colour[at : at + 2], 16) / 255 for at in (1, 3, 5)])
    linear = np.where(parts <= 0.04045, parts / 12.92, ((parts + 0.055) / 1.055) ** 2.4)
    return linear @ [0.2126, 0.7152, 0.0722]


def _seen(colour, matrix):
    parts = np.array([int(colour[at : at + 2], 16) / 255 for at in (1, 3, 5)]) ** 2.2
    return np.clip(matrix @ parts, 0, 1) ** (1 / 2.2)


def test_colours_differ_for_people_with_any_form_of_colour_blindness():
    # Machado, Oliveira & Fernandes, IEEE Trans. Vis. Comput. Graph. 15 (2009) 1291, table 1.
    forms = {
        "protanopia": [
            [0.152286, 1.052583, -0.204868],
            [0.114503, 0.786281, 0.099216],
            [-0.003882, -0.048116, 1.051998],
        ],
        "deuteranopia": [
            [0.367322, 0.860646, -0.227968],
            [0.280085, 0.672501, 0.047413],
            [-0.011820, 0.042940, 0.968881],
        ],
        "tritanopia": [
            [1.255528, -0.076749, -0.178779],
            [-0.078411, 0.930809, 0.147602],
            [0.004733, 0.691367, 0.303900],
        ],
    }
    for matrix in forms.values():
        seen = [_seen(colour, np.array(matrix)) for colour in COLOURS]
        apart = [np.linalg.norm(a - b) for i, a in enumerate(seen) for b in seen[:i]]
        assert min(apart) > 0.1


def test_lines_stand_out_from_white():
    assert all((1.05 / (_luminance(colour) + 0.05)) > 2 for colour in COLOURS)
