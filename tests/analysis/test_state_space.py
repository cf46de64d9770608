"""The smoother against the hidden Markov model written out."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from panneuro.analysis.state_space import normal_moves, smooth_blocks, smooth_positions
from panneuro.core.errors import InputError


def along(kernel, n_bins):
    reach, moves = len(kernel) // 2, np.zeros((n_bins, n_bins))
    for place in range(n_bins):
        for to in range(max(0, place - reach), min(n_bins, place + reach + 1)):
            moves[place, to] = kernel[to - place + reach]
    return moves / moves.sum(axis=1, keepdims=True)


def written_out(likelihood, *kernels):
    n_times, shape = len(likelihood), likelihood.shape[1:]
    likelihood = likelihood.reshape(n_times, -1)
    moves, n_bins = np.ones((1, 1)), likelihood.shape[1]
    for kernel, size in zip(kernels, shape, strict=True):
        moves = np.kron(moves, along(kernel, size))
    alpha, beta = np.zeros((n_times, n_bins)), np.ones((n_times, n_bins))
    alpha[0] = np.exp(likelihood[0]) / n_bins
    for time in range(1, n_times):
        alpha[time] = alpha[time - 1] @ moves * np.exp(likelihood[time])
    for time in range(n_times - 2, -1, -1):
        beta[time] = moves @ (np.exp(likelihood[time + 1]) * beta[time + 1])
    return alpha * beta / (alpha * beta).sum(axis=1, keepdims=True)


@settings(max_examples=25)
@given(st.integers(0, 10_000), st.integers(1, 3))
def test_it_is_forward_and_backward(seed, reach):
    random = np.random.default_rng(seed)
    likelihood, kernel = random.normal(0, 2, (20, 9)), random.uniform(0.1, 1, 2 * reach + 1)
    found = smooth_positions(likelihood, (kernel,))
    np.testing.assert_allclose(found, written_out(likelihood, kernel), rtol=1e-9, atol=1e-12)


@settings(max_examples=15)
@given(st.integers(0, 10_000), st.integers(1, 2), st.integers(0, 3), st.integers(1, 7))
def test_a_plane_is_walked_likewise_in_blocks_of_any_size(seed, reach, other, n_rows):
    random = np.random.default_rng(seed)
    likelihood = random.normal(0, 2, (12, 5, 4))
    likelihood[:, 1, 2] = -np.inf
    kernels = tuple(random.uniform(0.1, 1, 2 * one + 1) for one in (reach, other))
    expected = written_out(likelihood, *kernels)
    found = smooth_positions(likelihood, kernels)
    np.testing.assert_allclose(found.reshape(12, -1), expected, rtol=1e-9, atol=1e-12)
    flat = likelihood.reshape(12, -1)
    blocks = list(smooth_blocks(lambda rows: flat[rows], 12, (5, 4), kernels, n_rows))
    assert [rows.start for rows, _ in blocks] == list(range(0, 12, n_rows))[::-1]
    joined = np.concatenate([posterior for _, posterior in blocks[::-1]])
    np.testing.assert_allclose(joined, expected, rtol=1e-9, atol=1e-12)


def test_kernels_are_one_for_each_axis():
    with pytest.raises(InputError, match="1 kernels"):
        smooth_positions(np.zeros((3, 4, 4)), ([1.0],))


def test_a_jump_out_of_reach_begins_anew():
    likelihood = np.full((4, 9), -np.inf)
    likelihood[[0, 1, 2, 3], [0, 0, 8, 8]] = 0
    found = smooth_positions(likelihood, ([0.2, 0.6, 0.2],))
    assert found.argmax(axis=1).tolist() == [0, 0, 8, 8]
    assert np.isfinite(found).all()


def test_what_is_apart_by_more_than_single_precision_tells_stays_finite():
    likelihood = np.full((3, 9), -np.inf, dtype=np.float32)
    likelihood[0, 0] = likelihood[1, 8] = likelihood[2, 3] = 0
    likelihood[1, 0], likelihood[2, 0] = -85, -25
    found = smooth_positions(likelihood, ([0.2, 0.6, 0.2],))
    assert found.argmax(axis=1).tolist() == [0, 0, 0]
    np.testing.assert_allclose(found.sum(axis=1), 1, rtol=1e-6)


@pytest.mark.parametrize(
    ("likelihood", "kernel", "message"),
    [
        (np.zeros((2, 3)), [0.5, 0.5], "odd"),
        (np.zeros((2, 3)), [1, 0, 1], "middle"),
        (np.full((2, 3), -np.inf), [1.0], "no possible"),
        (np.full((2, 3), np.nan), [1.0], "no possible"),
    ],
)
def test_what_cannot_be_walked_is_said(likelihood, kernel, message):
    with pytest.raises(InputError, match=message):
        smooth_positions(likelihood, (kernel,))


def test_moves_are_a_normal_law():
    moves = normal_moves(3.0, np.arange(0, 50, 1.5))
    assert moves.sum() == pytest.approx(1)
    steps = (np.arange(len(moves)) - len(moves) // 2) * 1.5
    assert np.sqrt((moves * steps**2).sum()) == pytest.approx(3.0, rel=0.01)
