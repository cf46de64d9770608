"""Neighbours along several axes."""

from __future__ import annotations

import numpy as np
import pytest

from panneuro.analysis.adjacency import neighbours
from panneuro.core.errors import InputError


def test_neighbours_of_electrodes_and_times():
    ring = np.roll(np.eye(4), 1, axis=0)
    edges = neighbours(ring, 3).toarray()
    assert (edges == edges.T).all()
    assert not edges.diagonal().any()
    # Electrode 0 at time 1: electrodes 1 and 3 at time 1, and its own times 0 and 2.
    assert set(np.flatnonzero(edges[1])) == {4, 10, 0, 2}


def test_an_axis_has_a_length_or_a_square_matrix():
    with pytest.raises(InputError, match="not square"):
        neighbours(np.ones((2, 3)))
    with pytest.raises(InputError, match="no axes"):
        neighbours()
