"""Many tests at once: p-values that keep the rate of errors that was asked for."""

from __future__ import annotations

from typing import Any, Literal

import numpy as np
import numpy.typing as npt
from scipy.stats import false_discovery_control

from panneuro.analysis.reals import reals
from panneuro.core.errors import InputError

type Method = Literal["bh", "by", "holm", "bonferroni"]


def adjust(p: npt.ArrayLike, method: Method = "bh") -> npt.NDArray[np.floating[Any]]:
    """Adjust the p-values of many tests: those at most `alpha` afterwards are significant.

    Parameters
    ----------
    p : array-like
        p-values of any shape; all of them are one family.
    method : {"bh", "by", "holm", "bonferroni"}
        ``"bh"`` keeps the share of false discoveries where tests are independent or positively
        dependent [1]_, ``"by"`` however they depend [2]_; ``"holm"`` [3]_ and ``"bonferroni"``
        keep the chance of even one.

    Returns
    -------
    ndarray of float64
        As many as `p`, in its shape.

    Raises
    ------
    InputError
        If a p-value is not from 0 to 1, or the method is unknown.

    References
    ----------
    .. [1] Benjamini & Hochberg, J. R. Stat. Soc. B 57 (1995) 289-300.
    .. [2] Benjamini & Yekutieli, Ann. Stat. 29 (2001) 1165-1188.
    .. [3] Holm, Scand. J. Stat. 6 (1979) 65-70.

    Examples
    --------
    >>> adjust([0.01, 0.04, 0.03]).round(3)
    array([0.03, 0.04, 0.04])
    >>> adjust([0.01, 0.04, 0.03], "holm").round(3)
    array([0.03, 0.06, 0.06])
    """
    values = reals(p, "p-values")
    if not ((values >= 0) & (values <= 1)).all():
        raise InputError("p-values are adjusted, and some are not numbers from 0 to 1")
    flat = values.ravel()
    if method in ("bh", "by"):
        adjusted = false_discovery_control(flat, method=method)
    elif method == "holm":
        adjusted = _holm(flat)
    elif method == "bonferroni":
        adjusted = np.minimum(flat * flat.size, 1.0)
    else:
        raise InputError(
            f"p-values are not adjusted by {method!r}", hint="methods: bh, by, holm, bonferroni"
        )
    return np.asarray(adjusted, dtype=float).reshape(values.shape)


def _holm(p: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    order = np.argsort(p)
    stepped = p[order] * np.arange(p.size, 0, -1)
    adjusted = np.empty_like(p)
    adjusted[order] = np.minimum(np.maximum.accumulate(stepped), 1.0)
    return adjusted
