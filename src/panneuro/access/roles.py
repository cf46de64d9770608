"""Verbs and roles: what may be done, and which of it comes with what."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

VERBS: Mapping[str, str] = MappingProxyType(
    {
        "find": "see that it is there, and what its documents say",
        "read": "read its signals and files, and export it",
        "add": "add recordings",
        "edit": "describe and annotate it, and see what it costs",
        "run": "run steps on it",
        "grant": "say who may do what with it",
        "audit": "see who did what with it",
    }
)
"""Everything that may be asked for."""

ROLES: Mapping[str, frozenset[str]] = MappingProxyType(
    {
        "adder": frozenset({"add"}),
        "reader": frozenset({"find", "read"}),
        "editor": frozenset({"find", "read", "add", "edit", "run"}),
        "owner": frozenset(VERBS),
    }
)
"""Reader, editor and owner each may all that the one before may; an adder, a rig, only adds."""

GATED = frozenset({"read", "run"})
"""Verbs that wait for terms to be accepted."""
