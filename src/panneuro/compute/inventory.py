"""What is installed: by distribution, its version and a digest of the files it consists of.

Run as a script, it tells this of the interpreter that runs it, whatever its version and whatever
is installed there: this file needs the standard library alone.
"""

from __future__ import annotations

import hashlib
import json
import platform
import re
import sys
from importlib.metadata import Distribution, distributions
from pathlib import Path
from typing import Any

_NAMED = re.compile(r"^(Name|Version): (\S+)\s*$", re.MULTILINE)
_APART = re.compile(
    r'^"?(\.\.|/)|\.pyc"?,|\.dist-info/(INSTALLER|REQUESTED|RECORD|direct_url\.json|uv_cache\.json),'
)
"""Scripts, compiled files, and who installed it and whence: not what it is."""


def inventory() -> dict[str, Any]:
    """Return what runs here: interpreter, platform, and every distribution installed.

    Returns
    -------
    dict
        ``python``, ``implementation``, ``system``, ``machine``, and ``packages``: by normalised
        name, the ``version``, the ``digest`` of its files (see `contents`) and, where it came from
        no registry, its ``origin``.

    Examples
    --------
    >>> sorted(inventory()["packages"]["numpy"])
    ['digest', 'version']
    """
    packages: dict[str, dict[str, Any]] = {}
    for one in distributions():
        name, version = _named(one)
        said = {"version": version, "digest": contents(one)}
        origin = one.read_text("direct_url.json")
        # The first on the path is the one that is imported.
        packages.setdefault(name, {**said, "origin": json.loads(origin)} if origin else said)
    return {
        "python": platform.python_version(),
        "implementation": platform.python_implementation(),
        "system": platform.system(),
        "machine": platform.machine(),
        "packages": dict(sorted(packages.items())),
    }


def versions() -> dict[str, str]:
    """Return the versions of what is installed, as the names of its folders tell: no file is read.

    Examples
    --------
    >>> import numpy
    >>> versions()["numpy"] == numpy.__version__
    True
    """
    found: dict[str, str] = {}
    for folder in filter(Path.is_dir, map(Path, sys.path)):
        for one in folder.glob("*.dist-info"):
            name, _, version = one.stem.partition("-")
            found.setdefault(normalised(name), version)
    return dict(sorted(found.items()))


def _named(distribution: Distribution) -> tuple[str, str]:
    """Return name and version: parsing all of what is said takes a second for many."""
    head = (distribution.read_text("METADATA") or "").partition("\n\n")[0]
    found = dict(_NAMED.findall(head))
    if len(found) < len(("Name", "Version")):
        found = {"Name": distribution.metadata["Name"], "Version": distribution.version}
    return normalised(found["Name"]), found["Version"]


def contents(distribution: Distribution) -> str:
    """Return the digest of the list of a distribution's files with their own digests.

    What an installer adds or writes anew does not count, so that pip and uv, and environments at
    any place, give the same: scripts, compiled files, and who installed it.
    """
    lines = (distribution.read_text("RECORD") or "").splitlines()
    kept = sorted(line for line in lines if line and not _APART.search(line))
    return "sha256:" + hashlib.sha256("\n".join(kept).encode()).hexdigest()


def normalised(name: str) -> str:
    """Return a distribution's name as registries compare it.

    Examples
    --------
    >>> normalised("Typing_Extensions")
    'typing-extensions'
    """
    return re.sub(r"[-_.]+", "-", name).lower()


if __name__ == "__main__":
    json.dump(inventory(), sys.stdout)
