"""What was found in the first of several chunks, used for those that follow while it serves."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import numpy.typing as npt

from panneuro.codecs.fitting import fit, lanes_of, offsets_of
from panneuro.codecs.lattice import Lattice, find
from panneuro.codecs.native import call, kernels
from panneuro.codecs.predictor import MAX_LAG, Model, predict

Array = npt.NDArray[Any]

LOOKED_AT = 24_576
"""Residuals of a chunk that say whether a model serves."""

SERVES, SERVES_CHANNEL = 0.03, 0.5
"""Bits a sample that residuals may tell of each other: on average, and in one channel. Where speed
is wanted, above what those of the first chunk tell."""

UNUSUAL = 4
"""Residuals so many times the mean count as no more: spikes would rule."""


class Fitter:
    """Finds the lattice and fits the model of a chunk; the first's serve the others if they can.

    What a chunk gets depends on the first chunk and on itself, not on what else was seen: chunks
    may come in any order after the first.

    Parameters
    ----------
    fast : bool
        Look at less, so that coding and decoding take less time and a little more is stored.

    Examples
    --------
    >>> codes = np.random.default_rng(0).integers(-9, 9, (4000, 8)).cumsum(axis=0).astype(np.int16)
    >>> fitter = Fitter()
    >>> first, _ = fitter.predict(codes[:2000])
    >>> second, _ = fitter.predict(codes[2000:])
    >>> first.weights is second.weights
    True
    """

    def __init__(self, *, fast: bool = False) -> None:
        self._fast = fast
        self._known: tuple[Model, Array] | None = None
        self._step = 0

    def codes(self, samples: Array) -> tuple[Lattice, Array]:
        """Return the lattice of some samples, and their codes; the first chunk's step is tried.

        Parameters
        ----------
        samples : int16 or int32 array, rows × channels
            In C order.
        """
        lattice, codes = find(samples, self._step)
        if self._known is None:
            self._step = lattice.step
        return lattice, codes

    def predict(self, codes: Array, into: Array | None = None) -> tuple[Model, Array]:
        """Return a model for some codes, and what its prediction leaves of them.

        Parameters
        ----------
        codes : int16 or int32 array, rows × channels
        into : int16 or int32 array, channels × rows, optional
            Memory for what is left.

        Returns
        -------
        Model
        int16 or int32 array, channels × rows
        """
        known, told = self._known or (None, None)
        if known and known.offsets.shape == codes.shape[1:]:
            model = replace(known, offsets=offsets_of(codes), lanes=lanes_of(len(codes)))
            more = _told(codes, model) - told
            if more.mean() <= SERVES and more.max() <= SERVES_CHANNEL:
                return model, predict(codes, model, into=into)
        model = fit(codes, fast=self._fast)
        if known is None and model.taps:
            self._known = model, _told(codes, model) if self._fast else np.zeros(codes.shape[1])
        return model, predict(codes, model, into=into)


def _told(codes: Array, model: Model) -> Array:
    """Return the bits a sample that residuals still tell: of the next, and of the next channel.

    Some rows in the middle of a chunk are looked at.

    Were they Gaussian, a prediction that explains the part ρ² of their power would save
    -log2(1 - ρ²) / 2 bits (Cover & Thomas, Elements of Information Theory, 8.5).
    """
    rows, channels = codes.shape
    width = min(rows, max(64, LOOKED_AT // channels))
    first = (rows - width) // 2
    past = min(first, MAX_LAG)
    planes = predict(codes[first - past : first + width], replace(model, lanes=1))
    library = kernels()
    if library is None:
        return _told_plainly(planes[:, past:].astype(np.float64))
    bits, cut = np.empty(channels), np.empty(2 * width, f"i{2 * planes.itemsize}")
    name = f"told_{8 * planes.itemsize}"
    call(library, name, planes, *planes.shape[::-1], past, width, UNUSUAL, cut, bits)
    return bits


def _told_plainly(planes: Array) -> Array:
    width = planes.shape[1]
    most = UNUSUAL * np.abs(planes).mean(axis=1, keepdims=True) + 1
    some = np.clip(planes, -most, most)
    power = (some * some).sum(axis=1) / width + 1 / 12
    explained = ((some[:, 1:] * some[:, :-1]).sum(axis=1) / (max(1, width - 1) * power)) ** 2
    beside = (some[1:] * some[:-1]).sum(axis=1) / width
    explained[1:] += beside**2 / (power[1:] * power[:-1])
    bits: Array = -0.5 * np.log2(np.clip(1 - explained, 0.01, 1))
    return bits
