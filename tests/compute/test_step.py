from __future__ import annotations

import pickle
from typing import Literal

import pytest

import panneuro
from panneuro.compute.products import product
from panneuro.compute.step import find_step
from panneuro.core.errors import InputError, NotFoundError


@panneuro.step(takes="units", gives=("a", "b"))
def many(
    units,
    width_s: float = 0.25,
    bands: list[tuple[float, float]] | None = None,
    kind: Literal["mean", "median"] = "mean",
    seed: int = 0,
):
    """Do much."""


def test_parameters_are_what_is_not_taken():
    assert list(many.parameters) == ["width_s", "bands", "kind"]
    assert many.asks == {"seed"}
    assert many.name == "many"
    assert many.__doc__ == "Do much."


def test_parameters_are_validated():
    found = many.validated({"width_s": "0.5", "bands": [[4, 8]]})
    assert found.model_dump() == {"width_s": 0.5, "bands": [(4.0, 8.0)], "kind": "mean"}
    for wrong in ({"kind": "mode"}, {"width_s": None}, {"width_s": float("inf")}, {"seeds": 1}):
        with pytest.raises(InputError, match="step 'many'"):
            many.validated(wrong)


def test_declarations_must_fit_the_function():
    with pytest.raises(InputError, match="has no such parameter"):

        @panneuro.step(takes="spikes", gives="a")
        def other(units):
            """Take something else."""

    with pytest.raises(InputError, match="whose content cannot be known"):

        @panneuro.step(takes="units", gives="a")
        def loose(units, **more):
            """Take anything."""

    with pytest.raises(InputError, match="gives"):

        @panneuro.step(takes="units", gives=())
        def nothing(units):
            """Give nothing."""


class Thing:
    """No value that JSON has."""


def test_a_parameter_needs_a_type_that_a_record_can_hold():
    @panneuro.step(takes="units", gives="a")
    def untyped(units, n=1):
        """Take a number of no kind."""

    @panneuro.step(takes="units", gives="a")
    def odd(units, thing: Thing | None = None):
        """Take a thing."""

    with pytest.raises(InputError, match="its parameter 'n' has no type"):
        untyped.validated({})
    with pytest.raises(InputError, match=r"'thing' is of type .*Thing.*, which no record"):
        odd.validated({})


CHECKED = """
from __future__ import annotations
from typing import TYPE_CHECKING
import panneuro
if TYPE_CHECKING:
    import pandas as pd
    from collections.abc import Sequence
    from no_such_package import Thing

@panneuro.step(takes="rates", gives="kind")
def told(rates: pd.DataFrame, areas: Sequence[str] = ("CA1",)) -> str:
    return type(rates).__name__

@panneuro.step(takes="rates", gives="kind")
def lost(rates, thing: Thing = 1) -> str:
    return ""

@panneuro.step(takes="rates", gives="kind")
def typed_wrongly(rates: DataFrane) -> str:
    return ""
"""


def test_types_that_are_imported_for_type_checkers_alone(lake, steps, tmp_path):
    file = tmp_path / "checked.py"
    file.write_text(CHECKED)
    step = find_step(f"{file}:told")
    assert step.validated({"areas": ["CA3"]}).model_dump() == {"areas": ["CA3"]}
    panneuro.run(lake, f"{steps}:rates", on="subject=m0 has:units")
    (name,) = panneuro.run(lake, step, on="has:rates").outputs
    assert product(lake[name], "kind") == "DataFrame"


@pytest.mark.parametrize(
    ("function", "message"),
    [
        ("lost", "annotation 'Thing' of its parameter 'thing' .*: No module named 'no_such_pack"),
        ("typed_wrongly", "annotation 'DataFrane' of its parameter 'rates' .* is not defined"),
    ],
)
def test_types_that_cannot_be_resolved(lake, tmp_path, function, message):
    file = tmp_path / "checked.py"
    file.write_text(CHECKED)
    with pytest.raises(InputError, match=message) as caught:
        panneuro.run(lake, f"{file}:{function}")
    assert caught.value.hint == f"import or define what it names at the top of {file}"


def test_a_step_is_still_a_function():
    @panneuro.step(takes="x", gives="a")
    def double(x):
        return 2 * x

    assert double(4) == 8
    assert not double.is_found


def test_steps_of_files_travel_to_other_processes(steps):
    step = find_step(f"{steps}:rates")
    assert step.is_found
    assert pickle.loads(pickle.dumps(step)) is step
    assert find_step(step) is step


def test_a_file_that_changed_is_read_again(tmp_path):
    file = tmp_path / "one.py"
    text = (
        "import panneuro\n@panneuro.step(takes='units', gives='a')\ndef f(units):\n    return 1\n"
    )
    file.write_text(text)
    before = find_step(str(file))
    file.write_text(text.replace("1", "2"))
    after = find_step(str(file))
    assert (before(None), after(None)) == (1, 2)
    assert before.code.digest != after.code.digest


def test_steps_that_are_not_there():
    for reference in ("nothing", "no.such.module:step", "panneuro.core.digests:digest_json"):
        with pytest.raises(NotFoundError):
            find_step(reference)
