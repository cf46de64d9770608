"""Whether a sweep of a patched cell can be used: rest, noise, access, leak.

Everything is in volts, amperes, ohms and seconds from the first sample of the sweep.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from panneuro.analysis.action_potentials import rows_of, sweep_of
from panneuro.core.errors import InputError
from panneuro.core.extras import need

optimize = need("scipy.optimize", "analysis", "Testing seals")

Floats = npt.NDArray[np.float64]

_WINDOW_S = 1.5e-3
_STEADY = 0.25


@dataclass(frozen=True)
class Baseline:
    """What is recorded while nothing is given.

    Parameters
    ----------
    level : float
        Median.
    noise : float
        Standard deviation within windows of 1.5 ms, the median of all.
    slow_noise : float
        Standard deviation of the means of these windows.
    drift : float
        Median of the last quarter less that of the first.
    """

    level: float
    noise: float
    slow_noise: float
    drift: float


@dataclass(frozen=True)
class Seal:
    """What a step of voltage tells of a patch.

    Parameters
    ----------
    access_ohm : float
        Of pipette and broken membrane: the step over the current at once.
    membrane_ohm : float
        Of what lies behind: the step over the current at last, less the access.
    capacitance_f : float
        Of the membrane, from the time constant of the transient.
    holding_a : float
        Current before the step: what leaks at the holding potential.
    """

    access_ohm: float
    membrane_ohm: float
    capacitance_f: float
    holding_a: float


def baseline(
    response: npt.ArrayLike, rate_hz: float, start_s: float = 0.0, stop_s: float | None = None
) -> Baseline:
    """Measure a stretch in which nothing is given.

    Parameters
    ----------
    response : array-like of float, shape (n_samples,)
        Voltage or current of one sweep.
    rate_hz : float
        Samples per second.
    start_s, stop_s : float
        The stretch; to the end where not given.

    Returns
    -------
    Baseline

    Raises
    ------
    InputError
        If it is not in the sweep, or shorter than four windows of 1.5 ms.

    Examples
    --------
    >>> quiet = np.random.default_rng(0).normal(-0.07, 1e-4, 20_000)
    >>> found = baseline(quiet, 20_000)
    >>> round(found.level, 3), round(found.noise, 4), abs(found.drift) < 1e-5
    (-0.07, 0.0001, True)
    """
    sweep = sweep_of(response, rate_hz)
    last_s = len(sweep) / rate_hz if stop_s is None else stop_s
    if not 0 <= start_s < last_s <= (len(sweep) + 1) / rate_hz:
        raise InputError(
            f"a baseline from {start_s!r} to {last_s!r} s is not in a sweep of "
            f"{len(sweep) / rate_hz:.4f} s"
        )
    stretch = sweep[round(start_s * rate_hz) : round(last_s * rate_hz)]
    width = max(2, round(_WINDOW_S * rate_hz))
    count = len(stretch) // width
    if count < 4:
        raise InputError(
            f"a baseline of {len(stretch) / rate_hz:.4f} s is too short to be judged",
            hint="at least 6 ms without a pulse",
        )
    windows = stretch[: count * width].reshape(count, width)
    quarter = max(1, len(stretch) // 4)
    return Baseline(
        level=float(np.median(stretch)),
        noise=float(np.median(windows.std(axis=1, ddof=1))),
        slow_noise=float(windows.mean(axis=1).std()),
        drift=float(np.median(stretch[-quarter:]) - np.median(stretch[:quarter])),
    )


def seal_test(
    current_a: npt.ArrayLike, rate_hz: float, start_s: float, stop_s: float, step_v: float
) -> Seal:
    """Measure access and membrane by the current that a step of voltage drives.

    Parameters
    ----------
    current_a : array-like of float, shape (n_samples,)
        Of one sweep in voltage clamp.
    rate_hz : float
        Samples per second.
    start_s, stop_s : float
        Of the step.
    step_v : float
        From the holding potential.

    Returns
    -------
    Seal
        By an exponential that is fitted from the transient's peak on and followed back to the
        onset, for the amplifier's filter takes the peak itself.

    Raises
    ------
    InputError
        If the step is not in the sweep, or no transient is seen.

    References
    ----------
    .. [1] The Axon Guide, 3rd ed. (2012), chapter 4: membrane test of a whole cell.

    Examples
    --------
    >>> t = np.arange(0, 0.05, 1 / 100_000)
    >>> access, membrane, farad, step = 10e6, 190e6, 30e-12, 5e-3
    >>> tau = farad / (1 / access + 1 / membrane)
    >>> late = step / (access + membrane)
    >>> course = late + (step / access - late) * np.exp(-(t - 0.01) / tau)
    >>> found = seal_test(np.where(t < 0.01, 0.0, course), 100_000, 0.01, 0.05, step)
    >>> [round(found.access_ohm / 1e6), round(found.membrane_ohm / 1e6)]
    [10, 190]
    >>> round(found.capacitance_f * 1e12)
    30
    """
    current = sweep_of(current_a, rate_hz)
    first, last = rows_of(start_s, stop_s, rate_hz)
    inside = 4 <= first < last - 20 <= len(current) - 20
    if not inside or not (np.isfinite(step_v) and step_v):
        raise InputError(
            f"a step of {step_v!r} V from {start_s!r} to {stop_s!r} s is not in a sweep of "
            f"{len(current) / rate_hz:.4f} s, or nothing comes before it"
        )
    holding = float(np.median(current[:first]))
    answer = (current[first:last] - holding) * np.sign(step_v)
    late = float(np.median(answer[-max(1, round(_STEADY * len(answer))) :]))
    peak = int(answer[: len(answer) // 2].argmax())
    size = answer[peak] - late
    if size <= 0 or late <= 0:
        raise InputError("the current shows no transient and no leak: is the command the step's?")
    t = np.arange(peak, len(answer)) / rate_hz
    early = (answer[peak:] - late) / size
    until = max(10, int(np.argmax(early < 0.02)) or len(early))

    def error(guess: Floats) -> Floats:
        found: Floats = guess[0] * np.exp(-t[:until] / (guess[1] * t[until - 1])) - early[:until]
        return found

    fitted = optimize.least_squares(error, (1.0, 0.3), bounds=([0.1, 1e-3], [100.0, 10.0])).x
    access = abs(step_v) / (late + float(fitted[0]) * size)
    membrane = abs(step_v) / late - access
    tau = float(fitted[1]) * float(t[until - 1])
    return Seal(access, membrane, tau * (1 / access + 1 / membrane), holding)
