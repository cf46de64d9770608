"""The types of a function's parameters, those too that are imported for type checkers alone."""

from __future__ import annotations

import ast
import inspect
import sys
from collections.abc import Callable, Iterator
from functools import lru_cache
from importlib import import_module
from types import SimpleNamespace
from typing import Any, get_type_hints

from panneuro.compute.code import TEXT
from panneuro.compute.syntax import imports_of


def types_of(function: Callable[..., Any]) -> tuple[dict[str, Any], dict[str, str]]:
    """Return the types of a function's parameters, and why others cannot be known.

    Annotations that are text, as all are after ``from __future__ import annotations``, are
    evaluated in the function's module, where what is imported under ``if TYPE_CHECKING:`` is
    imported now.

    Parameters
    ----------
    function : callable
        Whose.

    Returns
    -------
    known : dict
        Types by the name of their parameter, without those that have no annotation.
    unknown : dict of str to str
        By the name of a parameter, what went wrong with its annotation.

    Examples
    --------
    >>> def power(band: "tuple[float, float]", window: "Windoww"): ...
    >>> types_of(power)
    ({'band': tuple[float, float]}, {'window': "name 'Windoww' is not defined"})
    """
    known: dict[str, Any] = {}
    unknown: dict[str, str] = {}
    for name, annotation in inspect.get_annotations(function).items():
        if name != "return":
            try:
                known[name] = _evaluated(function, annotation)
            except Exception as error:  # noqa: BLE001
                unknown[name] = str(error)
    return known, unknown


def _evaluated(function: Callable[..., Any], annotation: Any) -> Any:
    space = dict(getattr(inspect.unwrap(function), "__globals__", {}))
    one = SimpleNamespace(__annotations__={"it": annotation})
    while True:
        try:
            return get_type_hints(one, space, include_extras=True)["it"]
        except NameError as error:
            module = _imports_for_checkers(_text_of(function), space.get("__package__") or "")
            if error.name in space or error.name not in module:
                raise
            space[error.name] = _imported(*module[error.name])


def _imported(module: str, name: str) -> Any:
    if not name:
        import_module(module)
        return sys.modules[module]
    return getattr(import_module(module), name)


def _text_of(function: Callable[..., Any]) -> str:
    module = sys.modules.get(function.__module__)
    if module is None or TEXT in vars(module):
        return str(getattr(module, TEXT, ""))
    try:
        return inspect.getsource(module)
    except (OSError, TypeError):
        return ""


@lru_cache(maxsize=64)
def _imports_for_checkers(text: str, package: str) -> dict[str, tuple[str, str]]:
    """Return what a module imports under ``if TYPE_CHECKING:``, by the name that it is given."""
    found: dict[str, tuple[str, str]] = {}
    for statement in _for_checkers(ast.parse(text)):
        if isinstance(statement, ast.Import | ast.ImportFrom):
            found |= imports_of(statement, package)
    return found


def _for_checkers(module: ast.Module) -> Iterator[ast.stmt]:
    for statement in module.body:
        if isinstance(statement, ast.If) and "TYPE_CHECKING" in ast.dump(statement.test):
            yield from statement.body
