"""The room tells which extra it needs before anything in it is imported."""

from __future__ import annotations

import importlib
import sys

import pytest

import panneuro.analysis
from panneuro.core.errors import MissingExtraError


@pytest.mark.parametrize("missing", ["numba", "scipy", "sklearn", "threadpoolctl"])
def test_a_missing_library_is_told_with_the_line_that_installs_it(missing, monkeypatch):
    monkeypatch.setitem(sys.modules, missing, None)
    with pytest.raises(MissingExtraError) as refused:
        importlib.reload(panneuro.analysis)
    assert refused.value.hint == 'pip install "panneuro[analysis]"'
    monkeypatch.undo()
    importlib.reload(panneuro.analysis)
