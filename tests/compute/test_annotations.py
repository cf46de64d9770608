from __future__ import annotations

from typing import TYPE_CHECKING, Literal

import numpy as np
import pytest

from panneuro.compute.annotations import types_of

if TYPE_CHECKING:
    from collections.abc import Sequence

    import numpy.typing as npt
    from panneuro.no_such_module import Lost


def test_each_annotation_is_resolved_by_itself():
    def function(plain: int, listed: Sequence[float], values: npt.ArrayLike, lost: Lost) -> Lost:
        """Take four."""

    known, unknown = types_of(function)
    assert list(known) == ["plain", "listed", "values"]
    assert known["values"] is np.typing.ArrayLike
    assert list(unknown) == ["lost"]
    assert "no_such_module" in unknown["lost"]


@pytest.mark.parametrize("annotation", ["1 +", "", "no.such.thing", "[].x", "Literal['a"])
def test_what_is_no_type_is_told(annotation):
    def function(one): ...

    function.__annotations__ = {"one": annotation}
    known, unknown = types_of(function)
    assert not known
    assert unknown["one"]


def test_types_that_are_no_text_are_left_as_they_are():
    def function(one): ...

    function.__annotations__ = {"one": Literal["a", "b"]}
    assert types_of(function) == ({"one": Literal["a", "b"]}, {})
