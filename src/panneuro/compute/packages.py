"""The packages that a step reaches, and everything installed beside them."""

from __future__ import annotations

import platform
import re
from collections.abc import Iterable
from functools import cache
from importlib.metadata import (
    Distribution,
    PackageNotFoundError,
    distribution,
    packages_distributions,
)
from importlib.util import find_spec
from typing import Any

from panneuro.compute.environments import Environment
from panneuro.compute.inventory import inventory, normalised

PYTHON = "python"
"""Under which name the interpreter stands among the packages, as in ``3.12``."""

LOCKED = "(locked)"
"""Marks what a step's own environment holds."""

_REQUIREMENT = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]*")
_OURS = "panneuro"
_ASIDE = ("numba", "scikit-learn", "scipy", "threadpoolctl")
"""What panneuro's analyses use where it is installed."""


def reached(imports: Iterable[str], locked: Environment | None = None) -> dict[str, str]:
    """Return the versions of the distributions that hold some modules, and of what these require.

    panneuro itself is no package here but code: see `panneuro.compute.code`.

    Parameters
    ----------
    imports : iterable of str
        Top-level names of modules.
    locked : Environment, optional
        What the step calls functions in: its packages count too, and its hashes do.

    Returns
    -------
    dict of str to str
        By normalised name; ``python`` stands for the interpreter, by its minor version. A name
        that is locked in another version stands a second time, as ``numpy (locked)``.

    Examples
    --------
    >>> sorted(reached(["numpy"]))
    ['numpy', 'python']
    """
    names = [name for module in sorted(imports) for name in _distributions_of(module)]
    found = {PYTHON: ".".join(platform.python_version_tuple()[:2]), **_closed(names)}
    if locked is not None:
        for name, version in locked.packages.items():
            if found.setdefault(name, version) != version:
                found[f"{name} {LOCKED}"] = version
        found[LOCKED] = locked.digest
    return dict(sorted(found.items()))


def loaded(imports: Iterable[str]) -> list[str]:
    """Return the names of the distributions that hold some modules, and of what these require.

    A module that is of no distribution stands under its own name: no registry has it.
    """
    held = {module: _distributions_of(module) for module in imports}
    loose = {module for module, names in held.items() if not names and _is_there(module)}
    return sorted({*_closed(name for names in held.values() for name in names), *loose})


def _is_there(module: str) -> bool:
    return module != _OURS and find_spec(module) is not None


def _closed(names: Iterable[str]) -> dict[str, str]:
    """Return the versions of distributions and of what they require; of panneuro, none."""
    found: dict[str, str] = {}
    todo = list(names)
    while todo:
        name = normalised(todo.pop())
        installed = None if name in found or name == _OURS else _installed(name)
        if installed is not None:
            found[name] = installed.version
            todo += _required(name)
    return found


@cache
def everything() -> dict[str, Any]:
    """Return what a step runs in: see `panneuro.compute.inventory`; found out once."""
    return inventory()


@cache
def beneath() -> dict[str, str]:
    """Return the versions of all that panneuro itself needs, and of what speeds it up."""
    return dict(sorted(_closed([*_required(_OURS), *_ASIDE]).items()))


@cache
def _installed(name: str) -> Distribution | None:
    try:
        return distribution(name)
    except PackageNotFoundError:
        return None


@cache
def _distributions_of(module: str) -> tuple[str, ...]:
    """Return the distributions of a module: mostly, the one of its name."""
    if _installed(normalised(module)):
        return (module,)
    return tuple(dict.fromkeys(packages_distributions().get(module, ())))


@cache
def _required(name: str) -> tuple[str, ...]:
    """Return the names of what a distribution always requires."""
    installed = _installed(name)
    lines = (installed.requires if installed else None) or ()
    found = (_REQUIREMENT.match(line) for line in lines if "extra ==" not in line)
    return tuple(match[0] for match in found if match)
