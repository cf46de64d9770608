"""Tuning is found where it was put, and called chance where there is none."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pandas as pd
import pynapple
import pytest

from panneuro.analysis.tuning import fit_field, receptive_fields, tuning_curves
from panneuro.core.errors import InputError
from panneuro.signals.table import Intervals


def shown(**columns):
    n = len(next(iter(columns.values())))
    start = np.arange(n, dtype=float)
    frame = pd.DataFrame({"start_time": start, "stop_time": start + 0.5, **columns})
    return Intervals.from_frame("presentations", frame)


def drawn(rates, seed=0):
    """Draw Poisson spikes at a rate of its own in the half second of each presentation."""
    random = np.random.default_rng(seed)
    return {
        unit: np.sort(
            np.concatenate(
                [at + random.uniform(0, 0.5, random.poisson(r * 0.5)) for at, r in enumerate(row)]
            )
        )
        for unit, row in enumerate(rates)
    }


def test_curves_are_means_by_pandas():
    random = np.random.default_rng(1)
    angle, contrast = random.choice([0, 45, 90], 60), random.choice([0.1, 0.8], 60)
    units = drawn(random.uniform(0, 30, (3, 60)))
    found = tuning_curves(units, shown(angle=angle, contrast=contrast), ("angle", "contrast"))
    assert found.rate.dims == ("unit", "angle", "contrast")
    for unit, train in units.items():
        counts = np.histogram(train[train % 1 < 0.5], np.arange(61))[0] * 2.0
        frame = pd.DataFrame({"angle": angle, "contrast": contrast, "rate": counts})
        by = frame.groupby(["angle", "contrast"]).rate
        for name, theirs in (("rate", by.mean()), ("sem", by.sem())):
            ours = found[name].sel(unit=unit).to_series()
            np.testing.assert_allclose(ours, theirs.reindex(ours.index), atol=1e-9)
    np.testing.assert_array_equal(found.n_presentations.to_series(), by.size())


def test_curves_equal_pynapple():
    random = np.random.default_rng(2)
    angle = random.choice([0, 45, 90], 60)
    units = drawn(random.uniform(0, 30, (3, 60)))
    found = tuning_curves(units, shown(angle=angle), "angle")
    group = pynapple.TsGroup({unit: pynapple.Ts(train) for unit, train in units.items()})
    epochs = {
        value: pynapple.IntervalSet(
            np.flatnonzero(angle == value), np.flatnonzero(angle == value) + 0.5
        )
        for value in (0, 45, 90)
    }
    theirs = pynapple.compute_response_per_epoch(group, epochs)
    np.testing.assert_allclose(found.rate, np.asarray(theirs).reshape(3, 3), rtol=1e-9)


def test_blanks_are_left_out_and_what_was_not_shown_is_not_known():
    table = shown(angle=[0.0, np.nan, 90.0], side=["left", "left", "right"])
    found = tuning_curves({0: [0.1, 1.1]}, table, ["angle", "side"])
    assert found.angle.values.tolist() == [0.0, 90.0]
    assert found.n_presentations.values.tolist() == [[1, 0], [0, 1]]
    assert found.rate.isel(unit=0).isnull().values.tolist() == [[False, True], [True, False]]
    assert found.sem.isnull().all()


def test_a_window_from_the_start_is_obeyed():
    found = tuning_curves({0: [0.1, 0.6, 0.7]}, shown(angle=[0]), "angle", window_s=(0.5, 1.0))
    assert found.rate.item() == 4.0


def flashes():
    x, y = np.meshgrid(np.arange(-40, 50, 10), np.arange(-30, 40, 10))
    x, y = np.tile(x.ravel(), 12), np.tile(y.ravel(), 12)
    order = np.random.default_rng(3).permutation(len(x))
    return x[order], y[order]


def test_receptive_fields_are_found_and_chance_is_not():
    x, y = flashes()
    driven = 2 + 40 * np.exp(-((x - 10) ** 2) / 200 - (y + 10) ** 2 / 400)
    units = {**drawn([driven, np.full(len(x), 8.0)]), 2: []}
    table = shown(x_position=x, y_position=y)
    found = receptive_fields(units, table, n_shuffles=199, seed=5)
    assert found.rate.dims == ("unit", "y", "x")
    assert found.p[0] == pytest.approx(1 / 200)
    assert found.p[1] > 0.01
    assert found.p[2] == 1
    fit = fit_field(found.rate.sel(unit=0))
    assert fit.x == pytest.approx(10, abs=2)
    assert fit.y == pytest.approx(-10, abs=2)
    assert fit.sd_x == pytest.approx(10, abs=2)
    assert fit.r2 > 0.9
    assert fit_field(found.rate.sel(unit=2)) is None
    with ThreadPoolExecutor(3) as pool:
        again = receptive_fields(units, table, n_shuffles=199, seed=5, executor=pool)
    np.testing.assert_array_equal(again.p, found.p)
    assert "p" not in receptive_fields(units, table)


def test_p_values_are_uniform_where_there_is_no_field():
    x, y = flashes()
    x, y = x[:252], y[:252]
    units = drawn(np.full((150, len(x)), 10.0), seed=7)
    p = receptive_fields(units, shown(x_position=x, y_position=y), n_shuffles=99).p.values
    for level in (0.1, 0.5, 0.9):
        assert np.mean(p <= level) == pytest.approx(level, abs=0.13)


def test_impossible_tables_are_refused():
    with pytest.raises(InputError, match="no column 'angle'"):
        tuning_curves({0: [0.1]}, shown(side=[1]), "angle")
    with pytest.raises(InputError, match="no presentation"):
        tuning_curves({0: [0.1]}, shown(angle=[np.nan]), "angle")
    with pytest.raises(InputError, match="does not last"):
        tuning_curves({0: [0.1]}, shown(angle=[1]), "angle", window_s=(0.1, 0.1))
    with pytest.raises(InputError, match="1 places"):
        fit_field(tuning_curves({0: [0.1]}, shown(x=[1], y=[1]), ("y", "x")).rate.sel(unit=0))
