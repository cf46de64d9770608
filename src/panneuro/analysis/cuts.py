"""Windows cut out of a recording, around events or one after another, and read in few reads."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import numpy.typing as npt

from panneuro.analysis.blocks import ranges
from panneuro.analysis.epochs import Epochs, epoch_ticks
from panneuro.analysis.traces import Floats, numbers, physical, rate_of
from panneuro.analysis.trains import TICKS_PER_S
from panneuro.core.errors import InputError
from panneuro.core.reals import is_real
from panneuro.signals.timeseries import TimeSeries

Rows = npt.NDArray[np.int64]

_BATCH_VALUES = 1 << 18
_READ_VALUES = 1 << 22
_MOST_SAMPLES = 1 << 31


def samples_in(duration_s: float, rate_hz: float) -> int:
    """Return the whole number of samples nearest to a duration; at least two."""
    if not is_real(duration_s, least=1.5 / rate_hz, most=_MOST_SAMPLES / rate_hz):
        raise InputError(
            f"a window of {duration_s!r} s is too short or too long for a rate of {rate_hz:g} Hz"
        )
    return round(duration_s * rate_hz)


def length_of(window_s: tuple[float, float]) -> float:
    """Return how many seconds a window from so long to so long after an event lasts.

    Raises
    ------
    InputError
        If it has not two ends, or does not end after it begins.

    Examples
    --------
    >>> length_of((-0.25, 0.5))
    0.75
    """
    ends = numbers(window_s, "the ends of a window")
    if len(ends) != 2 or not np.isfinite(ends).all() or ends[1] <= ends[0]:
        raise InputError(
            f"a window around events cannot be {window_s!r} s",
            hint="give (start, stop) in seconds from the event: window_s=(0.0, 0.5)",
        )
    return float(ends[1] - ends[0])


def first_rows(
    signal: TimeSeries, onsets_s: npt.ArrayLike, window_s: tuple[float, float], n_samples: int
) -> Rows:
    """Return the row at which the window of each event begins: the sample nearest to its time.

    Raises
    ------
    InputError
        If there is no event, a time is not finite, or a window is not wholly in the recording.
    """
    starts = numbers(onsets_s, "onsets") + float(window_s[0])
    if not starts.size:
        raise InputError(f"windows of {signal.name!r}: no onsets")
    if not np.isfinite(starts).all():
        raise InputError(
            f"windows of {signal.name!r}: {int(np.sum(~np.isfinite(starts)))} of {starts.size} "
            "onsets are not finite",
            hint="drop the rows without an onset",
        )
    # Whatever is farther away is outside all the same.
    rows = np.rint((starts - signal.start_s).clip(-1e15, 1e15) * rate_of(signal, "cutting"))
    outside = (rows < 0) | (rows + n_samples > len(signal))
    if outside.any():
        raise InputError(
            f"windows of {signal.name!r}: {int(outside.sum())} of {rows.size} are not wholly "
            f"between {signal.start_s:.3f} and {signal.stop_s:.3f} s, the first at "
            f"{starts[outside][0]:.3f} s",
            hint="keep those that are inside; onsets are seconds on the signal's own clock",
        )
    return rows.astype(np.int64)


def regular_rows(signal: TimeSeries, n_samples: int, step: int, epochs: Epochs | None) -> Rows:
    """Return the rows at which windows begin that lie wholly in epochs, `step` apart in each.

    Raises
    ------
    InputError
        If epochs overlap, or none holds a window.
    """
    rate_of(signal, "cutting")
    if epochs is None:
        spans = [slice(0, len(signal))]
    else:
        starts, stops = (ticks / TICKS_PER_S for ticks in epoch_ticks(epochs))
        spans = [signal.rows(*span) for span in zip(starts.tolist(), stops.tolist(), strict=True)]
    found = [
        np.arange(span.start, span.stop - n_samples + 1, step, dtype=np.int64) for span in spans
    ]
    if not sum(map(len, found)):
        longest = max(span.stop - span.start for span in spans)
        raise InputError(
            f"{signal.name!r} has {longest} samples there at once, fewer than the {n_samples} of a "
            "window"
        )
    return np.concatenate(found)


def runs(signal: TimeSeries, rows: Rows, n_samples: int) -> Iterator[Rows]:
    """Yield windows, in order of time, that are best read at once: little lies between them."""
    most_rows = max(n_samples, _READ_VALUES // signal.n_channels)
    order = np.argsort(rows, kind="stable")
    firsts = rows[order]
    start = 0
    for at in range(1, len(firsts) + 1):
        if (
            at == len(firsts)
            or firsts[at] - firsts[at - 1] > 4 * n_samples
            or firsts[at] + n_samples - firsts[start] > most_rows
        ):
            yield order[start:at]
            start = at


def gathered(
    signal: TimeSeries,
    rows: Rows,
    n_samples: int,
    run: Rows,
    batch_values: int = _BATCH_VALUES,
) -> Iterator[tuple[slice, Floats]]:
    """Read the windows of a run, and yield them in batches as large as the cache likes.

    Parameters
    ----------
    signal : TimeSeries
        To be read.
    rows : ndarray of int64, shape (n_windows,)
        Where each window begins.
    n_samples : int
        Of a window.
    run : ndarray of int64, shape (n_run,)
        Which windows, one of :func:`runs`.
    batch_values : int
        Values of a batch.

    Yields
    ------
    part : slice
        Which of the run.
    samples : ndarray of float32, shape (n_samples, n, n_channels)
        Valid until the next batch.
    """
    channels = signal.n_channels
    size = min(len(run), max(1, batch_values // (n_samples * channels)))
    buffer = np.empty((n_samples, size, channels), np.float32)
    begin = int(rows[run[0]])
    block = physical(signal, begin, int(rows[run[-1]]) + n_samples)
    for part in ranges(len(run), size):
        for slot, first in enumerate((rows[run[part]] - begin).tolist()):
            buffer[:, slot] = block[first : first + n_samples]
        yield part, buffer[:, : part.stop - part.start]
