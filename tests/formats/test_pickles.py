"""Pickles are looked into, never loaded."""

from __future__ import annotations

import pickle
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from panneuro.core.errors import FormatError
from panneuro.formats.pickles import Called, Global, look_into

PLAIN = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats(allow_nan=False)
    | st.text()
    | st.binary(),
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.dictionaries(st.text(), inner, max_size=4)
        | st.tuples(inner, inner)
    ),
    max_leaves=12,
)


@settings(deadline=None)
@given(PLAIN, st.integers(3, 5))
def test_plain_data_come_back(value: Any, protocol: int) -> None:
    assert look_into(pickle.dumps(value, protocol)) == value


@settings(deadline=None)
@given(st.binary(max_size=60))
def test_rubbish_is_refused_or_plain(data: bytes) -> None:
    try:
        look_into(data)
    except FormatError:
        return


class Armed:
    def __init__(self, target: Path) -> None:
        self.target = target

    def __reduce__(self) -> tuple[Any, ...]:
        return Path.touch, (self.target,)


def test_nothing_is_called(tmp_path: Path) -> None:
    target = tmp_path / "touched"
    found = look_into(pickle.dumps(Armed(target)))
    assert isinstance(found, Called)
    assert not target.exists()
    pickle.loads(pickle.dumps(Armed(target)))
    assert target.exists()


def test_names_are_only_names() -> None:
    assert look_into(pickle.dumps(Path.touch, 2)) is not None
    assert look_into(b"cos\nsystem\n.") == Global("os", "system")


def test_shared_and_circular_data_end() -> None:
    shared = ["a"]
    assert look_into(pickle.dumps([shared, shared])) == [["a"], ["a"]]
    circle: list[Any] = []
    circle.append(circle)
    assert look_into(pickle.dumps(circle))[0] is not None


@pytest.mark.parametrize("data", [b"", b"\x80\x05", b"\x80\x05]\x94(", b"garbage"])
def test_damaged_pickles_are_refused(data: bytes) -> None:
    with pytest.raises(FormatError):
        look_into(data)
