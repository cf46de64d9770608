"""``lake.toml``: what a lake is, at its root."""

from __future__ import annotations

import shlex
import tomllib
import uuid
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import Any

from panneuro.core.errors import (
    InputError,
    NotFoundError,
    ObjectExistsError,
    ObjectNotFoundError,
)
from panneuro.core.store import Store

KEY = "lake.toml"
LAYOUT = 1
"""Of the lake on disk; a lake of a later layout is refused."""

_NEW = """\
# What this lake is. Change what you like below; the layout and the id stay.
layout = {layout}
id = "{id}"

# Said of every recording that does not say otherwise, by slot and field:
# [defaults.description]
# lab = "Smith lab"
# institution = "University of Somewhere"

# Words of your own, each with its identifier or "", and how fields of your own must look:
# [vocabularies.species]
# "Acomys cahirinus" = "NCBITaxon:10068"
# [schemas.smithlab]         # a JSON Schema of extensions.smithlab
# required = ["cage"]

# Prices for the money that compression saves and runs cost; public list prices otherwise:
# [prices]
# standard = 21.0          # dollars per terabyte and month
# core_hour = 0.02         # dollars per core and hour

# Money a month, by what it is for; when it is spent no new run starts:
# [budgets]
# total = 1000
# "project:retina" = {{per_month = 200, warn_at = 0.5}}

# Where steps run; one after the other in the same process otherwise:
# [compute]
# executor = "processes"   # or "dask", with a scheduler or a cluster
# workers = 8
"""


@dataclass(frozen=True)
class Settings:
    """What ``lake.toml`` says.

    Parameters
    ----------
    id : str
        Of the lake, wherever it is moved.
    defaults : mapping
        Documents said of every recording.
    prices : mapping
        That replace the public list prices.
    schemas : mapping
        JSON Schemas of lab extensions, by namespace.
    vocabularies : mapping
        The lab's own words, by vocabulary: label to identifier.
    access : mapping
        ``policies``: plug-ins that narrow what grants allow.
    budgets : mapping
        Money a month, by what it is for: ``total``, ``project:retina``.
    lifecycle : sequence of mapping
        Rules for what is not asked for any more.
    compute : mapping
        Where steps run: ``executor``, ``workers`` and what a cluster wants.
    pipelines : mapping
        By name, the steps that are kept up to date.
    views : mapping
        By name, further views: ``path/to/file.py:function``.
    notebooks : mapping
        ``open``: how a notebook is opened elsewhere, ``https://hub.example/lab?fromURL={url}``.
    """

    id: str
    defaults: Mapping[str, Any] = field(default_factory=dict)
    prices: Mapping[str, Any] = field(default_factory=dict)
    schemas: Mapping[str, Any] = field(default_factory=dict)
    vocabularies: Mapping[str, Any] = field(default_factory=dict)
    access: Mapping[str, Any] = field(default_factory=dict)
    budgets: Mapping[str, Any] = field(default_factory=dict)
    lifecycle: Sequence[Mapping[str, Any]] = ()
    compute: Mapping[str, Any] = field(default_factory=dict)
    pipelines: Mapping[str, Any] = field(default_factory=dict)
    views: Mapping[str, str] = field(default_factory=dict)
    notebooks: Mapping[str, Any] = field(default_factory=dict)

    @property
    def policies(self) -> tuple[str, ...]:
        """Names of the plug-ins that narrow what grants allow.

        Raises
        ------
        InputError
            If ``[access]`` says anything else.
        """
        said = self.access.get("policies", [])
        names = isinstance(said, list) and all(isinstance(name, str) for name in said)
        if self.access.keys() - {"policies"} or not names:
            raise InputError(
                f"reading lake.toml: [access] is {dict(self.access)!r}",
                hint='[access] with policies = ["passed"], names of plug-ins',
            )
        return tuple(said)


def load(store: Store, place: str | Path = "") -> Settings:
    """Read the settings of a lake.

    Parameters
    ----------
    store : Store
        Where it lies.
    place : str or Path, optional
        How somebody named that, for messages.

    Raises
    ------
    NotFoundError
        If there is no lake.
    InputError
        If its ``lake.toml`` cannot be understood.
    """
    told = str(place) or store.url
    try:
        text = store.get(KEY).decode(errors="replace")
    except ObjectNotFoundError as error:
        raise NotFoundError(
            f"there is no lake at {told!r}",
            hint=f"panneuro add RECORDING --lake {shlex.quote(told)}   makes one",
        ) from error
    return _parse(text, told)


def make(store: Store, place: str | Path = "") -> Settings:
    """Make a new lake in an empty place; one that is there already is opened.

    Parameters
    ----------
    store, place
        As for `load`.

    Raises
    ------
    InputError
        If the place holds something else.
    """
    told = str(place) or store.url
    with suppress(NotFoundError):
        return load(store, told)
    strangers = (found for found in store.list() if not found.key.startswith("_probe/"))
    found = next(strangers, None)
    if found is not None:
        raise InputError(
            f"making a lake at {told!r}: it is not empty (it holds {found.key!r})",
            hint="name an empty folder or prefix",
        )
    text = _NEW.format(layout=LAYOUT, id=uuid.uuid4())
    try:
        store.put(KEY, text.encode(), create=True)
    except ObjectExistsError:
        return load(store, told)
    return _parse(text, told)


def _parse(text: str, place: str) -> Settings:
    try:
        said = tomllib.loads(text)
        layout = said.pop("layout")
        settings = Settings(**said)
    except (tomllib.TOMLDecodeError, KeyError, TypeError) as error:
        raise InputError(
            f"reading lake.toml at {place!r}: {error}", hint="mend the file"
        ) from error
    if layout != LAYOUT:
        raise InputError(
            f"the lake at {place!r} has layout {layout!r}, and this panneuro knows {LAYOUT}",
            hint="pip install --upgrade panneuro",
        )
    for one in fields(Settings):
        wanted = {"id": str, "lifecycle": list | tuple}.get(one.name, Mapping)
        if not isinstance(found := getattr(settings, one.name), wanted):
            raise InputError(
                f"reading lake.toml at {place!r}: {one.name!r} is {found!r}",
                hint=f"[{one.name}] begins a table; [[lifecycle]] a rule",
            )
    return settings
