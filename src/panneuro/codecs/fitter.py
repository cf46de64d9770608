"""What was found in the first of several chunks, used for those that follow while it serves."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import numpy.typing as npt

from panneuro.codecs.entropy import magnitudes
from panneuro.codecs.fitting import fit, lanes_of, offsets_of
from panneuro.codecs.lattice import Lattice, find
from panneuro.codecs.moments import FEW
from panneuro.codecs.predictor import Model, predict

Array = npt.NDArray[Any]

COMPARED_ROWS = 256

LOSS, CHANNEL_LOSS = 0.03, 1.0
"""Bits a sample that a known model may gain less than it did: on average, and on one channel."""


@dataclass(frozen=True)
class _Known:
    """A model, and what it gained on the chunk that it was fitted to."""

    model: Model
    gains: Array


class Fitter:
    """Finds the lattice and fits the model of a chunk; the first's serve the others if they can.

    What a chunk gets depends on the first chunk and on itself, not on what else was seen: chunks
    may come in any order after the first. Chunks of few channels are long, and each gets its own.

    Examples
    --------
    >>> codes = np.random.default_rng(0).integers(-9, 9, (4000, 8)).cumsum(axis=0).astype(np.int16)
    >>> fitter = Fitter()
    >>> first, _ = fitter.predict(codes[:2000])
    >>> second, _ = fitter.predict(codes[2000:])
    >>> first.weights is second.weights
    True
    """

    def __init__(self) -> None:
        self._known: _Known | None = None
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

    def predict(self, codes: Array) -> tuple[Model, Array]:
        """Return a model for some codes, and what its prediction leaves of them.

        Parameters
        ----------
        codes : int16 or int32 array, rows × channels

        Returns
        -------
        Model
        int16 or int32 array, channels × rows
        """
        known = self._known
        if known and known.model.offsets.shape == codes.shape[1:]:
            model = replace(known.model, offsets=offsets_of(codes), lanes=lanes_of(len(codes)))
            planes = predict(codes, model)
            lost = known.gains - _gains(codes, planes)
            if lost.mean() <= LOSS and lost.max() <= CHANNEL_LOSS:
                return model, planes
        model = fit(codes)
        planes = predict(codes, model)
        if known is None and model.taps and codes.shape[1] >= FEW:
            self._known = _Known(model, _gains(codes, planes))
        return model, planes


def _gains(codes: Array, planes: Array) -> Array:
    """Return the bits a sample that prediction gains, about, over taking differences."""
    apart = -(-len(codes) // COMPARED_ROWS)
    steps = codes[1::apart].astype(np.int64) - codes[:-1:apart]
    means = np.abs(steps).mean(axis=0), magnitudes(planes, planes.shape[1])[:, 0] / planes.shape[1]
    gains: Array = np.log2(means[0] + 0.25) - np.log2(means[1] + 0.25)
    return gains
