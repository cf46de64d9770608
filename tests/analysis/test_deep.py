"""The deep decoder: what it learns, what it must not know, and how it is kept in a file."""

from __future__ import annotations

import json
import subprocess
import sys

import numpy as np
import pytest
import xarray as xr
from sklearn.base import clone

from panneuro.analysis.decoding import Tuned, decode
from panneuro.analysis.folds import make_folds
from panneuro.analysis.linear_classifiers import LDA
from panneuro.core.errors import FormatError, InputError, NotFoundError

pytest.importorskip("jax")

from panneuro.analysis.deep import DeepDecoder
from panneuro.analysis.weights import read_weights, write_weights

SMALL = {"n_hidden": 16, "max_epochs": 40, "patience": 10, "seed": 3}


def bursts(n_trials=200, n_bins=16, seed=0):
    """Two cells fire one after the other, at any time: which of them is first is the label."""
    random = np.random.default_rng(seed)
    labels = np.arange(n_trials) % 2
    counts = random.poisson(0.3, (n_trials, 4, n_bins)).astype(float)
    for trial, label in enumerate(labels):
        begin = random.integers(n_bins) + np.arange(2)
        counts[trial, label, begin % n_bins] += 3
        counts[trial, 1 - label, (begin + 2) % n_bins] += 3
    return counts, np.array(["left", "right"])[labels]


@pytest.fixture(scope="module")
def learnt():
    features, labels = bursts()
    return DeepDecoder(**SMALL).fit(features, labels), features, labels


def test_the_order_of_bursts_is_learnt_where_a_line_cannot():
    features, labels = bursts()
    folds = make_folds(labels, 4)
    deep = decode(features, labels, folds, model=DeepDecoder(**SMALL))
    flat = decode(features.reshape(len(labels), -1), labels, folds, model=LDA((0.1, 0.5, 0.9)))
    assert deep.accuracy > 0.95
    assert flat.accuracy < 0.62


def test_labels_that_are_shuffled_are_told_by_chance():
    features, labels = bursts()
    random = np.random.default_rng(4)
    found = [
        decode(features, random.permutation(labels), 4, model=DeepDecoder(**SMALL)).accuracy
        for _ in range(4)
    ]
    assert abs(np.mean(found) - 0.5) < 0.08


def test_the_same_seed_learns_the_same_to_the_bit(learnt):
    decoder, features, labels = learnt
    again = clone(decoder).fit(features, labels)
    assert again.losses_ == decoder.losses_
    np.testing.assert_array_equal(again.predict_proba(features), decoder.predict_proba(features))
    other = clone(decoder).set_params(seed=4).fit(features, labels)
    assert other.losses_ != decoder.losses_


def test_probabilities_sum_to_one_and_units_have_a_scale_of_their_own(learnt):
    decoder, features, labels = learnt
    probability = decoder.predict_proba(features)
    np.testing.assert_allclose(probability.sum(axis=1), 1, rtol=1e-5)
    np.testing.assert_array_equal(
        decoder.predict(features), decoder.classes_[probability.argmax(1)]
    )
    scale = np.array([1.0, 10.0, 100.0, 0.1])[:, None]
    scaled = clone(decoder).fit(features * scale + 7, labels)
    np.testing.assert_allclose(scaled.predict_proba(features * scale + 7), probability, atol=0.05)


def test_trials_that_are_tested_have_no_say():
    features, labels = bursts()
    folds = make_folds(labels, 4)
    one = decode(features, labels, folds, model=DeepDecoder(**SMALL))
    spoilt = features.copy()
    spoilt[np.flatnonzero(folds == 2)[0]] = 1000
    two = decode(spoilt, labels, folds, model=DeepDecoder(**SMALL))
    others = np.flatnonzero(folds == 2)[1:]
    np.testing.assert_array_equal(one.predicted[others], two.predicted[others])


def test_whole_groups_say_when_to_stop():
    codes, groups = np.arange(60) % 2, np.arange(60) // 10
    held = DeepDecoder()._held_out(codes, groups)
    assert all(held[groups == group].all() or not held[groups == group].any() for group in range(6))
    assert 0 < held.sum() < 30


def test_parameters_are_chosen_within_training_sets():
    features, labels = bursts(60)
    tuned = Tuned(DeepDecoder(batch_size=64), {"max_epochs": [1, 30]})
    found = decode(features, labels, 3, model=tuned)
    assert [chosen["max_epochs"] for chosen in found.chosen] == [30, 30, 30]


def test_a_file_keeps_all_that_is_needed(learnt, tmp_path):
    _, features, labels = learnt
    named = xr.DataArray(
        features,
        {"unit": ["a", "b", "c", "d"], "time": np.arange(16) * 0.05},
        ("trial", "unit", "time"),
    )
    decoder = DeepDecoder(**SMALL).fit(named, labels)
    decoder.save(tmp_path / "decoder.safetensors")
    again = DeepDecoder.load(tmp_path / "decoder.safetensors")
    assert again.get_params() == decoder.get_params()
    assert again.classes_.tolist() == ["left", "right"]
    assert again.units_.tolist() == ["a", "b", "c", "d"]
    np.testing.assert_array_equal(again.bins_s_, named.time)
    np.testing.assert_array_equal(again.predict_proba(named), decoder.predict_proba(named))
    with pytest.raises(InputError, match="another order"):
        again.predict(named.sel(unit=["b", "a", "c", "d"]))
    _, header = read_weights(tmp_path / "decoder.safetensors")
    assert (header["format"], header["version"]) == ("panneuro deep decoder", 1)
    assert "deviation" in header["preprocessing"]
    assert [path.name for path in tmp_path.iterdir()] == ["decoder.safetensors"]


def change(header, arrays, name, value):
    if name in arrays:
        arrays[name] = value(arrays[name])
    elif name in header["parameters"]:
        header["parameters"][name] = value
    else:
        header[name] = value


@pytest.mark.parametrize(
    ("name", "value", "message"),
    [
        ("format", "another", "'another'"),
        ("version", 2, "version 2"),
        ("parameters", {"n_layers": 3}, "header"),
        ("parameters", [], "header"),
        ("n_hidden", 10**9, "header"),
        ("n_hidden", "many", "header"),
        ("n_blocks", 3, "other shapes"),
        ("classes", ["left"], "no list of 2"),
        ("classes", ["left", "left"], "different"),
        ("classes", ["left", 1], "neither"),
        ("units", {"a": 1}, "no list"),
        ("units", [1, 2, 3], "other shapes"),
        ("units", [1, 2, 3, 10**30], "too large"),
        ("bins", list(range(99)), "other shapes"),
        ("mixture", lambda array: array * np.float32(np.nan), "finite"),
        ("mixture", lambda array: array.astype(np.float64), "float32"),
        ("mixture", lambda array: array.T.copy(), "other shapes"),
        ("deviation", lambda array: array * 0, "above zero"),
    ],
)
def test_files_that_lie_are_refused(learnt, tmp_path, name, value, message):
    decoder, path = learnt[0], tmp_path / "decoder.safetensors"
    decoder.save(path)
    arrays, header = read_weights(path)
    change(header, arrays, name, value)
    write_weights(path, arrays, header)
    with pytest.raises(FormatError, match=message):
        DeepDecoder.load(path)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"dropout": 1.0}, "dropout"),
        ({"n_hidden": 2.5}, "n_hidden"),
        ({"batch_size": 0}, "batch_size"),
        ({"seed": -1}, "seed"),
        ({"learning_rate": np.nan}, "learning_rate"),
    ],
)
def test_parameters_out_of_range_are_said(change, message):
    with pytest.raises(InputError, match=message):
        DeepDecoder(**change).fit(np.eye(8), np.arange(8) % 2)


def test_what_cannot_be_learnt_or_told_is_said(learnt, tmp_path):
    decoder, features, labels = learnt
    with pytest.raises(InputError, match="before it learnt"):
        DeepDecoder().predict(features)
    with pytest.raises(InputError, match="before it learnt"):
        DeepDecoder().save(tmp_path / "decoder.safetensors")
    with pytest.raises(InputError, match="4 units and 16 bins"):
        decoder.predict(features[:, :3])
    with pytest.raises(InputError, match="one trial"):
        DeepDecoder().fit(features[:5], ["a", "a", "a", "a", "b"])
    with pytest.raises(InputError, match="one group"):
        DeepDecoder().fit(features, labels, np.zeros(len(labels)))
    failed = DeepDecoder()
    with pytest.raises(InputError, match="not finite"):
        failed.fit(features * np.nan, labels)
    with pytest.raises(InputError, match="before it learnt"):
        failed.predict(features)
    with pytest.raises(InputError, match="features of shape"):
        decoder.predict(1.0)
    with pytest.raises(NotFoundError, match="no file"):
        DeepDecoder.load(tmp_path / "nothing")


def test_without_its_extra_the_pip_line_is_said():
    code = "import sys; sys.modules['jax'] = None; import panneuro.analysis.deep"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert "MissingExtraError" in done.stderr
    assert 'pip install "panneuro[deep]"' in done.stderr


def test_a_header_holds_json(learnt, tmp_path):
    learnt[0].save(tmp_path / "decoder.safetensors")
    raw = (tmp_path / "decoder.safetensors").read_bytes()
    length = int.from_bytes(raw[:8], "little")
    metadata = json.loads(raw[8 : 8 + length])["__metadata__"]
    assert json.loads(metadata["classes"]) == ["left", "right"]
