"""Views as they are written and found."""

from __future__ import annotations

import pickle

import numpy as np
import pandas as pd
import pytest

from panneuro.core.errors import InputError, NotFoundError
from panneuro.views.view import find_view, view


def test_a_view_is_the_function_it_was_made_of(noted):
    found = find_view(str(noted.path))
    assert found.name == "spikes"
    assert found.__doc__ == "How many spikes each unit has."
    assert str(found.over) == "has=units"
    assert pickle.loads(pickle.dumps(found)).reference == found.reference


@pytest.mark.parametrize(
    ("made", "rows"),
    [
        ({"x": 1}, [{"x": 1}]),
        ([{"x": 1}, {"x": 2}], [{"x": 1}, {"x": 2}]),
        (({"x": n} for n in range(2)), [{"x": 0}, {"x": 1}]),
        (pd.DataFrame({"x": [3]}, index=pd.Index(["u"], name="unit")), [{"unit": "u", "x": 3}]),
        (None, []),
        ([], []),
    ],
)
def test_a_function_gives_rows_in_many_ways(made, rows):
    @view(takes="asset")
    def any_way(asset):
        return made

    assert pd.DataFrame(any_way.rows(None, {})).to_dict("records") == rows


@pytest.mark.parametrize("made", [3, "text", [1, 2], np.ones(3)])
def test_what_is_no_row_is_refused(made):
    @view(takes="asset")
    def odd(asset):
        return made

    with pytest.raises(InputError, match="view 'odd' gave"):
        odd.rows(None, {})


def test_runs_cannot_be_searched():
    with pytest.raises(InputError, match="no search finds"):

        @view(over="has:units", takes="run")
        def both(run):
            return None


def test_views_that_are_not_there(tmp_path, noted):
    with pytest.raises(NotFoundError, match="no view 'other'"):
        find_view(f"{noted.path}:other")
    with pytest.raises(NotFoundError, match=r"no view 'nothing' is installed"):
        find_view("nothing")
    with pytest.raises(NotFoundError):
        find_view(str(tmp_path / "none.py"))
    (tmp_path / "empty.py").write_text("")
    with pytest.raises(NotFoundError, match="0 views"):
        find_view(str(tmp_path / "empty.py"))
