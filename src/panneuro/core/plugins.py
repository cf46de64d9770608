"""Plug-ins, ours and others' by the same door: entry points, loaded when first asked for."""

from __future__ import annotations

from functools import cache
from importlib.metadata import EntryPoint, entry_points
from typing import Any

from panneuro.core.errors import NotFoundError, PanneuroError


@cache
def _registered(group: str) -> dict[str, EntryPoint]:
    return {entry.name: entry for entry in entry_points(group=group)}


def names(group: str) -> tuple[str, ...]:
    """Return the names of the plug-ins of a group, sorted."""
    return tuple(sorted(_registered(group)))


def load(group: str, name: str) -> Any:
    """Return a plug-in by name.

    Raises
    ------
    NotFoundError
        If none has that name.
    PanneuroError
        If it is there but cannot be imported.
    """
    entry = _registered(group).get(name)
    if entry is None:
        known = ", ".join(names(group))
        raise NotFoundError(f"there is no {group} plug-in named {name!r}", hint=f"known: {known}")
    try:
        return entry.load()
    except PanneuroError:
        raise
    except (ImportError, AttributeError) as error:
        raise PanneuroError(
            f"the plug-in {name!r} ({entry.value}) cannot be loaded: {error}",
            hint="reinstall or remove the package that brings it",
        ) from error
