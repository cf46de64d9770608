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
    distributions,
    packages_distributions,
)
from typing import Any

from panneuro.core.digests import digest_bytes

PYTHON = "python"
"""Under which name the interpreter stands among the packages, as in ``3.12``."""

_REQUIREMENT = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]*")
_OURS = "panneuro"


def reached(imports: Iterable[str]) -> dict[str, str]:
    """Return the versions of the distributions that hold some modules, and of what these require.

    panneuro itself is no package here but code: see `panneuro.compute.code`.

    Parameters
    ----------
    imports : iterable of str
        Top-level names of modules.

    Returns
    -------
    dict of str to str
        By normalised name; ``python`` stands for the interpreter, by its minor version.

    Examples
    --------
    >>> sorted(reached(["numpy"]))
    ['numpy', 'python']
    """
    found = {PYTHON: ".".join(platform.python_version_tuple()[:2])}
    todo = [name for module in sorted(imports) for name in _distributions_of(module)]
    while todo:
        name = _normalised(todo.pop())
        installed = None if name in found or name == _OURS else _installed(name)
        if installed is not None:
            found[name] = installed.version
            todo += _required(name)
    return dict(sorted(found.items()))


@cache
def everything() -> dict[str, Any]:
    """Return what a step runs in: interpreter, platform, and every distribution installed.

    Returns
    -------
    dict
        ``python``, ``implementation``, ``system``, ``machine``, and ``packages``: by name, the
        ``version`` and the ``digest`` of the list of files that the installer left.
    """
    packages = {}
    for one in distributions():
        record = one.read_text("RECORD") or ""
        known = one.metadata
        said = {"version": known["Version"], "digest": digest_bytes(record.encode())}
        origin = one.read_text("direct_url.json")
        packages[_normalised(known["Name"])] = said | ({"origin": origin} if origin else {})
    return {
        "python": platform.python_version(),
        "implementation": platform.python_implementation(),
        "system": platform.system(),
        "machine": platform.machine(),
        "packages": dict(sorted(packages.items())),
    }


def _normalised(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name).lower()


@cache
def _installed(name: str) -> Distribution | None:
    try:
        return distribution(name)
    except PackageNotFoundError:
        return None


@cache
def _distributions_of(module: str) -> tuple[str, ...]:
    """Return the distributions of a module: mostly, the one of its name."""
    if _installed(_normalised(module)):
        return (module,)
    return tuple(dict.fromkeys(packages_distributions().get(module, ())))


@cache
def _required(name: str) -> tuple[str, ...]:
    """Return the names of what a distribution always requires."""
    installed = _installed(name)
    lines = (installed.requires if installed else None) or ()
    found = (_REQUIREMENT.match(line) for line in lines if "extra ==" not in line)
    return tuple(match[0] for match in found if match)
