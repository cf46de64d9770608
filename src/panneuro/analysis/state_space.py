"""Positions that move on from where they were: a random walk over a grid, smoothed.

Sources: forward and backward, Rabiner (1989) Proc. IEEE 77:257; a walk as the prior of a decoder of
position, Brown, Frank, Tang, Quirk & Wilson (1998) J. Neurosci. 18:7411.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from panneuro.analysis.compiling import compiled
from panneuro.analysis.kinds import check_kind
from panneuro.analysis.reals import as_array, beyond, reals
from panneuro.core.errors import InputError
from panneuro.core.reals import is_real

Floats = npt.NDArray[np.floating[Any]]


def smooth_positions(log_likelihood: Floats, kernels: tuple[npt.ArrayLike, ...]) -> Floats:
    """Return the probability of each position given all times, before and after.

    Parameters
    ----------
    log_likelihood : ndarray, shape (n_times, *n_bins)
        Of positions along a line or in a plane, up to a constant of each time; minus infinity
        where the animal cannot be.
    kernels : tuple of array-like, each of shape (2 * reach + 1,)
        For each axis, the probability of moving by ``-reach`` to ``reach`` bins in one step; what
        would leave the grid is divided among the other moves.

    Returns
    -------
    ndarray, shape (n_times, *n_bins)
        Each time sums to one.

    Raises
    ------
    InputError
        If there is not one kernel for each axis, one cannot be, or a time has no possible position.

    Examples
    --------
    >>> likelihood = np.log([[0.9, 0.05, 0.05], [0.3, 0.3, 0.4], [0.9, 0.05, 0.05]])
    >>> smooth_positions(likelihood, ([0.1, 0.8, 0.1],)).argmax(axis=1)
    array([0, 0, 0])
    """
    log_likelihood = as_array(log_likelihood, "log-likelihoods")
    if log_likelihood.dtype.kind != "f":
        log_likelihood = reals(log_likelihood, "log-likelihoods")
    if log_likelihood.ndim < 2 or not log_likelihood.size:
        raise InputError(
            f"log-likelihoods have the shape {log_likelihood.shape}",
            hint="give times × positions, at least one of each",
        )
    n_times, *shape = log_likelihood.shape
    found = np.empty((n_times, int(np.prod(shape))), dtype=log_likelihood.dtype)
    flat = log_likelihood.reshape(n_times, -1)
    blocks = smooth_blocks(
        lambda rows: flat[rows], n_times, tuple(shape), kernels, n_times, flat.dtype
    )
    for rows, posterior in blocks:
        found[rows] = posterior
    return found.reshape(log_likelihood.shape)


def smooth_blocks(
    log_likelihood: Callable[[slice], Floats],
    n_times: int,
    shape: tuple[int, ...],
    kernels: tuple[npt.ArrayLike, ...],
    n_rows: int,
    dtype: npt.DTypeLike = np.float64,
) -> Iterator[tuple[slice, Floats]]:
    """Smooth block by block, the last one first; two blocks are in memory.

    Going forward, only where each block began is kept; going back, it is walked once more.

    Parameters
    ----------
    log_likelihood : callable
        Returns that of a slice of times, shape (n, n_bins), positions ravelled.
    n_times : int
    shape : tuple of int
        Bins along each axis: one or two.
    kernels : tuple of array-like
        Moves along each axis.
    n_rows : int
        Times of a block.
    dtype : dtype
        Of the likelihood, and in what to compute.

    Yields
    ------
    rows : slice
    posterior : ndarray, shape (n, n_bins)
    """
    rows = [slice(at, min(at + n_rows, n_times)) for at in range(0, n_times, n_rows)]
    moves, grid = _moves(kernels, shape, dtype), (1, *shape)[-2:]
    before, ahead = [], np.ones(grid, dtype)
    for block in rows:
        before.append(ahead)
        alone, forward, ahead = _walk(log_likelihood(block), ahead, moves)
    onward = np.ones(grid, dtype)
    for number in reversed(range(len(rows))):
        if number < len(rows) - 1:
            alone, forward, _ = _walk(log_likelihood(rows[number]), before[number], moves)
        onward = _backward(alone, forward, onward, *moves)
        yield rows[number], forward.reshape(len(forward), -1)


def normal_moves(step: float, edges: Floats) -> Floats:
    """Return the probabilities of a normal step from bin to bin, out to four deviations.

    Parameters
    ----------
    step : float
        Standard deviation, in the unit of the edges.
    edges : ndarray
        Of the bins along an axis, of one width.

    Examples
    --------
    >>> normal_moves(0.5, np.arange(9.0)).round(2)
    array([0.  , 0.11, 0.79, 0.11, 0.  ])
    """
    bounds = reals(edges, "edges of bins")
    widths = np.diff(bounds) if bounds.ndim == 1 and not beyond(bounds).any() else np.zeros(1)
    if not len(widths) or not widths[0] > 0 or not np.allclose(widths, widths[0]):
        raise InputError("smoothing over time needs bins of one width")
    if not is_real(step, above=1e-9 * widths[0], below=1e9 * widths[0]):
        raise InputError(f"the step is {step!r}, not a number above 0, for bins of {widths[0]!r}")
    sigma = step / widths[0]
    reach = min(len(widths) - 1, int(np.ceil(4 * sigma)))
    kernel: Floats = np.exp(-0.5 * (np.arange(-reach, reach + 1) / sigma) ** 2)
    return kernel / kernel.sum()


def _walk(
    log_likelihood: Floats, ahead: Floats, moves: tuple[Floats, Floats, Floats]
) -> tuple[Floats, Floats, Floats]:
    """Return what each time says alone, and with earlier ones, and what is expected after all."""
    highest = log_likelihood.max(axis=1, keepdims=True)
    if not np.isfinite(highest).all():
        raise InputError("a bin of time has no possible position")
    alone = (log_likelihood - highest).reshape(-1, *ahead.shape)
    np.exp(alone, out=alone)
    forward = np.empty_like(alone)
    return alone, forward, _forward(alone, ahead, *moves, forward)


def _moves(
    kernels: tuple[npt.ArrayLike, ...], shape: tuple[int, ...], dtype: npt.DTypeLike
) -> tuple[Floats, Floats, Floats]:
    """Return the moves along both axes, and by what to multiply a bin's so that none leaves."""
    check_kind(kernels, Sequence, "smoothing positions", "kernels=(normal_moves(step, edges),)")
    if len(kernels) != len(shape) or len(shape) > 2:
        raise InputError(f"{len(kernels)} kernels of moves were given for {len(shape)} axes")
    checked = [np.ones(1, dtype)] * (2 - len(kernels))
    for one in kernels:
        kernel = np.ascontiguousarray(reals(one, "a kernel of moves"), dtype=dtype)
        odd = kernel.ndim == 1 and len(kernel) % 2 == 1
        if not odd or not (kernel >= 0).all() or not kernel[len(kernel) // 2] > 0:
            raise InputError("a kernel of moves needs an odd number of values, its middle above 0")
        checked.append(kernel)
    inside = [
        np.convolve(np.ones(size), kernel[::-1], "full")[len(kernel) // 2 :][:size]
        for size, kernel in zip((1, *shape)[-2:], checked, strict=True)
    ]
    return checked[0], checked[1], (1 / np.outer(*inside)).astype(dtype)


@compiled
def _move(weights: Any, rows: Any, columns: Any, padded: Any, out: Any) -> None:
    """Move along both axes; what is summed lies together in memory, between margins of zeros."""
    n_rows, n_columns = weights.shape
    margin, reach = len(columns) // 2, len(rows) // 2
    padded[:, margin : margin + n_columns] = 0
    for row in range(n_rows):
        for to in range(max(0, row - reach), min(n_rows, row + reach + 1)):
            share, there = rows[to - row + reach], padded[to, margin:]
            for column in range(n_columns):
                there[column] += share * weights[row, column]
    out[:] = 0
    for row in range(n_rows):
        for move in range(len(columns)):
            share, there = columns[len(columns) - 1 - move], padded[row, move:]
            for column in range(n_columns):
                out[row, column] += share * there[column]


@compiled
def _forward(alone: Any, ahead: Any, rows: Any, columns: Any, scales: Any, forward: Any) -> Any:
    """Walk on from what is expected first; return what is expected after the last time."""
    ahead, weights = ahead.copy(), np.empty_like(scales)
    padded = np.zeros((ahead.shape[0], ahead.shape[1] + len(columns)), scales.dtype)
    for time in range(len(alone)):
        now = forward[time]
        now[:] = ahead * alone[time]
        total = now.sum()
        # Where every position that is likely is out of reach, the walk begins anew.
        if not total > 0:
            now[:] = alone[time]
            total = now.sum()
        now /= total
        weights[:] = now * scales
        _move(weights, rows, columns, padded, ahead)
    return ahead


@compiled
def _backward(alone: Any, forward: Any, onward: Any, rows: Any, columns: Any, scales: Any) -> Any:
    """Multiply by what later times say of each; return what all of them say of the one before."""
    onward, weights = onward.copy(), np.empty_like(scales)
    padded = np.zeros((onward.shape[0], onward.shape[1] + len(columns)), scales.dtype)
    # Turned round, because the moves out of a bin are summed here, not those into it.
    up, left = rows[::-1].copy(), columns[::-1].copy()
    for time in range(len(forward) - 1, -1, -1):
        now = forward[time]
        weights[:] = now * onward
        total = weights.sum()
        if total > 0:
            now[:] = weights / total
        else:  # The walk began anew after this time.
            onward[:] = 1
        weights[:] = alone[time] * onward
        _move(weights, up, left, padded, onward)
        highest = onward.max()
        if highest > 0:
            onward *= scales / highest
        else:  # What is likely now and what is later are apart by more than numbers can tell.
            onward[:] = 1
    return onward
