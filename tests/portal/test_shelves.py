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


def test_only_what_is_missing_is_made_and_all_of_it_at_once():
    shelf, asked = Shelf(10), []

    def make(missing: list[int]) -> list[str]:
        asked.append(missing)
        return [str(key) for key in missing]

    assert shelf.take_all([2, 3], make) == ["2", "3"]
    assert shelf.take_all([1, 2, 3, 4], make) == ["1", "2", "3", "4"]
    assert shelf.take_all([1, 4], make) == ["1", "4"]
    assert asked == [[2, 3], [1, 4]]


def test_who_asks_for_some_of_the_same_waits_for_those():
    shelf, made, together = Shelf(100), [], threading.Barrier(8)

    def make(missing: list[int]) -> list[int]:
        made.extend(missing)
        return [-key for key in missing]

    def ask(first: int) -> list[int]:
        together.wait()
        return shelf.take_all(range(first, first + 5), make)

    with ThreadPoolExecutor(8) as pool:
        found = list(pool.map(ask, range(8)))
    assert found == [[-key for key in range(first, first + 5)] for first in range(8)]
    assert sorted(made) == list(range(12))


def test_a_failure_with_some_lets_others_try():
    shelf = Shelf(10)
    with pytest.raises(ValueError, match="argument 2 is shorter"):
        shelf.take_all("abc", lambda _: "x")
    assert shelf.take_all("abc", lambda missing: missing) == list("abc")
