"""How many bits responses tell about stimuli, and how many of them are bias.

Few trials make any response look informative: entropies within stimuli come out too small. Every
correction leaves something; see the table of bias that remains in the documentation.
"""

from __future__ import annotations

from concurrent.futures import Executor
from functools import partial
from typing import Any, Literal

import numpy as np
import numpy.typing as npt
import xarray as xr

from panneuro.analysis.blocks import check_number
from panneuro.analysis.compiling import compiled
from panneuro.analysis.labels import encode, unit_names
from panneuro.analysis.permutations import p_values, permute
from panneuro.analysis.reals import as_array, reals
from panneuro.analysis.streams import Seed, root, spread, stream
from panneuro.core.errors import InputError

type Floats = npt.NDArray[np.floating[Any]]
type Codes = npt.NDArray[np.uint16]
type Correction = Literal[
    "none", "miller-madow", "panzeri-treves", "quadratic-extrapolation", "shuffle"
]

MAX_RESPONSES = 4096
"""More different responses than this are refused: counts should be binned first."""

_LOG_2 = float(np.log(2))
_PER_TASK = 16
_REPEATS = 8


def mutual_information(
    counts: npt.ArrayLike | xr.DataArray,
    labels: npt.ArrayLike,
    *,
    correction: Correction = "panzeri-treves",
    n_permutations: int = 0,
    seed: Seed = 0,
    executor: Executor | None = None,
) -> xr.Dataset:
    r"""Estimate the mutual information between the response of each unit and the stimulus.

    The plug-in estimate is :math:`I = \sum_{s,r} p(s, r) \log_2 \frac{p(s, r)}{p(s) p(r)}` of the
    observed frequencies, from which a correction takes the bias:

    - ``"miller-madow"``: :math:`(\sum_s (R_s - 1) - (R - 1)) / (2 N \ln 2)`, with as many responses
      :math:`R_s` to a stimulus, and :math:`R` in all, as were observed [1]_;
    - ``"panzeri-treves"``: the same, with :math:`R_s` that are estimated, since few trials do not
      show all responses [2]_;
    - ``"quadratic-extrapolation"``: a parabola in :math:`1 / N` through estimates from all trials,
      halves and quarters, at infinitely many [3]_;
    - ``"shuffle"``: the mean over permuted labels, which also is the mean of the null distribution.

    Parameters
    ----------
    counts : array-like of integers, shape (n_trials, n_units)
        Spike counts, from zero; a DataArray's coordinate ``unit`` names the units.
    labels : array-like, shape (n_trials,)
        The stimulus of each trial.
    correction : str
        See above, or ``"none"``.
    n_permutations : int
        Permutations of labels for the p-value; none by default. ``"shuffle"`` needs some.
    seed : int, SeedSequence or Generator
        Of permutations, and of the halves of the extrapolation.
    executor : concurrent.futures.Executor, optional
        Where permutations are spread; the result does not depend on it.

    Returns
    -------
    Dataset, dims (unit,)
        ``information``, in bits, may be negative where it is corrected; ``plug_in`` before that;
        and with permutations ``p``, of the plug-in estimate, and ``null``, its mean.

    Raises
    ------
    InputError
        If counts are not integers from zero, lengths do not agree, or there is one stimulus.

    References
    ----------
    .. [1] Miller, in Information Theory in Psychology (1955) 95-100.
    .. [2] Panzeri & Treves, Network 7 (1996) 87-107; Panzeri et al., J. Neurophysiol. 98 (2007)
       1064-1072.
    .. [3] Strong et al., Phys. Rev. Lett. 80 (1998) 197-200.

    Examples
    --------
    >>> labels = np.repeat([0, 1], 50)
    >>> random = np.random.default_rng(0)
    >>> counts = np.column_stack([labels, random.poisson(3, 100)])
    >>> mutual_information(counts, labels).information.round(1).values
    array([ 1., -0.])
    """
    responses, units = _responses(counts)
    codes = _codes(labels, responses.shape[1])
    if correction == "shuffle" and n_permutations < 1:
        raise InputError("the shuffle correction was asked for without permutations")
    plug_in = _plug_in(responses, codes)
    values = {"information": plug_in, "plug_in": plug_in}
    if n_permutations:
        null = _null(responses, codes, n_permutations, seed, executor)
        values |= {"p": p_values(plug_in * (1 - 1e-12), null), "null": null.mean(axis=0)}
    values["information"] = plug_in - _bias(correction, plug_in, responses, codes, values, seed)
    return in_bits(values, units)


def in_bits(values: dict[str, Floats], units: npt.NDArray[Any], unit: str = "bits") -> xr.Dataset:
    """Return information and its p-values by unit, with what they are in."""
    named = {"units": unit, "long_name": "information"}
    rows = {name: ("unit", of, {} if name == "p" else named) for name, of in values.items()}
    return xr.Dataset(rows, {"unit": units})


def _responses(
    counts: npt.ArrayLike | xr.DataArray,
) -> tuple[Codes, npt.NDArray[Any]]:
    values = as_array(counts, "responses")
    if values.ndim != 2 or not len(values) or values.dtype.kind not in "biu":
        raise InputError(
            f"responses have the shape {values.shape} and the type {values.dtype}",
            hint="give integers, trials by units; bin others, or use gaussian_copula_information",
        )
    low, high = (int(edge) for edge in (values.min(initial=0), values.max(initial=0)))
    if low < 0 or high >= MAX_RESPONSES:
        raise InputError(f"responses go from {low} to {high}, not from 0 to {MAX_RESPONSES - 1}")
    return np.ascontiguousarray(values.T, dtype=np.uint16), unit_names(counts, values.shape[1])


def _codes(labels: npt.ArrayLike, n: int) -> Codes:
    names, codes = encode(labels, n)
    if len(names) > MAX_RESPONSES:
        raise InputError(f"information about {len(names)} stimuli was asked for")
    return codes.astype(np.uint16)


def _plug_in(responses: Codes, codes: Codes) -> Floats:
    out = np.empty((1, len(responses)))
    _informations(responses, codes[None], _n_log_n(len(codes)), out)
    return np.asarray(out[0])


def _n_log_n(n: int) -> Floats:
    """Return ``k * log2(k)`` for k up to `n`: all that entropies of counts are made of."""
    k = np.arange(n + 1)
    return np.asarray(k * np.log2(np.maximum(k, 1)))


def _null(
    responses: Codes,
    codes: Codes,
    n_permutations: int,
    seed: Seed,
    executor: Executor | None,
) -> Floats:
    shuffled = permute(codes, n_permutations, seed)
    parts = [shuffled[first : first + _PER_TASK] for first in range(0, n_permutations, _PER_TASK)]
    task = partial(_some_informations, responses, _n_log_n(len(codes)))
    return np.concatenate(list(spread(task, parts, executor)))


def _some_informations(responses: Codes, n_log_n: Floats, codes: Codes) -> Floats:
    out = np.empty((len(codes), len(responses)))
    _informations(responses, codes, n_log_n, out)
    return out


@compiled
def _total(table: npt.NDArray[np.int32], n_log_n: Floats) -> float:
    """Look up and sum, four sums at a time: none waits for the one before."""
    a = b = c = d = 0.0
    even = np.uint64(table.size - table.size % 4)
    for cell in range(np.uint64(0), even, np.uint64(4)):
        a += n_log_n[np.uint64(table[cell])]
        b += n_log_n[np.uint64(table[cell + np.uint64(1)])]
        c += n_log_n[np.uint64(table[cell + np.uint64(2)])]
        d += n_log_n[np.uint64(table[cell + np.uint64(3)])]
    for cell in range(even, np.uint64(table.size)):
        a += n_log_n[np.uint64(table[cell])]
    return a + b + c + d


@compiled
def _informations(responses: Codes, codes: Codes, n_log_n: Floats, out: Floats) -> None:
    """Compute the plug-in information of each unit under each labelling, in bits."""
    n = codes.shape[1]
    n_labels = np.int64(codes[0].max()) + 1
    of_label = np.zeros(n_labels, dtype=np.int64)
    for trial in range(n):
        of_label[codes[0, trial]] += 1
    given = n_log_n[n]
    for label in range(n_labels):
        given -= n_log_n[of_label[label]]
    for unit in range(responses.shape[0]):
        row = responses[unit]
        n_responses = np.int64(row.max()) + 1
        first = np.empty(n, dtype=np.uint32)
        of_response = np.zeros(n_responses, dtype=np.int32)
        for trial in range(n):
            first[trial] = np.uint32(row[trial]) * np.uint32(n_labels)
            of_response[row[trial]] += 1
        alone = _total(of_response, n_log_n)
        table = np.empty(n_responses * n_labels, dtype=np.int32)
        for labelling in range(codes.shape[0]):
            labels = codes[labelling]
            table[:] = 0
            for trial in range(n):
                table[np.uint64(first[trial]) + np.uint64(labels[trial])] += 1
            out[labelling, unit] = max((_total(table, n_log_n) - alone + given) / n, 0.0)


def _bias(
    correction: str,
    plug_in: Floats,
    responses: Codes,
    codes: Codes,
    values: dict[str, Floats],
    seed: Seed,
) -> Floats:
    if correction == "none":
        return np.zeros_like(plug_in)
    if correction == "shuffle":
        return values["null"]
    if correction == "quadratic-extrapolation":
        return plug_in - _extrapolated(plug_in, responses, codes, seed)
    if correction in ("miller-madow", "panzeri-treves"):
        estimated = correction == "panzeri-treves"
        return np.array([_of_numbers(row, codes, estimated) for row in responses])
    raise InputError(
        f"information has no correction {correction!r}",
        hint="none, miller-madow, panzeri-treves, quadratic-extrapolation or shuffle",
    )


def _of_numbers(responses: Codes, codes: Codes, estimated: bool) -> float:
    """Return the bias in bits that follows from how many responses there are."""
    table = np.zeros((int(codes.max()) + 1, int(responses.max()) + 1))
    np.add.at(table, (codes, responses), 1)
    possible = int(np.count_nonzero(table.any(axis=0)))
    if estimated:
        numbers = [possible_responses(row[row > 0], possible) for row in table]
    else:
        numbers = np.count_nonzero(table, axis=1).tolist()
    return float((sum(numbers) - len(table) - (possible - 1)) / (2 * len(codes) * _LOG_2))


def possible_responses(counts: npt.ArrayLike, n_most: int) -> int:
    """Estimate how many responses have a probability, of which few trials show only some.

    Responses that were not seen are added one by one, with what probability the counts leave
    them by Bayes' rule, while the number that is then expected to be seen comes nearer to the one
    that was.

    Parameters
    ----------
    counts : array-like of integers
        How often each response that was seen occurred.
    n_most : int
        How many there can be: those seen for any stimulus.

    Returns
    -------
    int
        From the number seen up to `n_most`.

    Raises
    ------
    InputError
        If no response was seen, or one less than once.

    References
    ----------
    Panzeri & Treves, Network 7 (1996) 87-107, section 3.2.

    Examples
    --------
    >>> possible_responses([1, 1, 1, 1], 10), possible_responses([50, 50], 10)
    (8, 2)
    """
    seen = reals(counts, "counts")
    if seen.ndim != 1 or not seen.size or not ((seen >= 1) & (seen < np.inf)).all():
        raise InputError(
            f"responses were seen {seen.ravel()[:5].tolist()!r} times, not at least once each"
        )
    check_number("possible responses", n_most)
    trials, n_seen = seen.sum(), len(seen)
    away = float(np.sum((1 - seen / trials) ** trials))
    unseen = 0
    while n_seen + unseen < n_most:
        share = (unseen + 1) * (1 - (trials / (trials + n_seen)) ** (1 / trials))
        if share >= 1:
            break
        likely = (1 - share) * (seen + 1) / (trials + n_seen)
        expected = np.sum(1 - (1 - likely) ** trials)
        expected += (unseen + 1) * (1 - (1 - share / (unseen + 1)) ** trials)
        if abs(n_seen - expected) >= away:
            break
        away = abs(n_seen - float(expected))
        unseen += 1
    return n_seen + unseen


def _extrapolated(plug_in: Floats, responses: Codes, codes: Codes, seed: Seed) -> Floats:
    r"""Return the estimate at infinitely many trials.

    With :math:`I_1, I_2, I_4` of all, halves and quarters of the trials, a parabola in the inverse
    of their number is :math:`(8 I_1 - 6 I_2 + I_4) / 3` at zero.
    """
    parent = root(seed)
    means = []
    for parts in (2, 4):
        found = np.zeros_like(plug_in)
        for repeat in range(_REPEATS):
            part = _stratified(codes, parts, stream(parent, 2**31 + parts * _REPEATS + repeat))
            for number in range(parts):
                chosen = part == number
                found += _plug_in(responses[:, chosen], _codes(codes[chosen], chosen.sum()))
        means.append(found / (parts * _REPEATS))
    return (8 * plug_in - 6 * means[0] + means[1]) / 3


def _stratified(codes: Codes, parts: int, random: np.random.Generator) -> Codes:
    """Deal the trials of each stimulus out to parts."""
    sizes = np.bincount(codes)
    if sizes.min() < parts:
        raise InputError(
            f"trials are quartered to extrapolate, and a stimulus has {sizes.min()}",
            hint="use the correction panzeri-treves",
        )
    part = np.empty(len(codes), dtype=np.uint16)
    for code, size in enumerate(sizes):
        part[codes == code] = random.permutation(size) % parts
    return part
