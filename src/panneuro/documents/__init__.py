"""Documents: what is known about an asset, in eight typed, versioned statements.

===================  ==========================================================================
`read`               JSON text or values -> `Documents`, old versions upgraded, words completed
`Documents`          the eight slots; ``.get(path)``, ``.to_dict()``, ``.to_json()``
`validate`           every `Finding` of a profile: error, should, tip
`require`            the same, refusing with one list of all errors
`Surroundings`       folder, signals, lineage, lab schemas and words to agree with
`asset_name`         the readable name of an asset; `parse_name` reads anybody's
`atlas`              the tree of mouse brain areas
`Term`               a word and its identifier
===================  ==========================================================================

Examples
--------
>>> from panneuro.documents import read
>>> documents = read({"subject": {"id": "mouse-7", "species": "mouse"}})
>>> documents.subject.species.id
'NCBITaxon:10090'

Names are resolved when first used, so that `atlas` can be asked without loading any model.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from panneuro.documents import atlas as atlas
    from panneuro.documents.checks import Surroundings as Surroundings
    from panneuro.documents.envelope import Documents as Documents
    from panneuro.documents.envelope import read as read
    from panneuro.documents.findings import Finding as Finding
    from panneuro.documents.findings import Severity as Severity
    from panneuro.documents.names import asset_name as asset_name
    from panneuro.documents.names import parse_name as parse_name
    from panneuro.documents.terms import Term as Term
    from panneuro.documents.validation import require as require
    from panneuro.documents.validation import validate as validate

_HOMES = {
    "Documents": "envelope",
    "Finding": "findings",
    "Severity": "findings",
    "Surroundings": "checks",
    "Term": "terms",
    "asset_name": "names",
    "parse_name": "names",
    "read": "envelope",
    "require": "validation",
    "validate": "validation",
}

__all__ = ["atlas", *_HOMES]


def __getattr__(name: str) -> Any:
    if name == "atlas":
        return import_module("panneuro.documents.atlas")
    if name in _HOMES:
        return getattr(import_module(f"panneuro.documents.{_HOMES[name]}"), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted(__all__)
