"""Notebooks: the lines that open what is on the screen, to go on with in Jupyter."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any
from urllib.parse import quote, urlencode

from pydantic import BaseModel, ConfigDict, Field
from starlette.responses import RedirectResponse, Response

from panneuro.core.errors import InputError
from panneuro.core.extras import need
from panneuro.portal.doors import MEDIA, Door, Visit
from panneuro.portal.lines import literal, opened
from panneuro.portal.pages import address
from panneuro.portal.portraits import AROUND_S, BIN_S, LAG_BIN_S, LAG_S

_MOST_TRACES = 16
_KINDS = {
    "lines": "timeseries",
    "heat": "timeseries",
    "raster": "events",
    "frames": "frames",
    "bands": "table",
}
"""By the kind of a panel of the viewer, as what its signal is opened."""
_Names = tuple[str, ...]


class NotebookAsked(BaseModel):
    """What is on the screen."""

    model_config = ConfigDict(extra="ignore")

    asset: str = Field("", max_length=400, description="NAME@VERSION")
    timeseries: _Names = Field((), max_length=50, description="names of traces that are shown")
    events: _Names = Field((), max_length=50, description="names of events that are shown")
    frames: _Names = Field((), max_length=50, description="names of images that are shown")
    table: _Names = Field((), max_length=50, description="names of tables and intervals")
    t0: float | None = Field(None, allow_inf_nan=False, description="first second shown")
    t1: float | None = Field(None, allow_inf_nan=False, description="last second shown")
    signal: str = Field("", max_length=200, description="of the unit that is shown")
    unit: str = Field("", max_length=200, description="its id")
    numbered: bool = Field(False, description="whether ids are numbers")
    around: str = Field("", max_length=200, description="intervals around which it is shown")
    by: str = Field("", max_length=200, description="their column that tells conditions apart")
    view: str = Field("", max_length=200, description="name of a view")
    q: str = Field("", max_length=4_000, description="a search")
    open: bool = Field(False, description="whether it is opened where the lake says, not sent")


class Notebooks:
    """Answers with notebooks, which say nothing but what was asked.

    Parameters
    ----------
    said : mapping
        ``[notebooks]`` of ``lake.toml``: ``open``, how a notebook is opened elsewhere.

    Raises
    ------
    InputError
        If that is no address with a place for that of the notebook.
    """

    def __init__(self, said: Mapping[str, Any]) -> None:
        self._open = said.get("open", "")
        is_place = isinstance(self._open, str) and self._open.startswith(("https://", "http://"))
        if (self._open and not (is_place and "{url}" in self._open)) or said.keys() - {"open"}:
            raise InputError(
                f"reading lake.toml: [notebooks] is {dict(said)!r}",
                hint='[notebooks] with open = "https://hub.example/lab?fromURL={url}"',
            )

    def doors(self) -> list[Door]:
        """Return the one door."""
        return [Door("/notebook", self.notebook, NotebookAsked, {"ipynb": None})]

    def links(self, **shown: Any) -> tuple[tuple[str, str], ...]:
        """Return what leads to the notebook of a page: to have it, and to open it elsewhere.

        Parameters
        ----------
        **shown
            The fields of `NotebookAsked`.
        """
        place = _place(shown)
        if not self._open:
            return (("notebook", place),)
        return (("notebook", place), ("open in Jupyter", _place({**shown, "open": "true"})))

    def notebook(self, visit: Visit, asked: NotebookAsked) -> Response:
        """Write a notebook that opens an asset, a unit, a view or a search.

        It holds lines and no data, and says nothing of the lake that was not asked: it is the same
        whether there is such an asset or not. Whoever runs it sees what they may see.
        """
        if asked.open and self._open:
            return RedirectResponse(self._elsewhere(visit.origin, asked), 307)
        format_ = need("nbformat", "portal", "Writing a notebook")
        cells = [
            format_.v4.new_markdown_cell(_heading(visit.origin, asked)),
            *map(format_.v4.new_code_cell, _code(visit.origin, asked)),
        ]
        for at, cell in enumerate(cells):
            cell["id"] = f"cell-{at}"
        kernel = {"name": "python3", "display_name": "Python 3", "language": "python"}
        book = format_.v4.new_notebook(cells=cells, metadata={"kernelspec": kernel})
        headers = {
            "content-disposition": f'attachment; filename="{_file(asked)}"',
            # It is the same for everybody, and Jupyter's page fetches it from its own origin.
            "access-control-allow-origin": "*",
        }
        return Response(format_.writes(book), media_type=MEDIA["ipynb"], headers=headers)

    def _elsewhere(self, origin: str, asked: NotebookAsked) -> str:
        """Return where a notebook is opened, which fetches it from here."""
        place = origin + _place(asked.model_dump(exclude={"open"}))
        # JupyterLab calls the file what follows the last slash of an address, its query included.
        return str(self._open).replace("{url}", quote(f"{place}&file=/{_file(asked)}", safe=""))


def shown_of(reference: str, panels: Any) -> dict[str, Any]:
    """Return what is on the page of an asset, as `NotebookAsked` has it.

    Examples
    --------
    >>> shown_of("m1@0a", [{"kind": "raster", "name": "units"}, {"kind": "lines", "name": "ap"}])
    {'asset': 'm1@0a', 'timeseries': ['ap'], 'events': ['units'], 'frames': [], 'table': []}
    """
    named: dict[str, list[str]] = {kind: [] for kind in _KINDS.values()}
    for panel in panels:
        if panel["kind"] in _KINDS:
            named[_KINDS[panel["kind"]]].append(panel["name"])
    return {"asset": reference, **named}


def _pairs(shown: Mapping[str, Any]) -> Iterator[tuple[str, Any]]:
    for name, value in shown.items():
        several = value if isinstance(value, list | tuple) else [value]
        yield from ((name, one) for one in several if one not in ("", None, False))


def _place(shown: Mapping[str, Any]) -> str:
    return f"/notebook?{urlencode(list(_pairs(shown)))}"


def _file(asked: NotebookAsked) -> str:
    unit = f"_unit-{asked.unit}" if asked.unit else ""
    name = (asked.asset.partition("@")[0] + unit) or asked.view or "search"
    return re.sub(r"[^A-Za-z0-9_.-]", "_", name)[:120] + ".ipynb"


def _heading(origin: str, asked: NotebookAsked) -> str:
    if asked.view:
        title, path = asked.view, f"/views/{quote(asked.view)}"
    elif asked.asset:
        title = asked.asset + (f", unit {asked.unit}" if asked.unit else "")
        path = f"/assets/{quote(asked.asset, safe='@')}"
    else:
        title, path = asked.q or "All assets", address("/assets", {"q": asked.q})
    return f"# {' '.join(title.split())}\n\n{origin}{path}"


def _code(origin: str, asked: NotebookAsked) -> Iterator[str]:
    if asked.view:
        place = f"{origin}/views/{quote(asked.view, safe='')}?format=parquet"
        yield _VIEW.format(place=literal(place))
        return
    yield f"{opened(origin)}\nlake"
    if asked.asset:
        yield f"asset = lake[{literal(asked.asset)}]\nasset"
        yield from _unit(asked) if asked.unit else _signals(asked)
    else:
        yield f"lake.find({literal(asked.q)}).df"


def _signals(asked: NotebookAsked) -> Iterator[str]:
    if asked.timeseries or asked.events:
        yield _WINDOW.format(t0=asked.t0, t1=asked.t1)
    for name in asked.timeseries:
        yield _TRACES.format(name=literal(name), most=_MOST_TRACES)
    for name in asked.events:
        yield _RASTER.format(name=literal(name))
    for name in asked.frames:
        yield f"asset[{literal(name)}]"
    for name in asked.table:
        yield f"asset[{literal(name)}].df"


def _unit(asked: NotebookAsked) -> Iterator[str]:
    is_number = asked.numbered and asked.unit.isascii() and asked.unit.isdecimal()
    unit = asked.unit if is_number else literal(asked.unit)
    yield _LAGS.format(unit=unit, signal=literal(asked.signal), lag_s=LAG_S, bin_s=LAG_BIN_S)
    if asked.around:
        columns = ["start_time", asked.by] if asked.by else ["start_time"]
        label = f"shown[{literal(asked.by)}]" if asked.by else 'shown["start_time"] * 0'
        yield _RATES.format(
            around=literal(asked.around), columns=columns, label=label, window=AROUND_S, bin_s=BIN_S
        )


_VIEW = """\
import pandas as pd

# With a token: pd.read_parquet(place, storage_options={{"Authorization": "Bearer pnr_…"}})
place = {place}
viewed = pd.read_parquet(place)
viewed"""

_WINDOW = """\
import matplotlib.pyplot as plt
import numpy as np

start_s, stop_s = {t0}, {t1}"""

_TRACES = """\
signal = asset[{name}]
channels = slice(0, min({most}, signal.n_channels))
traces = signal.read(start_s, stop_s, channels, scaled=True)
times_s = signal.times(start_s, stop_s)
traces = traces.reshape(len(times_s), -1)
apart = np.nanmax(np.ptp(traces, axis=0)) if len(traces) else 0
figure, axes = plt.subplots(figsize=(12, 4))
axes.plot(times_s, traces + apart * np.arange(traces.shape[1]), lw=0.5)
axes.set(xlabel="time (s)", ylabel=signal.unit, title=signal.name);"""

_RASTER = """\
units = asset[{name}]
figure, axes = plt.subplots(figsize=(12, 4))
axes.eventplot([units.read(unit, start_s, stop_s) for unit in units])
axes.set(xlabel="time (s)", ylabel="unit", title=units.name);"""

_LAGS = """\
from panneuro.analysis.correlograms import correlograms

unit = {unit}
times_s = asset[{signal}][unit]
lags = correlograms({{unit: times_s}}, max_lag_s={lag_s}, bin_s={bin_s})
lags.sel(unit=unit, other=unit).plot.step();"""

_RATES = """\
from panneuro.analysis.psth import psth_by_condition

shown = asset[{around}].df.dropna(subset={columns})
conditions = ({label}).to_numpy()
starts_s = shown["start_time"].to_numpy(float)
rates = psth_by_condition({{unit: times_s}}, starts_s, conditions, {window}, {bin_s})
rates["rate"].sel(unit=unit).plot.line(x="time");"""
