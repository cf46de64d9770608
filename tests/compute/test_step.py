from __future__ import annotations

import pickle
from typing import Literal

import pytest

import panneuro
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


def test_a_parameter_needs_a_type():
    @panneuro.step(takes="units", gives="a")
    def untyped(units, n=1):
        """Take a number of no kind."""

    with pytest.raises(InputError, match="the type of its parameter 'n' is not known"):
        untyped.validated({})


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
