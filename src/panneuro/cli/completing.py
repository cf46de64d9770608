"""What a shell offers when Tab is pressed: names of assets, words of a search, fields, formats."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable
from typing import Any

import click

from panneuro.core.errors import PanneuroError
from panneuro.core.fields import FIELDS
from panneuro.lake.lake import Lake, open_lake

_MOST = 50

Completer = Callable[[click.Context, click.Parameter, str], list[str]]


def _quietly(complete: Callable[[click.Context, str], list[str]]) -> Completer:
    """Offer nothing where something is wrong: the command itself will say it."""

    def quiet(ctx: click.Context, _: click.Parameter, incomplete: str) -> list[str]:
        try:
            return complete(ctx, incomplete)
        except (PanneuroError, OSError, sqlite3.Error):
            return []

    return quiet


def _lake(ctx: click.Context) -> Lake:
    return open_lake(ctx.params.get("lake"))


@_quietly
def assets(ctx: click.Context, incomplete: str) -> list[str]:
    """Offer names of assets."""
    found = _lake(ctx).catalog.complete(incomplete, 2 * _MOST)
    return [word for word in found if not word.endswith("=")][:_MOST]


@_quietly
def search_words(ctx: click.Context, incomplete: str) -> list[str]:
    """Offer fields, their values and names of assets."""
    return _lake(ctx).catalog.complete(incomplete, _MOST)


@_quietly
def signals(ctx: click.Context, incomplete: str) -> list[str]:
    """Offer what can be read from the asset that the line names."""
    asset = _lake(ctx)[ctx.params["name"]]
    names = [*asset.signals, *(file.path for file in asset.files if _is_own(file.path))]
    return [name for name in names if name.startswith(incomplete)]


def _is_own(path: str) -> bool:
    return path.startswith("original/")


@_quietly
def formats(_: click.Context, incomplete: str) -> list[str]:
    """Offer formats that are read."""
    from panneuro.core import plugins

    return [name for name in plugins.names("panneuro.formats") if name.startswith(incomplete)]


@_quietly
def search_fields(_: click.Context, incomplete: str) -> list[str]:
    """Offer what a search knows of assets, with ``-`` before it where that was typed."""
    sign = "-" if incomplete.startswith("-") else ""
    return [f"{sign}{name}" for name in FIELDS if f"{sign}{name}".startswith(incomplete)]


@_quietly
def settings(_: click.Context, incomplete: str) -> list[str]:
    """Offer the fields of documents, as in ``subject.species=``."""
    return [f"{path}=" for path in _paths() if f"{path}=".startswith(incomplete)]


@_quietly
def document_fields(_: click.Context, incomplete: str) -> list[str]:
    """Offer the fields of documents, as in ``subject.species``."""
    return [path for path in _paths() if path.startswith(incomplete)]


def _paths() -> list[str]:
    from panneuro.documents.slots import SLOTS

    return [f"{kind}.{name}" for kind, model in SLOTS.items() for name in _names(model)]


def _names(model: Any) -> list[str]:
    return [name for name in model.model_fields if name != "schema_"]
