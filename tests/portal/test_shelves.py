"""A shelf keeps what was asked for last, and makes nothing twice at once."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor

import pytest

from panneuro.portal.shelves import Shelf


def test_the_least_recently_used_goes_first():
    shelf = Shelf(10, len)
    shelf.take("a", lambda: "xxxx")
    shelf.take("b", lambda: "xxxx")
    shelf.take("a", lambda: "never")
    shelf.take("c", lambda: "xxxx")
    assert [key for key in "abc" if key in shelf] == ["a", "c"]


def test_what_does_not_fit_is_given_but_not_kept():
    shelf = Shelf(10, len)
    assert shelf.take("a", lambda: "x" * 11) == "x" * 11
    assert len(shelf) == 0


def test_many_who_ask_at_once_wait_for_one():
    shelf, made, together = Shelf(10), [], threading.Barrier(8)

    def make() -> str:
        made.append(threading.get_ident())
        return "value"

    def ask(_: int) -> str:
        together.wait()
        return shelf.take("key", make)

    with ThreadPoolExecutor(8) as pool:
        assert set(pool.map(ask, range(8))) == {"value"}
    assert len(made) == 1


def test_a_failure_is_told_and_the_next_tries_again():
    shelf = Shelf(10)
    with pytest.raises(OSError, match="gone"):
        shelf.take("key", lambda: (_ for _ in ()).throw(OSError("gone")))
    assert shelf.take("key", lambda: "there") == "there"
