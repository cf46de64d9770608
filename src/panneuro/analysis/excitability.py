"""How a cell turns current into spikes: from what was given and what came, pulse by pulse."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import pandas as pd

from panneuro.core.errors import InputError

_NEED = ("start_s", "stop_s", "amplitude_a", "n_spikes", "rate_hz")


def firing(spikes_s: npt.ArrayLike, start_s: float, stop_s: float) -> dict[str, float]:
    """Describe the spikes that fall into a pulse.

    Parameters
    ----------
    spikes_s : array-like of float, shape (n_spikes,)
        When each of the sweep's spikes begins, in seconds, ascending.
    start_s, stop_s : float
        Of the pulse.

    Returns
    -------
    dict
        ``n_spikes``; ``rate_hz``, their number over the pulse's duration; ``latency_s`` of the
        first; ``isi_cv``, the standard deviation of intervals over their mean; ``adaptation``, the
        mean over successive intervals of their difference over their sum [1]_. NaN where there are
        too few spikes.

    Raises
    ------
    InputError
        If the pulse has no duration, or a time is not finite.

    References
    ----------
    .. [1] Allen Institute for Brain Science (2016), Allen Cell Types Database: electrophysiology,
       technical white paper, "Spike train features".

    Examples
    --------
    >>> found = firing([0.11, 0.12, 0.14, 0.9], 0.1, 0.6)
    >>> found["n_spikes"], found["rate_hz"], round(found["adaptation"], 3)
    (3, 6.0, 0.333)
    """
    if not stop_s > start_s:
        raise InputError(f"a pulse from {start_s!r} to {stop_s!r} s has no duration")
    times = np.asarray(spikes_s, dtype=np.float64)
    if not np.isfinite(times).all():
        raise InputError("times of spikes are not all finite", hint="leave such spikes out")
    own = times[(times >= start_s) & (times < stop_s)]
    intervals = np.diff(own)
    changes = np.diff(intervals) / (intervals[1:] + intervals[:-1])
    return {
        "n_spikes": len(own),
        "rate_hz": len(own) / (stop_s - start_s),
        "latency_s": float(own[0] - start_s) if len(own) else float("nan"),
        "isi_cv": float(intervals.std() / intervals.mean()) if len(own) > 2 else float("nan"),
        "adaptation": float(changes.mean()) if len(changes) else float("nan"),
    }


def excitability(pulses: pd.DataFrame) -> dict[str, float]:
    """Summarise a cell from its answers to pulses of current.

    Parameters
    ----------
    pulses : DataFrame
        One row a pulse, with ``start_s``, ``stop_s``, ``amplitude_a``, ``n_spikes``, ``rate_hz``
        and, of those without spikes, ``baseline_v``, ``steady_v``, ``tau_s`` and ``sag``.

    Returns
    -------
    dict
        ``rest_v``, the median before pulses; ``input_resistance_ohm``, the slope of the steady
        potential over the current of hyperpolarising pulses, of weak depolarising ones where there
        are none; ``tau_s``, their median; ``capacitance_f``, ``tau_s`` over resistance; ``sag`` of
        the strongest; ``rheobase_a``, the least current with a spike; ``fi_slope_hz_per_a``, the
        slope of the rate over the current from there on; ``max_rate_hz``. NaN where unknown.

    Raises
    ------
    InputError
        If a column is missing.

    Examples
    --------
    >>> frame = pd.DataFrame({"start_s": 0.1, "stop_s": 0.6, "amplitude_a": [1e-10, 2e-10, 3e-10]})
    >>> found = excitability(frame.assign(n_spikes=[0, 5, 10], rate_hz=[0.0, 10.0, 20.0]))
    >>> found["rheobase_a"], round(found["fi_slope_hz_per_a"] * 1e-12, 3)
    (2e-10, 0.1)
    """
    missing = [name for name in _NEED if name not in pulses]
    if missing:
        raise InputError(f"the pulses have no column {missing[0]!r}", hint=", ".join(_NEED))
    return _passive(pulses[pulses["n_spikes"] == 0]) | _active(pulses)


def _passive(silent: pd.DataFrame) -> dict[str, float]:
    names = ("baseline_v", "steady_v", "tau_s", "sag")
    silent = silent.reindex(columns=[*silent.columns, *(n for n in names if n not in silent)])
    known = silent[silent["amplitude_a"] != 0].dropna(subset=["baseline_v", "steady_v"])
    negative = known[known["amplitude_a"] < 0]
    used = negative if len(negative) else known
    change = used["steady_v"] - used["baseline_v"]
    ordered = used.sort_values("amplitude_a", key=abs)["sag"].to_numpy(np.float64)
    resistance = _slope(used["amplitude_a"], change)
    tau_s = float(used["tau_s"].median())
    return {
        "rest_v": float(known["baseline_v"].median()),
        "input_resistance_ohm": resistance,
        "tau_s": tau_s,
        "capacitance_f": tau_s / resistance,
        "sag": float(ordered[-1]) if len(ordered) else float("nan"),
    }


def _active(pulses: pd.DataFrame) -> dict[str, float]:
    driven = pulses[pulses["amplitude_a"] > 0]
    fired = driven[driven["n_spikes"] > 0]
    if fired.empty:
        return dict.fromkeys(("rheobase_a", "fi_slope_hz_per_a", "max_rate_hz"), float("nan"))
    rheobase = float(fired["amplitude_a"].min())
    above = driven[driven["amplitude_a"] >= rheobase]
    steep = above["amplitude_a"].nunique() > 1
    slope = np.polyfit(above["amplitude_a"] * 1e12, above["rate_hz"], 1)[0] * 1e12 if steep else 0.0
    return {
        "rheobase_a": rheobase,
        "fi_slope_hz_per_a": float(slope) if steep else float("nan"),
        "max_rate_hz": float(above["rate_hz"].max()),
    }


def _slope(current_a: pd.Series[float], change_v: pd.Series[float]) -> float:
    """Return the slope of a line, through the origin where one current alone was given."""
    amperes, volts = current_a.to_numpy(np.float64), change_v.to_numpy(np.float64)
    if not len(amperes):
        return float("nan")
    if np.ptp(amperes) <= 1e-3 * np.abs(amperes).max():
        return float(np.mean(volts / amperes))
    return float(np.polyfit(amperes * 1e12, volts, 1)[0] * 1e12)
