from __future__ import annotations

import inspect
import pickle

import pytest

from panneuro.core import errors
from panneuro.core.errors import MissingExtraError, PanneuroError

CLASSES = [
    one for one in vars(errors).values() if inspect.isclass(one) and issubclass(one, PanneuroError)
]


def test_codes_are_stable_and_each_class_has_its_own():
    codes = [one.code for one in CLASSES]
    assert len(set(codes)) == len(codes)
    assert all("/" in code and code == code.lower() for code in codes)


def test_the_drawing_shows_every_class():
    drawn = errors.__doc__
    assert all(one.__name__ in drawn for one in CLASSES)


@pytest.mark.parametrize("one", [one for one in CLASSES if one is not MissingExtraError])
def test_a_message_ends_with_what_to_do(one):
    error = one("reading 'x': it is odd", hint="mend it")
    assert str(error) == "reading 'x': it is odd\n  mend it"
    assert str(one("reading 'x'")) == "reading 'x'"
    assert error.exit_code in range(1, 8)


def test_errors_are_also_what_python_calls_them():
    assert issubclass(errors.InputError, ValueError)
    assert issubclass(errors.NotFoundError, LookupError)
    error = MissingExtraError("video", "Reading video")
    assert isinstance(error, ImportError)
    assert 'pip install "panneuro[video]"' in str(error)


def test_errors_travel_between_processes():
    back = pickle.loads(pickle.dumps(errors.InputError("a", hint="b")))
    assert str(back).startswith("a")
