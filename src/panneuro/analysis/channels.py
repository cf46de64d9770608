"""Which channels of a probe can be used: dead, noisy and saturated ones."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import numpy.typing as npt
import pandas as pd

from panneuro.analysis.filters import filtered
from panneuro.analysis.quality import noise_level
from panneuro.analysis.traces import labels_of, rate_of
from panneuro.core.errors import InputError
from panneuro.signals.timeseries import TimeSeries

Floats = npt.NDArray[np.float64]

GOOD, DEAD, NOISY, SATURATED = "good", "dead", "noisy", "saturated"
_HIGHEST_OF_RATE = 0.4


def check_channels(
    signal: TimeSeries,
    *,
    n_snippets: int = 20,
    snippet_s: float = 0.5,
    band_hz: tuple[float, float] = (300.0, 6000.0),
    dead_below: float = 0.3,
    noisy_above: float = 3.0,
    saturated_above: float = 0.01,
) -> pd.DataFrame:
    """Judge each channel by its noise beside that of the others, in snippets of the recording.

    Parameters
    ----------
    signal : TimeSeries
        Raw, at a constant rate.
    n_snippets, snippet_s : int and float
        How many stretches are looked at, evenly over the recording, and how long each is.
    band_hz : tuple of float
        The band of spikes, in which noise is compared.
    dead_below, noisy_above : float
        Noise is too little or too much where it is less or more than so many times the median of
        all channels.
    saturated_above : float
        The share of samples at either end of the converter's range that is too large.

    Returns
    -------
    DataFrame
        One row a channel, by its name or number: ``noise``, the robust standard deviation in the
        band, and ``level``, the median, in the signal's unit; ``similarity``, the correlation of
        the unfiltered signal with the median of all channels, both from their means in each
        snippet; ``saturated``, the share of samples;
        and the ``label``: good, dead, noisy or saturated.

    Raises
    ------
    InputError
        If the recording is too short to be filtered, or a sample is not finite.

    Examples
    --------
    >>> samples = np.random.default_rng(0).normal(0, 10, (30_000, 4)).astype(np.int16)
    >>> samples[:, 1] = 0
    >>> samples[:, 3] *= 9
    >>> ap = TimeSeries("ap", samples, "volts", rate_hz=30_000.0, gain=1e-6)
    >>> check_channels(ap).label.tolist()
    ['good', 'dead', 'good', 'noisy']
    """
    rate_hz = rate_of(signal, "checking the channels of")
    high = min(band_hz[1], _HIGHEST_OF_RATE * rate_hz)
    spikes = filtered(signal, (band_hz[0], high))
    noise, raw = [], []
    for rows in _snippets(len(signal), max(64, round(snippet_s * rate_hz)), n_snippets):
        noise.append(noise_level(np.asarray(spikes.data[rows]).reshape(-1, signal.n_channels)))
        raw.append(np.asarray(signal.data[rows]).reshape(-1, signal.n_channels))
    values = np.concatenate(raw)
    gain, offset = np.asarray(signal.gain, float), np.asarray(signal.offset, float)
    table = pd.DataFrame(
        {
            "noise": np.median(noise, axis=0),
            "level": np.median(values, axis=0) * gain + offset,
            "similarity": _similarity(raw),
            "saturated": _saturated(values),
        },
        index=pd.Index(labels_of(signal), name="channel"),
    )
    usual = float(np.median(table["noise"]))
    if usual <= 0:
        raise InputError(
            f"most channels of {signal.name!r} show nothing between {band_hz[0]:g} and {high:g} Hz"
        )
    table["label"] = np.select(
        [
            table["saturated"] > saturated_above,
            table["noise"] < dead_below * usual,
            table["noise"] > noisy_above * usual,
        ],
        [SATURATED, DEAD, NOISY],
        GOOD,
    )
    return table


def _snippets(n_samples: int, length: int, count: int) -> Iterator[slice]:
    last = max(0, n_samples - length)
    for start in np.unique(np.linspace(0, last, max(1, count)).astype(int)):
        yield slice(int(start), int(min(start + length, n_samples)))


def _similarity(snippets: list[npt.NDArray[np.number]]) -> Floats:
    """Correlate each channel with the median of all, both from their means in each snippet."""
    own, shared, both = np.zeros((3, snippets[0].shape[1]))
    for values in snippets:
        centred = values - values.mean(axis=0, dtype=np.float64)
        middle = np.median(centred, axis=1)
        own += np.einsum("ij,ij->j", centred, centred)
        shared += middle @ middle
        both += middle @ centred
    size = np.sqrt(own * shared)
    return np.divide(both, size, out=np.zeros_like(both), where=size > 0)


def _saturated(values: npt.NDArray[np.number]) -> Floats:
    """Return the share of samples that are at the ends of what was reached, several in a row."""
    if values.dtype.kind not in "iu":
        return np.zeros(values.shape[1])
    at_end = (values == values.max(0)) | (values == values.min(0))
    lasting = at_end[1:] & at_end[:-1] & (values[1:] == values[:-1])
    moving = np.ptp(values, axis=0) > 0
    return np.where(moving, lasting.mean(0), 0.0)
