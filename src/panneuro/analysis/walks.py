"""Random walks along a line of bins, smoothed from noisy likelihoods."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from panneuro.analysis.compiling import compiled
from panneuro.core.errors import InputError

Floats = npt.NDArray[np.floating[Any]]


def smooth_over_time(log_likelihood: Floats, kernel: npt.ArrayLike) -> Floats:
    """Return the probability of each position given all times: forward and backward over a line.

    Parameters
    ----------
    log_likelihood : ndarray, shape (n_times, n_bins)
        As :func:`position_log_likelihood` returns it.
    kernel : array-like, shape (2 * reach + 1,)
        Probability of moving by ``-reach`` to ``reach`` bins in one step; what would leave the line
        is divided among the other moves.

    Returns
    -------
    ndarray, shape (n_times, n_bins)
        Rows sum to one.

    Notes
    -----
    The forward–backward algorithm of a hidden Markov model (Rabiner 1989, Proc. IEEE 77:257).

    Examples
    --------
    >>> likelihood = np.log([[0.9, 0.05, 0.05], [0.3, 0.3, 0.4], [0.9, 0.05, 0.05]])
    >>> smooth_over_time(likelihood, [0.1, 0.8, 0.1]).argmax(axis=1)
    array([0, 0, 0])
    """
    moves = np.asarray(kernel, dtype=log_likelihood.dtype)
    if moves.ndim != 1 or len(moves) % 2 == 0 or (moves < 0).any() or moves[len(moves) // 2] <= 0:
        raise InputError("a kernel of moves needs an odd number of values, its middle above 0")
    if np.isnan(log_likelihood).any() or (log_likelihood.max(axis=1) == -np.inf).any():
        raise InputError("a bin of time has no possible position")
    forward = np.empty_like(log_likelihood)
    posterior = np.empty_like(log_likelihood)
    _forward(log_likelihood, moves, forward)
    _backward(forward, moves, posterior)
    return posterior


def normal_moves(step: float, edges: Floats) -> Floats:
    """Return the probabilities of a normal step from bin to bin, out to four deviations.

    Examples
    --------
    >>> normal_moves(0.5, np.arange(9.0)).round(2)
    array([0.  , 0.11, 0.79, 0.11, 0.  ])
    """
    widths = np.diff(edges)
    if not np.allclose(widths, widths[0]):
        raise InputError("smoothing over time needs bins of one width")
    if not step > 0:
        raise InputError(f"the step is {step!r}, not above 0")
    sigma = step / widths[0]
    reach = min(len(widths) - 1, int(np.ceil(4 * sigma)))
    kernel: Floats = np.exp(-0.5 * (np.arange(-reach, reach + 1) / sigma) ** 2)
    return kernel / kernel.sum()


@compiled
def _scales(moves: Any, n_bins: int) -> Any:
    """Return by what to multiply a bin's moves so that none leaves the line."""
    reach = len(moves) // 2
    scales = np.empty(n_bins, moves.dtype)
    for place in range(n_bins):
        scales[place] = 1 / moves[max(0, reach - place) : reach + n_bins - place].sum()
    return scales


@compiled
def _move(weights: Any, moves: Any, out: Any) -> None:
    reach = len(moves) // 2
    out[:] = 0
    for place in range(len(weights)):
        for to in range(max(0, place - reach), min(len(weights), place + reach + 1)):
            out[to] += weights[place] * moves[to - place + reach]


@compiled
def _forward(likelihood: Any, moves: Any, forward: Any) -> None:
    scales = _scales(moves, likelihood.shape[1])
    ahead = np.ones_like(scales)
    for time in range(len(likelihood)):
        if time:
            _move(forward[time - 1] * scales, moves, ahead)
        alone = np.exp(likelihood[time] - likelihood[time].max())
        now = ahead * alone
        # Where every position that is likely is out of reach, the walk begins anew.
        if now.sum() <= 0:
            now = alone
        forward[time] = now / now.sum()


@compiled
def _backward(forward: Any, moves: Any, posterior: Any) -> None:
    scales = _scales(moves, forward.shape[1])
    back, ahead = np.empty_like(scales), np.empty_like(scales)
    # Turned round, because the moves out of a bin are summed here, not those into it.
    turned = moves[::-1].copy()
    posterior[-1] = forward[-1]
    for time in range(len(forward) - 2, -1, -1):
        _move(forward[time] * scales, moves, ahead)
        for place in range(len(ahead)):
            ahead[place] = posterior[time + 1, place] / ahead[place] if ahead[place] > 0 else 0
        _move(ahead, turned, back)
        now = forward[time] * scales * back
        posterior[time] = now / now.sum() if now.sum() > 0 else forward[time]
