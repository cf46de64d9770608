"""Results that are neither arrays nor tables draw what they hold, too."""

from __future__ import annotations

import numpy as np
import pytest
import xarray as xr

pyplot = pytest.importorskip("matplotlib.pyplot", reason="matplotlib is not installed")

from sklearn.naive_bayes import GaussianNB  # noqa: E402

from panneuro.analysis.action_potentials import action_potentials  # noqa: E402
from panneuro.analysis.communication import reduced_rank_regression  # noqa: E402
from panneuro.analysis.continual import Session, learn_continually, refit  # noqa: E402
from panneuro.analysis.decoding import decode  # noqa: E402
from panneuro.analysis.decoding_by_area import compare_areas  # noqa: E402
from panneuro.analysis.features import gabor_bank  # noqa: E402
from panneuro.analysis.fields import Fields  # noqa: E402
from panneuro.analysis.glm import fit_poisson  # noqa: E402
from panneuro.analysis.place import decode_position  # noqa: E402
from panneuro.analysis.psychometrics import (  # noqa: E402
    fit_psychometric,
    psychometric_curve,
    psychometric_function,
)
from panneuro.analysis.replay import score_replay  # noqa: E402
from panneuro.analysis.sequences import (  # noqa: E402
    item_fields,
    item_posterior,
    lag_profile,
    rank_order,
)
from panneuro.analysis.tuning import Gaussian  # noqa: E402
from panneuro.core.errors import InputError  # noqa: E402

RANDOM = np.random.default_rng(0)
LABELS = np.repeat(["car", "face", "hand"], 20)
POINTS = RANDOM.normal(size=(60, 12)) + 2 * RANDOM.normal(size=(3, 12)).repeat(20, axis=0)
CENTRES = np.arange(2.5, 100, 5)
FIELDS = Fields(
    20 * np.exp(-((CENTRES - RANDOM.permutation(CENTRES)[:, None]) ** 2) / 100),
    np.ones(20),
    (np.arange(0, 101, 5.0),),
)
EVENT = RANDOM.poisson(8 * FIELDS.rates_hz[:, np.linspace(1, 18, 15).astype(int)].T * 0.02)
ITEMS = np.tile(np.arange(4), 20)


def items():
    counts = RANDOM.poisson(1 + 6 * (np.arange(4) == ITEMS[:, None]))
    return item_posterior(counts, ITEMS, np.arange(80) // 4 % 4, 0.5)


def taught():
    def day(shift):
        return Session(POINTS + shift, LABELS, POINTS + shift, LABELS)

    return learn_continually(GaussianNB(), [day(0), day(9), day(3)], refit)


def regressed():
    features = RANDOM.normal(size=(500, 4))
    return fit_poisson(features, RANDOM.poisson(np.exp(features @ RANDOM.normal(size=(4, 3)) / 3)))


@pytest.fixture(autouse=True)
def figures():
    yield
    for number in pyplot.get_fignums():
        pyplot.figure(number).draw_without_rendering()
    pyplot.close("all")


@pytest.mark.parametrize(
    ("result", "xlabel", "ylabel"),
    [
        (lambda: decode(POINTS, LABELS, n_permutations=9), "predicted", "label"),
        (lambda: FIELDS, "position", "unit"),
        (lambda: score_replay(EVENT, FIELDS, 0.02), "time in the event (ms)", "position"),
        (
            lambda: rank_order(np.arange(6) / 100, np.arange(6)),
            "first spike (ms)",
            "place in the template",
        ),
        (regressed, "unit", "feature"),
        (lambda: gabor_bank(32, 32), "orientation (°)", "cycles per pixel"),
        (taught, "last session learnt", "accuracy"),
        (lambda: Gaussian(1.0, 2.0, 3.0, 4.0, 5.0, 6.0, 0.9), "x", "y"),
        (lambda: items().neuro, "item", "trial"),
        (lambda: lag_profile(items(), ITEMS).neuro, "lag of the item", "probability"),
        (lambda: compare_areas(POINTS, LABELS, ["V1", "LM"] * 6).neuro, "area", "accuracy"),
        (
            lambda: reduced_rank_regression(POINTS[:, :6], POINTS[:, 6:]).neuro,
            "rank",
            "held-out variance predicted",
        ),
    ],
)
def test_axes_say_what_is_drawn(result, xlabel, ylabel):
    ax = result().plot()
    assert (ax.get_xlabel(), ax.get_ylabel()) == (xlabel, ylabel)
    given = pyplot.figure().add_subplot()
    assert result().plot(given) is given


def test_a_decoding_shows_its_confusion():
    found = decode(POINTS, LABELS, n_permutations=9)
    ax = found.plot()
    shares = found.confusion.div(found.confusion.sum(axis=1), axis=0)
    np.testing.assert_allclose(ax.collections[0].get_array().reshape(3, 3), shares)
    chance = f"by chance {found.null.mean():.0%}, p = 0.1"
    assert ax.get_title() == f"{found.accuracy:.0%} told right, {chance}"
    angles = decode(POINTS, np.repeat([0.0, 45.0, 90.0], 20)).plot()
    assert [tick.get_text() for tick in angles.get_yticklabels()] == ["0", "45", "90"]
    assert decode(POINTS, LABELS).plot().get_title().endswith("told right")


def test_fields_are_in_the_order_of_their_places():
    ax = FIELDS.plot()
    drawn = ax.collections[0].get_array().reshape(20, 20)
    np.testing.assert_array_equal(drawn.argmax(axis=1), np.arange(20))
    plane = Fields(np.ones((2, 3, 3)), np.ones((3, 3)), (np.arange(4.0), np.arange(4.0)))
    with pytest.raises(InputError, match="2 unit × 3 x × 3 y"):
        plane.plot()


def test_a_replay_shows_its_posterior_and_its_line():
    found = score_replay(EVENT, FIELDS, 0.02)
    ax = found.plot()
    np.testing.assert_allclose(ax.lines[0].get_ydata(), found.ends)
    np.testing.assert_allclose(ax.lines[0].get_xdata(), [10, 290])
    np.testing.assert_allclose(found.posterior.sum("position"), EVENT.any(axis=1))
    assert "posterior" not in repr(found)


def test_every_draw_has_a_dot_and_every_area_a_bar():
    found = compare_areas(POINTS, LABELS, ["V1", "LM"] * 6, n_units=4, n_draws=7)
    ax = found.neuro.plot()
    dots = [line for line in ax.lines if line.get_marker() == "o"]
    np.testing.assert_allclose([line.get_ydata() for line in dots], found.accuracy)
    bars = [line.get_ydata()[0] for line in ax.lines if line.get_marker() != "o"]
    np.testing.assert_allclose(bars, found.accuracy.mean("draw"))
    assert [tick.get_text() for tick in ax.get_xticklabels()] == ["LM", "V1"]


def test_folds_are_a_mean_with_its_error():
    found = reduced_rank_regression(POINTS[:, :6], POINTS[:, 6:], folds=5)
    ax = found.neuro.plot()
    np.testing.assert_allclose(ax.lines[0].get_ydata(), found.performance.mean("fold"))


def test_many_sessions_are_a_map():
    many = xr.DataArray(np.ones((9, 9)), dims=("tested", "learnt"), name="accuracy")
    ax = many.neuro.plot()
    assert (ax.get_xlabel(), ax.get_ylabel()) == ("learnt", "tested")


def test_estimates_have_their_intervals():
    strength = np.tile([-1.0, -0.3, 0.3, 1.0], 60)
    chose = RANDOM.random(240) < 1 / (1 + np.exp(-3 * strength))
    fit = fit_psychometric(strength, chose, n_resamples=20)
    (ax,) = fit.neuro.plot()
    assert (ax.get_xlabel(), ax.get_ylabel()) == ("value", "parameter")
    np.testing.assert_allclose(ax.lines[0].get_xdata(), fit.value)
    assert [tick.get_text() for tick in ax.get_yticklabels()] == fit.index.tolist()
    ends = np.array([path.vertices[:, 0] for path in ax.collections[0].get_paths()])
    np.testing.assert_allclose(ends, fit[["low", "high"]], atol=1e-9)
    alone = fit_psychometric(strength, chose, n_resamples=0)
    assert len(alone.neuro.plot()) == 1


def test_columns_of_tables_have_the_units_that_their_names_end_in():
    time = np.arange(0, 0.4, 1 / 20_000)
    voltage = -0.07 + sum(0.1 * np.exp(-(((time - at) / 4e-4) ** 2)) for at in (0.1, 0.2, 0.3))
    axes = action_potentials(voltage, 20_000).neuro.plot()
    labels = [ax.get_xlabel() for ax in axes]
    assert labels[:2] == ["threshold (s)", "threshold (V)"]
    assert labels[6] == "upstroke (V/s)"
    assert {ax.get_ylabel() for ax in axes} == {"rows"}


@pytest.mark.parametrize(("axes", "labels"), [(1, ("time (s)", "position (cm)")), (2, None)])
def test_decoded_positions_lie_over_the_true_ones(axes, labels):
    path = np.stack([np.abs(np.arange(400) % 40 - 20.0), np.arange(400) / 20], axis=1)[:, :axes]
    counts = RANDOM.poisson(4 * np.exp(-((path[:, :1] - np.arange(0, 21, 4)) ** 2) / 8))
    cm = xr.DataArray(path, dims=("time", "axis"), attrs={"units": "cm"})
    edges = (np.arange(0, 22, 2.0),) * axes
    ax = decode_position(counts, cm, edges, 0.1).neuro.plot()
    assert (ax.get_xlabel(), ax.get_ylabel()) == (labels or ("x (cm)", "y (cm)"))
    true, found = ax.lines
    np.testing.assert_array_equal(true.get_ydata(), path[:, -1])
    assert [text.get_text() for text in ax.get_legend().get_texts()] == ["true", "decoded"]
    assert found.get_linestyle() == "None"


def test_fields_of_few_units_are_curves_and_those_of_items_have_their_names():
    few = Fields(FIELDS.rates_hz[:2], FIELDS.occupancy_s, FIELDS.edges, "cm").plot()
    assert (few.get_xlabel(), few.get_ylabel()) == ("position (cm)", "rate (Hz)")
    assert len(few.lines) == 2
    odours = item_fields(RANDOM.poisson(2, (40, 12)), ["lemon", "rose"] * 20, 0.5).plot()
    assert [tick.get_text() for tick in odours.get_xticklabels()] == ["lemon", "rose"]
    mean = items().mean("trial", keep_attrs=True).neuro.plot()
    assert (mean.get_xlabel(), mean.get_ylabel()) == ("item", "probability")


def test_a_fitted_function_is_a_line_over_its_points():
    strengths = RANDOM.choice([-1, -0.25, -0.06, 0.06, 0.25, 1], 400)
    chose = RANDOM.random(400) < 1 / (1 + np.exp(-strengths / 0.2))
    ax = psychometric_curve(strengths, chose).neuro.plot()
    fit = fit_psychometric(strengths, chose, n_resamples=0)
    psychometric_function(np.linspace(-1, 1, 100), fit).neuro.plot(ax)
    points, line = (one for one in ax.lines if len(one.get_xdata()) > 2)
    assert line.get_marker() == "None"
    assert line.get_color() != points.get_color()
    assert ax.get_ylabel() == "probability of the choice"
    at = ax.get_xticks()
    assert np.diff(at).min() > 0.05 * np.ptp(at)


def test_a_map_of_nothing_but_zeros_has_a_scale_from_zero():
    silent = xr.DataArray(np.zeros((4, 5)), dims=("y", "x"), name="rate").neuro.plot()
    assert silent.collections[0].get_clim() == (0, 1)
