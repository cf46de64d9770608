"""Finding what people write in files of their own: steps, pipelines, views."""

from __future__ import annotations

import hashlib
import sys
from importlib import import_module
from pathlib import Path
from types import ModuleType
from typing import Any

from panneuro.compute.code import TEXT
from panneuro.core import plugins
from panneuro.core.errors import InputError, NotFoundError

_MARK = "@"
"""In the name of a module that was loaded from a file, before the digest of its text."""


def find[T](reference: str, kind: type[T], group: str) -> T:
    """Return something that was made of a function: a step, a view.

    Parameters
    ----------
    reference : str
        The name of one that is installed, ``path/to/file.py:function``, ``path/to/file.py`` where
        the file holds one, or ``module:function``.
    kind : type
        Of what is looked for.
    group : str
        Of entry points.

    Raises
    ------
    NotFoundError
        If there is none.
    InputError
        If the file cannot be imported, or the plug-in is something else.
    """
    what = kind.__name__.lower()
    place, _, name = reference.rpartition(":")
    if reference.endswith(".py"):
        place, name = reference, ""
    if not place:
        if reference not in (known := plugins.names(group)):
            raise NotFoundError(
                f"no {what} {reference!r} is installed",
                hint=f"known: {', '.join(known) or 'none'}; or path/to/file.py:function",
            )
        found = plugins.load(group, reference)
        if not isinstance(found, kind):
            raise InputError(f"the plug-in {reference!r} is no {what}: {found!r}")
        return found
    module = load_file(Path(place)) if place.endswith(".py") else _imported(place, what)
    held = {key: one for key, one in vars(module).items() if isinstance(one, kind)}
    own = {key: one for key, one in held.items() if one.__module__ == module.__name__}
    chosen = held.get(name) if name else next(iter(own.values())) if len(own) == 1 else None
    if chosen is None:
        raise NotFoundError(
            f"{place!r} has no {what} {name!r}" if name else f"{place!r} has {len(own)} {what}s",
            hint=f"name one of: {', '.join(f'{place}:{key}' for key in own) or 'it has none'}",
        )
    return chosen


def is_of_file(module: str) -> bool:
    """Tell whether a module was loaded from a file that is in no package."""
    return _MARK in module


def _imported(module: str, what: str) -> Any:
    try:
        return import_module(module)
    except ImportError as error:
        raise NotFoundError(
            f"looking for a {what} in {module!r}: {error}", hint="path/to/file.py:function"
        ) from error


def load_file(path: Path) -> Any:
    """Import a file that is in no package, once for each text that it had; return the module.

    Raises
    ------
    NotFoundError
        If there is no such file.
    InputError
        If it cannot be imported.
    """
    path = path.resolve()
    try:
        text = path.read_bytes()
    except OSError as error:
        raise NotFoundError(
            f"there is no file {str(path)!r}", hint="name a file that is there"
        ) from error
    mark = hashlib.sha256(str(path).encode() + b"\0" + text).hexdigest()[:12]
    name = f"{path.stem}{_MARK}{mark}"
    if name in sys.modules:
        return sys.modules[name]
    module = ModuleType(name)
    module.__file__ = str(path)
    vars(module)[TEXT] = text.decode(errors="replace")
    sys.modules[name] = module
    sys.path.insert(0, str(path.parent))
    try:
        # Compiled here: of what Python keeps compiled, only seconds and size tell if it is old.
        exec(compile(text, str(path), "exec"), vars(module))  # noqa: S102
    except BaseException as error:
        del sys.modules[name]
        if isinstance(error, Exception):
            raise InputError(
                f"{str(path)!r} cannot be imported: {type(error).__name__}: {error}",
                hint="mend the file",
            ) from error
        raise
    finally:
        sys.path.remove(str(path.parent))
    return module
