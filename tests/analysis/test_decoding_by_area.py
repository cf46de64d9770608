"""Areas are compared with as many cells of each."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest

from panneuro.analysis.decoding import decode
from panneuro.analysis.decoding_by_area import compare_areas
from panneuro.analysis.folds import make_folds
from panneuro.core.errors import InputError


def session(n_units=20, strength=2.0):
    random = np.random.default_rng(0)
    labels = np.tile(np.arange(3), 30)
    return random.normal(size=(90, n_units)) + strength * random.normal(size=(3, n_units))[
        labels
    ], labels


def test_areas_are_compared_with_as_many_cells():
    features, labels = session(30)
    areas, folds = np.array(["V1"] * 20 + ["LM"] * 10), make_folds(labels)
    found = compare_areas(features, labels, areas, folds, n_draws=4)
    assert found.n_units == 10
    assert found.accuracy.sizes == {"area": 2, "draw": 4}
    whole = decode(features[:, 20:], labels, folds).accuracy
    assert (found.accuracy.sel(area="LM") == whole).all(), "all ten are drawn every time"


def test_an_area_that_tells_nothing_is_at_chance():
    features, labels = session(16)
    features[:, 8:] = np.random.default_rng(1).normal(size=(90, 8))
    found = compare_areas(features, labels, ["V1"] * 8 + ["CA1"] * 8, n_units=6, n_draws=10)
    mean = found.accuracy.mean("draw")
    assert mean.sel(area="V1") > 0.8
    assert mean.sel(area="CA1") < 0.5


def test_workers_change_nothing(processes):
    features, labels = session(12)
    asked = (features, labels, np.arange(12) % 2, make_folds(labels, 3))
    alone = compare_areas(*asked, n_draws=3)
    with ThreadPoolExecutor(2) as threads:
        for executor in (threads, processes):
            assert compare_areas(*asked, n_draws=3, executor=executor).identical(alone)


def test_areas_of_the_wrong_shape_are_said():
    features, labels = session()
    folds = make_folds(labels)
    with pytest.raises(InputError, match="areas of shape"):
        compare_areas(features, labels, ["V1"], folds)
    with pytest.raises(InputError, match="'V1' has 5"):
        compare_areas(features, labels, ["V1"] * 5 + ["LM"] * 15, folds, n_units=6)
    with pytest.raises(InputError, match="0 draws"):
        compare_areas(features, labels, ["V1"] * 20, folds, n_draws=0)
