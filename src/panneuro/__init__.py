"""panneuro: an open data lake for neurophysiology.

Examples
--------
>>> import panneuro
>>> lake = panneuro.open("memory://example-lake", create=True)
>>> lake
<Lake memory://example-lake: 0 assets>
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from panneuro.compute.flow import up
    from panneuro.compute.pipelines import Pipeline, stage
    from panneuro.compute.running import run
    from panneuro.compute.step import Step, step
    from panneuro.core.errors import PanneuroError
    from panneuro.core.query import Query
    from panneuro.documents import Documents
    from panneuro.lake.asset import Asset
    from panneuro.lake.lake import Lake
    from panneuro.lake.lake import open_lake as open  # noqa: A004
    from panneuro.portal.serving import serve
    from panneuro.signals.events import Events
    from panneuro.signals.frames import Frames
    from panneuro.signals.recording import Recording
    from panneuro.signals.table import Intervals, Table
    from panneuro.signals.timeseries import TimeSeries
    from panneuro.views.viewed import view_of as view

_HOMES = {
    "Asset": "lake.asset",
    "Documents": "documents",
    "Events": "signals.events",
    "Frames": "signals.frames",
    "Intervals": "signals.table",
    "Lake": "lake.lake",
    "PanneuroError": "core.errors",
    "Pipeline": "compute.pipelines",
    "Query": "core.query",
    "Recording": "signals.recording",
    "Step": "compute.step",
    "Table": "signals.table",
    "TimeSeries": "signals.timeseries",
    "open": "lake.lake",
    "run": "compute.running",
    "serve": "portal.serving",
    "stage": "compute.pipelines",
    "step": "compute.step",
    "up": "compute.flow",
    "view": "views.viewed",
}
_NAMES = {"open": "open_lake", "view": "view_of"}

__all__ = [
    "Asset",
    "Documents",
    "Events",
    "Frames",
    "Intervals",
    "Lake",
    "PanneuroError",
    "Pipeline",
    "Query",
    "Recording",
    "Step",
    "Table",
    "TimeSeries",
    "open",
    "run",
    "serve",
    "stage",
    "step",
    "up",
    "view",
]


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"panneuro.{_HOMES[name]}"), _NAMES.get(name, name))


def __dir__() -> list[str]:
    return __all__
