"""Sums over many subsets of trials, where each addition serves all the subsets that need it.

Trials are taken five by five. The 32 sums that five trials can have are formed once and looked up
for every subset, which takes a fifth of the additions of a product with zeros and ones.

Source: the method of the four Russians, Arlazarov, Dinic, Kronrod & Faradzhev (1970) Soviet Math.
Dokl. 11:1209; its use for products, Aho, Hopcroft & Ullman (1974) The Design and Analysis of
Computer Algorithms, section 6.6.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from panneuro.analysis.compiling import compiled
from panneuro.core.memory import scratch

type Floats = npt.NDArray[np.floating[Any]]
type Packed = npt.NDArray[np.uint8]

_FIVE = 5
_AT_ONCE = 4
"""Sums that are looked up before they are added to the others."""
_TABLES = 12
"""Of five trials each: so many that they stay in a processor's second cache."""
_WIDTH = 2048
"""Bytes of a sum: of so many columns is a table made."""


def pack(members: npt.NDArray[np.bool_]) -> Packed:
    """Return the number of the sum that each subset takes from each table.

    Parameters
    ----------
    members : ndarray of bool, shape (n_subsets, n_trials)
        Which trials are in which subset.

    Returns
    -------
    ndarray of uint8, shape (n_subsets, n_tables)
        Five trials to a table, the first of them the lowest bit.

    Examples
    --------
    >>> pack(np.array([[True, True, False, False, False, True]]))
    array([[3, 1, 0, 0]], dtype=uint8)
    """
    n_subsets, n_trials = members.shape
    n_tables = -(-n_trials // (_FIVE * _AT_ONCE)) * _AT_ONCE
    filled = np.zeros((n_subsets, n_tables * _FIVE), dtype=bool)
    filled[:, :n_trials] = members
    fives = filled.reshape(n_subsets, n_tables, _FIVE)
    return np.packbits(fives, axis=-1, bitorder="little")[..., 0]


def subset_sums(
    values: Floats, packed: Packed, *, signed: bool = False, out: Floats | None = None
) -> Floats:
    """Return the sum of each column over each subset.

    Parameters
    ----------
    values : ndarray of float, shape (n_trials, n_columns)
        Computed in its own precision.
    packed : ndarray of uint8, shape (n_subsets, n_tables)
        From :func:`pack`.
    signed : bool
        Subtract the trials that are not in a subset, instead of leaving them out.
    out : ndarray, shape (n_subsets, n_columns), optional
        Where to write: memory that is used again is faster than memory that is new.

    Returns
    -------
    ndarray, shape (n_subsets, n_columns)

    Examples
    --------
    >>> values, members = np.array([[1.0], [2.0], [4.0]]), np.array([[True, False, True]])
    >>> subset_sums(values, pack(members)), subset_sums(values, pack(members), signed=True)
    (array([[5.]]), array([[3.]]))
    """
    values, width = np.ascontiguousarray(values), _WIDTH // values.itemsize
    shape = min(_TABLES, packed.shape[1]), 2**_FIVE, width
    tables = scratch("tables of sums", shape, values.dtype)
    sums = np.empty((len(packed), values.shape[1]), values.dtype) if out is None else out
    sums[:] = 0
    _add_subsets(values, packed, signed, tables, sums)
    return sums


@compiled
def _add_subsets(
    values: Floats, packed: Packed, signed: bool, tables: Floats, sums: Floats
) -> None:
    n_columns, n_tables = values.shape[1], packed.shape[1]
    width = tables.shape[2]
    for first in range(0, n_columns, width):
        last = min(n_columns, first + width)
        for start in range(0, n_tables, tables.shape[0]):
            stop = min(n_tables, start + tables.shape[0])
            for table in range(start, stop):
                _fill(values, table * _FIVE, first, last, signed, tables[table - start])
            _look_up(tables, packed[:, start:stop], first, last, sums)


@compiled
def _fill(values: Floats, trial: int, first: int, last: int, signed: bool, sums: Floats) -> None:
    """Make the table of five trials; beyond the last trial there is nothing to add."""
    sums[0] = 0
    for bit in range(_FIVE):
        size = 1 << bit
        if trial + bit >= len(values):
            sums[size : 2 * size] = sums[:size]
            continue
        value = values[trial + bit, first:last]
        for known in range(size):
            left_out, taken = sums[known], sums[size + known]
            for column in range(value.size):
                taken[column] = left_out[column] + value[column]
            if signed:
                for column in range(value.size):
                    left_out[column] -= value[column]


@compiled
def _look_up(tables: Floats, packed: Packed, first: int, last: int, sums: Floats) -> None:
    for subset in range(len(packed)):
        found, which = sums[subset, first:last], packed[subset]
        for table in range(0, which.size, _AT_ONCE):
            one, two = tables[table, which[table]], tables[table + 1, which[table + 1]]
            three, four = tables[table + 2, which[table + 2]], tables[table + 3, which[table + 3]]
            for column in range(found.size):
                found[column] += (one[column] + two[column]) + (three[column] + four[column])
