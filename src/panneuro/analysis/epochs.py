"""Stretches of a session to which an analysis keeps."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from panneuro.analysis.reals import as_array
from panneuro.analysis.trains import TICKS_PER_S, Ticks, to_ticks
from panneuro.core.errors import InputError
from panneuro.signals.table import Intervals

type Epochs = Intervals | npt.ArrayLike
"""Intervals, or a row of ``(start, stop)`` in seconds for each; they may not overlap."""


def epoch_ticks(epochs: Epochs) -> tuple[Ticks, Ticks]:
    """Return when epochs start and stop, in nanoseconds and in order of time.

    Parameters
    ----------
    epochs : Intervals or array-like of float, shape (n_epochs, 2)
        Seconds on the session's clock.

    Returns
    -------
    starts, stops : ndarray of int64, shape (n_epochs,)

    Raises
    ------
    InputError
        If there are none, or some last no time, overlap or are not finite.

    Examples
    --------
    >>> epoch_ticks([(2.0, 3.0), (0.0, 1.5)])
    (array([         0, 2000000000]), array([1500000000, 3000000000]))
    """
    if isinstance(epochs, Intervals):
        name, times = repr(epochs.name), np.stack([epochs["start_time"], epochs["stop_time"]], 1)
    else:
        name, times = "epochs", as_array(epochs, "epochs")
    if times.ndim != 2 or times.shape[1] != 2 or not len(times):
        raise InputError(
            f"{name} of shape {times.shape!r} hold no starts and stops",
            hint="give Intervals, or pairs of seconds: [(0.0, 60.0)]",
        )
    starts, stops = (to_ticks(times[:, side], f"the times of {name}") for side in (0, 1))
    order = np.argsort(starts, kind="stable")
    starts, stops = starts[order], stops[order]
    if (stops <= starts).any():
        at = float(starts[np.argmax(stops <= starts)]) / TICKS_PER_S
        raise InputError(f"{name} hold one that lasts no time, at {at!r} s", hint="leave it out")
    if (starts[1:] < stops[:-1]).any():
        at = float(starts[1:][np.argmax(starts[1:] < stops[:-1])]) / TICKS_PER_S
        raise InputError(
            f"{name} overlap at {at!r} s: what lies there would count twice",
            hint="give epochs that end before the next begins",
        )
    return starts, stops


def within(ticks: Ticks, starts: Ticks, stops: Ticks) -> tuple[Ticks, npt.NDArray[np.bool_]]:
    """Return the epoch that begins last before each time, and whether the time is in it.

    Examples
    --------
    >>> within(np.array([1, 5]), np.array([0, 4]), np.array([1, 9]))
    (array([0, 1]), array([False,  True]))
    """
    epoch = np.searchsorted(starts, ticks, side="right") - 1
    inside = (epoch >= 0) & (ticks < stops[epoch])
    return np.maximum(epoch, 0), inside
