"""Compiled loops."""

from __future__ import annotations

from panneuro.analysis.compiling import compiled


@compiled
def doubled(value):
    return 2 * value


def test_a_compiled_function_does_what_it_did():
    assert doubled(3) == doubled.py_func(3) == 6
