"""Which tests are neighbours, of those laid out along times, frequencies, electrodes."""

from __future__ import annotations

import reprlib

import numpy as np
import numpy.typing as npt
import scipy.sparse

from panneuro.core.errors import InputError


def neighbours(*axes: int | npt.ArrayLike | scipy.sparse.sparray) -> scipy.sparse.csr_array:
    """Say which tests are neighbours, for tests laid out along several axes.

    Tests are neighbours if they differ on one axis only, and are neighbours there.

    Parameters
    ----------
    *axes : int or matrix
        For each axis its length, if it is ordered (times, frequencies); or a square matrix that is
        not zero where two (electrodes) are neighbours.

    Returns
    -------
    csr_array, shape (n_tests, n_tests)

    Raises
    ------
    InputError
        If there are no axes, one has no length, or a matrix is not square.

    Examples
    --------
    >>> neighbours(2, 2).toarray().astype(int)
    array([[0, 1, 1, 0],
           [1, 0, 0, 1],
           [1, 0, 0, 1],
           [0, 1, 1, 0]])
    """
    if not axes:
        raise InputError("neighbours were asked for along no axes")
    found = scipy.sparse.csr_array((1, 1), dtype=np.int8)
    for axis in axes:
        matrix = _axis(axis)
        here, there = (
            scipy.sparse.eye_array(size.shape[0], dtype=np.int8) for size in (found, matrix)
        )
        found = scipy.sparse.kron(found, there) + scipy.sparse.kron(here, matrix)
    return by_rows(found)


def by_rows(matrix: scipy.sparse.sparray) -> scipy.sparse.csr_array:
    """Return the matrix by rows; a zero that is stored would be a neighbour."""
    try:
        rows = scipy.sparse.csr_array(matrix, copy=True)
    except (TypeError, ValueError) as error:
        raise InputError(
            f"{reprlib.repr(matrix)} does not say which tests are neighbours: {error}",
            hint="neighbours(n_channels, n_times)",
        ) from error
    rows.eliminate_zeros()
    return rows


def _axis(axis: int | npt.ArrayLike | scipy.sparse.sparray) -> scipy.sparse.csr_array:
    if isinstance(axis, int | np.integer):
        if axis < 1:
            raise InputError(f"neighbours were asked for along an axis of length {int(axis)}")
        row = scipy.sparse.eye_array(int(axis), k=1, dtype=np.int8)
        return scipy.sparse.csr_array(row + row.T)
    if not np.ndim(axis) and not scipy.sparse.issparse(axis):
        raise InputError(
            f"neighbours were asked for along {axis!r}", hint="a whole length, or a square matrix"
        )
    matrix = scipy.sparse.csr_array(axis) != 0
    if matrix.ndim != 2 or matrix.shape[0] != matrix.shape[1]:
        raise InputError(
            f"neighbours along an axis are a matrix of shape {matrix.shape}, not square"
        )
    either = (matrix + matrix.T).tolil()
    either.setdiag(False)
    return scipy.sparse.csr_array(either, dtype=np.int8)
