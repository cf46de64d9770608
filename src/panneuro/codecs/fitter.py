"""A model that was fitted to one chunk, used for those that follow while it serves."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import numpy.typing as npt

from panneuro.codecs.fitting import fit, lanes_of, offsets_of
from panneuro.codecs.moments import FEW
from panneuro.codecs.predictor import Model, predict

Array = npt.NDArray[Any]

TRIED_SAMPLES = 24_576
"""Of a chunk, to see whether a known model serves."""

LOSS, CHANNEL_LOSS = 0.03, 1.0
"""Bits a sample that a known model may gain less than it did: on average, and on one channel."""


@dataclass(frozen=True)
class _Known:
    """A model, and what it gained on the chunk that it was fitted to."""

    model: Model
    gains: Array


class Fitter:
    """Fits a model to the first chunk, and to those that it does not serve one of their own.

    What a chunk gets depends on the first chunk and on itself, not on what else was seen: chunks
    may come in any order after the first. Chunks of few channels are long, and each gets its own.

    Examples
    --------
    >>> codes = np.random.default_rng(0).integers(-9, 9, (4000, 8)).cumsum(axis=0).astype(np.int16)
    >>> fitter = Fitter()
    >>> first, second = fitter.model(codes[:2000]), fitter.model(codes[2000:])
    >>> first.weights is second.weights
    True
    """

    def __init__(self) -> None:
        self._known: _Known | None = None

    def model(self, codes: Array) -> Model:
        """Return a model to predict some codes with.

        Parameters
        ----------
        codes : int16 or int32 array, rows × channels
        """
        known = self._known
        if known and known.model.offsets.shape == codes.shape[1:]:
            model = replace(known.model, offsets=offsets_of(codes), lanes=lanes_of(len(codes)))
            lost = known.gains - _gains(codes, model)
            if lost.mean() <= LOSS and lost.max() <= CHANNEL_LOSS:
                return model
        model = fit(codes)
        if known is None and model.taps and codes.shape[1] >= FEW:
            self._known = _Known(model, _gains(codes, model))
        return model


def _gains(codes: Array, model: Model) -> Array:
    """Return the bits a sample that a model gains on some rows, over taking differences."""
    before = max(lag for lag, _ in model.taps)
    wanted = min(len(codes), before + max(1, TRIED_SAMPLES // codes.shape[1]))
    some = codes[(len(codes) - wanted) // 2 :][:wanted]
    left = predict(some, replace(model, lanes=1))[:, before:]
    steps = np.diff(some[before - 1 :].astype(np.int64), axis=0)
    means = np.abs(steps).mean(axis=0), np.abs(left.astype(np.int64)).mean(axis=1)
    gains: Array = np.log2(means[0] + 0.25) - np.log2(means[1] + 0.25)
    return gains
