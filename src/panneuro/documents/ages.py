"""Ages at the session, as NWB and DANDI write them: ISO 8601 durations such as ``P90D``."""

from __future__ import annotations

import math
import re

_AGE = re.compile(
    r"P(?!$)((?P<years>\d+(\.\d+)?)Y)?((?P<months>\d+(\.\d+)?)M)?((?P<weeks>\d+(\.\d+)?)W)?"
    r"((?P<days>\d+(\.\d+)?)D)?(T(?=\d)((?P<hours>\d+)H)?(\d+M)?(\d+(\.\d+)?S)?)?(/P?.*)?",
    re.ASCII,
)
_DAYS = {"years": 365.25, "months": 365.25 / 12, "weeks": 7.0, "days": 1.0, "hours": 1 / 24}


def is_age(text: str) -> bool:
    """Say whether an age is written so that programs can compare it.

    Examples
    --------
    >>> is_age("P90D"), is_age("90 days")
    (True, False)
    """
    return _AGE.fullmatch(text) is not None


def age_days(text: str) -> float | None:
    """Return an age in days, that of a range where it begins; None where it cannot be read.

    Parameters
    ----------
    text : str
        An ISO 8601 duration; years and months count as their mean length.

    Examples
    --------
    >>> age_days("P12W"), age_days("P34Y"), age_days("P90D/P120D"), age_days("adult")
    (84.0, 12418.5, 90.0, None)
    """
    found = _AGE.fullmatch(text)
    parts = found.groupdict() if found else {}
    known = [float(count) * _DAYS[unit] for unit, count in parts.items() if count is not None]
    return sum(known) if known and math.isfinite(sum(known)) else None
