"""One thread for linear algebra."""

from __future__ import annotations

import sys
from types import ModuleType

import numpy as np
import pytest
from threadpoolctl import threadpool_info, threadpool_limits

from panneuro.analysis import threads
from panneuro.analysis.threads import one_thread


@pytest.fixture
def looked(monkeypatch):
    """Count how often libraries are looked for, and forget what was found."""
    found = []
    monkeypatch.setattr(threads, "ThreadpoolController", Looked(found))
    threads._pools.cache_clear()
    yield found
    threads._pools.cache_clear()


def blas_threads():
    return [pool["num_threads"] for pool in threadpool_info() if pool["user_api"] == "blas"]


def test_blas_has_one_thread_meanwhile_and_as_many_as_before_after():
    with threadpool_limits(2, "blas"):
        before = blas_threads()
        with one_thread():
            assert set(blas_threads()) == {1}
            with one_thread():
                np.ones((9, 9)) @ np.ones((9, 9))
            assert set(blas_threads()) == {1}
        assert blas_threads() == before


def test_it_ends_when_an_error_does():
    before = blas_threads()
    with pytest.raises(ZeroDivisionError), one_thread():
        _ = 1 / 0
    assert blas_threads() == before


def test_libraries_are_looked_for_again_once_more_is_loaded(looked, monkeypatch):
    for _ in range(3):
        with one_thread():
            pass
    assert looked == [1]
    monkeypatch.setitem(sys.modules, "another", ModuleType("another"))
    with one_thread():
        pass
    assert looked == [1, 1]


class Looked:
    def __init__(self, looked):
        self.looked = looked

    def __call__(self):
        self.looked.append(1)
        return self

    def limit(self, **asked):
        assert asked == {"limits": 1, "user_api": "blas"}
        return threadpool_limits(1, "blas")
