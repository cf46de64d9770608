"""Documents: what is known about an asset, in eight typed, versioned statements.

===================  ==========================================================================
`read`               JSON text or values -> `Documents`; old versions upgraded, words completed
`Documents`          the eight slots; ``.get(path)``, ``.to_dict()``, ``.to_json()``
`validate`           every `Finding` of a profile: error, should, tip
`require`            the same, refusing with one list of all errors
`Surroundings`       folder, signals, lineage, lab schemas and words to agree with
`merge`, `Layer`     lab, rig template, recording and person into one, with the source of each value
`set_field`          ``subject.species``, ``mouse`` into a dictionary, typed
`load_overrides`     a YAML, JSON or CSV file of such values
`template_of`        what a rig says in every session
`asset_name`         the readable name of an asset; `parse_name` reads anybody's
`json_schema`        JSON Schema of one document kind, or of all
`from_aind`          metadata records of the Allen Institute for Neural Dynamics
`atlas`              the tree of mouse brain areas
`Term`               a word and its identifier
===================  ==========================================================================

Names are resolved when first used, so that `atlas` can be asked without loading any model.

Examples
--------
>>> from panneuro.documents import read
>>> documents = read({"subject": {"id": "mouse-7", "species": "mouse"}})
>>> documents.subject.species.id
'NCBITaxon:10090'
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from panneuro.documents import atlas
    from panneuro.documents.aind import from_aind
    from panneuro.documents.checks import Surroundings
    from panneuro.documents.envelope import Documents, read
    from panneuro.documents.fields import set_field
    from panneuro.documents.findings import Finding, Severity
    from panneuro.documents.merging import Layer, Merged, merge
    from panneuro.documents.names import asset_name, parse_name
    from panneuro.documents.overrides import Overrides, load_overrides
    from panneuro.documents.schema import json_schema
    from panneuro.documents.templates import template_of
    from panneuro.documents.terms import Term
    from panneuro.documents.validation import require, validate

_HOMES = {
    "Documents": "envelope",
    "Finding": "findings",
    "Layer": "merging",
    "Merged": "merging",
    "Overrides": "overrides",
    "Severity": "findings",
    "Surroundings": "checks",
    "Term": "terms",
    "asset_name": "names",
    "from_aind": "aind",
    "json_schema": "schema",
    "load_overrides": "overrides",
    "merge": "merging",
    "parse_name": "names",
    "read": "envelope",
    "require": "validation",
    "set_field": "fields",
    "template_of": "templates",
    "validate": "validation",
}

__all__ = [
    "Documents",
    "Finding",
    "Layer",
    "Merged",
    "Overrides",
    "Severity",
    "Surroundings",
    "Term",
    "asset_name",
    "atlas",
    "from_aind",
    "json_schema",
    "load_overrides",
    "merge",
    "parse_name",
    "read",
    "require",
    "set_field",
    "template_of",
    "validate",
]


def __getattr__(name: str) -> Any:
    if name == "atlas":
        return import_module("panneuro.documents.atlas")
    if name in _HOMES:
        return getattr(import_module(f"panneuro.documents.{_HOMES[name]}"), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def __dir__() -> list[str]:
    return __all__
