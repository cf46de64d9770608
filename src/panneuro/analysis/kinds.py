"""What kind of thing an argument must be."""

from __future__ import annotations

import reprlib
from collections.abc import Iterable

from panneuro.core.errors import InputError


def check_kind(given: object, kind: type, doing: str, hint: str = "") -> None:
    """Refuse what is of another class.

    Parameters
    ----------
    given : object
    kind : type
        What it must be an instance of.
    doing : str
        What is being done, to begin the error message: ``"filtering"``.
    hint : str, optional
        How to make one.

    Raises
    ------
    InputError
        If it is an instance of another class.

    Examples
    --------
    >>> check_kind(3.0, float, "halving")
    """
    if not isinstance(given, kind):
        raise InputError(
            f"{doing} needs {kind.__name__}, not {type(given).__name__}: {reprlib.repr(given)}",
            hint=hint,
        )


def check_choice(what: str, choice: object, known: Iterable[str]) -> None:
    """Refuse a name that is not known.

    Parameters
    ----------
    what : str
        What is chosen, for the error message: ``"shuffle"``.
    choice : object
        The name that was given.
    known : iterable of str
        The names there are.

    Raises
    ------
    InputError
        If it is none of them.

    Examples
    --------
    >>> check_choice("tail", "both", ["greater", "less", "both"])
    """
    names = list(known)
    if not isinstance(choice, str) or choice not in names:
        raise InputError(f"there is no {what} {choice!r}", hint=f"one of {', '.join(names)}")
